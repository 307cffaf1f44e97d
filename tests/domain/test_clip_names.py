import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.clip_names import ClipName, build_clip_filename, parse_clip_filename, style_slug, title_slug
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


def test_a_negative_number_of_a_name_is_refused_by_name():
    with pytest.raises(InvalidRequest, match="'scene_id'"):
        build_clip_filename(1, -1, "x", "y")
