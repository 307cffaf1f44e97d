"""What is said about stretches of a video in which nothing is seen or heard."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.media_warnings import (
    TOUCHING_SECONDS,
    Kind,
    MediaWarning,
    joined,
    picture_warning,
    quiet_stretches,
    silence_warnings,
)

SMALL_FORM, FULL_HD = 160 * 284, 1080 * 1920
SILENT = -math.inf


@pytest.mark.parametrize(
    ("sizes", "shortest", "stretches"),
    [
        ([], 1, []),
        ([5000] * 10, 1, []),
        ([200] * 10, 3, [(0, 10)]),
        ([201] * 10, 3, []),
        ([5000, 20, 20, 20, 5000], 3, [(1, 4)]),
        ([5000, 20, 20, 20, 5000], 4, []),
        ([20, 20, 5000, 20, 20, 20], 2, [(0, 2), (3, 6)]),
        ([20, 20, 5000, 20, 20, 20], 3, [(3, 6)]),
    ],
)
def test_pictures_that_take_next_to_no_bytes_show_nothing_new(
    sizes: list[int], shortest: int, stretches: list[tuple[int, int]]
):
    assert quiet_stretches(sizes, SMALL_FORM, shortest) == stretches


def test_a_large_picture_without_a_change_takes_more_bytes():
    assert quiet_stretches([500] * 10, FULL_HD, 3) == [(0, 10)]
    assert quiet_stretches([520] * 10, FULL_HD, 3) == []


@given(st.lists(st.sampled_from([10, 199, 200, 201, 9000]), max_size=60), st.integers(1, 5))
def test_every_quiet_picture_of_a_long_stretch_is_in_one_and_no_other_is(sizes: list[int], shortest: int):
    stretches = quiet_stretches(sizes, SMALL_FORM, shortest)
    assert all(end < start for (_, end), (start, _) in pairwise(stretches))
    assert all(end - start >= shortest for start, end in stretches)
    inside = {place for start, end in stretches for place in range(start, end)}
    assert all(sizes[place] <= 200 for place in inside)
    left_out = [place for place, size in enumerate(sizes) if size <= 200 and place not in inside]
    for place in left_out:  # no run of `shortest` quiet pictures around it
        for start in range(max(place - shortest + 1, 0), place + 1):
            window = sizes[start : start + shortest]
            assert len(window) < shortest or max(window) > 200


@pytest.mark.parametrize(
    ("levels", "total_seconds", "stretches"),
    [
        ([], 0.0, []),
        ([-20.0] * 10, 10.0, []),
        ([-20.0, SILENT, SILENT, SILENT, -20.0], 5.0, [(1.0, 4.0)]),
        ([-20.0, SILENT, SILENT, -20.0], 4.0, []),  # two seconds are a pause
        ([-60.0] * 5, 5.0, []),  # hardly heard, but heard
        ([-60.1] * 5, 5.0, [(0.0, 5.0)]),
        ([SILENT] * 5, 4.5, [(0.0, 4.5)]),  # it ends where the video does
        ([SILENT, SILENT], 1.5, [(0.0, 1.5)]),  # all of a short video is
        ([SILENT, -20.0], 2.0, []),
        ([SILENT] * 3 + [-20.0] + [SILENT] * 4, 8.0, [(0.0, 3.0), (4.0, 8.0)]),
    ],
)
def test_three_silent_seconds_are_told(levels: list[float], total_seconds: float, stretches: list[tuple[float, float]]):
    warnings = silence_warnings(levels, total_seconds)
    assert [(one.start_seconds, one.end_seconds) for one in warnings] == stretches
    assert all((one.code, one.clip) == ("silent", 0) for one in warnings)


def test_a_warning_is_a_sentence():
    assert picture_warning("black", 2, 1.25, 3.0).message == "Clip 2 is black from 1.2 s to 3.0 s."
    assert picture_warning("frozen", 1, 0.0, 2.5).message == "Clip 1 does not move from 0.0 s to 2.5 s."
    assert silence_warnings([SILENT] * 4, 4.0)[0].message == "There is no sound from 0 s to 4 s."


BLACK, FROZEN = picture_warning("black", 1, 0.0, 2.0), picture_warning("frozen", 1, 2.0, 4.0)


@pytest.mark.parametrize(
    ("warnings", "expected"),
    [
        ([], []),
        ([BLACK], [BLACK]),
        ([FROZEN, BLACK], [BLACK, FROZEN]),  # in order; another kind is another warning
        ([BLACK, picture_warning("black", 1, 2.0, 3.0)], [picture_warning("black", 1, 0.0, 3.0)]),
        ([picture_warning("black", 1, 2.05, 3.0), BLACK], [picture_warning("black", 1, 0.0, 3.0)]),
        ([BLACK, picture_warning("black", 1, 0.5, 1.0)], [BLACK]),  # what lies within makes it no shorter
        ([BLACK, other := picture_warning("black", 1, 2.1, 3.0)], [BLACK, other]),
        ([BLACK, other := picture_warning("black", 2, 2.0, 3.0)], [BLACK, other]),
        ([*(silences := silence_warnings([SILENT] * 3 + [0.0] + [SILENT] * 3, 7.0))], silences),
    ],
)
def test_stretches_of_one_clip_that_touch_are_one(warnings: list[MediaWarning], expected: list[MediaWarning]):
    assert joined(warnings) == expected


@st.composite
def stretches_in_order(draw: st.DrawFn) -> list[MediaWarning]:
    """Of clips one after the other, none over another: as segments tell them."""
    warnings, time, place = [], 0.0, 1
    for _ in range(draw(st.integers(0, 12))):
        start = time + draw(st.sampled_from([0.0, 0.0, 0.04, 0.5]))
        time = start + draw(st.floats(1.0, 5.0))
        place += draw(st.sampled_from([0, 0, 0, 1]))
        kind: Kind = draw(st.sampled_from(["black", "frozen"]))
        warnings.append(picture_warning(kind, place, start, time))
    return warnings


@given(stretches_in_order(), st.randoms(use_true_random=False))
def test_joined_stretches_lose_no_time_and_do_not_lie_above_each_other(warnings: list[MediaWarning], random):
    shuffled = list(warnings)
    random.shuffle(shuffled)
    result = joined(shuffled)
    assert all(one.end_seconds <= following.start_seconds for one, following in pairwise(result))
    for warning in warnings:
        whole = [
            one
            for one in result
            if (one.code, one.clip) == (warning.code, warning.clip)
            and one.start_seconds <= warning.start_seconds
            and warning.end_seconds <= one.end_seconds
        ]
        assert len(whole) == 1
    before = sum(warning.end_seconds - warning.start_seconds for warning in warnings)
    after = sum(warning.end_seconds - warning.start_seconds for warning in result)
    assert before - 1e-6 <= after <= before + TOUCHING_SECONDS * len(warnings)
    assert joined(result) == result
