"""The sound of compositions: as long as the pictures, beside its own clip, crossfaded, with music under it."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pipeline.adapters.sound import make_sound
from pipeline.adapters.watch import Watch
from pipeline.domain.errors import DeadlineExceeded, MediaError
from pipeline.domain.media_warnings import silence_warnings
from tests.composition_clips import CompositionClips
from tests.composition_files import (
    LocalMaterial,
    Studio,
    assert_plays_everywhere,
    assert_sound_lasts_as_long_as_pictures,
    ffmpeg_words,
    gray_pictures,
    loudness,
    sound_of,
)
from tests.hostile.memory import read_apart
from tests.media_samples import MediaSamples

RATE_HZ = 48_000
QUIET = ("-af", "volume=0", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
TONE = ["-f", "lavfi", "-i", "sine=f=600:r=48000:d=1", "-c:a", "aac", "-b:a", "96k"]


def first_heard(samples: np.ndarray, threshold: float = 0.02) -> float:
    """When, in seconds, 5 ms of sound are louder than the threshold for the first time."""
    step = RATE_HZ // 200
    parts = samples[0][: len(samples[0]) // step * step].reshape(-1, step)
    loud = np.sqrt(np.mean(np.square(parts), axis=1)) > threshold
    assert loud.any()
    return float(np.argmax(loud)) * step / RATE_HZ


@pytest.mark.parametrize("seconds", [0.4, 5.0])
@pytest.mark.parametrize("sound_hz", [None, 300])
@pytest.mark.parametrize("crossfade", [True, False])
def test_music_is_looped_or_cut_to_the_length_of_the_video(
    media_samples: MediaSamples, studio: Studio, seconds: float, sound_hz: int | None, crossfade: bool
):
    sources = [media_samples.solid("red", sound_hz=sound_hz), media_samples.solid("blue")]
    made = studio.compose(sources, media_samples.music(seconds=seconds), crossfade=crossfade)
    audio = made.probe.audio
    assert audio is not None
    assert (audio.codec, audio.sample_rate_hz, audio.channels) == ("aac", RATE_HZ, 2)
    assert_sound_lasts_as_long_as_pictures(made.path)
    samples = sound_of(made.path)
    middle = samples.shape[1] // 2
    assert loudness(samples[:, middle - 9600 : middle + 9600]) > 0.02
    if sound_hz is None:
        assert loudness(samples[:, :480]) < loudness(samples[:, middle - 9600 : middle + 9600]) / 4


def test_sound_of_clips_stays_with_its_clip(media_samples: MediaSamples, studio: Studio):
    sources = [media_samples.solid("red"), media_samples.solid("blue", sound_hz=300), media_samples.solid("green")]
    samples = sound_of(studio.compose(sources, crossfade=False).path)
    silent, heard, silent_again = samples[:, 2000:46000], samples[:, 50000:94000], samples[:, 98000:142000]
    assert loudness(silent) < 0.001 < 0.05 < loudness(heard)
    assert loudness(silent_again) < 0.001


def test_sound_is_crossfaded_with_the_pictures(media_samples: MediaSamples, studio: Studio):
    sources = [media_samples.solid("red", sound_hz=300), media_samples.solid("blue")]
    samples = sound_of(studio.compose(sources).path)
    before, during, after = samples[:, 4800:19200], samples[:, 33600:38400], samples[:, 52800:67200]
    assert loudness(during) == pytest.approx(loudness(before) / 2, rel=0.1)
    assert loudness(after) < loudness(before) / 20


@pytest.mark.parametrize("crossfade", [True, False])
def test_a_tone_goes_on_through_all_joints_also_those_of_batches(
    media_samples: MediaSamples, studio: Studio, crossfade: bool
):
    tone = media_samples.solid("red", seconds=1.0, sound_hz=300)
    samples = sound_of(studio.compose([tone] * 18, crossfade=crossfade, crossfade_seconds=0.5).path)[0]
    levels = [loudness(part) for part in np.split(samples[2400 : len(samples) // 4800 * 4800 - 2400], 4)]
    assert max(levels) < 1.25 * min(levels)
    steps = [loudness(samples[start : start + 960]) for start in range(2400, len(samples) - 2400, 960)]
    if not crossfade:
        assert min(steps) > 0.75 * float(np.median(steps))
    assert max(steps) < 1.5 * float(np.median(steps))
    assert min(steps) > 0.02


def late_sound(seconds: int, at_seconds: int) -> list[str]:
    """A clip of one small picture a second, and three seconds of sound of which nearly all comes late."""
    late = f"[1:a]asetpts='if(gt(N,20),PTS+{at_seconds}*44100,PTS)'[a]"
    pictures = ["-f", "lavfi", "-i", f"color=red:s=64x64:r=1:d={seconds}", "-f", "lavfi", "-i", "sine=d=3"]
    mapped = ["-filter_complex", late, "-map", "0", "-map", "[a]"]
    return [*pictures, *mapped, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "pcm_s16le", "-ar", "44100"]


def test_a_hole_in_the_sound_is_silence(studio: Studio):
    clip = studio.folder / "hole.mkv"
    ffmpeg_words(*late_sound(20, 15), str(clip))
    samples = sound_of(studio.compose([clip]).path)
    assert loudness(samples[:, 2 * RATE_HZ : 14 * RATE_HZ]) < 0.001
    assert loudness(samples[:, 16 * RATE_HZ : 17 * RATE_HZ]) > 0.02


def test_a_hole_of_hours_takes_no_memory(media_samples: MediaSamples, studio: Studio):
    """ffmpeg makes a hole's silence at once, so that a small file made it take three gigabytes."""
    far, within = studio.folder / "far.mkv", studio.folder / "within.mkv"
    ffmpeg_words(*late_sound(5, 5 * 3600), str(far))
    ffmpeg_words(*late_sound(1200, 1190), str(within))
    readings = read_apart("prepare", media_samples.solid("red", sound_hz=300), [far, within])
    assert [reading.outcome for reading in readings] == ["read", "read"]
    assert readings[-1].children_mb < 150


