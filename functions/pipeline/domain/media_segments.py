"""A long composition in segments: each is encoded by itself with few clips open, then all are joined without encoding.

    clip 1  |████████████|                       segment 1: clip 1, clip 2, and the head of clip 3 that the fade
    clip 2           |░░░|██████████|                       into it needs
    clip 3                     |░░░░|████████|   segment 2: clip 3 from where that fade ends, clip 4, ...

What is open, and so the memory, does not grow with the number of clips. Pure, and exact: the segments' frames add up to
the plan's.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.domain.media_plans import CompositionPlan


@dataclass(frozen=True)
class Piece:
    """Frames `start` to `end` (excluded) of a clip, which is named by its place in the plan, from 0."""

    clip: int
    start: int
    end: int

    @property
    def frames(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class Segment:
    """Pieces one after the other; `joints` are the frames that neighbours share, as in the plan."""

    pieces: tuple[Piece, ...]
    joints: tuple[int, ...]

    @property
    def frames(self) -> int:
        return sum(piece.frames for piece in self.pieces) - sum(self.joints)

    @property
    def clips(self) -> tuple[int, ...]:
        """The places of the clips that it needs, in order."""
        return tuple(piece.clip for piece in self.pieces)


def split_plan(plan: CompositionPlan, clips_per_segment: int) -> tuple[Segment, ...]:
    """The plan's segments, in order, each of at most `clips_per_segment` clips and the head of the next."""
    return tuple(
        segment
        for first in range(0, len(plan.clips), clips_per_segment)
        if (segment := _segment(plan, first, min(first + clips_per_segment, len(plan.clips)))).frames > 0
    )


def fingerprint(plan: CompositionPlan, sources: Sequence[str], recipe: str) -> str:
    """16 hex digits that differ when a segment of the plan would: another plan, another source, another `recipe`.

    `sources` name the clips' contents; `recipe` names the way in which pictures and sound are made of a plan.
    """
    return hashlib.sha256(repr((plan, tuple(sources), recipe)).encode()).hexdigest()[:16]


def _segment(plan: CompositionPlan, first: int, end: int) -> Segment:
    faded_before = plan.joints[first - 1] if first > 0 else 0
    pieces = [Piece(clip, 0, plan.clips[clip].frames) for clip in range(first, end)]
    pieces[0] = Piece(first, faded_before, plan.clips[first].frames)
    joints = list(plan.joints[first : end - 1])
    fade_out = plan.joints[end - 1] if end < len(plan.clips) else 0
    if fade_out:
        pieces.append(Piece(end, 0, fade_out))
        joints.append(fade_out)
    return Segment(tuple(pieces), tuple(joints))
