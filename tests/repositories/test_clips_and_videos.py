"""Clip and video documents on the real emulator, with the calls of the integration guide."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from google.cloud import firestore

from pipeline.domain.errors import InvalidRequest, NotFound
from pipeline.repositories.clips import ClipRepository
from pipeline.repositories.videos import VideoRepository

ROOT = Path(__file__).parents[2]


@pytest.fixture
def user_id() -> str:
    return f"user-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def videos(firestore_client: firestore.Client, user_id: str) -> VideoRepository:
    return VideoRepository(user_id, client=firestore_client)


@pytest.fixture
def clips(firestore_client: firestore.Client, user_id: str, videos: VideoRepository) -> ClipRepository:
    videos.create_or_update_video("run-1", video_title="A run", styles_processed=["split", "left_focus"])
    return ClipRepository(user_id, "run-1", client=firestore_client)


def create(clips: ClipRepository, number: int, style: str = "split", **fields: object) -> str:
    clip_id = f"clip_{number:02d}_{number:02d}_x_{style}"
    given = {
        "clip_id": clip_id,
        "filename": f"{clip_id}.mp4",
        "scene_id": number,
        "scene_title": f"Scene {number}",
        "style": style,
        "start_time": "00:00:00",
        "end_time": "00:00:05",
        "duration_seconds": 5.0,
        "priority": number,
        "scene_description": "words",
        **fields,
    }
    clips.create_clip(**given)  # type: ignore[arg-type]
    return clip_id


def test_a_clip_has_every_field_of_the_guide(clips: ClipRepository, user_id: str):
    clip_id = create(clips, 1, file_size_bytes=3 * 1024 * 1024, has_thumbnail=True)
    clips.update_clip_status(clip_id=clip_id, status="completed", file_size_bytes=3 * 1024 * 1024, has_thumbnail=True)
    clip = clips.get_clip(clip_id)
    assert clip is not None
    times = {name: clip.pop(name) for name in ("created_at", "completed_at")}  # type: ignore[misc]
    assert times["created_at"] <= times["completed_at"]
    assert clip == {
        "clip_id": clip_id,
        "video_id": "run-1",
        "user_id": user_id,
        "filename": f"{clip_id}.mp4",
        "scene_id": 1,
        "scene_title": "Scene 1",
        "scene_description": "words",
        "style": "split",
        "priority": 1,
        "start_time": "00:00:00",
        "end_time": "00:00:05",
        "duration_seconds": 5.0,
        "file_size_bytes": 3 * 1024 * 1024,
        "file_size_mb": 3.0,
        "has_thumbnail": True,
        "r2_key": f"{user_id}/run-1/clips/{clip_id}.mp4",
        "thumbnail_r2_key": f"{user_id}/run-1/clips/{clip_id}.jpg",
        "status": "completed",
        "created_by": None,
    }


def test_a_second_create_resets_nothing(clips: ClipRepository):
    clip_id = create(clips, 1)
    clips.update_clip_status(clip_id, "completed", file_size_bytes=1000, has_thumbnail=True)
    before = clips.get_clip(clip_id)
    create(clips, 1, scene_title="A better title")
    after = clips.get_clip(clip_id)
    assert before is not None
    assert after == {**before, "scene_title": "A better title"}


def test_clips_are_listed_by_priority_and_filtered(clips: ClipRepository):
    for number in (3, 1, 2):
        create(clips, number)
    other = create(clips, 4, style="left_focus")
    clips.update_clip_status(other, "completed")
    assert [clip["priority"] for clip in clips.list_clips()] == [1, 2, 3, 4]
    assert [clip["clip_id"] for clip in clips.list_clips(status="completed")] == [other]
    assert [clip["clip_id"] for clip in clips.list_clips(style="left_focus", scene_id=4)] == [other]
    assert clips.list_clips(scene_id=99) == []
    assert (clips.count(), clips.count(status="processing"), clips.count(style="split", status="completed")) == (
        4,
        3,
        0,
    )


def test_pages_follow_one_another(clips: ClipRepository):
    for number in range(1, 8):
        create(clips, number)
    seen: list[int] = []
    token = None
    while page := clips.list_clips(page_size=3, page_token=token):
        seen += [clip["scene_id"] for clip in page]
        token = page[-1]["clip_id"]
    assert seen == [1, 2, 3, 4, 5, 6, 7]


def test_wrong_words_are_refused_by_name(clips: ClipRepository, firestore_client: firestore.Client):
    clip_id = create(clips, 1)
    with pytest.raises(InvalidRequest, match="'status'"):
        clips.update_clip_status(clip_id, "done")
    with pytest.raises(InvalidRequest, match="'status'"):
        clips.list_clips(status="done")
    with pytest.raises(NotFound, match="no-such-clip"):
        clips.update_clip_status("no-such-clip", "completed")
    with pytest.raises(InvalidRequest, match="'clip_id'"):
        clips.get_clip("../other")
    with pytest.raises(InvalidRequest, match="'user_id'"):
        ClipRepository("a/videos/b", "v", client=firestore_client)


def test_a_deleted_clip_is_gone(clips: ClipRepository):
    clip_id = create(clips, 1)
    clips.delete_clip(clip_id)
    clips.delete_clip(clip_id)
    assert clips.get_clip(clip_id) is None


def test_users_see_their_own_alone(clips: ClipRepository, firestore_client: firestore.Client):
    create(clips, 1)
    assert ClipRepository("somebody-else", "run-1", client=firestore_client).list_clips() == []
    assert VideoRepository("somebody-else", client=firestore_client).get_video("run-1") is None


def test_a_second_create_of_a_video_keeps_its_past(videos: VideoRepository, clips: ClipRepository):
    clips.update_clip_status(create(clips, 1), "completed", file_size_bytes=500)
    videos.update_clip_statistics("run-1")
    before = videos.get_video("run-1")
    videos.create_or_update_video("run-1", video_title="A new title", highlights_count=4)
    after = videos.get_video("run-1")
    assert before is not None
    assert after is not None
    assert (after["created_at"], after["clips_count"]) == (before["created_at"], 1)
    assert (after["video_title"], after["highlights_count"]) == ("A new title", 4)


def test_a_completed_video_stays_completed_when_its_run_is_repeated(videos: VideoRepository):
    videos.create_or_update_video("run-2", video_title="x")
    videos.update_video_status("run-2", "completed", video_url="https://example.com/v.mp4")
    videos.create_or_update_video("run-2", video_title="x", status="processing")
    video = videos.get_video("run-2")
    assert video is not None
    assert (video["status"], video["video_url"]) == ("completed", "https://example.com/v.mp4")


def test_statistics_are_exact_when_clips_are_completed_at_once(videos: VideoRepository, clips: ClipRepository):
    made = [create(clips, number, style="split" if number % 2 else "left_focus") for number in range(1, 13)]

    def complete(clip_id: str) -> None:
        clips.update_clip_status(clip_id, "completed", file_size_bytes=1000)
        videos.update_clip_statistics("run-1")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(complete, made[:-1]))
    videos.update_clip_statistics("run-1")
    video = videos.get_video("run-1")
    assert video is not None
    assert (video["clips_count"], video["total_size_bytes"]) == (11, 11_000)
    assert video["clips_by_style"] == {"split": 6, "left_focus": 5}


def test_a_style_that_was_not_announced_is_counted_once_it_is_added(videos: VideoRepository, clips: ClipRepository):
    clips.update_clip_status(create(clips, 1, style="surprise"), "completed")
    videos.add_style("run-1", "surprise")
    videos.update_clip_statistics("run-1")
    video = videos.get_video("run-1")
    assert video is not None
    assert video["clips_by_style"] == {"surprise": 1}


def test_two_creates_at_once_make_one_video(videos: VideoRepository):
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda n: videos.create_or_update_video("race", video_title=f"t{n}"), range(4)))
    video = videos.get_video("race")
    assert video is not None
    assert {one["created_at"] for one in made} == {video["created_at"]}


def test_videos_are_listed_newest_first(videos: VideoRepository):
    for number in range(4):
        videos.create_or_update_video(f"v{number}", video_title="x")
    videos.update_video_status("v1", "completed")
    assert [video["video_id"] for video in videos.list_videos(page_size=2)] == ["v3", "v2"]
    assert [video["video_id"] for video in videos.list_videos(page_token="v2")] == ["v1", "v0"]
    assert [video["video_id"] for video in videos.list_videos(status="completed")] == ["v1"]
    with pytest.raises(NotFound):
        videos.update_video_status("no-such-video", "completed")


def test_a_deleted_video_takes_its_clips_along(videos: VideoRepository, clips: ClipRepository):
    create(clips, 1)
    videos.delete_video("run-1")
    assert videos.get_video("run-1") is None
    assert clips.count() == 0


def test_every_query_of_the_repositories_has_its_index():
    """The emulator enforces none: each combination of filters and order is looked up in the file that is deployed."""
    indexes = json.loads((ROOT / "firestore.indexes.json").read_text())["indexes"]
    found = {(index["collectionGroup"], *(field["fieldPath"] for field in index["fields"])) for index in indexes}
    filters = [
        [],
        ["status"],
        ["style"],
        ["scene_id"],
        ["status", "style"],
        ["status", "scene_id"],
        ["style", "scene_id"],
    ]
    for names in [*filters, ["status", "style", "scene_id"]]:
        assert ("clips", *names, "priority", "clip_id") in found
    assert ("clips", "status", "file_size_bytes") in found
    assert ("videos", "status", "created_at") in found
