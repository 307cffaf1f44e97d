import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.clips import (
    check_amount,
    check_document_id,
    check_style,
    format_timecode,
    parse_timecode,
    status_after_create,
)
from pipeline.domain.errors import InvalidRequest


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (0, "00:00:00"),
        (59.99, "00:00:59"),
        (61, "00:01:01"),
        (3600, "01:00:00"),
        (360_000, "100:00:00"),
        (-3, "00:00:00"),
    ],
)
def test_timecodes(seconds, code):
    assert format_timecode(seconds) == code


@pytest.mark.parametrize("value", ["", ".", "..", "a/b", "__x__", "x" * 1501, "é" * 800, "__\n__", "\ud800"])
def test_an_id_that_could_leave_its_collection_is_refused(value):
    with pytest.raises(InvalidRequest, match="'video_id'"):
        check_document_id("video_id", value)


def test_an_id_that_only_looks_reserved_is_taken():
    assert check_document_id("video_id", "__") == "__"


@given(st.integers(0, 9999 * 3600 + 3599))
def test_a_timecode_is_read_back(seconds):
    assert parse_timecode("start_time", format_timecode(seconds)) == seconds


@pytest.mark.parametrize(
    "timecode", ["", "5", "1:00:00", "00:60:00", "00:00:60", "00:00:01.5", "00:00:00\n", "-1:00:00"]
)
def test_an_odd_timecode_is_refused_by_name(timecode):
    with pytest.raises(InvalidRequest, match="'end_time'"):
        parse_timecode("end_time", timecode)


@pytest.mark.parametrize("number", [-1, -0.5, float("nan"), float("inf")])
def test_an_odd_number_is_refused_by_name(number):
    with pytest.raises(InvalidRequest, match="'duration_seconds'"):
        check_amount("duration_seconds", number)


@pytest.mark.parametrize("style", ["", "__x__", "x" * 201, "\ud800"])
def test_a_style_that_cannot_be_counted_is_refused(style):
    with pytest.raises(InvalidRequest, match="'style'"):
        check_style(style)


@pytest.mark.parametrize(
    ("found", "wanted", "reached"),
    [
        ("processing", "completed", "completed"),
        ("completed", "processing", "completed"),
        ("completed", "failed", "completed"),
        ("failed", "processing", "processing"),
    ],
)
def test_a_repeated_create_reopens_failures_only(found, wanted, reached):
    assert status_after_create(found, wanted) == reached
