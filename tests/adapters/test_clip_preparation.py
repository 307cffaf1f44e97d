"""Clips as they are stored: what a composition can copy, whatever the model has delivered."""

import threading
from pathlib import Path

import pytest

from pipeline.adapters.clip_preparation import prepare_clip
from pipeline.adapters.media_probe import probe_media
from pipeline.domain.errors import DeadlineExceeded, MediaError
from pipeline.domain.media import MediaProbe
from tests.composition_clips import KINDS, CompositionClips
from tests.composition_files import Studio, similarity, sound_of, video_of

ONE_KEYFRAME = ("-c:v", "libx264", "-preset", "medium", "-crf", "20")


def prepared(source: Path, folder: Path, name: str = "prepared.mp4") -> tuple[Path, MediaProbe]:
    target = folder / name
    return target, prepare_clip(source, target, probe_media(source))


@pytest.fixture
def delivered(clips: CompositionClips) -> list[Path]:
    """Clips as a model makes them: something moves for two seconds after one keyframe."""
    return [clips.of(f"{name}=s=160x284:r=24:d=2", *ONE_KEYFRAME) for name in ("testsrc2", "gradients", "testsrc")]


def test_keyframes_stand_where_fades_end_and_begin(delivered: list[Path], tmp_path: Path):
    path, made = prepared(delivered[0], tmp_path)
    assert video_of(delivered[0]).entry_frames == (0,)
    assert made.video is not None
    assert made.video.entry_frames == (0, 12, 24, 36)
    assert made.video.frame_count == 48
    assert {36, 48} <= set(made.video.exit_frames)
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    assert similarity(delivered[0], path).min() > 0.97


def test_what_was_prepared_is_copied_but_for_its_joints(delivered: list[Path], tmp_path: Path, studio: Studio):
    together = [prepared(source, tmp_path, f"{number}.mp4")[0] for number, source in enumerate(delivered)]
    plan = studio.plan(together)
    assert plan.encoded_frames == 2 * 12
    assert studio.plan(delivered).encoded_frames > 2 * 12 + 2 * 20
    assert studio.plan(together, crossfade=False).encoded_frames == 0
    assert studio.plan(together, crossfade_seconds=0.9).encoded_frames < 2 * 22 + 2 * 12 + 2 * 4


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "one picture"])
def test_a_clip_of_any_kind_is_one_that_players_take(clips: CompositionClips, tmp_path: Path, kind: str):
    path, made = prepared(clips.of_kind(kind, "teal"), tmp_path)
    video = made.video
    assert video is not None
    assert (video.codec, video.pixel_format, video.color_matrix) == ("h264", "yuv420p", "bt709")
    assert (video.rotation_degrees, video.sample_aspect_ratio) == (0, 1)
    assert [video.is_variable_rate, video.is_interlaced, video.is_full_range, video.is_hdr] == [False] * 4
    assert video.parameter_sets != ""
    assert probe_media(path) == made


def test_a_clip_of_one_picture_stays_one(clips: CompositionClips, tmp_path: Path):
    _, made = prepared(clips.of_kind("one picture", "teal"), tmp_path)
    assert made.video is not None
    assert (made.video.frame_count, made.video.entry_frames) == (1, (0,))


def test_sound_is_kept_and_lasts_as_long_as_the_pictures(clips: CompositionClips, tmp_path: Path):
    path, made = prepared(clips.prepared("teal", seconds=1.0, sound_hz=300), tmp_path)
    assert made.audio is not None
    assert (made.audio.codec, made.audio.sample_rate_hz, made.audio.channels) == ("aac", 48000, 2)
    assert made.duration_seconds == pytest.approx(1.0, abs=0.01)
    assert abs(sound_of(path)[:, 4800:43200]).max() > 0.05


def test_one_after_the_other(delivered: list[Path], tmp_path: Path):
    made: dict[str, MediaProbe] = {}

    def prepare(number: int) -> None:
        name = f"{number}.mp4"
        made[name] = prepared(delivered[number], tmp_path, name)[1]

    threads = [threading.Thread(target=prepare, args=[number]) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(made) == ["0.mp4", "1.mp4", "2.mp4"]


def test_who_has_no_time_gives_up(delivered: list[Path], tmp_path: Path):
    with pytest.raises(DeadlineExceeded):
        prepare_clip(delivered[0], tmp_path / "late.mp4", probe_media(delivered[0]), deadline_seconds=-1)
    assert prepared(delivered[0], tmp_path)[1].video is not None  # nobody is kept waiting


def test_a_clip_that_breaks_in_the_middle_is_an_error(delivered: list[Path], tmp_path: Path):
    broken = tmp_path / "broken.mp4"
    content = bytearray(delivered[0].read_bytes())
    probe = probe_media(delivered[0])
    content[content.index(b"mdat") + 4 :] = bytes(len(content) - content.index(b"mdat") - 4)
    broken.write_bytes(content)
    with pytest.raises(MediaError):
        prepare_clip(broken, tmp_path / "never.mp4", probe)
