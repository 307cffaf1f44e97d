"""What the composer makes, watched in a real browser."""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.composition_clips import KINDS, CompositionClips
from tests.composition_files import Studio
from tests.media_samples import MediaSamples
from tests.playback.player import Player
from tests.playback.right_frames import Picture, assert_shows_the_right_frames, decoded_pictures

BT709 = ("-vf", "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv")
B_FRAMES = (*BT709, "-c:v", "libx264", "-preset", "medium", "-pix_fmt", "yuv420p")
FAST = (*BT709, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


def composed(folder: Path, sources: Sequence[Path], music: Path | None = None, **options: Any) -> Path:
    return Studio(folder).compose(sources, music, **options).path


def color_of(clip: Path) -> np.ndarray:
    return decoded_pictures(clip)[0].grid


def assert_colors(pictures: Sequence[Picture], expected: dict[int, np.ndarray]) -> None:
    for number, color in expected.items():
        assert np.allclose(pictures[number].grid, color, atol=4), f"picture {number}"


@pytest.mark.parametrize("sound_hz", [None, 300])
def test_solid_clips_crossfaded(media_samples: MediaSamples, player: Player, tmp_path: Path, sound_hz: int | None):
    red = media_samples.solid("firebrick", options=FAST, sound_hz=sound_hz)
    blue, green = media_samples.solid("steelblue", options=FAST), media_samples.solid("seagreen", options=FAST)
    path = composed(tmp_path, [red, blue, green])
    # each fade takes 12 pictures, from the end of one clip and the beginning of the next: 12 to 23, and 24 to 35
    pictures = assert_shows_the_right_frames(player, path, joints=[12, 18, 24, 30, 35])
    assert len(pictures) == 3 * 24 - 2 * 12
    first, second, third = (color_of(clip) for clip in (red, blue, green))
    between = {18: (first + second) / 2, 24: second, 30: (second + third) / 2}
    assert_colors(pictures, {0: first, 11: first, **between, 36: third, 47: third})


@pytest.mark.parametrize(("middle", "sound_hz"), [("copied", None), ("copied", 300), ("encoded", 300)])
def test_solid_clips_with_hard_cuts(
    media_samples: MediaSamples, player: Player, tmp_path: Path, middle: str, sound_hz: int | None
):
    rate, options = ("24", B_FRAMES) if middle == "copied" else ("30", FAST)
    red = media_samples.solid("firebrick", options=B_FRAMES, sound_hz=sound_hz)
    blue = media_samples.solid("steelblue", options=options, rate=rate)
    green = media_samples.solid("seagreen", options=B_FRAMES)
    path = composed(tmp_path, [red, blue, green], crossfade=False)
    pictures = assert_shows_the_right_frames(player, path, joints=[24, 48])
    assert len(pictures) == 3 * 24
    first, second, third = (color_of(clip) for clip in (red, blue, green))
    assert_colors(pictures, {23: first, 24: second, 47: second, 48: third, 71: third})


@pytest.mark.parametrize("crossfade", [True, False])
def test_moving_clips_under_music(media_samples: MediaSamples, player: Player, tmp_path: Path, crossfade: bool):
    sources = [media_samples.moving(size="320x568", number=number) for number in range(3)]
    path = composed(tmp_path, sources, media_samples.music(), crossfade=crossfade, crossfade_seconds=0.25)
    length = 18 if crossfade else 24
    pictures = assert_shows_the_right_frames(player, path, joints=[length * number for number in range(1, 3)])
    assert len(pictures) == 24 + 2 * length


def test_clips_of_every_kind_in_one_video(media_samples: MediaSamples, player: Player, tmp_path: Path):
    sources = [
        media_samples.solid("firebrick", sound_hz=300),
        media_samples.solid("white", size="320x160", rate="60"),
        media_samples.rotated("yellow", degrees=90),
        media_samples.variable_rate(),
    ]
    assert_shows_the_right_frames(player, composed(tmp_path, sources), joints=[12, 24, 36])


@pytest.mark.parametrize("rate", ["24000/1001", "60"])
def test_broadcast_rates(media_samples: MediaSamples, player: Player, tmp_path: Path, rate: str):
    sources = [media_samples.moving(rate=rate, number=number) for number in range(2)]
    assert_shows_the_right_frames(player, composed(tmp_path, sources, crossfade_seconds=0.25))


@pytest.mark.parametrize("fade_seconds", [0.25, 0.5])
def test_copied_bodies_between_encoded_joints(
    clips: CompositionClips, player: Player, tmp_path: Path, fade_seconds: float
):
    sources = [clips.prepared(number, sound_hz=300) for number in range(3)]
    made = Studio(tmp_path).compose(sources, crossfade_seconds=fade_seconds)
    assert [segment.is_copied for segment in made.plan.segments] == [True, False, True, False, True]
    starts = list(accumulate(segment.frames for segment in made.plan.segments))[:-1]
    around = [number for start in starts for number in (start - 1, start, start + 1)]
    assert_shows_the_right_frames(player, made.path, joints=around)


def test_clips_of_two_encoders_one_after_the_other(clips: CompositionClips, player: Player, tmp_path: Path):
    kinds = [kind for kind in KINDS if kind != "one picture"]
    odd = [clips.of_kind(kind, "steelblue", seconds=0.5) for kind in kinds]
    between = clips.prepared("firebrick", seconds=0.5, fade_seconds=0.25)
    sources = [clip for one in odd for clip in (between, one)]
    made = Studio(tmp_path).compose(sources, crossfade=False)
    assert {segment.is_copied for segment in made.plan.segments} == {True, False}
    starts = list(accumulate(segment.frames for segment in made.plan.segments))[:-1]
    assert_shows_the_right_frames(player, made.path, samples=0, joints=starts)
