"""The parts that a video is joined from, one after the other: packets that are copied, and pictures that are encoded.

    clip 1  |▓▓▓▓▓▓▓▓▓▓|░░|                     ▓ copied, from an IDR picture on
    clip 2             |░░|▓▓▓▓▓▓▓|░░|          ░ encoded: two clips and the fade between them, and what lies between
    clip 3                        |░░|▓▓▓▓▓▓▓|    the fade and the next picture that a copy may begin with
    segments  1: copied  2: encoded  3: copied ...

A segment has at most two clips, so what is open, and the memory, does not grow with their number. Pure, and exact: the
segments' frames add up to the plan's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


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
    """`left`, then `right` if there is one; their last and first `fade` frames are one above the other.

    `is_copied`: its packets are taken from the clip's file. `may_copy`: they are encoded, but if that makes them no
    smaller, they are copied. Both have no `right`.
    """

    left: Piece
    right: Piece | None = None
    fade: int = 0
    is_copied: bool = False
    may_copy: bool = False

    @property
    def frames(self) -> int:
        return self.left.frames + (self.right.frames - self.fade if self.right else 0)

    @property
    def clips(self) -> tuple[int, ...]:
        """The places of the clips that it needs, in order."""
        return (self.left.clip, self.right.clip) if self.right else (self.left.clip,)

    def clip_at(self, frame: float) -> int:
        """The place of the clip that one sees most of at a frame of the segment."""
        return self.right.clip if self.right and frame > self.left.frames - self.fade / 2 else self.left.clip


@dataclass(frozen=True)
class SoundBatch:
    """Sound of some clips, one after the other; `joints` are the frames that neighbours share."""

    pieces: tuple[Piece, ...]
    joints: tuple[int, ...]

    @property
    def frames(self) -> int:
        return sum(piece.frames for piece in self.pieces) - sum(self.joints)


def cut_segments(
    frames: Sequence[int], joints: Sequence[int], copies: Sequence[tuple[int, int] | None], longest: int
) -> tuple[Segment, ...]:
    """The segments of clips of so many `frames`, in order. Of a clip, none encodes more than `longest` and a fade.

    `joints` are the frames that neighbours share, `copies` the frames of each clip that may be copied, if any: they
    begin after the clip's first fade and end before its last.
    """
    segments: list[Segment] = []
    start = 0  # of what no segment has yet of this clip
    for clip, length in enumerate(frames):
        copied = copies[clip]
        if copied is not None:
            segments += _encoded(Piece(clip, start, copied[0]), longest)
            segments.append(Segment(Piece(clip, *copied), is_copied=True))
            start = copied[1]
        fade = joints[clip] if clip < len(joints) else 0
        if fade:
            right = _after_fade(clip + 1, fade, copies[clip + 1], longest)
            *lone, left = _cut(Piece(clip, start, length), longest, keep=fade)
            segments += [Segment(piece) for piece in lone]
            segments.append(Segment(left, right, fade))
            start = right.end
        else:
            segments += _encoded(Piece(clip, start, length), longest)
            start = 0
    return tuple(segments)


def made_small(segments: Sequence[Segment], longest: int, longest_whole: int) -> tuple[Segment, ...]:
    """The same, all of them encoded.

    What was copied may be so again if it has at most `longest_whole` frames. More are encoded in parts of at most
    `longest`: between them no copy could begin.
    """
    small: list[Segment] = []
    for segment in segments:
        if not segment.is_copied:
            small.append(segment)
        elif segment.frames <= longest_whole:
            small.append(Segment(segment.left, may_copy=True))
        else:
            small += _encoded(segment.left, longest)
    return tuple(small)


def cut_sound(frames: Sequence[int], joints: Sequence[int], clips_at_once: int) -> tuple[SoundBatch, ...]:
    """The sound in batches of at most `clips_at_once` clips and the head of the next, which the fade into it needs."""
    return tuple(
        _batch(frames, joints, first, min(first + clips_at_once, len(frames)))
        for first in range(0, len(frames), clips_at_once)
    )


def _after_fade(clip: int, fade: int, copied: tuple[int, int] | None, longest: int) -> Piece:
    """What a fade has of the clip after it: all up to the copy, if that is not far."""
    return Piece(clip, 0, copied[0] if copied and copied[0] - fade <= longest else fade)


def _encoded(piece: Piece, longest: int) -> list[Segment]:
    return [Segment(part) for part in _cut(piece, longest)] if piece.frames else []


def _cut(piece: Piece, longest: int, keep: int = 0) -> list[Piece]:
    """The piece in parts of about the same length, the last of which has at least `keep` frames."""
    parts = max(1, -(-(piece.frames - keep) // longest))
    step = (piece.frames - keep) / parts
    cuts = [piece.start + round(step * number) for number in range(parts)] + [piece.end]
    return [Piece(piece.clip, start, end) for start, end in pairwise(cuts)]


def _batch(frames: Sequence[int], joints: Sequence[int], first: int, end: int) -> SoundBatch:
    faded_before = joints[first - 1] if first > 0 else 0
    pieces = [Piece(clip, 0, frames[clip]) for clip in range(first, end)]
    pieces[0] = Piece(first, faded_before, frames[first])
    shared = list(joints[first : end - 1])
    fade_out = joints[end - 1] if end < len(frames) else 0
    if fade_out:
        pieces.append(Piece(end, 0, fade_out))
        shared.append(fade_out)
    return SoundBatch(tuple(pieces), tuple(shared))
