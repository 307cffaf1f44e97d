"""What of a clip may go into a video as it is, packet by packet, and what keeps the rest from it. Pure.

One file has one set of rules for all its copied pictures (`parameter_sets`): those with which most can be copied.
"""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from pipeline.domain.media import VideoStream
from pipeline.domain.media_forms import VideoForm

USUAL_FADE_SECONDS = Fraction(1, 2)
"""Unless somebody says otherwise. Prepared clips have keyframes where such a fade ends and begins."""

SHORTEST_COPY_SECONDS = Fraction(1, 4)
"""Of a clip that is faded: to copy less is not worth the two encoders that it would take instead of one."""


def copied_parameter_sets(streams: Sequence[VideoStream], fades: Sequence[tuple[int, int]], form: VideoForm) -> str:
    """Those with which most frames can be copied, the earlier clip's when two are as good; "" when no clip is alike.

    `fades`: how many of a stream's first and last frames are faded.
    """
    frames: Counter[str] = Counter()
    for stream, (fade_in, fade_out) in zip(streams, fades, strict=True):
        if not _why_not_alike(stream, form):
            start, end = copied_frames(stream, fade_in, fade_out, form) or (0, 0)
            frames[stream.parameter_sets] += end - start
    return frames.most_common(1)[0][0] if frames else ""


def why_encoded(stream: VideoStream, form: VideoForm, copied_sets: str) -> str:
    """What keeps a stream from being copied into a file of this form and these parameter sets; "" when nothing does."""
    not_alike = _why_not_alike(stream, form)
    if not_alike or stream.parameter_sets == copied_sets:
        return not_alike
    return "it was encoded in another way than what is copied"


def copied_frames(stream: VideoStream, fade_in: int, fade_out: int, form: VideoForm) -> tuple[int, int] | None:
    """The frames, from and to (excluded), that may be copied of a stream whose first and last ones are faded.

    They lie between pictures where a copy may begin and end; None when that leaves nothing that is worth it.
    """
    entries = [frame for frame in stream.entry_frames if frame >= fade_in]
    exits = [frame for frame in stream.exit_frames if frame <= stream.frame_count - fade_out]
    if not entries or not exits:
        return None
    start, end = entries[0], exits[-1]
    worth = max(1, round(SHORTEST_COPY_SECONDS * form.frame_rate))
    is_whole = (start, end) == (0, stream.frame_count)
    return (start, end) if is_whole or end - start >= worth else None


def joint_keyframes(frames: int, rate: Fraction) -> tuple[int, ...]:
    """Where a clip of so many frames needs keyframes to be copied between its joints, whatever they will be.

    Where the usual fades end and begin; and every second, which is what fades of other lengths encode at most.
    """
    fade, second = round(USUAL_FADE_SECONDS * rate), round(rate)
    if frames <= 2 * fade or fade == 0:
        return (0,)
    between = (frame for frame in range(second, frames, second) if fade * 1.5 <= frame <= frames - fade * 1.5)
    return (0, fade, *between, frames - fade)


def _why_not_alike(stream: VideoStream, form: VideoForm) -> str:
    width, height = stream.displayed_size
    reasons = {
        f"{width}x{height} is scaled": (width, height) != (form.width, form.height),
        f"{float(stream.frame_rate):.3f} fps is retimed": not form.is_kept_by(stream),
        "pixels are made square": stream.sample_aspect_ratio != 1,
        f"rotated by {stream.rotation_degrees} degrees": stream.rotation_degrees != 0,
        "HDR is mapped to SDR": stream.is_hdr,
        "odd edges are cut": stream.width % 2 != 0 or stream.height % 2 != 0,
        f"not every player takes {stream.codec}": stream.codec != "h264",
        f"not every player takes {stream.pixel_format}": stream.pixel_format != "yuv420p",
        "its colours are converted": stream.color_matrix not in ("", "bt709") or stream.is_full_range,
        "it is interlaced": stream.is_interlaced,
        "its packets cannot be joined with others": stream.codec == "h264" and not stream.parameter_sets,
    }
    return ", ".join(reason for reason, holds in reasons.items() if holds)
