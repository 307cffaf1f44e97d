"""Clip and video documents on the real emulator, with the calls of the integration guide."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from google.cloud import firestore

from pipeline.domain.clips import VideoDocument
from pipeline.domain.errors import InvalidRequest, NotFound
from pipeline.domain.pages import encode_page_token
from pipeline.repositories.clips import ClipRepository
from pipeline.repositories.videos import VideoRepository
from tests.repositories.clip_samples import create_sample


def test_a_clip_has_every_field_of_the_guide(clips: ClipRepository, user_id: str):
    clip_id = create_sample(clips, 1, file_size_bytes=3 * 1024 * 1024, has_thumbnail=True)
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
        "video_url": None,
        "thumbnail_url": None,
        "status": "completed",
        "created_by": None,
    }


def test_a_second_create_resets_nothing(clips: ClipRepository):
    clip_id = create_sample(clips, 1)
    clips.update_clip_status(clip_id, "completed", file_size_bytes=1000, has_thumbnail=True)
    before = clips.get_clip(clip_id)
    create_sample(clips, 1, scene_title="A better title")
    after = clips.get_clip(clip_id)
    assert before is not None
    assert after == {**before, "scene_title": "A better title"}


def test_clips_are_listed_by_priority_and_filtered(clips: ClipRepository):
    for number in (3, 1, 2):
        create_sample(clips, number)
    other = create_sample(clips, 4, style="left_focus")
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
        create_sample(clips, number)
    seen: list[int] = []
    page = clips.list_clips(page_size=3)
    seen += [clip["scene_id"] for clip in page]
    while page.next_page_token:
        page = clips.list_clips(page_size=3, page_token=page.next_page_token)
        seen += [clip["scene_id"] for clip in page]
    assert seen == [1, 2, 3, 4, 5, 6, 7]


def test_wrong_words_are_refused_by_name(clips: ClipRepository, firestore_client: firestore.Client):
    clip_id = create_sample(clips, 1)
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
    clip_id = create_sample(clips, 1)
    clips.delete_clip(clip_id)
    clips.delete_clip(clip_id)
    assert clips.get_clip(clip_id) is None


def test_users_see_their_own_alone(clips: ClipRepository, firestore_client: firestore.Client):
    create_sample(clips, 1)
    assert ClipRepository("somebody-else", "run-1", client=firestore_client).list_clips() == []
    assert VideoRepository("somebody-else", client=firestore_client).get_video("run-1") is None


def test_a_second_create_of_a_video_keeps_its_past(videos: VideoRepository, clips: ClipRepository):
    clips.update_clip_status(create_sample(clips, 1), "completed", file_size_bytes=500)
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
    made = [create_sample(clips, number, style="split" if number % 2 else "left_focus") for number in range(1, 13)]

    def complete(clip_id: str) -> None:
        clips.update_clip_status(clip_id, "completed", file_size_bytes=1000)
        videos.update_clip_statistics("run-1")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(complete, made[:-1]))
    video = videos.get_video("run-1")
    assert video is not None
    assert (video["clips_count"], video["total_size_bytes"]) == (11, 11_000)
    assert video["clips_by_style"] == {"split": 6, "left_focus": 5}


def test_a_style_that_nobody_announced_is_counted(videos: VideoRepository, clips: ClipRepository):
    clips.update_clip_status(create_sample(clips, 1, style="surprise"), "completed")
    videos.update_clip_statistics("run-1")
    video = videos.get_video("run-1")
    assert video is not None
    assert video["clips_by_style"] == {"surprise": 1}


def test_an_announced_style_is_remembered_once(videos: VideoRepository, clips: ClipRepository):
    for style in ("surprise", "split", "surprise"):
        videos.add_style("run-1", style)
    video = videos.get_video("run-1")
    assert video is not None
    assert video["styles_processed"] == ["split", "left_focus", "surprise"]
    with pytest.raises(NotFound):
        videos.add_style("no-such-video", "split")


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
    page = videos.list_videos(page_size=2)
    assert [video["video_id"] for video in page] == ["v3", "v2"]
    assert [video["video_id"] for video in videos.list_videos(page_token=page.next_page_token)] == ["v1", "v0"]
    assert [video["video_id"] for video in videos.list_videos(status="completed")] == ["v1"]
    with pytest.raises(NotFound):
        videos.update_video_status("no-such-video", "completed")


def test_a_deleted_video_takes_its_clips_along(videos: VideoRepository, clips: ClipRepository):
    create_sample(clips, 1)
    videos.update_video_status("run-1", "completed")
    videos.delete_video("run-1")
    videos.delete_video("run-1")
    assert videos.get_video("run-1") is None
    assert clips.count() == 0


def test_a_page_begins_where_the_last_ended_even_if_that_clip_is_gone(clips: ClipRepository):
    made = [create_sample(clips, number, priority=7) for number in range(1, 5)]  # of one priority: sorted by id
    page = clips.list_clips(page_size=2)
    clips.delete_clip(made[1])
    rest = clips.list_clips(page_size=2, page_token=page.next_page_token)
    assert [clip["clip_id"] for clip in rest] == made[2:]
    assert rest.next_page_token is None


def test_a_token_or_size_of_ones_own_making_is_refused(clips: ClipRepository, videos: VideoRepository):
    foreign = encode_page_token(1, "x/y/z")
    for token in ("nonsense", foreign, encode_page_token("soon", "v")):
        with pytest.raises(InvalidRequest, match="'page_token'"):
            videos.list_videos(page_token=token)
    with pytest.raises(InvalidRequest, match="'page_token'"):
        clips.list_clips(page_token=foreign)
    with pytest.raises(InvalidRequest, match="'page_size'"):
        clips.list_clips(page_size=0)


def test_a_clip_may_be_created_completed_and_a_repeat_changes_nothing(clips: ClipRepository):
    clip_id = create_sample(clips, 1, status="completed")
    first = clips.get_clip(clip_id)
    create_sample(clips, 1)
    clips.update_clip_status(clip_id, "completed")
    assert first is not None
    assert first["completed_at"] is not None
    assert clips.get_clip(clip_id) == first


def test_a_failed_clip_may_be_tried_again(clips: ClipRepository):
    clip_id = create_sample(clips, 1)
    clips.update_clip_status(clip_id, "failed")
    create_sample(clips, 1)
    clip = clips.get_clip(clip_id)
    assert clip is not None
    assert clip["status"] == "processing"


def test_a_clip_under_a_new_name_has_its_thumbnail_beside_it(clips: ClipRepository):
    clip_id = create_sample(clips, 1, has_thumbnail=True)
    create_sample(clips, 1, filename="clip_01_01_new_split.mp4")
    clip = clips.get_clip(clip_id)
    assert clip is not None
    assert clip["r2_key"].removesuffix(".mp4") == str(clip["thumbnail_r2_key"]).removesuffix(".jpg")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("start_time", "soon"),
        ("end_time", "1:2:3"),
        ("duration_seconds", float("nan")),
        ("file_size_bytes", -1),
        ("style", ""),
        ("status", "done"),
        ("filename", "x.mov"),
        ("clip_id", "a/b"),
    ],
)
def test_a_wrong_field_of_a_clip_is_named(clips: ClipRepository, field: str, value: object):
    with pytest.raises(InvalidRequest, match=f"'{field}'"):
        create_sample(clips, 1, **{field: value})


def test_a_video_has_every_field_from_the_start(videos: VideoRepository, user_id: str):
    made = videos.create_or_update_video("v")
    stored = videos.get_video("v")
    assert stored == made
    assert set(made) == set(VideoDocument.__annotations__)
    assert made["highlights_json_key"] == f"{user_id}/v/highlights.json"


def test_a_video_shows_when_it_ended_and_when_it_is_tried_again(videos: VideoRepository):
    assert videos.create_or_update_video("v", status="completed")["completed_at"] is not None
    videos.create_or_update_video("w")
    videos.update_video_status("w", "failed")
    failed = videos.get_video("w")
    assert failed is not None
    assert failed["failed_at"] is not None
    again = videos.create_or_update_video("w")
    assert (again["status"], again["failed_at"], again["completed_at"]) == ("processing", None, None)


def test_the_same_status_keeps_its_time_but_another_file_is_another_completion(videos: VideoRepository):
    videos.create_or_update_video("v")
    times = []
    for url in ("https://example.com/1", "https://example.com/1", "https://example.com/2"):
        videos.update_video_status("v", "completed", video_url=url)
        video = videos.get_video("v")
        assert video is not None
        times.append((video["completed_at"], video["updated_at"]))
    assert times[0] == times[1]
    assert times[1] < times[2]


def test_the_guides_constructors_open_no_connection():
    clips, videos = ClipRepository("u", "v"), VideoRepository("u")
    assert (clips.user_id, clips.video_id, videos.user_id) == ("u", "v", "u")


def test_only_a_video_in_the_making_can_come_to_nothing(videos: VideoRepository):
    videos.create_or_update_video("in-the-making")
    videos.fail_if_processing("in-the-making")
    failed = videos.get_video("in-the-making")
    assert failed is not None
    assert (failed["status"], failed["failed_at"] is None) == ("failed", False)
    videos.update_video_status("in-the-making", "completed")
    videos.fail_if_processing("in-the-making")
    finished = videos.get_video("in-the-making")
    assert finished is not None
    assert finished["status"] == "completed"
    with pytest.raises(NotFound):
        videos.fail_if_processing("never-was")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", ""),
        ("style", ""),
        ("style", "half \ud800"),
        ("style", "x" * 2000),
        ("scene_id", -1),
        ("scene_id", 2**70),
    ],
)
def test_a_filter_that_no_clip_can_pass_is_refused_by_name(clips: ClipRepository, field: str, value: Any):
    for ask in (clips.list_clips, clips.count):
        with pytest.raises(InvalidRequest, match=f"'{field}'"):
            ask(**{field: value})


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "", "soon"])
def test_a_token_of_a_time_that_cannot_be_is_refused(videos: VideoRepository, time: str):
    with pytest.raises(InvalidRequest, match="'page_token'"):
        videos.list_videos(page_token=encode_page_token(time, "v"))
