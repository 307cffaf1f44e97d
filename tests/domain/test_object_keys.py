import pytest

from pipeline.domain.errors import InvalidRequest
from pipeline.domain.object_keys import (
    MAX_KEY_BYTES,
    clip_key,
    clip_thumbnail_key,
    clips_prefix,
    final_poster_key,
    final_thumbnail_key,
    final_video_key,
    highlights_key,
    manifest_key,
    parts_prefix,
    scene_image_key,
    scene_image_thumbnail_key,
    segment_key,
    sound_key,
    video_prefix,
)


def segment_of_job(user_id: str, video_id: str, job_id: str) -> str:
    return segment_key(user_id, video_id, job_id, "0123456789abcdef", 7)


def sound_of_job(user_id: str, video_id: str, job_id: str) -> str:
    return sound_key(user_id, video_id, job_id, "0123456789abcdef")


OF_JOBS = (final_video_key, final_poster_key, final_thumbnail_key, parts_prefix, segment_of_job, sound_of_job)


def test_every_file_has_its_place():
    assert scene_image_key("u", "s", "j", "png") == "u/images/s/j.png"
    assert scene_image_thumbnail_key("u", "s", "j") == "u/images/s/j_thumbnail.webp"
    assert clip_key("u", "v", "clip_01_01_x_y.mp4") == "u/v/clips/clip_01_01_x_y.mp4"
    assert clip_thumbnail_key("u", "v", "clip_01_01_x_y.mp4") == "u/v/clips/clip_01_01_x_y.jpg"
    assert clip_thumbnail_key("u", "v", "clip_01_01_x_y.mp4", "webp") == "u/v/clips/clip_01_01_x_y.webp"
    assert final_video_key("u", "v", "j") == "u/v/final/j.mp4"
    assert final_poster_key("u", "v", "j") == "u/v/final/j.jpg"
    assert final_thumbnail_key("u", "v", "j") == "u/v/final/j_thumbnail.jpg"
    assert segment_key("u", "v", "j", "0123abcd", 7) == "u/v/parts/j/0123abcd_007.mp4"
    assert segment_key("u", "v", "j", "0123abcd", 1234) == "u/v/parts/j/0123abcd_1234.mp4"
    assert sound_key("u", "v", "j", "0123abcd") == "u/v/parts/j/0123abcd_sound.m4a"
    assert parts_prefix("u", "v", "j") == "u/v/parts/j/"
    assert highlights_key("u", "v") == "u/v/highlights.json"
    assert manifest_key("u", "v") == "u/v/manifest.json"


def test_the_files_of_a_video_are_told_from_those_of_one_whose_id_begins_alike():
    assert video_prefix("u", "v") == "u/v/"
    assert clips_prefix("u", "v") == "u/v/clips/"
    for key in (
        manifest_key("u", "v"),
        highlights_key("u", "v"),
        clip_key("u", "v", "x.mp4"),
        parts_prefix("u", "v", "j"),
    ):
        assert key.startswith(video_prefix("u", "v"))
        assert not key.startswith(video_prefix("u", "v2"))
    for key in (clip_key("u", "v", "x.mp4"), clip_thumbnail_key("u", "v", "x.mp4")):
        assert key.startswith(clips_prefix("u", "v"))


@pytest.mark.parametrize("part", ["", ".", "..", "a/b", "a\\b", "a\nb", "../x", "a\x7fb", "\ud800"])
def test_no_part_leaves_its_folder(part):
    with pytest.raises(InvalidRequest):
        clip_key(part, "v", "x.mp4")
    with pytest.raises(InvalidRequest):
        clip_key("u", part, "x.mp4")
    with pytest.raises(InvalidRequest):
        clip_key("u", "v", part)
    for key in (parts_prefix, segment_of_job, sound_of_job):  # of which the job's id is a folder
        with pytest.raises(InvalidRequest):
            key("u", "v", part)


@pytest.mark.parametrize("filename", ["clip.jpg", "clip", ".mp4"])
def test_a_thumbnail_never_has_the_name_of_its_clip(filename):
    for key in (clip_key, clip_thumbnail_key):
        with pytest.raises(InvalidRequest):
            key("u", "v", filename)


def test_a_job_without_an_id_has_no_files():
    for key in (*OF_JOBS, scene_image_thumbnail_key):
        with pytest.raises(InvalidRequest, match="'job_id'"):
            key("u", "v", "")


def test_the_files_of_a_job_are_told_from_those_of_one_whose_id_begins_alike():
    prefix = parts_prefix("u", "v", "j")
    for key in (segment_of_job, sound_of_job):
        assert key("u", "v", "j").startswith(prefix)
        assert not key("u", "v", "j2").startswith(prefix)


def test_the_parts_of_one_plan_have_different_names():
    keys = [sound_key("u", "v", "j", "f"), *(segment_key("u", "v", "j", "f", number) for number in range(1, 1200))]
    assert len(set(keys)) == 1200


def test_no_two_files_of_a_job_have_one_key():
    assert len({key("u", "v", "j") for key in OF_JOBS}) == len(OF_JOBS)


def test_folders_are_no_ids():
    for key in (highlights_key, manifest_key, video_prefix, clips_prefix):
        with pytest.raises(InvalidRequest, match="'images'"):
            key("u", "images")
        with pytest.raises(InvalidRequest, match="'uploads'"):
            key("uploads", "v")
        with pytest.raises(InvalidRequest):
            key("u", "..")


def test_a_key_that_storage_would_refuse_is_refused_before():
    assert len(final_video_key("u", "é" * 255, "j" * 500).encode()) <= 1024
    with pytest.raises(InvalidRequest, match="1024 bytes"):
        final_video_key("u", "é" * 255, "j" * 600)


@pytest.mark.parametrize("key", [segment_of_job, sound_of_job])
def test_a_part_whose_key_would_be_too_long_is_refused_although_its_folder_is_not(key):
    job_id = "j" * 1000
    assert len(parts_prefix("u", "v", job_id)) <= MAX_KEY_BYTES
    with pytest.raises(InvalidRequest, match="1024 bytes"):
        key("u", "v", job_id)
