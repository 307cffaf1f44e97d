"""What counts as a difference between files and documents, case by case."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from migration.differences import DifferenceKind, DocumentedVideo, FiledVideo, compare_video
from pipeline.domain.clips import ClipDocument, VideoDocument

STORED = datetime(2024, 5, 1, tzinfo=UTC)
CLIP: dict[str, Any] = {
    "clip_id": "clip_01_02_harbour_split",
    "video_id": "v",
    "user_id": "u",
    "filename": "clip_01_02_harbour_split.mp4",
    "scene_id": 2,
    "scene_title": "Harbour",
    "scene_description": None,
    "style": "split",
    "priority": 1,
    "start_time": "00:00:00",
    "end_time": "00:00:00",
    "duration_seconds": 0.0,
    "file_size_bytes": 100,
    "file_size_mb": 0.0,
    "has_thumbnail": True,
    "r2_key": "u/v/clips/clip_01_02_harbour_split.mp4",
    "thumbnail_r2_key": "u/v/clips/clip_01_02_harbour_split.jpg",
    "status": "completed",
    "created_at": STORED,
    "completed_at": STORED,
    "created_by": None,
}
OTHER = {**CLIP, "clip_id": "clip_02_03_encore_blur", "style": "blur", "file_size_bytes": 50}
VIDEO = {"clips_count": 1, "total_size_bytes": 100, "clips_by_style": {"split": 1}}
LATER = STORED + timedelta(days=1)

Found = list[tuple[str, str | None, str | None, Any, Any]]


def compared(
    filed: list[dict[str, Any]],
    documented: list[dict[str, Any]],
    video: dict[str, Any] | None = VIDEO,
    *,
    titled: bool = True,
    words_are_filed: bool = True,
) -> Found:
    clips = {clip["clip_id"]: cast(ClipDocument, clip) for clip in filed}
    found = compare_video(
        "u",
        "v",
        FiledVideo(cast(VideoDocument, {}) if filed else None, clips, frozenset(clips) if titled else frozenset()),
        DocumentedVideo(video, {clip["clip_id"]: clip for clip in documented}),
        words_are_filed=words_are_filed,
    )
    return [(str(one.kind), one.clip_id, one.field, one.in_storage, one.in_firestore) for one in found]


def test_what_is_the_same_is_no_difference():
    assert compared([CLIP], [CLIP]) == []


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("filename", "clip_01_02_harbor_split.mp4"),
        ("scene_id", 3),
        ("style", "left_focus"),
        ("priority", 99),
        ("file_size_bytes", 101),
        ("has_thumbnail", False),
        ("r2_key", "u/v/clips/else.mp4"),
        ("thumbnail_r2_key", None),
    ],
)
def test_facts_of_files_are_compared_with_both_values(field: str, other: Any):
    found = compared([CLIP], [{**CLIP, field: other}])
    assert found == [("different", CLIP["clip_id"], field, CLIP[field], other)]


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("scene_description", "Written by hand"),
        ("duration_seconds", 7.5),
        ("start_time", "00:01:00"),
        ("created_at", LATER),
        ("created_by", "video_generation_jobs/1"),
    ],
)
def test_what_files_cannot_tell_is_no_difference(field: str, other: Any):
    assert compared([CLIP], [{**CLIP, field: other}]) == []


def test_a_title_is_compared_where_somebody_wrote_it_and_answers_come_from_it():
    edited = {**CLIP, "scene_title": "The old harbour"}
    assert compared([CLIP], [edited], titled=False) == []
    difference = (CLIP["clip_id"], "scene_title", "Harbour", "The old harbour")
    assert compared([CLIP], [edited]) == [("different", *difference)]
    assert compared([CLIP], [edited], words_are_filed=False) == [("edited", *difference)]


def test_a_file_without_a_document_is_missing_and_not_counted():
    counted = {"clips_count": 2, "total_size_bytes": 150, "clips_by_style": {"split": 1, "blur": 1}}
    assert compared([CLIP, OTHER], [CLIP], counted) == [("missing", OTHER["clip_id"], None, None, None)]
    assert ("different", None, "clips_count", 2, 1) in compared([CLIP, OTHER], [CLIP])


def test_a_video_without_a_document_is_missing():
    assert compared([CLIP], [CLIP], None) == [("missing", None, None, None, None)]


@pytest.mark.parametrize(("status", "expected"), [("completed", True), ("processing", False), ("failed", False)])
def test_a_document_without_a_file_is_extra_once_it_is_completed(status: str, expected: bool):
    found = compared([CLIP], [CLIP, {**OTHER, "status": status}])
    assert found == ([("extra", OTHER["clip_id"], None, None, None)] if expected else [])


def test_a_video_without_files_is_no_difference_by_itself():
    assert compared([], [], VIDEO) == []


@pytest.mark.parametrize("status", ["processing", "failed"])
def test_a_clip_that_a_job_has_begun_anew_is_left_to_it(status: str):
    begun = {**CLIP, "status": status, "created_at": LATER, "completed_at": None, "file_size_bytes": 0}
    assert compared([CLIP], [begun], {"clips_count": 0, "total_size_bytes": 0, "clips_by_style": {}}) == []


def test_a_clip_whose_job_died_before_it_was_announced_is_different():
    dead = {**CLIP, "status": "processing", "created_at": STORED - timedelta(days=1), "completed_at": None}
    assert ("different", CLIP["clip_id"], "status", "completed", "processing") in compared([CLIP], [dead])


@pytest.mark.parametrize(
    ("field", "other"), [("clips_count", 2), ("total_size_bytes", 99), ("clips_by_style", {"split": 1, "blur": 0})]
)
def test_statistics_of_the_video_are_compared(field: str, other: Any):
    assert compared([CLIP], [CLIP], {**VIDEO, field: other}) == [("different", None, field, VIDEO[field], other)]


def test_only_edits_stand_in_nobodys_way():
    assert {kind for kind in DifferenceKind if kind.is_harmless} == {DifferenceKind.EDITED}
