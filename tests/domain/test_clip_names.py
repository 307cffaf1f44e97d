import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.clip_names import (
    COMMON_STYLES,
    ClipName,
    ReadClipName,
    build_clip_filename,
    parse_clip_filename,
    read_clip_filename,
    slug_words,
    style_slug,
    title_slug,
)
from pipeline.domain.clips import check_style
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


@pytest.mark.parametrize(
    ("name", "priority", "scene", "slug", "style"),
    [
        ("clip_01_02_the-sea_left_focus.mp4", 1, 2, "the-sea", "left_focus"),
        ("clip_01_02_the-sea_film_noir.mp4", 1, 2, "the-sea", "film_noir"),
        ("clip_01_02_the_blue_sea_left_focus.mp4", 1, 2, "the_blue_sea", "left_focus"),
        ("clip_01_02_the_sea_intelligent_split.mp4", 1, 2, "the_sea", "intelligent_split"),
        ("clip_1_2_the-sea_split.mp4", 1, 2, "the-sea", "split"),
        ("Clip_01_02_The_Sea_Left_Focus.mp4", 1, 2, "The_Sea", "left_focus"),
        ("clip_01_02_das-größte-meer_split.mp4", 1, 2, "das-größte-meer", "split"),
        ("clip_01_02_灯台_スタイル.mp4", 1, 2, "灯台", "スタイル"),
        ("clip_01_02_v1.5 of mr. fox.split.mp4", 1, 2, "v1.5 of mr. fox", "split"),
        ("clip_01_02_banana-split.mp4", 1, 2, "banana-split", "original"),
        ("clip_03_the-sea_split.mp4", 3, None, "the-sea", "split"),
        ("clip__02_the-sea_split.mp4", None, 2, "the-sea", "split"),
        ("clip_the-sea_split.mp4", None, None, "the-sea", "split"),
        ("clip_01_02_split.mp4", 1, 2, "", "split"),
        ("clip_01_02.mp4", 1, 2, "", "original"),
        ("clip_01_02_the-sea___x__.mp4", 1, 2, "the-sea", "x"),
        ("clip_9999999999_02_sea_x.mp4", None, None, "9999999999", "02_sea_x"),
        ("clip_\u0661\u0662_02_x_split.mp4", None, None, "\u0661\u0662_02_x", "split"),
        ("My holiday_at the sea.mp4", None, None, "My holiday_at the sea", "original"),
        ("holiday_right_focus.mp4", None, None, "holiday", "right_focus"),
        ("split.mp4", None, None, "split", "original"),
        (".mp4", None, None, "", "original"),
        ("final.mov", None, None, "final.mov", "original"),
    ],
)
def test_the_best_is_made_of_any_name(name, priority, scene, slug, style):
    read = read_clip_filename(name)
    assert read == ReadClipName(priority, scene, slug, style, read.remarks)


@pytest.mark.parametrize(
    ("name", "remarks"),
    [
        ("clip_1_007_sea_split.mp4", ("its priority is written '1', not '01'", "its scene is written '007', not '07'")),
        ("clip_03_sea_split.mp4", ("it has no scene",)),
        ("clip_sea_split.mp4", ("it has no priority", "it has no scene")),
        ("clip_01_02_Sea_split.mp4", ("it holds capital letters",)),
        ("clip_01_02_m.sea_split.mp4", ("its title holds other letters than a-z, 0-9 and hyphens",)),
        ("clip_01_02_sea_bl\u00fcte.mp4", ("its style holds other letters than a-z, 0-9 and hyphens",)),
        ("clip_01_02_my_sea_split.mp4", None),
        ("clip_01_02_sea.mp4", ("it has no style: taken for 'original'",)),
        ("clip_01_02_split.mp4", ("it has no title",)),
        ("clip_01_02_sea_" + "x" * 300 + "\u00fc.mp4", None),
        ("sea_split.mp4", ("it does not begin with clip_<priority>_<scene>_",)),
        ("clip_01_02_sea_split.mkv", None),
        ("clip_01_02_sea_" + "x" * 300 + ".mp4", None),
        ("clip_01_02__split.mp4", None),
        ("clip 01 02 sea split.mp4", None),
    ],
)
def test_what_is_odd_about_a_name_is_said_in_words(name, remarks):
    found = read_clip_filename(name).remarks
    assert found
    assert remarks is None or found == remarks


def test_styles_that_the_caller_knows_are_found_too_and_spelled_as_the_caller_does():
    assert read_clip_filename("clip_1_2_my_sea_Film_Noir.mp4", ["film_noir", "noir"]).style == "film_noir"
    assert read_clip_filename("clip_1_2_sea_FOCUS.mp4", ["Focus"]).style == "Focus"


@given(st.integers(0, 9999), st.integers(0, 9999), st.text(), st.sampled_from(COMMON_STYLES) | st.from_regex("[a-z]+"))
def test_a_name_of_our_own_is_read_as_strictly_and_without_remarks(priority, scene, title, style):
    name = build_clip_filename(priority, scene, title, style)
    strict = parse_clip_filename(name)
    assert read_clip_filename(name) == ReadClipName(strict.priority, strict.scene, strict.slug, strict.style, ())


names = (
    st.text() | st.from_regex(r"(?i)clip_[0-9_]*_?[a-z_. -]*\.mp4", fullmatch=True) | st.text().map("clip_1_".__add__)
)


@given(names, st.lists(st.text(), max_size=3))
def test_any_name_is_read_and_what_is_not_our_own_form_is_remarked(name, styles):
    for filename in (name, f"{name}.mp4"):
        read = read_clip_filename(filename, styles)
        assert read.style in styles or check_style(read.style)
        try:
            parse_clip_filename(filename)
        except InvalidRequest:
            assert read.remarks


@pytest.mark.parametrize(
    ("slug", "words"), [("the-blue-sea", "The blue sea"), ("my_sea", "My sea"), ("", ""), ("v1.5 - x", "V1.5 x")]
)
def test_a_slug_in_words(slug, words):
    assert slug_words(slug) == words
