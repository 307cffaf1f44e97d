"""What may be imported, and what of it a document that is there takes."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from pipeline.domain.errors import InvalidRequest
from pipeline.domain.imports import checked_clip, checked_video, merged_clip, merged_video
from tests.clip_documents import STORED_AT, clip_document, video_document

LATER = STORED_AT + timedelta(minutes=1)
EARLIER = STORED_AT - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user_id", "somebody-else"),
        ("video_id", "another"),
        ("clip_id", "a/b"),
        ("filename", "x.mov"),
        ("scene_title", "half \ud800"),
        ("scene_description", "half \ud800"),
        ("style", "__x__"),
        ("start_time", "soon"),
        ("priority", -1),
        ("scene_id", 2**63),
        ("duration_seconds", float("inf")),
        ("file_size_bytes", -1),
        ("status", "done"),
        ("status", "processing"),  # with a time of completion
        ("completed_at", None),
        ("created_at", datetime(2025, 3, 1)),  # of no zone
        ("created_at", None),
        ("r2_key", "somebody-else/run/clips/clip_01_01_x_split.mp4"),
        ("thumbnail_r2_key", "u/v/clips/other.jpg"),
        ("thumbnail_r2_key", None),
        ("has_thumbnail", False),  # with the key of one
    ],
)
def test_a_wrong_field_of_an_imported_clip_is_named(field: str, value: Any):
    named = {"status": "status|completed_at", "has_thumbnail": "thumbnail_r2_key", "filename": "filename"}
    with pytest.raises(InvalidRequest, match=f"'({named.get(field, field)})'"):
        checked_clip("u", "v", clip_document("u", "v", 1, **{field: value}))


def test_a_thumbnail_may_be_webp_and_the_size_is_calculated():
    key = "u/v/clips/clip_01_01_x_split.webp"
    fields = checked_clip("u", "v", clip_document("u", "v", 1, thumbnail_r2_key=key, file_size_mb=99.0))
    assert (fields["thumbnail_r2_key"], fields["file_size_mb"]) == (key, 3.0)


def test_what_is_no_field_of_a_clip_is_left_out():
    assert "remarks" not in checked_clip("u", "v", clip_document("u", "v", 1, remarks=["odd"]))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user_id", "somebody-else"),
        ("video_id", "a/b"),
        ("video_title", "half \ud800"),
        ("styles_processed", [""]),
        ("clips_by_style", {"": 1}),
        ("highlights_count", -1),
        ("total_size_bytes", -1),
        ("highlights_json_key", "u/other/highlights.json"),
        ("failed_at", STORED_AT),
    ],
)
def test_a_wrong_field_of_an_imported_video_is_named(field: str, value: Any):
    named = {"styles_processed": "style", "clips_by_style": "style"}.get(field, field)
    with pytest.raises(InvalidRequest, match=f"'{named}'"):
        checked_video("u", video_document("u", "v", **{field: value}))


def test_pictures_are_no_video():
    with pytest.raises(InvalidRequest, match="images"):
        checked_video("u", video_document("u", "images"))


def clip(**fields: Any) -> dict[str, Any]:
    return dict(clip_document("u", "v", 1, **fields))


def video(**fields: Any) -> dict[str, Any]:
    return dict(video_document("u", "v", **fields))


def test_a_clip_keeps_how_it_began():
    found = clip(created_at=EARLIER, created_by="job-1", scene_title="Old")
    taken = merged_clip(found, clip(created_by="import"))
    assert taken["scene_title"] == "Scene 1"
    assert {"created_at", "created_by", "completed_at"}.isdisjoint(taken)


def test_a_clip_that_is_further_on_takes_nothing():
    assert merged_clip(clip(), clip(status="processing", completed_at=None)) == {}
    assert merged_clip(clip(status="failed", completed_at=None), clip(status="processing", completed_at=None)) == {}


def test_a_clip_that_has_been_made_anew_since_takes_nothing():
    assert merged_clip(clip(completed_at=LATER, file_size_bytes=7), clip()) == {}


def test_a_clip_whose_file_is_there_is_completed():
    taken = merged_clip(clip(status="processing", completed_at=None, created_at=EARLIER), clip())
    assert (taken["status"], taken["completed_at"]) == ("completed", STORED_AT)


def test_a_description_is_not_erased_by_files_that_tell_of_none():
    assert "scene_description" not in merged_clip(clip(), clip(scene_description=None))


@pytest.mark.parametrize(
    "untold",
    [
        {"duration_seconds": 0.0},
        {"start_time": "00:00:00", "end_time": "00:00:00"},
        {"video_url": None, "thumbnail_url": None},
        {"scene_title": ""},
    ],
)
def test_what_files_do_not_tell_erases_nothing_of_a_clip(untold: dict[str, Any]):
    found = clip(start_time="00:01:00", end_time="00:01:05", created_at=EARLIER, completed_at=EARLIER)
    assert untold.keys().isdisjoint(merged_clip(found, clip(**untold)))


def test_a_thumbnail_that_is_gone_leaves_no_url():
    taken = merged_clip(clip(), clip(has_thumbnail=False, thumbnail_r2_key=None, thumbnail_url=None))
    assert taken["thumbnail_url"] is None


def test_a_title_made_of_a_name_replaces_none_that_is_there():
    named = clip(scene_title="Words of the name")
    assert "scene_title" not in merged_clip(clip(scene_title="Written by hand"), named, is_titled=False)
    assert merged_clip(clip(scene_title=""), named, is_titled=False)["scene_title"] == "Words of the name"


def test_a_videos_statistics_and_beginning_are_its_own():
    taken = merged_video(video(clips_count=7, created_by="x"), video(video_title="New"))
    assert taken["video_title"] == "New"
    assert {"clips_count", "clips_by_style", "total_size_bytes", "created_at", "created_by"}.isdisjoint(taken)


def test_styles_that_only_a_job_knows_of_stay():
    taken = merged_video(video(styles_processed=["blur", "split"]), video(styles_processed=["split", "crop"]))
    assert taken["styles_processed"] == ["blur", "split", "crop"]


def test_a_video_that_a_job_works_on_keeps_its_status_and_url():
    found = video(status="processing", completed_at=None, updated_at=LATER, video_url="https://example.com/new")
    taken = merged_video(found, video(video_url="https://example.com/old", youtube_id="abc"))
    assert taken["youtube_id"] == "abc"
    assert {"status", "completed_at", "failed_at", "video_url"}.isdisjoint(taken)


def test_a_video_that_was_forgotten_in_the_making_is_completed():
    found = video(status="processing", completed_at=None, created_at=EARLIER, updated_at=EARLIER)
    taken = merged_video(found, video(video_url="https://example.com/v"))
    assert (taken["status"], taken["completed_at"]) == ("completed", STORED_AT)
    assert taken["video_url"] == "https://example.com/v"


def test_what_files_do_not_tell_erases_nothing_of_a_video():
    taken = merged_video(video(), video(video_title=None, highlights_count=0, styles_processed=[]))
    assert {"video_title", "highlights_count", "styles_processed"}.isdisjoint(taken)
