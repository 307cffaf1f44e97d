import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.clips import (
    ClipName,
    build_clip_filename,
    check_amount,
    check_document_id,
    check_style,
    format_timecode,
    parse_clip_filename,
    parse_timecode,
    status_after_create,
    style_slug,
    title_slug,
)
from pipeline.domain.errors import InvalidRequest


@pytest.mark.parametrize(
    ("title", "style", "filename"),
    [
        ("A lighthouse at dusk", "cinematic", "clip_01_02_a-lighthouse-at-dusk_cinematic.mp4"),
        ("Über die Brücke!", "left_focus", "clip_01_02_uber-die-brucke_left_focus.mp4"),
        ("灯台", "", "clip_01_02_scene_original.mp4"),
        ("a_b__c", "Film Noir", "clip_01_02_a-b-c_film_noir.mp4"),
        ("../../etc/passwd", "..", "clip_01_02_etc-passwd_original.mp4"),
    ],
)
def test_names_are_plain_whatever_the_words(title, style, filename):
    assert build_clip_filename(1, 2, title, style) == filename


def test_numbers_may_grow():
    assert build_clip_filename(100, 7, "x", "y") == "clip_100_07_x_y.mp4"


@given(st.integers(0, 9999), st.integers(0, 9999), st.text(), st.text())
def test_a_name_that_was_built_is_read_back(priority, scene, title, style):
    name = build_clip_filename(priority, scene, title, style)
    assert parse_clip_filename(name) == ClipName(priority, scene, title_slug(title), style_slug(style))
    assert len(name) < 200


@pytest.mark.parametrize(
    "name",
    [
        "",
        "clip.mp4",
        "clip_1_02_x_y.mp4",
        "clip_01_02_x.mp4",
        "clip_01_02_x_y.mov",
        "x" * 9000,
        "clip_\u0661\u0662_02_x_y.mp4",
        "clip_007_02_x_y.mp4",
        f"clip_{'9' * 5000}_02_x_y.mp4",
        "clip_01_02_x_y.mp4\n",
    ],
)
def test_an_odd_name_is_reported(name):
    with pytest.raises(InvalidRequest, match="is not named"):
        parse_clip_filename(name)


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


def test_a_negative_number_of_a_name_is_refused_by_name():
    with pytest.raises(InvalidRequest, match="'scene_id'"):
        build_clip_filename(1, -1, "x", "y")


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
