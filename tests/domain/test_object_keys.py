import pytest

from pipeline.domain.errors import InvalidRequest
from pipeline.domain.object_keys import (
    clip_key,
    clip_thumbnail_key,
    final_poster_key,
    final_video_key,
    highlights_key,
    scene_image_key,
    scene_image_thumbnail_key,
    segment_key,
    work_prefix,
)


def test_every_file_has_its_place():
    assert scene_image_key("u", "s", "j", "png") == "u/images/s/j.png"
    assert scene_image_thumbnail_key("u", "s", "j") == "u/images/s/j_thumbnail.jpg"
    assert clip_key("u", "v", "clip_01_01_x_y.mp4") == "u/v/clips/clip_01_01_x_y.mp4"
    assert clip_thumbnail_key("u", "v", "clip_01_01_x_y.mp4") == "u/v/clips/clip_01_01_x_y.jpg"
    assert clip_thumbnail_key("u", "v", "clip_01_01_x_y.mp4", "webp") == "u/v/clips/clip_01_01_x_y.webp"
    assert final_video_key("u", "v", "j") == "u/v/final/j.mp4"
    assert final_poster_key("u", "v", "j") == "u/v/final/j.jpg"
    assert segment_key("u", "v", "j", "0123abcd", 7) == "u/v/work/j/0123abcd_007.mov"
    assert work_prefix("u", "v", "j") == "u/v/work/j/"
    assert highlights_key("u", "v") == "u/v/highlights.json"


@pytest.mark.parametrize("part", ["", ".", "..", "a/b", "a\\b", "a\nb", "../x", "a\x7fb", "\ud800"])
def test_no_part_leaves_its_folder(part):
    with pytest.raises(InvalidRequest):
        clip_key(part, "v", "x.mp4")
    with pytest.raises(InvalidRequest):
        clip_key("u", part, "x.mp4")
    with pytest.raises(InvalidRequest):
        clip_key("u", "v", part)


@pytest.mark.parametrize("filename", ["clip.jpg", "clip", ".mp4"])
def test_a_thumbnail_never_has_the_name_of_its_clip(filename):
    for key in (clip_key, clip_thumbnail_key):
        with pytest.raises(InvalidRequest):
            key("u", "v", filename)


def test_a_job_without_an_id_has_no_files():
    for key in (final_video_key, final_poster_key, scene_image_thumbnail_key, work_prefix):
        with pytest.raises(InvalidRequest, match="'job_id'"):
            key("u", "v", "")


def test_the_files_of_a_job_are_told_from_those_of_one_whose_id_begins_alike():
    assert segment_key("u", "v", "j", "f", 1).startswith(work_prefix("u", "v", "j"))
    assert not segment_key("u", "v", "j2", "f", 1).startswith(work_prefix("u", "v", "j"))


def test_folders_are_no_ids():
    with pytest.raises(InvalidRequest, match="'images'"):
        highlights_key("u", "images")
    with pytest.raises(InvalidRequest, match="'uploads'"):
        highlights_key("uploads", "v")


def test_a_key_that_storage_would_refuse_is_refused_before():
    assert len(final_video_key("u", "é" * 255, "j" * 500).encode()) <= 1024
    with pytest.raises(InvalidRequest, match="1024 bytes"):
        final_video_key("u", "é" * 255, "j" * 600)