def test_silent_clips_without_music_have_no_sound(media_samples: MediaSamples, studio: Studio):
    made = studio.compose([media_samples.solid("red"), media_samples.solid("blue")])
    assert (made.probe.audio, made.sound) == (None, None)


def test_a_silent_sound_track_under_music_is_no_error(media_samples: MediaSamples, studio: Studio):
    quiet = media_samples.solid("red", sound_hz=300, options=QUIET)
    assert studio.compose([quiet, quiet]).probe.audio is not None
    assert studio.compose([quiet, quiet], media_samples.music()).probe.audio is not None


class TestSixtyClips:
    """Half a second each, white at once where a tone begins: what drifts is seen and heard at the end."""

    @pytest.mark.parametrize("rate", ["24", "30000/1001"])
    def test_sound_does_not_drift(self, clips: CompositionClips, studio: Studio, rate: str):
        quiet = clips.prepared("navy", seconds=0.5, fade_seconds=0.25, rate=rate, sound_hz=0)
        last = clips.prepared("white", seconds=0.5, fade_seconds=0.25, rate=rate, sound_hz=600)
        made = studio.compose([quiet] * 59 + [last], crossfade=False)
        frames = made.plan.clips[0].frames
        assert made.plan.total_frames == 60 * frames
        assert_plays_everywhere(made)
        assert_sound_lasts_as_long_as_pictures(made.path)
        white = int(np.argmax(gray_pictures(made.path).mean(axis=(1, 2)) > 128))
        assert white == 59 * frames
        seen = white / float(made.plan.form.frame_rate)
        assert first_heard(sound_of(made.path)) == pytest.approx(seen, abs=0.02)

    def test_nor_does_it_when_they_are_faded(self, clips: CompositionClips, studio: Studio):
        quiet = clips.prepared("navy", seconds=0.5, fade_seconds=0.25, sound_hz=0)
        late = clips.with_sound("white", TONE, sound_from=0.5)
        made = studio.compose([quiet] * 59 + [late], crossfade_seconds=0.25)
        assert made.plan.total_frames == 59 * 12 + 24 - 59 * 6
        assert_sound_lasts_as_long_as_pictures(made.path)
        assert first_heard(sound_of(made.path)) == pytest.approx(59 * 0.25 + 0.5, abs=0.02)


class TestOddSound:
    """Of a clip in the middle of two that are silent: it begins where its own first picture does."""

    @pytest.mark.parametrize(
        ("sound_from", "pictures_from", "expected"),
        [(0.0, 0.0, 1.0), (0.4, 0.0, 1.4), (0.0, 0.3, 1.0), (0.3, 0.3, 1.0)],
    )
    def test_it_is_heard_when_its_pictures_are_seen(
        self, clips: CompositionClips, studio: Studio, sound_from: float, pictures_from: float, expected: float
    ):
        odd = clips.with_sound("white", TONE, sound_from=sound_from, pictures_from=pictures_from)
        usual = clips.prepared("navy", seconds=1.0)
        made = studio.compose([usual, odd, usual], crossfade=False)
        assert_plays_everywhere(made)
        assert_sound_lasts_as_long_as_pictures(made.path)
        samples = sound_of(made.path)
        assert first_heard(samples) == pytest.approx(expected, abs=0.02)
        assert loudness(samples[:, round(2.05 * RATE_HZ) :]) < 0.001

    @pytest.mark.parametrize(
        ("rate", "seconds", "options"),
        [
            pytest.param(8000, 1, ["-c:a", "aac", "-b:a", "32k"], id="mono 8 kHz"),
            pytest.param(48000, 1, ["-ac", "6", "-c:a", "aac"], id="5.1"),
            pytest.param(22050, 1, ["-c:a", "aac"], id="22 kHz"),
            pytest.param(44100, 1, ["-c:a", "libmp3lame"], id="MP3"),
            pytest.param(48000, 1, ["-c:a", "libopus"], id="Opus"),
            pytest.param(48000, 0.5, ["-c:a", "aac"], id="shorter than its pictures"),
            pytest.param(48000, 2, ["-c:a", "aac"], id="longer than its pictures"),
        ],
    )
    def test_it_becomes_stereo_at_48_khz(
        self, clips: CompositionClips, studio: Studio, rate: int, seconds: float, options: list[str]
    ):
        sound = ["-f", "lavfi", "-i", f"sine=f=600:r={rate}:d={seconds}", *options]
        usual = clips.prepared("navy", seconds=1.0)
        made = studio.compose([usual, clips.with_sound("white", sound), usual], crossfade=False)
        audio = made.probe.audio
        assert audio is not None
        assert (audio.codec, audio.sample_rate_hz, audio.channels) == ("aac", RATE_HZ, 2)
        assert_sound_lasts_as_long_as_pictures(made.path)
        samples = sound_of(made.path)
        assert first_heard(samples) == pytest.approx(1.0, abs=0.02)
        assert loudness(samples[:, round(1.1 * RATE_HZ) : round(1.4 * RATE_HZ)]) > 0.02
        assert loudness(samples[:, round(2.05 * RATE_HZ) :]) < 0.001


