"""How clips become one video, decided before anything is decoded. Pure: probes and options in, a plan out.

    clip 1  |████████████|                       frames at the plan's rate; a joint is how many of them
    clip 2           |░░░|██████████|            two neighbours share (0: a hard cut)
    clip 3                     |░░░░|████████|

All lengths are counted in frames, so that the total is exact. What agrees with most of the material is copied, packet
by packet, but for its joints; everything else is brought to the form that most of the material has, and encoded.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from pipeline.domain.errors import InvalidRequest, SourceTooLarge, UnsupportedMedia
from pipeline.domain.media import MediaProbe, VideoStream, usual_color_matrix
from pipeline.domain.media_copies import USUAL_FADE_SECONDS, copied_frames, copied_parameter_sets, why_encoded
from pipeline.domain.media_forms import VideoForm, majority_form
from pipeline.domain.media_segments import Segment, cut_segments, made_small
from pipeline.domain.media_work import (
    COPIED_FRAMES_PER_SECOND,
    ENCODED_REORDER_FRAMES,
    FAST,
    MAX_SEGMENT_SECONDS,
    MAX_WHOLE_SECONDS,
    MAX_WORK_SECONDS,
    SMALL,
    SOUND_SECONDS_PER_SECOND,
    EncodeSettings,
    encoding_seconds,
    frames_within,
)
from pipeline.domain.parameter_sets import free_id

MAX_EDGE_PIXELS = 4096
MAX_TOTAL_SECONDS = 3600.0


@dataclass(frozen=True)
class CompositionOptions:
    """What the user may choose."""

    crossfade: bool = True
    crossfade_seconds: float = float(USUAL_FADE_SECONDS)
    transition: str = "fade"  # one of domain.transitions
    optimize_size: bool = False


@dataclass(frozen=True)
class ClipPlan:
    """One clip's part."""

    frames: int  # at the form's rate
    start_seconds: float  # of its pictures, on the file's own clock
    is_steady: bool  # its own pictures are the frames, one by one
    frame_seconds: float  # how long one of its own pictures is shown
    has_audio: bool
    picture_size: tuple[int, int]  # (width, height) of its pictures inside the form, even numbers; the rest is black
    hdr_transfer: str  # the curve to map to SDR, or ""
    color_matrix: str  # how its colours are to be read: "auto" is as the file says
    is_interlaced: bool
    why_encoded: str  # "" when it agrees with what is copied


@dataclass(frozen=True)
class CompositionPlan:
    """What to do, in full."""

    form: VideoForm
    clips: tuple[ClipPlan, ...]
    joints: tuple[int, ...]  # frames shared by clip n and clip n + 1
    transition: str
    segments: tuple[Segment, ...]
    encode: EncodeSettings
    copied_parameter_sets: str  # hex of the avcC record of all clips that are copied; "" when none is
    reorder_frames: int  # how many frames before it is shown a picture may have to be decoded
    tags_color: bool  # whether encoded pictures say that they are BT.709: as the copied ones do, or do not
    has_clip_audio: bool
    has_music: bool

    @property
    def total_frames(self) -> int:
        return sum(segment.frames for segment in self.segments)

    @property
    def encoded_frames(self) -> int:
        return sum(segment.frames for segment in self.segments if not segment.is_copied)

    @property
    def total_seconds(self) -> float:
        return float(self.total_frames / self.form.frame_rate)

    @property
    def has_sound(self) -> bool:
        return self.has_clip_audio or self.has_music

    @property
    def color_matrix(self) -> str:
        """Of encoded pictures."""
        return "bt709" if self.tags_color else usual_color_matrix(self.form.height)

    @property
    def encoded_set_id(self) -> int:
        """The id of the parameter sets of encoded pictures: one that the copied ones do not have."""
        return free_id(bytes.fromhex(self.copied_parameter_sets))

    @property
    def sound_seconds(self) -> float:
        """How long the sound takes, about."""
        return self.total_seconds / SOUND_SECONDS_PER_SECOND if self.has_sound else 0.0

    @property
    def work_seconds(self) -> float:
        """How long all of it takes, about, on two CPUs."""
        return self.sound_seconds + sum(map(self.segment_seconds, self.segments))

    def segment_seconds(self, segment: Segment) -> float:
        """How long a segment takes, about."""
        if segment.is_copied:
            return segment.frames / COPIED_FRAMES_PER_SECOND
        return encoding_seconds(segment.frames, self.form.pixels, self.encode)

    def share_before(self, number: int) -> float:
        """How much of the work lies before a segment, counted from 0: from 0 to 1. The sound comes first."""
        return (self.sound_seconds + sum(map(self.segment_seconds, self.segments[:number]))) / self.work_seconds

    def describe(self) -> str:
        """The plan in words: what is copied, what is encoded, and why."""
        lines = [
            f"{len(self.clips)} clips -> {self.form.width}x{self.form.height}, {float(self.form.frame_rate):.3f} fps, "
            f"{self.total_seconds:.2f} s: {self.total_frames - self.encoded_frames} frames copied, "
            f"{self.encoded_frames} encoded, clip audio {'yes' if self.has_clip_audio else 'no'}, "
            f"music {'yes' if self.has_music else 'no'}, about {self.work_seconds:.1f} s of work"
        ]
        for place, clip in enumerate(self.clips):
            joint = self.joints[place] if place < len(self.joints) else 0
            then = f", then {self.transition} over {joint} frames" if joint else ""
            lines.append(f"  clip {place + 1}: {clip.frames} frames, {self._how(place)}{then}")
        return "\n".join(lines)

    def _how(self, place: int) -> str:
        own = [segment for segment in self.segments if segment.left.clip == place]
        copied = sum(segment.frames for segment in own if segment.is_copied)
        if copied:
            return f"{copied} of them copied"
        return f"encoded: {self.clips[place].why_encoded or self._why_no_copy()}"

    def _why_no_copy(self) -> str:
        return "made small" if self.encode == SMALL else "a copy can neither begin nor end between its joints"


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
    form = majority_form(streams)
    frames = [form.frames_of(stream) for stream in streams]
    joints = _joints(frames, options, form.frame_rate)
    _refuse_too_long(float((sum(frames) - sum(joints)) / form.frame_rate))
    fades = tuple(zip((0, *joints), (*joints, 0), strict=True))
    copied_sets = copied_parameter_sets(streams, fades, form)
    reasons = [why_encoded(stream, form, copied_sets) for stream in streams]
    copies = [
        None if reason else copied_frames(stream, *ends, form)
        for stream, reason, ends in zip(streams, reasons, fades, strict=True)
    ]
    alike = [stream for stream, copy in zip(streams, copies, strict=True) if copy]
    encode = SMALL if options.optimize_size else FAST
    longest, longest_whole = (
        frames_within(seconds, form.pixels, encode) for seconds in (MAX_SEGMENT_SECONDS, MAX_WHOLE_SECONDS)
    )
    segments = cut_segments(frames, joints, copies, longest)
    if options.optimize_size:
        segments = made_small(segments, longest, longest_whole)
    plan = CompositionPlan(
        form=form,
        clips=tuple(_clip(*each, form) for each in zip(probes, streams, reasons, strict=True)),
        joints=joints,
        transition=options.transition,
        segments=segments,
        encode=encode,
        copied_parameter_sets=copied_sets if alike else "",
        reorder_frames=max([ENCODED_REORDER_FRAMES, *(stream.reorder_frames for stream in alike)]),
        tags_color=all(stream.color_matrix for stream in alike),
        has_clip_audio=any(probe.audio is not None for probe in probes),
        has_music=music is not None,
    )
    _refuse_too_much_work(plan.work_seconds)
    return plan


