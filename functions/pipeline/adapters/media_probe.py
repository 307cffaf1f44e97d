"""Looks into media files with PyAV: local files only, known containers only, one picture decoded at the most.

Every packet is read, because only that tells how many pictures a file really holds, whether it is cut short, and where
its packets may be cut apart. Opening decodes nothing, so that a file can claim any size without anything so large made.
"""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition

from pipeline.adapters.picture_packets import MAX_PIXELS, PicturePackets, count_packets, read_picture_packets
from pipeline.adapters.sample_tables import check_sample_tables, is_plain_movie
from pipeline.adapters.trial_reading import try_reading
from pipeline.domain.copy_points import NO_POINTS, find_copy_points
from pipeline.domain.errors import UnsupportedMedia
from pipeline.domain.media import AudioStream, MediaProbe, VideoStream

DEMUXERS = "mov,matroska,webm,mp3,wav,flac,ogg,aac"
"""What may be opened: containers that hold their media themselves. No playlist, no concat, no reference."""

INPUT_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": DEMUXERS, "max_pixels": str(MAX_PIXELS)}
"""For every input that came from outside: of no stream is a larger picture decoded, not even of a cover. References of
MOV files to other files are off by default (enable_drefs)."""

PROBE_OPTIONS = {**INPUT_OPTIONS, "codec_whitelist": "none", "fflags": "-genpts", "probesize": "1000000"}
"""For opening: no decoder is allowed, or FFmpeg would try those of all streams. Nor may it pile up packets that have no
times until one comes that has; bytes of packets that it may pile up otherwise, to learn what streams are like."""

SIGNATURES = {
    (b"\x1a\x45\xdf\xa3",): {"format_whitelist": "matroska,webm"},
    (b"RIFF", b"RF64", b"fLaC", b"OggS"): {"format_whitelist": "wav,flac,ogg"},
    (b"ID3", b"\xff"): {"format_whitelist": "mp3,aac,flac", "codec_whitelist": "aac"},  # AAC tells its rate in packets
}
"""How files begin that are no MP4 or MOV, and as what they may be opened: never as those, unchecked."""

VARIATION = 0.25
"""A frame that is this share shorter or longer than the average makes the rate variable, or so far from its place."""

