"""How clips become one video, decided before anything is decoded. Pure: probes and options in, a plan out.

    clip 1  |████████████|                       frames at the plan's rate; a joint is how many of them
    clip 2           |░░░|██████████|            two neighbours share (0: a hard cut)
    clip 3                     |░░░░|████████|

All lengths are counted in frames, so that the total is exact. A hard cut of clips that agree is copied, everything else
is brought to the form that most of the material has, and encoded.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from pipeline.domain.errors import InvalidRequest, SourceTooLarge, UnsupportedMedia
from pipeline.domain.media import MediaProbe, VideoStream

MAX_EDGE_PIXELS = 4096
MAX_TOTAL_SECONDS = 3600.0
MAX_FRAME_RATE = Fraction(60)
UNSEEN_STRETCH = Fraction(1, 100)
RATE_ROUNDING = Fraction(1, 5000)  # 24000/1001 and 24 are five times as far apart
USUAL_RATES = (Fraction(24000, 1001), *map(Fraction, (24, 25)), Fraction(30000, 1001), *map(Fraction, (30, 50, 60)))


@dataclass(frozen=True)
class CompositionOptions:
    """What the user may choose."""

    crossfade: bool = True
    crossfade_seconds: float = 0.5
    transition: str = "fade"  # a name of ffmpeg's xfade
    optimize_size: bool = False


@dataclass(frozen=True)
class VideoForm:
    """The form that every clip is brought to: pixels, frames per second; always square pixels and yuv420p."""

    width: int
    height: int
    frame_rate: Fraction


@dataclass(frozen=True)
class ClipPlan:
    """One clip's part."""

    frames: int  # at the form's rate
    start_seconds: float  # of its pictures, on the file's own clock
    has_audio: bool
    picture_size: tuple[int, int]  # (width, height) of its pictures inside the form, even numbers; the rest is black
    hdr_transfer: str  # the curve to map to SDR, or ""
    names_color_matrix: bool
    why_encoded: str  # "" when it is copied


@dataclass(frozen=True)
class EncodeSettings:
    """x264's quality and effort."""

    crf: int
    preset: str
    audio_bitrate: str


FAST = EncodeSettings(crf=20, preset="veryfast", audio_bitrate="192k")
SMALL = EncodeSettings(crf=26, preset="slow", audio_bitrate="128k")


@dataclass(frozen=True)
class CompositionPlan:
    """What to do, in full."""

    form: VideoForm
    clips: tuple[ClipPlan, ...]
    joints: tuple[int, ...]  # frames shared by clip n and clip n + 1
    transition: str
    encode: EncodeSettings
    copies_video: bool
    has_clip_audio: bool
    has_music: bool

    @property
    def total_frames(self) -> int:
        return sum(clip.frames for clip in self.clips) - sum(self.joints)

    @property
    def total_seconds(self) -> float:
        return float(self.total_frames / self.form.frame_rate)

    def describe(self) -> str:
        """The plan in words: what is copied, what is encoded, and why."""
        lines = [
            f"{len(self.clips)} clips -> {self.form.width}x{self.form.height}, {float(self.form.frame_rate):.3f} fps, "
            f"{self.total_seconds:.2f} s, video {'copied' if self.copies_video else 'encoded'}, "
            f"clip audio {'yes' if self.has_clip_audio else 'no'}, music {'yes' if self.has_music else 'no'}"
        ]
        for number, clip in enumerate(self.clips, start=1):
            joint = self.joints[number - 1] if number <= len(self.joints) else 0
            then = f", then {self.transition} over {joint} frames" if joint else ""
            lines.append(f"  clip {number}: {clip.frames} frames, {clip.why_encoded or 'copied'}{then}")
        return "\n".join(lines)


def plan_composition(
    probes: Sequence[MediaProbe], options: CompositionOptions, music: MediaProbe | None = None
) -> CompositionPlan:
    """The plan for these clips.

    Raises InvalidRequest without clips, UnsupportedMedia for a clip without pictures or music without sound,
    SourceTooLarge for more than can be worked on. Messages name the clip by its place, from 1.
    """
    if not probes:
        raise InvalidRequest("Field 'clips' is not valid: there is nothing to compose.")
    if music is not None and music.audio is None:
        raise UnsupportedMedia("The audio track (audio_url) has no sound in it.")
    streams = [_video(number, probe) for number, probe in enumerate(probes, start=1)]
    form = _majority_form(streams)
    frames = [max(1, round(stream.duration_seconds * form.frame_rate)) for stream in streams]
    joints = _joints(frames, options, form.frame_rate)
    copies = _can_copy(streams, joints, options)
    if copies:
        frames = [stream.frame_count for stream in streams]
    plan = CompositionPlan(
        form=form,
        clips=tuple(
            _clip(probe, stream, count, form, "" if copies else _why(stream, streams, form, options))
            for probe, stream, count in zip(probes, streams, frames, strict=True)
        ),
        joints=joints,
        transition=options.transition,
        encode=SMALL if options.optimize_size else FAST,
        copies_video=copies,
        has_clip_audio=any(probe.audio is not None for probe in probes),
        has_music=music is not None,
    )
    if plan.total_seconds > MAX_TOTAL_SECONDS:
        raise SourceTooLarge(
            f"The video would be {plan.total_seconds:.0f} s long; {MAX_TOTAL_SECONDS:.0f} s is the limit."
        )
    return plan