def fingerprint(plan: CompositionPlan, sources: Sequence[str], recipe: str) -> str:
    """16 hex digits that differ when a segment of the plan would: another plan, another source, another `recipe`.

    `sources` name the clips' contents; `recipe` names the way in which pictures and sound are made of a plan.
    """
    return hashlib.sha256(repr((plan, tuple(sources), recipe)).encode()).hexdigest()[:16]


def _video(number: int, probe: MediaProbe) -> VideoStream:
    if probe.video is None:
        raise UnsupportedMedia(f"Clip {number} has no video stream.")
    for width, height in (probe.video.width, probe.video.height), probe.video.displayed_size:
        if max(width, height) > MAX_EDGE_PIXELS:
            raise SourceTooLarge(f"Clip {number} is {width}x{height}; {MAX_EDGE_PIXELS} pixels is the longest edge.")
    return probe.video


def _joints(frames: Sequence[int], options: CompositionOptions, rate: Fraction) -> tuple[int, ...]:
    """How many frames each pair of neighbours shares.

    A clip gives at most half of itself to each of its joints, so that the two never meet; one frame is cut hard.
    """
    if not options.crossfade:
        return (0,) * (len(frames) - 1)
    wanted = max(1, round(options.crossfade_seconds * rate))
    return tuple(min(wanted, left // 2, right // 2) for left, right in pairwise(frames))


def _clip(probe: MediaProbe, stream: VideoStream, why: str, form: VideoForm) -> ClipPlan:
    return ClipPlan(
        frames=form.frames_of(stream),
        start_seconds=stream.start_seconds,
        is_steady=form.is_kept_by(stream),
        frame_seconds=stream.duration_seconds / stream.frame_count,
        has_audio=probe.audio is not None,
        picture_size=form.fitted(stream),
        hdr_transfer=stream.color_transfer if stream.is_hdr else "",
        color_matrix="auto" if stream.color_matrix else usual_color_matrix(stream.height),
        is_interlaced=stream.is_interlaced,
        why_encoded=why,
    )


def _refuse_too_long(seconds: float) -> None:
    """Before anything is cut: a file of two pictures can claim to last for a thousand years."""
    if seconds > MAX_TOTAL_SECONDS:
        raise SourceTooLarge(f"The video would be {seconds:.0f} s long; {MAX_TOTAL_SECONDS:.0f} s is the limit.")


def _refuse_too_much_work(seconds: float) -> None:
    if seconds > MAX_WORK_SECONDS:
        raise SourceTooLarge(
            f"The video would take about {seconds / 60:.0f} minutes to encode; "
            f"{MAX_WORK_SECONDS / 60:.0f} minutes is the limit. Smaller or fewer clips will do."
        )
