"""Reads through the packets of a media file once, and keeps a few numbers of each picture.

Bounded: so many pictures and no more, and one of them decoded, or none.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import av
from av.container import InputContainer
from av.error import FFmpegError

from pipeline.domain.avc_packets import AvcRecord, PacketKind, read_avc_record
from pipeline.domain.errors import SourceTooLarge, UnsupportedMedia

MAX_PIXELS = 4096 * 4096
"""Of one picture: no more is decoded, not even to look at it."""

MAX_PICTURES = 60 * 3600 * 11 // 10
"""Of one file: an hour at the highest rate, and a little."""

MAX_PARAMETER_SETS_BYTES = 256
"""Of a stream whose packets may be copied; usual are 50. They are kept with what is known about the file."""

DECODER_OPTIONS = {"max_pixels": str(MAX_PIXELS), "threads": "1", "skip_loop_filter": "all", "skip_idct": "all"}
"""For a picture that nobody will see."""

MAX_PACKETS_BEFORE_PICTURE = 600
"""Some videos begin amid a group of pictures: its packets decode to nothing."""


@dataclass(slots=True)
class PicturePackets:
    """The packets of a video that are shown, in the order of decoding. Times in the stream's units."""

    record: AvcRecord | None  # None: the packets may not be copied
    max_pictures: int
    times: list[int] = field(default_factory=list)
    idr_packets: list[int] = field(default_factory=list)  # numbers of those that need none before them
    last_duration: int = 0  # of the picture shown last; 0 when the file does not say
    frame: av.VideoFrame | None = None  # what the first packet alone decodes to
    _read: int = 0
    _last_time: int | None = None

    def add(self, packet: "av.Packet[av.VideoStream]") -> None:
        """The next packet. Raises SourceTooLarge when they are too many."""
        self._read += 1
        if self._read > self.max_pictures:
            raise SourceTooLarge(f"The video has more than {self.max_pictures} pictures; that is the limit.")
        if self._read == 1:
            self.frame = _decoded(packet)
        time, is_hidden = packet.pts, packet.is_discard or packet.is_corrupt
        if time is None or is_hidden:
            self.record, time = None, packet.dts
        if time is None or is_hidden:
            return
        if self._last_time is None or time >= self._last_time:
            self._last_time, self.last_duration = time, packet.duration or 0
        if self.record is not None:
            self._look_into(packet, self.record)
        self.times.append(time)

    def _look_into(self, packet: "av.Packet[av.VideoStream]", record: AvcRecord) -> None:
        kind = record.kind(memoryview(packet))
        if kind is PacketKind.ODD or (kind is PacketKind.OTHER and not self.times):
            self.record = None
        elif kind is PacketKind.IDR and packet.is_keyframe:
            self.idr_packets.append(len(self.times))


def read_picture_packets(
    container: InputContainer, stream: av.VideoStream, *, max_pictures: int = MAX_PICTURES
) -> tuple[PicturePackets, av.VideoFrame]:
    """Read the whole container. Returns what its pictures are like, and one of them, badly decoded.

    Raises UnsupportedMedia when announced packets lack or no picture can be decoded, SourceTooLarge when a picture is
    huge or there are too many.
    """
    context = stream.codec_context
    if context.width * context.height > MAX_PIXELS:
        raise SourceTooLarge(f"The pictures are too large: {context.width}x{context.height}.")
    context.options = dict(DECODER_OPTIONS)
    extradata = bytes(context.extradata or b"")
    is_avc = context.name == "h264" and len(extradata) <= MAX_PARAMETER_SETS_BYTES
    pictures = PicturePackets(read_avc_record(extradata) if is_avc else None, max_pictures)
    for packet in _read_packets(container):
        if packet.stream_index == stream.index:
            pictures.add(packet)
    frame = pictures.frame or _any_frame(container, stream)
    if frame is None or not pictures.times:
        raise UnsupportedMedia("Not one picture of the video can be decoded.")
    return pictures, frame


def count_packets(container: InputContainer) -> int:
    """Read the whole container, for nothing but how many packets it holds. Raises UnsupportedMedia like the above."""
    return sum(1 for _ in _read_packets(container))


def _read_packets(container: InputContainer) -> Iterator["av.Packet[Any]"]:
    found = [0] * len(container.streams)
    for packet in container.demux():
        if packet.size:  # the demuxer's last ones have none
            found[packet.stream_index] += not packet.is_corrupt
            yield packet
    for stream in (*container.streams.video, *container.streams.audio):
        announced = min(stream.frames, len(stream.index_entries))  # of PCM, a packet holds many frames
        if found[stream.index] < announced:
            raise UnsupportedMedia(f"The file is cut short: {found[stream.index]} of {announced} packets are there.")


def _decoded(packet: "av.Packet[av.VideoStream]") -> av.VideoFrame | None:
    """The picture in one packet alone. Raises SourceTooLarge when that has another size than the container says."""
    context = packet.stream.codec_context
    said_width = context.width
    try:
        return next(iter(packet.decode() or context.decode(None)), None)
    except FFmpegError as error:
        if context.width * context.height > MAX_PIXELS or (said_width and not context.width):
            raise SourceTooLarge("The pictures are too large, larger than the file says.") from error
        raise


def _any_frame(container: InputContainer, stream: av.VideoStream) -> av.VideoFrame | None:
    """The first packet alone gave none."""
    container.seek(0)
    packets = islice(container.demux(stream), MAX_PACKETS_BEFORE_PICTURE)
    return next((frame for packet in packets for frame in packet.decode()), None)