def _video(number: int, probe: MediaProbe) -> VideoStream:
    if probe.video is None:
        raise UnsupportedMedia(f"Clip {number} has no video stream.")
    if max(probe.video.width, probe.video.height) > MAX_EDGE_PIXELS:
        raise SourceTooLarge(
            f"Clip {number} is {probe.video.width}x{probe.video.height}; {MAX_EDGE_PIXELS} pixels is the longest edge."
        )
    return probe.video


def _majority_form(streams: Sequence[VideoStream]) -> VideoForm:
    """The size and rate that most seconds of the material have; the earlier clip's when two have as many."""
    sizes: Counter[tuple[int, int]] = Counter()
    rates: Counter[Fraction] = Counter()
    for stream in streams:
        milliseconds = round(stream.duration_seconds * 1000)
        sizes[stream.displayed_size] += milliseconds
        rates[_usual_rate(stream)] += milliseconds
    width, height = sizes.most_common(1)[0][0]
    return VideoForm(width, height, rates.most_common(1)[0][0])


def _usual_rate(stream: VideoStream) -> Fraction:
    """The stream's own rate; the nearest usual one when it varies, is out of bounds, or is that but for rounding."""
    nearest = min(USUAL_RATES, key=lambda rate: abs(rate - stream.frame_rate))
    if stream.is_variable_rate or not 1 <= stream.frame_rate <= MAX_FRAME_RATE:
        return nearest
    return nearest if abs(nearest - stream.frame_rate) < nearest * RATE_ROUNDING else stream.frame_rate


def _joints(frames: Sequence[int], options: CompositionOptions, rate: Fraction) -> tuple[int, ...]:
    """How many frames each pair of neighbours shares.

    A clip gives at most half of itself to each of its joints, so that the two never meet; one frame is cut hard.
    """
    if not options.crossfade:
        return (0,) * (len(frames) - 1)
    wanted = max(1, round(options.crossfade_seconds * rate))
    return tuple(min(wanted, left // 2, right // 2) for left, right in pairwise(frames))


def _can_copy(streams: Sequence[VideoStream], joints: Sequence[int], options: CompositionOptions) -> bool:
    first = streams[0]
    return (
        not any(joints)
        and not options.optimize_size
        and first.codec == "h264"
        and first.pixel_format == "yuv420p"
        and first.sample_aspect_ratio == 1
        and first.stream_digest != ""
        and all(stream.stream_digest == first.stream_digest for stream in streams)
        and not any(stream.is_variable_rate or stream.rotation_degrees or stream.is_hdr for stream in streams)
    )


def _clip(probe: MediaProbe, stream: VideoStream, frames: int, form: VideoForm, why: str) -> ClipPlan:
    return ClipPlan(
        frames=frames,
        start_seconds=stream.start_seconds,
        has_audio=probe.audio is not None,
        picture_size=_fitted(stream.displayed_size, form),
        hdr_transfer=stream.color_transfer if stream.is_hdr else "",
        names_color_matrix=stream.names_color_matrix,
        why_encoded=why,
    )


def _fitted(size: tuple[int, int], form: VideoForm) -> tuple[int, int]:
    """The largest size of that shape inside the form. A shape that differs by a hair fills it: no hairline bars."""
    width, height = size
    share = min(Fraction(form.width, width), Fraction(form.height, height))
    if min(width * share / form.width, height * share / form.height) > 1 - UNSEEN_STRETCH:
        return form.width, form.height
    return max(int(width * share) // 2 * 2, 2), max(int(height * share) // 2 * 2, 2)


def _why(stream: VideoStream, streams: Sequence[VideoStream], form: VideoForm, options: CompositionOptions) -> str:
    reasons = []
    if stream.displayed_size != (form.width, form.height):
        reasons.append(f"{stream.displayed_size[0]}x{stream.displayed_size[1]} is scaled")
    if stream.is_variable_rate or stream.frame_rate != form.frame_rate:
        reasons.append(f"{float(stream.frame_rate):.3f} fps is retimed")
    if stream.sample_aspect_ratio != 1:
        reasons.append("pixels are made square")
    if stream.rotation_degrees:
        reasons.append(f"rotated by {stream.rotation_degrees} degrees")
    if stream.is_hdr:
        reasons.append("HDR is mapped to SDR")
    if options.crossfade and len(streams) > 1:
        reasons.append("crossfaded")
    if options.optimize_size:
        reasons.append("made small")
    return "encoded: " + (", ".join(reasons) or "the clips were not encoded alike")
