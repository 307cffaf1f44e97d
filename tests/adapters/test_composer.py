"""Compositions of real clips: exact lengths, right colours, files that every player takes."""

import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
import pytest

from pipeline.adapters.composer import CLIPS_PER_SEGMENT, SegmentPath, compose, join_segments, render_segment
from pipeline.adapters.media_probe import probe_media
from pipeline.domain.errors import DeadlineExceeded, MediaError
from pipeline.domain.media import MediaProbe
from pipeline.domain.media_plans import CompositionOptions, plan_composition
from pipeline.domain.media_segments import split_plan
from tests.media_samples import MediaSamples

COLORS = ["red", "blue", "green", "white", "gray", "yellow", "purple", "orange", "navy"]
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
B_FRAMES = ("-c:v", "libx264", "-preset", "medium", "-pix_fmt", "yuv420p")
VP9 = ("-c:v", "libvpx-vp9", "-cpu-used", "8")


class Composer:
    """Plans and composes into a folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.target = folder / "it's final.mp4"
        self.workdir = folder
        self.shares: list[float] = []

    def compose(
        self, sources: Sequence[Path], music: Path | None = None, *, deadline_seconds: float = 60, **options: Any
    ) -> MediaProbe:
        probes = [probe_media(source) for source in sources]
        plan = plan_composition(probes, CompositionOptions(**options), probe_media(music) if music else None)
        return compose(
            plan,
            sources,
            music,
            self.target,
            workdir=self.workdir,
            on_progress=self.shares.append,
            deadline_seconds=deadline_seconds,
            should_stop=lambda: None,
        )


@pytest.fixture
def composer(tmp_path: Path) -> Composer:
    return Composer(tmp_path)


def frame_count(made: MediaProbe) -> int:
    assert made.video is not None
    assert not made.video.is_variable_rate
    assert made.duration_seconds == pytest.approx(float(made.video.frame_count / made.video.frame_rate), abs=0.02)
    return made.video.frame_count


def mean_yuv(path: Path) -> list[tuple[float, float, float]]:
    """Of every picture, the mean of its luma and its two chroma planes."""
    means = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            height = frame.height
            planes = frame.to_ndarray(format="yuv420p")
            quarter = height // 4
            parts = planes[:height], planes[height : height + quarter], planes[height + quarter :]
            means.append(tuple(float(part.mean()) for part in parts))
    return means


def gray_pictures(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="gray").astype(float) for frame in container.decode(video=0)]


def video_packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def sound_of(path: Path) -> np.ndarray:
    """Samples of both channels, as an array of shape (2, samples)."""
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


def loudness(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


def assert_plays_everywhere(path: Path) -> None:
    """Decodes without a word of complaint, in order, index first, H.264 high, 4:2:0, square pixels."""
    content = path.read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "warning", "-xerror", "-err_detect", "explode", "-i", str(path)]
    decoded = subprocess.run([*command, "-f", "null", "-"], capture_output=True, text=True, check=False)
    assert (decoded.returncode, decoded.stderr) == (0, "")
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.profile, context.pix_fmt) == ("h264", "High", "yuv420p")
        assert (context.colorspace, context.color_trc, context.color_primaries, context.color_range) == (1, 1, 1, 1)
        assert container.streams.video[0].sample_aspect_ratio in (None, 1)
        times: dict[int, list[int]] = {}
        for packet in container.demux():
            if packet.dts is not None:
                times.setdefault(packet.stream_index, []).append(packet.dts)
    assert all(earlier < later for track in times.values() for earlier, later in pairwise(track))


def assert_sound_lasts_as_long_as_pictures(path: Path) -> None:
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert float(audio.duration * audio.time_base) == pytest.approx(
            float(video.duration * video.time_base), abs=0.02
        )
        assert (video.start_time, audio.start_time) == (0, 0)


def test_a_crossfade_blends_and_nothing_else_does(media_samples: MediaSamples, composer: Composer):
    sources = [media_samples.solid("red"), media_samples.solid("blue")]
    assert frame_count(composer.compose(sources)) == 24 + 24 - 12
    red, blue = (np.array(mean_yuv(source)[0]) for source in sources)
    made = mean_yuv(composer.target)
    assert np.allclose(made[:12], red, atol=2)
    assert np.allclose(made[24:], blue, atol=2)
    assert np.allclose(made[18], (red + blue) / 2, atol=3)
    assert_plays_everywhere(composer.target)


def test_a_hard_cut_of_clips_that_agree_copies_every_packet(media_samples: MediaSamples, composer: Composer):
    sources = [
        media_samples.solid("red", options=B_FRAMES, sound_hz=300),
        media_samples.solid("blue", options=B_FRAMES),
        media_samples.solid("green", options=B_FRAMES, sound_hz=400),
    ]
    assert frame_count(composer.compose(sources, crossfade=False)) == 72
    assert video_packets(composer.target) == [packet for source in sources for packet in video_packets(source)]
    assert_sound_lasts_as_long_as_pictures(composer.target)
    with av.open(str(composer.target)) as container:
        shown = sorted(frame.time for frame in container.decode(video=0))
    assert shown == pytest.approx([number / 24 for number in range(72)], abs=1e-4)


def test_a_hard_cut_of_clips_that_differ_is_exact(media_samples: MediaSamples, composer: Composer):
    sources = [media_samples.solid("red"), media_samples.solid("blue", rate="30"), media_samples.solid("green")]
    assert frame_count(composer.compose(sources, crossfade=False)) == 72
    expected = [mean_yuv(source)[0] for source in sources for _ in range(24)]
    assert np.allclose(mean_yuv(composer.target), expected, atol=2)
    assert_plays_everywhere(composer.target)


def test_fades_and_hard_cuts_mix_when_a_clip_is_too_short_to_fade(media_samples: MediaSamples, composer: Composer):
    sources = [
        media_samples.solid("red"),
        media_samples.solid("blue", seconds=1 / 24),
        media_samples.solid("green"),
        media_samples.solid("white"),
    ]
    assert frame_count(composer.compose(sources)) == 24 + 1 + 24 + 24 - 12
    assert_plays_everywhere(composer.target)


def test_clips_of_every_kind_become_one_video(media_samples: MediaSamples, composer: Composer):
    sources = [
        media_samples.solid("red", sound_hz=300),
        media_samples.solid("blue", size="320x180", rate="60"),
        media_samples.solid("green", size="161x285", options=("-c:v", "libx264", "-pix_fmt", "yuv444p")),
        media_samples.solid("white", options=("-vf", "setsar=2/1", *X264)),
        media_samples.rotated("yellow", degrees=90),
        media_samples.variable_rate(),
        media_samples.solid("gray", rate="30", options=VP9, suffix=".webm"),
        media_samples.hdr(),
    ]
    probes = [probe_media(source) for source in sources]
    plan = plan_composition(probes, CompositionOptions())
    made = composer.compose(sources)
    assert frame_count(made) == plan.total_frames
    assert made.video is not None
    assert (made.video.displayed_size, made.video.frame_rate) == ((160, 284), 24)
    assert_plays_everywhere(composer.target)
    assert_sound_lasts_as_long_as_pictures(composer.target)


@pytest.mark.parametrize("rate", ["24000/1001", "30000/1001", "60"])
def test_broadcast_rates_stay_exact(media_samples: MediaSamples, composer: Composer, rate: str):
    sources = [media_samples.solid(color, rate=rate, sound_hz=300) for color in COLORS[:3]]
    plan = plan_composition([probe_media(source) for source in sources], CompositionOptions())
    assert frame_count(composer.compose(sources)) == plan.total_frames
    assert_plays_everywhere(composer.target)
    assert_sound_lasts_as_long_as_pictures(composer.target)


def test_hdr_white_becomes_white(media_samples: MediaSamples, composer: Composer):
    composer.compose([media_samples.hdr()])
    luma, blue, red = mean_yuv(composer.target)[10]
    assert luma > 200
    assert (blue, red) == (pytest.approx(128, abs=3), pytest.approx(128, abs=3))


def test_a_clip_of_another_shape_stands_on_black(media_samples: MediaSamples, composer: Composer):
    composer.compose([media_samples.solid("white", seconds=2), media_samples.solid("white", size="320x160")])
    last = gray_pictures(composer.target)[-1]
    assert last[:90].max() < 24
    assert last[142].min() > 200


@pytest.mark.parametrize("count", [9, 17])
@pytest.mark.parametrize("options", [{}, {"crossfade": False}, {"crossfade": False, "optimize_size": True}])
def test_many_clips_are_exact(media_samples: MediaSamples, composer: Composer, count: int, options: dict[str, Any]):
    sources = [media_samples.solid(COLORS[n % 9], seconds=0.5, sound_hz=300 if n % 2 else None) for n in range(count)]
    fades = 0 if options else 6 * (count - 1)
    assert frame_count(composer.compose(sources, **options)) == 12 * count - fades
    middles = [12 * n + 6 if options else 6 * n + 6 for n in range(count)]
    if options:
        made = mean_yuv(composer.target)
        assert np.allclose([made[n] for n in middles], [mean_yuv(source)[0] for source in sources], atol=2)
    assert_sound_lasts_as_long_as_pictures(composer.target)
    assert composer.shares == sorted(composer.shares)
    assert composer.shares[-1] == pytest.approx(1.0, abs=0.02)


def test_every_picture_between_fades_is_where_it_belongs(media_samples: MediaSamples, composer: Composer):
    clip = media_samples.moving(size="320x568")
    made = composer.compose([clip] * 5, music=media_samples.music(), crossfade_seconds=0.25)
    assert frame_count(made) == 24 * 5 - 6 * 4
    pictures, expected = gray_pictures(composer.target), gray_pictures(clip)
    for start in range(0, 18 * 5, 18):
        for number in range(7, 17):
            nearest = [np.abs(pictures[start + number] - expected[number + step]).mean() for step in (-1, 0, 1)]
            assert int(np.argmin(nearest)) == 1
    assert_plays_everywhere(composer.target)
    assert_sound_lasts_as_long_as_pictures(composer.target)


def test_a_tone_goes_on_through_the_joints_of_segments(media_samples: MediaSamples, composer: Composer):
    tone = media_samples.solid("red", sound_hz=300)
    composer.compose([tone] * 6, crossfade=False, optimize_size=True)
    samples = sound_of(composer.target)[0]
    levels = [loudness(part) for part in np.array_split(samples[2400:-2400], 240)]
    assert min(levels) > 0.8 * float(np.median(levels))
    assert max(levels) < 1.25 * float(np.median(levels))


def test_one_file_may_be_several_clips(media_samples: MediaSamples, composer: Composer):
    red = media_samples.solid("red", sound_hz=300)
    assert frame_count(composer.compose([red, red, red])) == 72 - 24


@pytest.mark.parametrize("seconds", [0.4, 5.0])
@pytest.mark.parametrize("sound_hz", [None, 300])
@pytest.mark.parametrize("crossfade", [True, False])
def test_music_is_looped_or_cut_to_the_length_of_the_video(
    media_samples: MediaSamples, composer: Composer, seconds: float, sound_hz: int | None, crossfade: bool
):
    sources = [media_samples.solid("red", sound_hz=sound_hz), media_samples.solid("blue")]
    made = composer.compose(sources, media_samples.music(seconds=seconds), crossfade=crossfade)
    assert made.audio is not None
    assert (made.audio.codec, made.audio.sample_rate_hz, made.audio.channels) == ("aac", 48000, 2)
    assert_sound_lasts_as_long_as_pictures(composer.target)
    samples = sound_of(composer.target)
    middle = samples.shape[1] // 2
    assert loudness(samples[:, middle - 9600 : middle + 9600]) > 0.02
    if sound_hz is None:
        assert loudness(samples[:, :480]) < loudness(samples[:, middle - 9600 : middle + 9600]) / 4


def test_sound_of_clips_stays_with_its_clip(media_samples: MediaSamples, composer: Composer):
    sources = [media_samples.solid("red"), media_samples.solid("blue", sound_hz=300), media_samples.solid("green")]
    composer.compose(sources, crossfade=False)
    samples = sound_of(composer.target)
    silent, heard, silent_again = samples[:, 2000:46000], samples[:, 50000:94000], samples[:, 98000:142000]
    assert loudness(silent) < 0.001 < 0.05 < loudness(heard)
    assert loudness(silent_again) < 0.001


def test_sound_is_crossfaded_with_the_pictures(media_samples: MediaSamples, composer: Composer):
    sources = [media_samples.solid("red", sound_hz=300), media_samples.solid("blue")]
    composer.compose(sources)
    samples = sound_of(composer.target)
    before, during, after = samples[:, 4800:19200], samples[:, 33600:38400], samples[:, 52800:67200]
    assert loudness(during) == pytest.approx(loudness(before) / 2, rel=0.1)
    assert loudness(after) < loudness(before) / 20


def test_silent_clips_without_music_have_no_sound(media_samples: MediaSamples, composer: Composer):
    assert composer.compose([media_samples.solid("red"), media_samples.solid("blue")]).audio is None


def test_a_silent_sound_track_under_music_is_no_error(media_samples: MediaSamples, composer: Composer):
    quiet = media_samples.solid("red", sound_hz=300, options=("-af", "volume=0", *X264))
    assert composer.compose([quiet, quiet]).audio is not None
    assert composer.compose([quiet, quiet], media_samples.music()).audio is not None


def test_optimize_size_makes_fewer_bytes(media_samples: MediaSamples, composer: Composer):
    sources = [media_samples.moving(number=1), media_samples.moving(number=2)]
    usual = composer.compose(sources).size_bytes
    assert composer.compose(sources, optimize_size=True).size_bytes < 0.8 * usual


@pytest.mark.parametrize("transition", ["dissolve", "wipeleft", "slideright", "circleopen", "fadeblack"])
def test_other_transitions(media_samples: MediaSamples, composer: Composer, transition: str):
    sources = [media_samples.solid("red"), media_samples.solid("blue")]
    assert frame_count(composer.compose(sources, transition=transition)) == 36


def test_segments_joined_later_are_what_is_composed_at_once(
    media_samples: MediaSamples, composer: Composer, tmp_path: Path
):
    moving = [media_samples.moving(seconds=0.5, number=number) for number in range(3)]
    sources = [*moving, media_samples.solid("red", sound_hz=300), media_samples.solid("blue", rate="30")]
    music = media_samples.music()
    made = composer.compose(sources, music)
    plan = plan_composition([probe_media(source) for source in sources], CompositionOptions(), probe_media(music))
    watched = {"on_progress": composer.shares.append, "deadline_seconds": 60.0, "should_stop": lambda: None}
    segments = []
    for number, segment in enumerate(split_plan(plan, CLIPS_PER_SEGMENT)):
        needed = {clip: sources[clip] for clip in segment.clips}
        segments.append(render_segment(plan, segment, needed, tmp_path / f"own_{number}.mov", **watched))
    target = tmp_path / "joined.mp4"
    joined = join_segments(plan, segments, music, target, workdir=tmp_path, **watched)
    assert len(segments) == 3
    assert frame_count(joined) == frame_count(made) == plan.total_frames
    differences = np.abs(np.subtract(gray_pictures(target), gray_pictures(composer.target)))
    assert differences.mean(axis=(1, 2)).max() < 1.5  # x264 is not the same to the bit in every run
    assert np.array_equal(sound_of(target), sound_of(composer.target))
    assert_plays_everywhere(target)


def test_a_segment_that_is_missing_is_noticed(media_samples: MediaSamples, tmp_path: Path):
    sources = [media_samples.solid("red") for _ in range(3)]
    plan = plan_composition([probe_media(source) for source in sources], CompositionOptions())
    first = split_plan(plan, CLIPS_PER_SEGMENT)[0]
    watched = {"on_progress": lambda _: None, "deadline_seconds": 60.0, "should_stop": lambda: None}
    rendered = render_segment(plan, first, dict(enumerate(sources)), tmp_path / "1.mov", **watched)
    assert rendered == SegmentPath(tmp_path / "1.mov", first.frames)
    with pytest.raises(MediaError, match="36 frames instead of 48"):
        join_segments(plan, [rendered], None, tmp_path / "final.mp4", workdir=tmp_path, **watched)


def test_a_deadline_ends_the_work(media_samples: MediaSamples, composer: Composer):
    with pytest.raises(DeadlineExceeded):
        composer.compose([media_samples.moving(number=1), media_samples.moving(number=2)], deadline_seconds=0)


def test_a_playlist_in_place_of_a_clip_is_not_opened(media_samples: MediaSamples, composer: Composer, tmp_path: Path):
    clip = media_samples.solid("red")
    plan = plan_composition([probe_media(clip)], CompositionOptions(optimize_size=True))
    playlist = tmp_path / "clip.mp4"
    playlist.write_text(f"ffconcat version 1.0\nfile '{clip}'\n")
    with pytest.raises(MediaError, match="ffmpeg failed"):
        compose(
            plan,
            [playlist],
            None,
            composer.target,
            workdir=tmp_path,
            on_progress=composer.shares.append,
            deadline_seconds=20,
            should_stop=lambda: None,
        )