class TestSilence:
    def test_a_long_one_is_warned_of(self, clips: CompositionClips, studio: Studio):
        heard, silent = clips.prepared(0, sound_hz=300), clips.prepared(1)
        made = studio.compose([heard, silent, silent, heard], crossfade=False)
        assert made.sound is not None
        assert len(made.sound.levels_db) == 8
        warnings = silence_warnings(made.sound.levels_db, made.plan.total_seconds)
        assert [(one.code, one.clip) for one in warnings] == [("silent", 0)]
        # a second in which the tone ends with its encoder's last few milliseconds is not silent
        assert warnings[0].start_seconds in (2, 3)
        assert warnings[0].end_seconds in (5, 6)

    def test_none_is_warned_of_where_there_is_sound(self, clips: CompositionClips, studio: Studio):
        heard = clips.prepared(0, sound_hz=300)
        made = studio.compose([heard, heard])
        assert made.sound is not None
        assert silence_warnings(made.sound.levels_db, made.plan.total_seconds) == []


class TestFailures:
    @pytest.fixture
    def sources(self, clips: CompositionClips) -> list[Path]:
        return [clips.prepared("navy", sound_hz=300)] * 12

    def test_a_clip_that_is_no_media_ends_it(self, studio: Studio, sources: list[Path]):
        noise = studio.folder / "noise.mp4"
        noise.write_bytes(bytes(range(256)) * 64)
        for place in (0, 11):
            self._fails(studio, sources, [*sources[:place], noise, *sources[place + 1 :]], MediaError)

    def test_a_clip_that_is_a_playlist_is_not_opened(self, studio: Studio, sources: list[Path]):
        playlist = studio.folder / "clip.mp4"
        playlist.write_text(f"ffconcat version 1.0\nfile '{sources[0]}'\n")
        self._fails(studio, sources, [playlist, *sources[1:]], MediaError)

    def test_music_that_is_no_media_ends_it_though_the_clips_are_good(self, studio: Studio, sources: list[Path]):
        music = studio.folder / "music.m4a"
        music.write_bytes(bytes(range(256)) * 64)
        plan = studio.plan(sources, MediaSamples(studio.folder).music())
        started = time.monotonic()
        with pytest.raises(MediaError, match="ffmpeg failed"):
            make_sound(plan, LocalMaterial(sources, studio.workdir), music, studio.folder / "s.m4a", Watch.until(30))
        assert time.monotonic() - started < 10
        assert_no_thread_is_left()

    def test_a_deadline_ends_it(self, studio: Studio, sources: list[Path]):
        self._fails(studio, sources, sources, DeadlineExceeded, seconds=0)

    def test_what_the_material_raises_passes(self, studio: Studio, sources: list[Path]):
        class Gone(LocalMaterial):
            def clip(self, place: int) -> Path:
                if place == 9:
                    raise MissingError
                return super().clip(place)

        plan = studio.plan(sources)
        with pytest.raises(MissingError):
            make_sound(plan, Gone(sources, studio.workdir), None, studio.folder / "s.m4a", Watch.until(30))
        assert_no_thread_is_left()

    def _fails(
        self,
        studio: Studio,
        sources: Sequence[Path],
        broken: Sequence[Path],
        expected: type[Exception],
        seconds: float = 30,
    ) -> None:
        plan = studio.plan(sources)
        started = time.monotonic()
        with pytest.raises(expected):
            make_sound(plan, LocalMaterial(broken, studio.workdir), None, studio.folder / "s.m4a", Watch.until(seconds))
        assert time.monotonic() - started < 10
        assert_no_thread_is_left()


class MissingError(Exception):
    pass


def assert_no_thread_is_left() -> None:
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("sound")] == []
