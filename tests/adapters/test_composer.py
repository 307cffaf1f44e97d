"""Compositions of real clips: exact lengths, pictures where they belong, files that every player takes."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.adapters.segment_encoding import encode_segment
from pipeline.adapters.watch import Watch
from pipeline.domain.errors import MediaError
from pipeline.domain.transitions import TRANSITIONS
from tests.composition_clips import SIZE, X264, CompositionClips
from tests.composition_files import (
    LocalMaterial,
    Made,
    Studio,
    assert_plays_everywhere,
    assert_sound_lasts_as_long_as_pictures,
    ffmpeg_words,
    frame_count,
    gray_pictures,
    mean_yuv,
    similarity,
    video_packets,
)
from tests.media_samples import MediaSamples

COLORS = ["red", "blue", "green", "white", "gray", "yellow", "purple", "orange", "navy"]
B_FRAMES = ("-c:v", "libx264", "-preset", "medium", "-pix_fmt", "yuv420p")


def test_a_crossfade_blends_and_nothing_else_does(media_samples: MediaSamples, studio: Studio):
    sources = [media_samples.solid("red"), media_samples.solid("blue")]
    made = studio.compose(sources)
    assert frame_count(made) == 24 + 24 - 12
    red, blue = (mean_yuv(source)[0] for source in sources)
    pictures = mean_yuv(made.path)
    assert np.allclose(pictures[:12], red, atol=2)
    assert np.allclose(pictures[24:], blue, atol=2)
    assert np.allclose(pictures[18], (red + blue) / 2, atol=3)
    assert_plays_everywhere(made)


def test_a_hard_cut_of_clips_that_agree_copies_every_packet(media_samples: MediaSamples, studio: Studio):
    sources = [
        media_samples.solid("red", options=B_FRAMES, sound_hz=300),
        media_samples.solid("blue", options=B_FRAMES),
        media_samples.solid("green", options=B_FRAMES, sound_hz=400),
    ]
    made = studio.compose(sources, crossfade=False)
    assert frame_count(made) == 72
    assert video_packets(made.path) == [packet for source in sources for packet in video_packets(source)]
    assert_plays_everywhere(made)
    assert_sound_lasts_as_long_as_pictures(made.path)


def test_a_hard_cut_of_clips_that_differ_is_exact(media_samples: MediaSamples, studio: Studio):
    sources = [media_samples.solid("red"), media_samples.solid("blue", rate="30"), media_samples.solid("green")]
    made = studio.compose(sources, crossfade=False)
    assert frame_count(made) == 72
    expected = [mean_yuv(source)[0] for source in sources for _ in range(24)]
    assert np.allclose(mean_yuv(made.path), expected, atol=2)
    assert_plays_everywhere(made)


def test_fades_and_hard_cuts_mix_when_a_clip_is_too_short_to_fade(media_samples: MediaSamples, studio: Studio):
    sources = [
        media_samples.solid("red"),
        media_samples.solid("blue", seconds=1 / 24),
        media_samples.solid("green"),
        media_samples.solid("white"),
    ]
    made = studio.compose(sources)
    assert frame_count(made) == 24 + 1 + 24 + 24 - 12
    assert_plays_everywhere(made)


@pytest.mark.parametrize("rate", ["24000/1001", "30000/1001", "60"])
def test_broadcast_rates_stay_exact(media_samples: MediaSamples, studio: Studio, rate: str):
    sources = [media_samples.solid(color, rate=rate, sound_hz=300) for color in COLORS[:3]]
    made = studio.compose(sources)
    assert_plays_everywhere(made)
    assert_sound_lasts_as_long_as_pictures(made.path)


@pytest.mark.parametrize("count", [9, 17])
@pytest.mark.parametrize("options", [{}, {"crossfade": False}, {"crossfade": False, "optimize_size": True}])
def test_many_clips_are_exact(media_samples: MediaSamples, studio: Studio, count: int, options: dict[str, Any]):
    sources = [media_samples.solid(COLORS[n % 9], seconds=0.5, sound_hz=300 if n % 2 else None) for n in range(count)]
    made = studio.compose(sources, **options)
    shared = 0 if options else 6
    assert frame_count(made) == 12 * count - shared * (count - 1)
    middles = [(12 - shared) * n + 6 for n in range(count)]
    assert np.allclose(mean_yuv(made.path)[middles], [mean_yuv(source)[0] for source in sources], atol=2)
    assert_sound_lasts_as_long_as_pictures(made.path)
    assert studio.shares == sorted(studio.shares)
    assert studio.shares[-1] == pytest.approx(1.0, abs=0.02)


def test_every_picture_between_fades_is_where_it_belongs(media_samples: MediaSamples, studio: Studio):
    clip = media_samples.moving(size="320x568")
    made = studio.compose([clip] * 5, media_samples.music(), crossfade_seconds=0.25)
    assert frame_count(made) == 24 * 5 - 6 * 4
    pictures, expected = gray_pictures(made.path), gray_pictures(clip)
    for start in range(0, 18 * 5, 18):
        for number in range(7, 17):
            nearest = [np.abs(pictures[start + number] - expected[number + step]).mean() for step in (-1, 0, 1)]
            assert int(np.argmin(nearest)) == 1
    assert_plays_everywhere(made)
    assert_sound_lasts_as_long_as_pictures(made.path)


def test_one_file_may_be_several_clips(media_samples: MediaSamples, studio: Studio):
    red = media_samples.solid("red", sound_hz=300)
    assert frame_count(studio.compose([red, red, red])) == 72 - 24


@pytest.fixture(scope="module")
def moving(clips: CompositionClips) -> list[Path]:
    """Prepared clips: they have pictures to cut at where their fades end and begin."""
    return [clips.prepared(number) for number in range(3)]


@pytest.fixture(scope="module")
def prepared(moving: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Studio(tmp_path_factory.mktemp("prepared")).compose(moving)


class TestPreparedClips:
    def test_only_their_joints_are_encoded(self, prepared: Made):
        parts = [(segment.is_copied, segment.frames) for segment in prepared.plan.segments]
        assert parts == [(True, 36), (False, 12), (True, 24), (False, 12), (True, 36)]
        assert frame_count(prepared) == 3 * 48 - 2 * 12

    def test_what_is_copied_is_copied_to_the_byte(self, prepared: Made, moving: list[Path]):
        own, packets = [video_packets(source) for source in moving], video_packets(prepared.path)
        assert packets[:36] + packets[48:72] + packets[84:] == own[0][:36] + own[1][12:36] + own[2][12:]

    def test_they_play_everywhere(self, prepared: Made):
        assert_plays_everywhere(prepared)

    def test_they_look_like_one_encoding_of_everything(self, prepared: Made, moving: list[Path], tmp_path: Path):
        assert_looks_alike(prepared, encoded_at_once(moving, tmp_path / "whole.mp4", fade=0.5))

    @pytest.mark.parametrize("frames", [5, 24])
    def test_they_take_another_fade_than_they_were_prepared_for(
        self, moving: list[Path], studio: Studio, tmp_path: Path, frames: int
    ):
        made = studio.compose(moving, crossfade_seconds=frames / 24)
        assert made.plan.joints == (frames, frames)
        assert_plays_everywhere(made)
        assert_looks_alike(made, encoded_at_once(moving, tmp_path / "whole.mp4", fade=frames / 24))


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["-g", "1"], id="nothing but keyframes"),
        pytest.param(["-bf", "0", "-g", "12"], id="no B-frames"),
        pytest.param(["-bf", "8", "-b_strategy", "0", "-g", "30"], id="many B-frames"),
        pytest.param(["-x264-params", "open-gop=1:keyint=12:bframes=3:b-pyramid=normal"], id="open groups"),
        pytest.param(["-x264-params", "keyint=infinite:scenecut=0"], id="one keyframe"),
        pytest.param(["-x264-params", "intra-refresh=1"], id="no keyframe but the first"),
    ],
)
@pytest.mark.parametrize("late_seconds", [0.0, 0.4])
def test_clips_of_any_structure_are_cut_and_joined_where_they_should_be(
    clips: CompositionClips, studio: Studio, tmp_path: Path, options: list[str], late_seconds: float
):
    sources = [clips.of(f"testsrc2=s={SIZE}:r=24:d=2,hue=h={number * 90}", *X264, *options) for number in range(3)]
    shifted = [clips.late(source, seconds=late_seconds) for source in sources] if late_seconds else sources
    made = studio.compose(shifted)
    assert_plays_everywhere(made)
    assert_looks_alike(made, encoded_at_once(sources, tmp_path / "whole.mp4", fade=0.5))


def assert_looks_alike(made: Made, reference: Path) -> None:
    likeness = similarity(made.path, reference)
    assert len(likeness) == made.plan.total_frames
    assert likeness.mean() >= 0.98
    assert likeness.min() >= 0.95


def encoded_at_once(sources: Sequence[Path], target: Path, *, fade: float) -> Path:
    """All clips, of two seconds each, in one graph of ffmpeg's, with the composer's settings for joints."""
    joined, graph = "0:v", []
    for number in range(1, len(sources)):
        offset = number * (2 - fade)
        graph.append(f"[{joined}][{number}:v]xfade=transition=fade:duration={fade}:offset={offset}[v{number}]")
        joined = f"v{number}"
    inputs = [word for source in sources for word in ("-i", str(source))]
    encoded = ["-c:v", "libx264", "-crf", "20", "-preset", "veryfast", "-pix_fmt", "yuv420p"]
    ffmpeg_words(*inputs, "-filter_complex", ";".join(graph), "-map", f"[{joined}]", *encoded, str(target))
    return target


def test_a_fade_longer_than_the_clips_takes_half_of_each(clips: CompositionClips, studio: Studio):
    sources = [clips.prepared(color, seconds=1.0) for color in COLORS[:3]]
    made = studio.compose(sources, crossfade_seconds=5.0)
    assert made.plan.joints == (12, 12)
    assert_plays_everywhere(made)
    expected = [mean_yuv(source)[0] for source in sources]
    pictures = mean_yuv(made.path)
    assert np.allclose(pictures[[0, -1]], [expected[0], expected[2]], atol=2)
    assert np.allclose(pictures[24], expected[1], atol=12)  # it is whole for the moment between its two fades


@pytest.fixture(scope="module")
def tiny_pair(clips: CompositionClips) -> list[Path]:
    shown = "s=160x90:r=24:d=0.25"
    return [clips.of(f"testsrc2={shown}"), clips.of(f"smptebars={shown}")]


@pytest.mark.parametrize("transition", TRANSITIONS)
def test_every_transition_leads_from_one_clip_to_the_next(tiny_pair: list[Path], studio: Studio, transition: str):
    made = studio.compose(tiny_pair, transition=transition, crossfade_seconds=5.0)
    assert frame_count(made) == 6 + 6 - 3
    pictures, left, right = (gray_pictures(path) for path in (made.path, *tiny_pair))
    assert np.abs(pictures[2] - left[2]).mean() < 4
    assert np.abs(pictures[7] - right[4]).mean() < 4
    assert max(min(np.abs(pictures[n] - left[n]).mean(), np.abs(pictures[n] - right[n - 3]).mean()) for n in (4, 5)) > 4


class TestOptimizeSize:
    def test_it_makes_fewer_bytes_that_look_alike(self, moving: list[Path], prepared: Made, studio: Studio):
        usual = prepared.path
        small = studio.compose(moving, optimize_size=True)
        assert small.path.stat().st_size < 0.8 * usual.stat().st_size
        assert similarity(small.path, usual).mean() >= 0.93
        assert_plays_everywhere(small)

    def test_what_is_small_already_is_copied(self, clips: CompositionClips, studio: Studio, tmp_path: Path):
        sources = [clips.prepared(number, crf=40) for number in range(3)]
        usual = studio.compose(sources).path.rename(tmp_path / "usual.mp4")
        small = studio.compose(sources, optimize_size=True)
        assert small.path.stat().st_size <= usual.stat().st_size
        assert video_packets(small.path)[:36] == video_packets(sources[0])[:36]
        assert_plays_everywhere(small)


class TestSegmentsOfEarlierTurns:
    """What `encode_segment` has made before, in a folder of its own."""

    @pytest.fixture
    def earlier(self, moving: list[Path], prepared: Made, tmp_path: Path) -> dict[int, Path]:
        plan = prepared.plan
        return {
            number: encode_segment(
                plan, segment, moving.__getitem__, tmp_path / f"earlier_{number}.mp4", Watch.until(60)
            )
            for number, segment in enumerate(plan.segments)
            if not segment.is_copied
        }

    def test_they_are_what_is_composed_at_once(
        self, moving: list[Path], prepared: Made, studio: Studio, earlier: dict[int, Path]
    ):
        packets = {number: video_packets(path) for number, path in earlier.items()}
        made = studio.compose(moving, material=partial(LocalMaterial, encoded=earlier))
        assert video_packets(made.path)[36:48] == packets[1]
        assert video_packets(made.path)[72:84] == packets[3]
        assert similarity(made.path, prepared.path).min() > 0.98  # x264 is not the same to the bit in every run
        assert_plays_everywhere(made)

    def test_one_that_is_too_short_is_noticed(self, moving: list[Path], studio: Studio, earlier: dict[int, Path]):
        shorter = ffmpeg_cut(earlier[3], studio.folder / "shorter.mp4", frames=11)
        with pytest.raises(MediaError, match="11 pictures where 12 were expected"):
            studio.compose(moving, material=partial(LocalMaterial, encoded={**earlier, 3: shorter}))


def ffmpeg_cut(clip: Path, target: Path, *, frames: int) -> Path:
    """The first packets of a clip."""
    ffmpeg_words("-i", str(clip), "-c", "copy", "-frames:v", str(frames), str(target))
    return target
