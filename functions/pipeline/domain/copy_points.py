"""Where the packets of a video may be cut apart without decoding them. Pure: times and keyframes in, numbers out.

packets, as decoded   I0 P3 B1 B2 | I4 P6 B5 | P8 B7       the number is the picture's place in the order shown
exits                             4          7       9     the first n packets are the first n pictures
entries               0             4                      an IDR picture at such a place
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

ENTRY_SECONDS = 6.0
"""How much of a clip's beginning may be replaced: entries are known so far in. The same holds for exits, at its end."""

ENTRY_FRAMES = 360
"""The same in pictures: no more are looked at, whatever the rate, so that what is kept stays small."""


@dataclass(frozen=True)
class CopyPoints:
    """Pictures are counted from 0 in the order shown."""

    entry_frames: tuple[int, ...]
    exit_frames: tuple[int, ...]
    reorder_frames: int


NO_POINTS = CopyPoints((), (), 0)


def find_copy_points(times: Sequence[int], idr_packets: Iterable[int], units_per_second: float) -> CopyPoints:
    """The points near both ends of a video.

    `times` tell when each packet's picture is shown, in the order of decoding, no two alike; `idr_packets` are numbers
    of packets in that order, ascending.
    """
    order = sorted(range(len(times)), key=times.__getitem__)
    places = [0] * len(times)
    for place, number in enumerate(order):
        places[number] = place
    exits = [number for number, last in enumerate(accumulate(places, max), start=1) if last == number - 1]
    closed = {0, *exits}
    entries = [number for number in idr_packets if number in closed and places[number] == number]
    near = ENTRY_SECONDS * units_per_second
    shown = [times[number] for number in order]
    last_entry = min(bisect_right(shown, shown[0] + near) - 1, ENTRY_FRAMES)
    first_exit = max(bisect_left(shown, shown[-1] - near), len(shown) - ENTRY_FRAMES)
    return CopyPoints(
        entry_frames=tuple(_until(entries, last_entry)),
        exit_frames=tuple(_since(exits, first_exit)),
        reorder_frames=max(number - place for number, place in enumerate(places)),
    )


def _until(numbers: list[int], last: int) -> list[int]:
    """Those up to `last`, and the first one after."""
    return numbers[: bisect_right(numbers, last) + 1]


def _since(numbers: list[int], first: int) -> list[int]:
    """Those from `first` on, and the last one before."""
    return numbers[max(bisect_left(numbers, first) - 1, 0) :]
