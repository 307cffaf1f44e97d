"""Connected regions of a black and white mask (Pillow has no such thing).

A mask is looked at run by run, not pixel by pixel: a row of a picture has few of them, so plain Python is fast
enough, and a region of any shape costs the same. Pixels are connected by their sides, not by their corners.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image

_RUN = re.compile(rb"\xff+")

Run = tuple[int, int, int]
"""A row, the first column, and the one after the last."""


@dataclass(frozen=True)
class Region:
    """White pixels of a mask that hang together."""

    runs: tuple[Run, ...]
    area: int
    """In pixels."""
    at_edge: bool
    """It touches the mask's edge."""


def regions_of(mask: Image.Image) -> list[Region]:
    """The white regions of a mask in mode L, whose pixels are 0 or 255; the largest first."""
    runs, parents = _connected_runs(mask)
    members: dict[int, list[Run]] = defaultdict(list)
    for label, run in enumerate(runs):
        members[_root(parents, label)].append(run)
    regions = [_region(own, mask.size) for own in members.values()]
    return sorted(regions, key=lambda region: region.area, reverse=True)


def mask_of(regions: Iterable[Region], size: tuple[int, int]) -> Image.Image:
    """The mask on which only these regions are white."""
    width, height = size
    pixels = bytearray(width * height)
    for region in regions:
        for row, start, end in region.runs:
            pixels[row * width + start : row * width + end] = b"\xff" * (end - start)
    return Image.frombytes("L", size, bytes(pixels))


def _region(runs: list[Run], size: tuple[int, int]) -> Region:
    width, height = size
    at_edge = any(row in (0, height - 1) or start == 0 or end == width for row, start, end in runs)
    return Region(tuple(runs), sum(end - start for _, start, end in runs), at_edge)


def _connected_runs(mask: Image.Image) -> tuple[list[Run], list[int]]:
    """The runs from top to bottom, and for each the label of one that it hangs together with (union-find)."""
    width, height = mask.size
    pixels = mask.tobytes()
    runs: list[Run] = []
    parents: list[int] = []
    above, first = 0, 0
    for row in range(height):
        offset = row * width
        above, first = first, len(runs)
        for found in _RUN.finditer(pixels, offset, offset + width):
            parents.append(len(runs))
            runs.append((row, found.start() - offset, found.end() - offset))
        _join_rows(runs, parents, above, first)
    return runs, parents


def _join_rows(runs: list[Run], parents: list[int], above: int, first: int) -> None:
    """Join the runs from `first` on with those of the row above that share a column with them."""
    upper, lower = above, first
    while upper < first and lower < len(runs):
        _, upper_start, upper_end = runs[upper]
        _, lower_start, lower_end = runs[lower]
        if upper_start < lower_end and lower_start < upper_end:
            parents[_root(parents, lower)] = _root(parents, upper)
        if upper_end < lower_end:
            upper += 1
        else:
            lower += 1


def _root(parents: list[int], label: int) -> int:
    while parents[label] != label:
        parents[label] = parents[parents[label]]
        label = parents[label]
    return label
