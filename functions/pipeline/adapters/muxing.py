"""Writes the final MP4 packet by packet: copied pictures, encoded pictures, and sound beside them. Nothing is decoded.

    head   ftyp, room for moov ........ filled in at the end (`head_bytes`), so that players find it first
    body   pictures and sound in order of time, as they come

Times are not taken from the files: picture n is shown at n frames, so that nothing drifts, whatever the clips' clocks.
A picture's place among its file's pictures follows from the order of their times.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import av
from av.container import InputContainer
from av.error import FFmpegError

from pipeline.adapters.local_disk import FULL_DISK
from pipeline.adapters.media_probe import open_media, shown_pictures
from pipeline.domain.errors import JobError, MediaError, OutOfSpace
from pipeline.domain.media_plans import CompositionPlan
from pipeline.domain.media_segments import Piece
from pipeline.domain.parameter_sets import merge_parameter_sets

HEAD_BYTES, BYTES_PER_PICTURE, BYTES_PER_SOUND_PACKET = 16_384, 40, 32
"""More than the tables of moov take, even if every packet were in a chunk of its own."""
SOUND_PACKETS_PER_SECOND = 48_000 / 1024
BUFFER_BYTES = 1 << 18


def head_bytes(plan: CompositionPlan) -> int:
    """How many bytes at the beginning of the file are not final until its end."""
    sound = plan.total_seconds * SOUND_PACKETS_PER_SECOND * BYTES_PER_SOUND_PACKET if plan.has_sound else 0
    return HEAD_BYTES + plan.total_frames * BYTES_PER_PICTURE + int(sound)


class SeekableFile(Protocol):
    """What a video can be written to besides a path: a file, or a `StreamedUpload`."""

    def write(self, data: bytes, /) -> int: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...
    def tell(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Picture:
    """A packet of pictures, and which of its file's pictures it holds, counted from 0 in the order shown."""

    packet: "av.Packet[av.VideoStream]"
    number: int


def read_pictures(path: Path, piece: Piece) -> Iterator[Picture]:
    """The packets of a piece of a clip, in the order of decoding.

    The piece begins and ends where it may (`domain.copy_points`), so that the first n packets are the first n pictures.
    Raises MediaError when some are missing.
    """
    times = sorted(packet.pts for packet in _packets(path, piece) if packet.pts is not None)
    if len(times) != piece.frames:
        raise MediaError(f"A clip has {len(times)} pictures where {piece.frames} were expected.")
    for packet in _packets(path, piece):
        yield Picture(packet, piece.start + bisect_left(times, packet.pts or 0))


def _packets(path: Path, piece: Piece) -> Iterator["av.Packet[av.VideoStream]"]:
    with open_media(path) as container:
        yield from islice(
            (packet for packet in container.demux(shown_pictures(container)[0]) if packet.size), piece.start, piece.end
        )


class FinalVideo:
    """The MP4 of a plan while it is written to `target`, a path or a seekable file.

    `parameter_sets` are the avcC records of all that will be added, `sound` a file of the plan's length. Methods raise
    MediaError, and what `target` raises.
    """

    def __init__(
        self, plan: CompositionPlan, parameter_sets: Sequence[bytes], sound: Path | None, target: Path | SeekableFile
    ) -> None:
        self._plan = plan
        self._parameter_sets = merge_parameter_sets(parameter_sets)
        self._clock = Fraction(1, plan.form.ticks_per_second)
        self._frame_ticks = int(plan.form.ticks_per_second / plan.form.frame_rate)
        self._open_files = ExitStack()
        self._container = self._open_files.enter_context(
            av.open(
                str(target) if isinstance(target, Path) else target,
                "w",
                format="mp4",
                options={"moov_size": str(head_bytes(plan) - HEAD_BYTES // 2)},
                buffer_size=BUFFER_BYTES,
            )
        )
        self._pictures: av.VideoStream | None = None
        self._sound_path = sound
        self._sound: Iterator[av.Packet[Any]] = iter(())
        self._next_sound: av.Packet[Any] | None = None
        self._decoded, self._shown = 0, 0  # pictures so far: packets, and those of finished pieces

    def __enter__(self) -> "FinalVideo":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._open_files.close()
            return
        with suppress(FFmpegError, JobError, OSError):  # what is not finished may not be writable either
            self._open_files.close()

    def add(self, path: Path, piece: Piece) -> list[int]:
        """Add the packets of a piece of a clip, or of a segment that was encoded; their bytes, in the order shown."""
        sizes = [0] * piece.frames
        with _muxing():
            for picture in read_pictures(path, piece):
                if self._pictures is None:
                    self._pictures = self._begun(picture.packet.stream)
                sizes[picture.number - piece.start] = picture.packet.size
                self._add_picture(self._pictures, picture, piece)
        self._shown += piece.frames
        return sizes

    def finish(self) -> None:
        """Write what is left of the sound, and the head. Raises MediaError when pictures are missing."""
        if self._shown != self._plan.total_frames:
            raise MediaError(f"The video has {self._shown} frames instead of {self._plan.total_frames}.")
        with _muxing():
            self._add_sound(before=None)
            self._open_files.close()

    def _begun(self, template: av.VideoStream) -> av.VideoStream:
        """The streams of the file; what they have in common with the first clip is taken from there."""
        pictures = self._container.add_stream_from_template(template)
        pictures.codec_context.extradata = self._parameter_sets
        pictures.time_base = self._clock
        if self._sound_path is not None:
            source = self._open_files.enter_context(open_media(self._sound_path))
            sound = self._container.add_stream_from_template(source.streams.audio[0])
            self._sound = _sound_packets(source, sound)
            self._next_sound = next(self._sound, None)
        return pictures

    def _add_picture(self, pictures: av.VideoStream, picture: Picture, piece: Piece) -> None:
        packet = picture.packet
        packet.time_base = self._clock
        packet.pts = (self._shown + picture.number - piece.start) * self._frame_ticks
        packet.dts = (self._decoded - self._plan.reorder_frames) * self._frame_ticks
        packet.duration = self._frame_ticks
        packet.stream = pictures
        self._decoded += 1
        if self._next_sound is not None:
            self._add_sound(before=packet.dts * self._clock)
        self._container.mux_one(packet)

    def _add_sound(self, before: Fraction | None) -> None:
        """Add the sound up to a time in seconds, or all."""
        while (packet := self._next_sound) is not None:
            if before is not None and (packet.dts or 0) * (packet.time_base or 0) >= before:
                return
            self._next_sound = next(self._sound, None)
            self._container.mux_one(packet)


def _sound_packets(source: InputContainer, target: av.AudioStream) -> Iterator["av.Packet[Any]"]:
    for packet in source.demux(audio=0):
        if packet.size:
            packet.stream = target
            yield packet


@contextmanager
def _muxing() -> Iterator[None]:
    """What the muxer says, in our words. What the target raises passes."""
    try:
        yield
    except FFmpegError as error:
        if error.errno in FULL_DISK:
            raise OutOfSpace("The function ran out of disk space while writing the video.") from error
        raise MediaError(f"The video could not be written: {error.strerror}.") from error
