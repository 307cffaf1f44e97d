"""Every key that the pipeline makes is understood, and no other."""

import inspect

import pytest

from operations.stored_files import FileKind, place_of
from pipeline.domain import object_keys

MADE = {
    "scene_image_key": (object_keys.scene_image_key("ann", "scene", "job", "png"), FileKind.PICTURE),
    "scene_image_thumbnail_key": (
        object_keys.scene_image_thumbnail_key("ann", "scene", "job"),
        FileKind.PICTURE_THUMBNAIL,
    ),
    "clip_key": (object_keys.clip_key("ann", "video", "clip_01.mp4"), FileKind.CLIP),
    "clip_thumbnail_key": (object_keys.clip_thumbnail_key("ann", "video", "clip_01.mp4"), FileKind.CLIP_THUMBNAIL),
    "final_video_key": (object_keys.final_video_key("ann", "video", "job"), FileKind.FINAL),
    "final_poster_key": (object_keys.final_poster_key("ann", "video", "job"), FileKind.FINAL_PICTURE),
    "final_thumbnail_key": (object_keys.final_thumbnail_key("ann", "video", "job"), FileKind.FINAL_PICTURE),
    "segment_key": (object_keys.segment_key("ann", "video", "job", "print", 3), FileKind.PART),
    "sound_key": (object_keys.sound_key("ann", "video", "job", "print"), FileKind.PART),
    "highlights_key": (object_keys.highlights_key("ann", "video"), FileKind.CATALOGUE),
    "manifest_key": (object_keys.manifest_key("ann", "video"), FileKind.CATALOGUE),
}


def test_there_is_no_other_kind_of_key():
    makers = {name for name, _ in inspect.getmembers(object_keys, inspect.isfunction) if name.endswith("_key")}
    assert {name for name in makers if not name.startswith("_")} == MADE.keys()


@pytest.mark.parametrize("name", MADE)
def test_a_key_tells_its_kind_and_whose_it_is(name: str):
    key, kind = MADE[name]
    place = place_of(key)
    assert (place.kind, place.user_id) == (kind, "ann")
    if kind in (FileKind.PICTURE, FileKind.PICTURE_THUMBNAIL):
        assert (place.scene_id, place.job_ids[0]) == ("scene", "job")
    else:
        assert place.video_id == "video"
    if kind in (FileKind.CLIP, FileKind.CLIP_THUMBNAIL):
        assert place.clip_id == "clip_01"
    if kind in (FileKind.FINAL, FileKind.FINAL_PICTURE, FileKind.PART):
        assert place.job_ids[0] == "job"


def test_other_thumbnails_halves_of_uploads_and_uploads_are_known_too():
    assert place_of("ann/video/clips/clip_01.webp").kind is FileKind.CLIP_THUMBNAIL
    assert place_of("ann/video/final/job.mp4.head").kind is FileKind.HALF_UPLOAD
    assert place_of("uploads/ann/music/song.mp3") == place_of("uploads/ann/music/song.mp3")
    assert (place_of("uploads/ann/song").kind, place_of("uploads/ann/song").user_id) == (FileKind.UPLOAD, "ann")


def test_a_name_that_can_be_read_in_two_ways_is():
    assert place_of("ann/images/scene/a_thumbnail.webp").job_ids == ("a", "a_thumbnail")
    assert place_of("ann/images/scene/a_thumbnail.png").job_ids == ("a_thumbnail",)
    assert place_of("ann/video/final/a_thumbnail.jpg").job_ids == ("a", "a_thumbnail")


@pytest.mark.parametrize(
    "key",
    [
        *("", "file.mp4", "ann/file.mp4", "ann/video/file.mp4", "ann/video/clips/deeper/clip.mp4"),
        *("ann/video/clips/.mp4", "ann/video/clips/clip.txt", "ann/video/parts/job", "ann/images/picture.png"),
        *("ann/images/scene/notes.txt", "ann//clips/clip.mp4", "ann/../clips/clip.mp4", "uploads/file.mp3", "uploads"),
        *("__ann__/video/clips/clip.mp4", "ann/video/final/.jpg", "ann/video/other/job.mp4", "own-media/clip.mp4"),
    ],
)
def test_anything_else_is_unknown(key: str):
    assert place_of(key).kind is FileKind.UNKNOWN


def test_a_url_names_a_file_whatever_host_serves_it():
    picture, thumbnail = place_of("ann/images/a scene/job.png"), place_of("ann/images/a scene/job_thumbnail.webp")
    for url in (
        "https://media.example.com/ann/images/a%20scene/job.png",
        "https://old.example.com/bucket/ann/images/a%20scene/job.png?x=1",
        "https://firebasestorage.googleapis.com/v0/b/films/o/ann%2Fimages%2Fa%20scene%2Fjob.png?alt=media&token=t",
    ):
        assert picture.is_named_by(url)
        assert thumbnail.is_named_by(url)
    for url in ("https://media.example.com/joann/images/a%20scene/job.png", "", None, 7, "https://[", "job.png"):
        assert not picture.is_named_by(url)
    assert not place_of("ann/v/clips/a.jpg").is_named_by("https://media.example.com/ann/v/clips/a.mp4")
