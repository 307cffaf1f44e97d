"""What may be wrong with a video that is nevertheless whole: black, frozen or silent stretches. Pure.

Pictures that do not change take next to no bytes, black ones neither: so stretches of tiny packets are where to look.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

MIN_PICTURE_SECONDS = 1.0
MIN_SILENT_SECONDS = 3
SILENCE_DB = -60.0
TOUCHING_SECONDS = 0.1  # between two stretches of one clip that are told as one
TINY_BYTES, TINY_SHARE = 200, 1 / 4000
"""A packet of no more bytes than one of them, the second for each pixel, holds no change that one would see."""

Kind = Literal["black", "frozen", "silent"]


@dataclass(frozen=True)
class MediaWarning:
    """Times in seconds from the beginning of the video. `clip` is the clip's place from 1; 0 where none is meant."""

    code: Kind
    clip: int
    start_seconds: float
    end_seconds: float
    message: str


def picture_warning(
    kind: Literal["black", "frozen"], clip: int, start_seconds: float, end_seconds: float
) -> MediaWarning:
    """A stretch of a clip that shows nothing new."""
    what = "is black" if kind == "black" else "does not move"
    return MediaWarning(
        kind, clip, start_seconds, end_seconds, f"Clip {clip} {what} from {start_seconds:.1f} s to {end_seconds:.1f} s."
    )


def quiet_stretches(sizes_bytes: Sequence[int], pixels: int, shortest: int) -> list[tuple[int, int]]:
    """Where at least `shortest` packets in a row, in the order shown, are tiny: from and to (excluded)."""
    limit = max(TINY_BYTES, pixels * TINY_SHARE)
    return [run for run in _runs([size <= limit for size in sizes_bytes]) if run[1] - run[0] >= shortest]


def silence_warnings(levels_db: Sequence[float], total_seconds: float) -> list[MediaWarning]:
    """The silent stretches of a sound track, of which each second's level is known."""
    return [
        MediaWarning("silent", 0, float(start), ends_at, f"There is no sound from {start} s to {ends_at:.0f} s.")
        for start, end in _runs([level < SILENCE_DB for level in levels_db])
        if end - start >= min(MIN_SILENT_SECONDS, len(levels_db))
        for ends_at in [min(float(end), total_seconds)]
    ]


def joined(warnings: Sequence[MediaWarning]) -> list[MediaWarning]:
    """The same in order, those about one clip that touch as one."""
    result: list[MediaWarning] = []
    for warning in sorted(warnings, key=lambda one: (one.start_seconds, one.code)):
        last = result[-1] if result else None
        if last and warning.code != "silent" and _touch(last, warning):
            ends_at = max(last.end_seconds, warning.end_seconds)
            result[-1] = picture_warning(warning.code, last.clip, last.start_seconds, ends_at)
        else:
            result.append(warning)
    return result


def _touch(one: MediaWarning, following: MediaWarning) -> bool:
    is_same = (one.code, one.clip) == (following.code, following.clip)
    return is_same and following.start_seconds - one.end_seconds < TOUCHING_SECONDS


def _runs(flags: Sequence[bool]) -> list[tuple[int, int]]:
    """Where flags are set: from and to (excluded)."""
    runs, start = [], None
    for place, flag in enumerate([*flags, False]):
        if flag and start is None:
            start = place
        elif not flag and start is not None:
            runs.append((start, place))
            start = None
    return runs
