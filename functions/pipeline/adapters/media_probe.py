"""Looks into media files with PyAV: local files only, known containers only, nothing decoded but one frame.

Every packet is read, because only that tells how many pictures a file really holds and whether it is cut short.
"""

import hashlib
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
from av.error import FFmpegError

from pipeline.domain.errors import UnsupportedMedia
from pipeline.domain.media import AudioStream, MediaProbe, VideoStream

DEMUXERS = "mov,matroska,webm,mp3,wav,flac,ogg,aac"
"""What may be opened: containers that hold their media themselves. No playlist, no concat, no reference."""

OPEN_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": DEMUXERS, "enable_drefs": "0"}

VARIATION = 0.25
"""A frame that is this share shorter or longer than the average makes the rate variable."""


def probe_media(path: Path) -> MediaProbe:
    """What the file holds. Raises UnsupportedMedia when it is no media, broken, or cut short."""
    size_bytes = path.stat().st_size
    if size_bytes == 0:
        raise UnsupportedMedia("The file is empty.")
    try:
        with av.open(str(path), options=OPEN_OPTIONS) as container:
            audio = _audio(container)
            video = _video(container)
            seconds = float((container.duration or 0) / av.time_base)
            name = container.format.name
    except (FFmpegError, ValueError) as error:
        raise UnsupportedMedia("The file is no media that can be read, or it is damaged.") from error
    if video is None and audio is None:
        raise UnsupportedMedia("The file has neither pictures nor sound.")
    return MediaProbe(
        container=name,
        duration_seconds=seconds or (video.duration_seconds if video else 0.0),
        size_bytes=size_bytes,
        video=video,
        audio=audio,
    )


def _audio(container: av.container.InputContainer) -> AudioStream | None:
    if not container.streams.audio:
        return None
    context = container.streams.audio[0].codec_context
    return AudioStream(codec=context.name, sample_rate_hz=context.sample_rate, channels=context.layout.nb_channels)


def _video(container: av.container.InputContainer) -> VideoStream | None:
    streams = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
    if not streams:
        return None
    stream = streams[0]
    context = stream.codec_context
    digest = hashlib.sha256(bytes(context.extradata or b"")).hexdigest()
    times = _packet_times(container, stream)
    container.seek(0)
    frame = next(iter(container.decode(stream)), None)
    if frame is None or not times:
        raise UnsupportedMedia("Not one picture of the video can be decoded.")
    steps = [later - earlier for earlier, later in pairwise(times)]
    rate = _rate(stream, times)
    typical = float(1 / rate)
    duration = float(times[-1] - times[0]) + (float(steps[-1]) if steps else typical)
    aspect = stream.sample_aspect_ratio or Fraction(1)
    return VideoStream(
        codec=context.name,
        width=context.width,
        height=context.height,
        pixel_format=context.pix_fmt or "",
        frame_rate=rate,
        frame_count=len(times),
        duration_seconds=duration,
        sample_aspect_ratio=aspect if aspect > 0 else Fraction(1),
        rotation_degrees=-frame.rotation % 360,
        is_variable_rate=any(abs(float(step) - typical) > VARIATION * typical for step in steps),
        color_transfer=_TRANSFERS.get(int(context.color_trc), ""),
        stream_digest=f"{digest}:{context.width}x{context.height}:{aspect}:{rate}:{stream.time_base}",
    )


def _packet_times(container: av.container.InputContainer, stream: av.VideoStream) -> list[Fraction]:
    """When each picture is shown, in seconds, sorted. Raises UnsupportedMedia when announced ones lack."""
    times = sorted(
        packet.pts * packet.time_base
        for packet in container.demux(stream)
        if packet.pts is not None and packet.time_base is not None and packet.size > 0
    )
    if stream.frames and len(times) < stream.frames:
        raise UnsupportedMedia(f"The file is cut short: it has {len(times)} of its {stream.frames} pictures.")
    return times


def _rate(stream: av.VideoStream, times: list[Fraction]) -> Fraction:
    guessed = stream.average_rate or stream.guessed_rate or stream.base_rate
    if guessed and guessed > 0:
        return Fraction(guessed)
    if len(times) > 1 and times[-1] > times[0]:
        return Fraction((len(times) - 1) / (times[-1] - times[0])).limit_denominator(1001)
    return Fraction(24)


_TRANSFERS = {16: "smpte2084", 18: "arib-std-b67"}
