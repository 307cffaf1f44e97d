"""Looks at the pictures of a video while it is written: its poster, and stretches that are black or do not move.

Little is decoded: a picture here and there for the poster, and both ends of stretches whose packets hold next to
nothing.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import av
from av.container import InputContainer
from av.error import FFmpegError
from PIL import Image, ImageChops, ImageStat

from pipeline.adapters.media_probe import open_media, shown_pictures
from pipeline.domain.errors import MediaError
from pipeline.domain.media_plans import CompositionPlan
from pipeline.domain.media_segments import Piece, Segment
from pipeline.domain.media_warnings import (
    MIN_PICTURE_SECONDS,
    MediaWarning,
    joined,
    picture_warning,
    quiet_stretches,
)

POSTER_EDGE_PIXELS, THUMBNAIL_EDGE_PIXELS = 1280, 480
POSTER_CANDIDATES = 8
"""Of these, from as many places of the video, the one with most contrast is taken."""
BLACK_LUMA = 28
"""No pixel of a black picture is brighter; black itself is 0 here, as a screen shows it."""
STILL_DIFFERENCE = 1.0
"""The mean difference of two pictures, of 255, that nobody sees."""
LOOK_SIZE = (64, 64)


class PictureCheck:
    """What the pictures of one video look like, piece by piece in order."""

    def __init__(self, plan: CompositionPlan) -> None:
        self._plan = plan
        self._rate = float(plan.form.frame_rate)
        self._frames = 0  # looked at
        self._next_candidate = 0.0
        self._best: tuple[float, av.VideoFrame] | None = None
        self._warnings: list[MediaWarning] = []

    @property
    def warnings(self) -> list[MediaWarning]:
        return joined(self._warnings)

    def poster(self) -> bytes:
        """A JPEG, its longer edge at most 1280 pixels. Raises MediaError when nothing was looked at."""
        return self._jpeg(POSTER_EDGE_PIXELS)

    def thumbnail(self) -> bytes:
        """The same picture, its longer edge at most 480 pixels."""
        return self._jpeg(THUMBNAIL_EDGE_PIXELS)

    def look(
        self, path: Path, piece: Piece, frame_seconds: float, sizes_bytes: Sequence[int], segment: Segment
    ) -> None:
        """Look at a piece of a file that was just written, whose packets in the order shown have these sizes."""
        shortest = round(MIN_PICTURE_SECONDS * self._rate)
        for start, end in quiet_stretches(sizes_bytes, self._plan.form.pixels, shortest):
            first, last = (_frame(path, (piece.start + at) * frame_seconds) for at in (start, end - 1))
            if (kind := _kind(_small(first), _small(last))) is not None:
                times = [(self._frames + at) / self._rate for at in (start, end)]
                clip = segment.clip_at((start + end) / 2)
                self._warnings.append(picture_warning(kind, clip + 1, times[0], times[1]))
        middle = self._frames + piece.frames / 2
        if middle >= self._next_candidate:
            self._consider(_frame(path, (piece.start + piece.frames / 2) * frame_seconds, exactly=False))
            self._next_candidate = middle + self._plan.total_frames / POSTER_CANDIDATES
        self._frames += piece.frames

    def _consider(self, frame: av.VideoFrame) -> None:
        contrast = ImageStat.Stat(_small(frame)).stddev[0]
        if self._best is None or contrast > self._best[0]:
            self._best = contrast, frame

    def _jpeg(self, edge: int) -> bytes:
        if self._best is None:
            raise MediaError("The video has no picture.")
        written = io.BytesIO()
        _image(self._best[1], edge).save(written, "JPEG", quality=85, optimize=True)
        return written.getvalue()


def _frame(path: Path, seconds: float, *, exactly: bool = True) -> av.VideoFrame:
    """The picture shown `seconds` after the first, or the last keyframe before it, for which no other is decoded."""
    try:
        with open_media(path) as container:
            stream = shown_pictures(container)[0]
            unit = stream.time_base or 1
            wanted = (stream.start_time or 0) + round(seconds / unit)
            container.seek(wanted, stream=stream)
            if not exactly and (alone := _first_frame(container, stream)) is not None:
                return alone
            early = round(0.25 / float(stream.average_rate or 25) / unit)
            for frame in container.decode(stream):
                if not exactly or frame.pts is None or frame.pts >= wanted - early:
                    return frame
    except FFmpegError as error:
        raise MediaError(f"A picture of the video cannot be decoded: {error.strerror}.") from error
    raise MediaError("A picture of the video cannot be found.")


def _first_frame(container: InputContainer, stream: av.VideoStream) -> av.VideoFrame | None:
    """What the next packet alone decodes to; without that, the container is where it was."""
    packet = next(container.demux(stream))
    frames = [*packet.decode(), *stream.codec_context.decode(None)]
    if not frames:
        stream.codec_context.flush_buffers()
        container.seek(packet.pts or 0, stream=stream)
    return frames[0] if frames else None


def _image(frame: av.VideoFrame, edge: int) -> Image.Image:
    share = min(1.0, edge / max(frame.width, frame.height))
    size = {"width": max(round(frame.width * share), 1), "height": max(round(frame.height * share), 1)}
    picture: Image.Image = frame.to_image(**size)  # type: ignore[no-untyped-call]
    return picture


def _small(frame: av.VideoFrame) -> Image.Image:
    """Grey, of LOOK_SIZE."""
    width, height = LOOK_SIZE
    picture: Image.Image = frame.to_image(width=width, height=height)  # type: ignore[no-untyped-call]
    return picture.convert("L")


def _kind(first: Image.Image, last: Image.Image) -> Literal["black", "frozen"] | None:
    """What two small pictures with nothing new between them are."""
    if all(ImageStat.Stat(picture).extrema[0][1] <= BLACK_LUMA for picture in (first, last)):
        return "black"
    difference = ImageStat.Stat(ImageChops.difference(first, last)).mean[0]
    return "frozen" if difference <= STILL_DIFFERENCE else None
