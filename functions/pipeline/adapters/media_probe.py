"""Looks into media files with PyAV: local files only, known containers only, nothing decoded but one frame.

Every packet is read, because only that tells how many pictures a file really holds and whether it is cut short.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition

from pipeline.domain.errors import SourceTooLarge, UnsupportedMedia
from pipeline.domain.media import AudioStream, MediaProbe, VideoStream

DEMUXERS = "mov,matroska,webm,mp3,wav,flac,ogg,aac"
"""What may be opened: containers that hold their media themselves. No playlist, no concat, no reference."""

INPUT_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": DEMUXERS}
"""For every input that came from outside. References of MOV files to other files are off by default (enable_drefs)."""

MAX_PIXELS = 8192 * 8192
"""Of one picture: no more is decoded, not even to look at it."""

VARIATION = Fraction(1, 4)
"""A frame that is this share shorter or longer than the average makes the rate variable."""

UNSPECIFIED = (2, 3)  # AVCOL_SPC_UNSPECIFIED and _RESERVED, as in ISO/IEC 23091-2
TRANSFERS = {16: "smpte2084", 18: "arib-std-b67"}


def probe_media(path: Path) -> MediaProbe:
    """What the file holds.

    Raises UnsupportedMedia when it is no media, broken, or cut short; SourceTooLarge when its pictures are huge.
    """
    size_bytes = path.stat().st_size
    if size_bytes == 0:
        raise UnsupportedMedia("The file is empty.")
    try:
        with av.open(str(path), options=INPUT_OPTIONS) as container:
            return _probe(container, size_bytes)
    except (FFmpegError, ValueError) as error:
        raise UnsupportedMedia("The file is no media that can be read, or it is damaged.") from error


def _probe(container: InputContainer, size_bytes: int) -> MediaProbe:
    pictures = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not pictures and not container.streams.audio:
        raise UnsupportedMedia("The file has neither pictures nor sound.")
    packets = _read_packets(container, pictures[0] if pictures else None)
    video = _video(container, pictures[0], packets) if pictures else None
    return MediaProbe(
        container=container.format.name,
        duration_seconds=float((container.duration or 0) / av.time_base) or (video.duration_seconds if video else 0.0),
        size_bytes=size_bytes,
        video=video,
        audio=_audio(container.streams.audio[0]) if container.streams.audio else None,
    )


@dataclass(frozen=True, slots=True)
class _Packet:
    """What is kept of a packet of pictures. Times in seconds."""

    shown_at: Fraction
    duration: Fraction
    is_keyframe: bool
    is_discarded: bool


def _read_packets(container: InputContainer, pictures: av.VideoStream | None) -> list[_Packet]:
    """The packets of `pictures`, in the order of decoding. Raises UnsupportedMedia when announced ones lack."""
    found: Counter[int] = Counter()
    kept = []
    for packet in container.demux():
        if packet.size == 0 or packet.is_corrupt:
            continue
        found[packet.stream_index] += 1
        if pictures is not None and packet.stream_index == pictures.index and packet.pts is not None:
            unit = packet.time_base or Fraction(1, av.time_base)
            times = packet.pts * unit, (packet.duration or 0) * unit
            kept.append(_Packet(*times, packet.is_keyframe, packet.is_discard))
    for stream in (*container.streams.video, *container.streams.audio):
        if found[stream.index] < stream.frames:
            raise UnsupportedMedia(
                f"The file is cut short: {found[stream.index]} of {stream.frames} packets are there."
            )
    return kept


def _audio(stream: av.AudioStream) -> AudioStream:
    context = stream.codec_context
    return AudioStream(codec=context.name, sample_rate_hz=context.sample_rate, channels=context.layout.nb_channels)


def _video(container: InputContainer, stream: av.VideoStream, packets: list[_Packet]) -> VideoStream:
    context = stream.codec_context
    if context.width * context.height > MAX_PIXELS:
        raise SourceTooLarge(f"The pictures are too large: {context.width}x{context.height}.")
    shown = sorted((packet for packet in packets if not packet.is_discarded), key=lambda packet: packet.shown_at)
    frame = _first_frame(container, stream)
    if frame is None or not shown:
        raise UnsupportedMedia("Not one picture of the video can be decoded.")
    times = [packet.shown_at for packet in shown]
    steps = [later - earlier for earlier, later in pairwise(times)]
    rate = _rate(stream, times)
    last = shown[-1].duration or (steps[-1] if steps else 1 / rate)
    aspect = stream.sample_aspect_ratio or Fraction(1)
    may_join = packets[0].is_keyframe and len(shown) == len(packets)
    return VideoStream(
        codec=context.name,
        width=context.width,
        height=context.height,
        pixel_format=context.pix_fmt or "",
        frame_rate=rate,
        frame_count=len(shown),
        duration_seconds=float(times[-1] - times[0] + last),
        start_seconds=float(times[0]),
        sample_aspect_ratio=aspect if aspect > 0 else Fraction(1),
        rotation_degrees=-frame.rotation % 360,
        is_variable_rate=any(abs(step * rate - 1) > VARIATION for step in steps),
        color_transfer=TRANSFERS.get(int(context.color_trc), ""),
        names_color_matrix=int(context.colorspace) not in UNSPECIFIED,
        stream_digest=_digest(stream, aspect, rate) if may_join else "",
    )


def _first_frame(container: InputContainer, stream: av.VideoStream) -> av.VideoFrame | None:
    container.seek(0)
    return next(iter(container.decode(stream)), None)


def _digest(stream: av.VideoStream, aspect: Fraction, rate: Fraction) -> str:
    """Of all that must be equal for two streams to be joined: above all the decoder's parameter sets."""
    parameter_sets = hashlib.sha256(bytes(stream.codec_context.extradata or b"")).hexdigest()
    size = f"{stream.codec_context.width}x{stream.codec_context.height}"
    return f"{parameter_sets}:{size}:{aspect}:{rate}:{stream.time_base}"


def _rate(stream: av.VideoStream, times: list[Fraction]) -> Fraction:
    guessed = stream.average_rate or stream.guessed_rate or stream.base_rate
    if guessed and guessed > 0:
        return Fraction(guessed)
    if len(times) > 1 and times[-1] > times[0]:
        return Fraction((len(times) - 1) / (times[-1] - times[0])).limit_denominator(1001)
    return Fraction(24)
