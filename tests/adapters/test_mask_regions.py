"""Regions of masks, against the definition: a flood that looks at each pixel."""

import time

import numpy as np
import pytest
from PIL import Image

from pipeline.adapters.mask_regions import mask_of, regions_of


def mask(*rows: str) -> Image.Image:
    return Image.fromarray(np.array([[255 if mark == "#" else 0 for mark in row] for row in rows], np.uint8))


def flooded(pixels: np.ndarray) -> set[frozenset[tuple[int, int]]]:
    """Every region as the set of its pixels, found the slow way."""
    open_pixels = {(int(y), int(x)) for y, x in zip(*np.nonzero(pixels), strict=True)}
    regions = set()
    while open_pixels:
        edge = [open_pixels.pop()]
        region = set(edge)
        while edge:
            y, x = edge.pop()
            beside = {(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)} & open_pixels
            open_pixels -= beside
            region |= beside
            edge += beside
        regions.add(frozenset(region))
    return regions


def test_pixels_hang_together_by_their_sides_only():
    regions = regions_of(mask("##...", "..#..", "..#.#", "....#"))
    assert sorted(region.area for region in regions) == [2, 2, 2]


def test_arms_that_meet_below_are_one_region():
    (region,) = regions_of(mask("#.#.#", "#.#.#", "#####"))
    assert (region.area, region.at_edge) == (11, True)


def test_a_region_inside_does_not_touch_the_edge():
    ring, inside = regions_of(mask("#####", "#...#", "#.#.#", "#...#", "#####"))
    assert (ring.area, ring.at_edge) == (16, True)
    assert (inside.area, inside.at_edge) == (1, False)


def test_an_empty_mask_has_no_regions():
    assert regions_of(mask("...", "...")) == []


@pytest.mark.parametrize("share", [0.1, 0.4, 0.6, 0.9])
def test_regions_are_those_of_a_flood(share: float):
    pixels = np.random.default_rng(7).random((40, 53)) < share
    regions = regions_of(Image.fromarray(pixels.astype(np.uint8) * 255))
    found = {frozenset((y, x) for y, start, end in region.runs for x in range(start, end)) for region in regions}
    assert found == flooded(pixels)
    assert [region.area for region in regions] == sorted((len(region) for region in found), reverse=True)


def test_a_mask_is_the_sum_of_its_regions():
    noise = Image.fromarray((np.random.default_rng(3).random((30, 40)) < 0.5).astype(np.uint8) * 255)
    regions = regions_of(noise)
    assert mask_of(regions, noise.size).tobytes() == noise.tobytes()
    largest = mask_of(regions[:1], noise.size)
    assert largest.histogram()[255] == regions[0].area


def test_noise_takes_no_minutes():
    noise = Image.fromarray((np.random.default_rng(5).random((800, 800)) < 0.5).astype(np.uint8) * 255)
    started = time.monotonic()
    assert sum(region.area for region in regions_of(noise)) == noise.histogram()[255]
    assert time.monotonic() - started < 10
