"""Assertions that a browser shows of a file what is in it: every picture at its time, forwards and backwards.

What is in it is what FFmpeg's libraries decode, strictly: at the first packet that makes no sense the assertion fails.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace
from numpy.typing import NDArray

from tests.playback.player import CELLS, Player, ShownPicture, Watched

COLOR_TOLERANCE = 16.0
"""In the mean of a part of the picture, of 255: without a GPU, Chromium makes strong blues of BT.709 too dark by 13."""

PICTURES_A_SECOND = 96
"""How fast a video is played through: a busy machine keeps up with this, and a short video does not take long."""

WATCHED_AGAIN_TIMES = 3

TIME_TOLERANCE_SECONDS = 0.001
COLORSPACE_UNSPECIFIED = 2
"""As H.264 (ITU-T H.273) numbers it."""

UNTAGGED_BT709_LINES = 720
"""Of a picture that does not say by which standard its colours are made; below it, browsers think of BT.601."""


@dataclass(frozen=True)
class Picture:
    """A picture of a file: from when to when it is to be seen, in seconds."""

    start_seconds: float
    end_seconds: float
    frame: VideoFrame

    @cached_property
    def grid(self) -> NDArray[np.float64]:
        """Its colours, as in ShownPicture."""
        return _grid(self.frame)

    @property
    def middle_seconds(self) -> float:
        """Where to seek to, to see it."""
        return (self.start_seconds + self.end_seconds) / 2


def decoded_pictures(path: Path) -> list[Picture]:
    """All pictures of `path` in the order they are shown. AssertionError when there is anything wrong with one."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.options = {"err_detect": "explode"}
        packets = [packet for packet in container.demux(stream) if packet.size]
        length = float(stream.duration * stream.time_base)
        try:
            frames = [frame for packet in [*packets, None] for frame in stream.codec_context.decode(packet)]
        except av.error.FFmpegError as error:
            raise AssertionError(f"{path.name} cannot be decoded: {error}") from error
        starts = [float(frame.pts * stream.time_base) for frame in frames]
    damaged = [number for number, frame in enumerate(frames) if frame.is_corrupt]
    assert not damaged, f"{path.name} has damaged pictures: {damaged}"
    assert len(frames) == len(packets), f"{path.name} has {len(packets)} packets, but {len(frames)} pictures"
    assert all(earlier < later for earlier, later in pairwise(starts)), f"pictures of {path.name} are out of order"
    return [
        Picture(start, end, frame)
        for frame, start, end in zip(frames, starts, [*starts[1:], starts[0] + length], strict=True)
    ]


def assert_plays_to_its_end(player: Player, path: Path, times: Iterable[float] = ()) -> Watched:
    """No MediaError, no waiting, the duration that its pictures have, all of it played; then it was sought to `times`.

    Where a busy machine makes the player wait, it plays again: what is the file's fault comes every time.
    """
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        size, has_sound = (stream.width, stream.height), bool(container.streams.audio)
        length, frame_rate = float(stream.duration * stream.time_base), stream.average_rate or Fraction(24)
    watched = player.watch(path, times, rate=float(PICTURES_A_SECOND / frame_rate))
    assert watched.error is None, watched.error
    waits = watched.waits
    for _ in range(WATCHED_AGAIN_TIMES):
        waits = waits and player.watch(path, rate=1.0).waits
    assert waits == [], f"the player has to wait: {waits}"
    assert watched.played_to_end
    assert watched.size == size
    assert watched.duration_seconds == pytest.approx(length, abs=float(1 / frame_rate))
    assert watched.ended_seconds == pytest.approx(length, abs=float(1 / frame_rate))
    assert watched.played_seconds == sorted(watched.played_seconds)
    assert (watched.sound_bytes > 0) == has_sound
    return watched


def assert_shows(shown: Sequence[ShownPicture], expected: Sequence[Picture]) -> None:
    """Each picture shown is the expected one in its place: the file's time of it, and its colours."""
    assert len(shown) == len(expected)
    for on_screen, picture in zip(shown, expected, strict=True):
        where = f"at {on_screen.asked_seconds:.3f} s"
        assert on_screen.media_seconds == pytest.approx(picture.start_seconds, abs=TIME_TOLERANCE_SECONDS), where
        worst = float(np.abs(on_screen.grid - picture.grid).max())
        assert worst <= COLOR_TOLERANCE, f"a part of the picture {where} is off by {worst:.1f} of 255"


def assert_shows_the_right_frames(
    player: Player, path: Path, *, samples: int = 6, joints: Iterable[int] = ()
) -> list[Picture]:
    """`path` plays to its end, and shows the picture that belongs there wherever one seeks to.

    That is at `samples` pictures over its length, and at those before, on and after each of `joints` (numbers of
    pictures): forwards, then backwards. Returns all the pictures of the file.
    """
    pictures = decoded_pictures(path)
    lengths = [picture.end_seconds - picture.start_seconds for picture in pictures]
    assert max(lengths) - min(lengths) < 2 * TIME_TOLERANCE_SECONDS, "pictures are not to be seen equally long"
    last = len(pictures) - 1
    numbers = {round(number) for number in np.linspace(0, last, samples)}
    numbers |= {min(max(0, joint + step), last) for joint in joints for step in (-1, 0, 1)}
    expected = [pictures[number] for number in [*sorted(numbers), *sorted(numbers, reverse=True)[1:]]]
    watched = assert_plays_to_its_end(player, path, [picture.middle_seconds for picture in expected])
    assert_shows(watched.shown, expected)
    return pictures


def _grid(frame: VideoFrame) -> NDArray[np.float64]:
    untagged = frame.colorspace == COLORSPACE_UNSPECIFIED
    standard = Colorspace.ITU709 if untagged and frame.height >= UNTAGGED_BT709_LINES else None
    pixels = frame.reformat(format="rgb24", src_colorspace=standard).to_ndarray()
    rows, columns = (np.arange(CELLS + 1) * length // CELLS for length in pixels.shape[:2])
    parts = [
        [pixels[top:bottom, left:right].mean(axis=(0, 1)) for left, right in pairwise(columns)]
        for top, bottom in pairwise(rows)
    ]
    return np.array(parts, dtype=np.float64)
