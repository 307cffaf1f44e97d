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
)


def test_every_file_has_its_place():
    assert scene_image_key("u", "s", "j", "png") == "u/images/s/j.png"
    assert scene_image_thumbnail_key("u", "s", "j") == "u/images/s/j_thumbnail.jpg"
    assert clip_key("u", "v", "clip_01_01_x_y.mp4") == "u/v/clips/clip_01_01_x_y.mp4"
    assert clip_thumbnail_key("u", "v", "clip_01_01_x_y.mp4") == "u/v/clips/clip_01_01_x_y.jpg"
    assert final_video_key("u", "v", "j") == "u/v/final/j.mp4"
    assert final_poster_key("u", "v", "j") == "u/v/final/j.jpg"
    assert highlights_key("u", "v") == "u/v/highlights.json"


@pytest.mark.parametrize("part", ["", ".", "..", "a/b", "a\\b", "a\nb", "../x"])
def test_no_part_leaves_its_folder(part):
    with pytest.raises(InvalidRequest):
        clip_key(part, "v", "x.mp4")
    with pytest.raises(InvalidRequest):
        clip_key("u", part, "x.mp4")
    with pytest.raises(InvalidRequest):
        clip_key("u", "v", part)