# as numbered in ISO/IEC 23091-2, and so in FFmpeg's AVColorTransferCharacteristic and AVColorSpace
TRANSFERS = {16: "smpte2084", 18: "arib-std-b67"}
MATRICES = {0: "gbr", 1: "bt709", 2: "", 3: "", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco"}
MATRICES |= {9: "bt2020nc", 10: "bt2020c", 11: "smpte2085", 12: "chroma-derived-nc", 13: "chroma-derived-c"}
MATRICES |= {14: "ictcp", 15: "ipt-c2", 16: "ycgco-re", 17: "ycgco-ro"}
FULL_RANGE = 2  # AVCOL_RANGE_JPEG
WHOLE_FRAMES = (0, 1)  # AV_FIELD_UNKNOWN and _PROGRESSIVE


def probe_media(path: Path) -> MediaProbe:
    """What the file holds.

    Raises UnsupportedMedia when it is no media, broken, or cut short; SourceTooLarge when its pictures are huge, or
    more than any video may have.
    """
    size_bytes = path.stat().st_size
    if size_bytes == 0:
        raise UnsupportedMedia("The file is empty.")
    try:
        with av.open(str(path), options=_options(path)) as container:
            return _probe(container, size_bytes)
    except (FFmpegError, ValueError) as error:
        raise UnsupportedMedia("The file is no media that can be read, or it is damaged.") from error


def open_media(path: Path, *, decoding: bool = False) -> InputContainer:
    """A file that was probed, to read its packets, or to decode its pictures as well. Raises FFmpegError."""
    return av.open(str(path), options=INPUT_OPTIONS if decoding else PROBE_OPTIONS)


def shown_pictures(container: InputContainer) -> list[av.VideoStream]:
    """The streams that play, the first of which is taken: not the covers, wherever in the file they are."""
    return [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]


def _options(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        beginning = file.read(4)
    for signatures, options in SIGNATURES.items():
        if beginning.startswith(signatures):
            try_reading(path, PROBE_OPTIONS | options)
            return PROBE_OPTIONS | options
    check_sample_tables(path)
    if not is_plain_movie(path):
        try_reading(path, PROBE_OPTIONS)
    return PROBE_OPTIONS


def _probe(container: InputContainer, size_bytes: int) -> MediaProbe:
    streams = shown_pictures(container)
    if not streams and not container.streams.audio:
        raise UnsupportedMedia("The file has neither pictures nor sound.")
    if any(stream.codec_context is None for stream in (*streams[:1], *container.streams.audio[:1])):
        raise UnsupportedMedia("The file's pictures or its sound are in a codec that is not known.")
    video = _video(streams[0], *read_picture_packets(container, streams[0])) if streams else None
    if not streams:
        count_packets(container)
    return MediaProbe(
        container=container.format.name,
        duration_seconds=float((container.duration or 0) / av.time_base) or (video.duration_seconds if video else 0.0),
        size_bytes=size_bytes,
        video=video,
        audio=_audio(container.streams.audio[0]) if container.streams.audio else None,
    )


def _audio(stream: av.AudioStream) -> AudioStream:
    context = stream.codec_context
    return AudioStream(codec=context.name, sample_rate_hz=context.sample_rate, channels=context.layout.nb_channels)


def _video(stream: av.VideoStream, pictures: PicturePackets, frame: av.VideoFrame) -> VideoStream:
    context = stream.codec_context
    unit = stream.time_base or Fraction(1, av.time_base)  # seconds
    times = sorted(pictures.times)
    rate = _rate(stream, times, unit)
    is_even, last = _pace(times, pictures.last_duration, float(1 / (rate * unit)))
    is_interlaced = frame.interlaced_frame or context.field_order not in WHOLE_FRAMES
    may_copy = pictures.record is not None and not is_interlaced and len(set(times)) == len(times)
    points = find_copy_points(pictures.times, pictures.idr_packets, float(1 / unit)) if may_copy else NO_POINTS
    aspect = stream.sample_aspect_ratio or context.sample_aspect_ratio or Fraction(1)
    matrix = int(context.colorspace)
    return VideoStream(
        codec=context.name,
        width=frame.width,
        height=frame.height,
        pixel_format=context.pix_fmt or "",
        frame_rate=rate,
        frame_count=len(times),
        duration_seconds=(times[-1] - times[0] + last) * float(unit),
        start_seconds=float(times[0] * unit),
        sample_aspect_ratio=aspect if aspect > 0 else Fraction(1),
        rotation_degrees=-frame.rotation % 360,
        is_variable_rate=not is_even,
        color_transfer=TRANSFERS.get(int(context.color_trc), ""),
        color_matrix=MATRICES.get(matrix, str(matrix)),
        is_full_range=int(context.color_range) == FULL_RANGE,
        is_interlaced=is_interlaced,
        parameter_sets=pictures.record.content.hex() if may_copy and pictures.record else "",
        entry_frames=points.entry_frames,
        exit_frames=points.exit_frames,
        reorder_frames=points.reorder_frames,
    )


def _pace(times: list[int], last_duration: int, usual: float) -> tuple[bool, float]:
    """Whether all pictures are shown for as long, or nearly so; and how long the last one is. All in the same units.

    What a file says of its last picture is often odd: if the others are even, less than twice their time means as long.
    """
    if len(times) < 2:
        return True, last_duration or usual
    step = (times[-1] - times[0]) / (len(times) - 1)
    last = last_duration or step
    slack = VARIATION * step
    is_even = (
        last < 2 * step
        and all(abs(later - earlier - step) <= slack for earlier, later in pairwise(times))
        and all(abs(time - times[0] - number * step) <= slack for number, time in enumerate(times))
    )
    return is_even, step if is_even else last


def _rate(stream: av.VideoStream, times: list[int], unit: Fraction) -> Fraction:
    guessed = stream.average_rate or stream.guessed_rate or stream.base_rate
    if guessed and guessed > 0:
        return Fraction(guessed)
    if len(times) > 1 and times[-1] > times[0]:
        return Fraction((len(times) - 1) / ((times[-1] - times[0]) * unit)).limit_denominator(1001)
    return Fraction(24)
