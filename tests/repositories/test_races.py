"""Two at once: what depends on the document found is decided by the database, never by luck."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from google.cloud import firestore

from localdev.stack import PROJECT_ID
from pipeline.domain.errors import NotFound
from pipeline.repositories.clips import ClipRepository
from pipeline.repositories.videos import VideoRepository
from tests.repositories.clip_samples import create_sample


class SlowCommit:
    """The generated API client; its first commit waits until it is let go."""

    def __init__(self, api: Any) -> None:
        self._api = api
        self._waits = True
        self.reached, self.let_go = threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    def commit(self, request: dict[str, Any], **options: Any) -> Any:
        if request.get("writes") and self._waits:
            self._waits = False
            self.reached.set()
            assert self.let_go.wait(20)
        return self._api.commit(request=request, **options)


def test_an_older_count_never_overwrites_a_newer_one(videos: VideoRepository, clips: ClipRepository, user_id: str):
    create_sample(clips, 1, status="completed", file_size_bytes=10)
    slow_client = firestore.Client(project=PROJECT_ID)
    slow = SlowCommit(slow_client._firestore_api)
    slow_client._firestore_api_internal = slow  # the one seam that the SDK leaves
    with ThreadPoolExecutor(1) as pool:
        counting = pool.submit(VideoRepository(user_id, client=slow_client).update_clip_statistics, "run-1")
        assert slow.reached.wait(20)  # it has counted one clip
        create_sample(clips, 2, status="completed", file_size_bytes=20)
        videos.update_clip_statistics("run-1")
        slow.let_go.set()
        counting.result(20)
    slow_client.close()
    video = videos.get_video("run-1")
    assert video is not None
    assert (video["clips_count"], video["total_size_bytes"], video["clips_by_style"]) == (2, 30, {"split": 2})


def test_creates_at_once_make_one_clip_that_keeps_the_first_time(clips: ClipRepository):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: create_sample(clips, 1, scene_title=f"t{n}", created_by=f"writer-{n}"), range(4)))
    first = clips.get_clip("clip_01_01_x_split")
    create_sample(clips, 1, created_by="late")
    last = clips.get_clip("clip_01_01_x_split")
    assert first is not None
    assert last is not None
    assert (last["created_at"], last["created_by"]) == (first["created_at"], first["created_by"])
    assert clips.count() == 1


def test_a_create_that_meets_the_completion_does_not_undo_it(clips: ClipRepository):
    clip_id = create_sample(clips, 1)
    start = threading.Barrier(2)

    def complete() -> None:
        start.wait()
        clips.update_clip_status(clip_id, "completed", file_size_bytes=1000, has_thumbnail=True)

    def repeat() -> None:
        start.wait()
        create_sample(clips, 1, scene_title="New")

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(complete), pool.submit(repeat)]:
            done.result()
    clip = clips.get_clip(clip_id)
    assert clip is not None
    assert (clip["status"], clip["file_size_bytes"], clip["has_thumbnail"]) == ("completed", 1000, True)
    assert clip["scene_title"] == "New"


def test_a_status_that_meets_a_deletion_brings_nothing_back(clips: ClipRepository):
    clip_id = create_sample(clips, 1)
    start = threading.Barrier(2)

    def complete() -> None:
        start.wait()
        try:
            clips.update_clip_status(clip_id, "completed")
        except NotFound:
            return

    def delete() -> None:
        start.wait()
        clips.delete_clip(clip_id)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(complete), pool.submit(delete)]:
            done.result()
    with pytest.raises(NotFound):
        clips.update_clip_status(clip_id, "completed")


def test_statistics_are_exact_when_sixteen_complete_clips_of_new_styles_at_once(
    videos: VideoRepository, clips: ClipRepository
):
    made = [create_sample(clips, number, style=f"style_{number % 4}") for number in range(1, 33)]

    def complete(clip_id: str) -> None:
        clips.update_clip_status(clip_id, "completed", file_size_bytes=1000)
        videos.update_clip_statistics("run-1")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(complete, made))
    video = videos.get_video("run-1")
    assert video is not None
    assert (video["clips_count"], video["total_size_bytes"]) == (32, 32_000)
    assert video["clips_by_style"] == {f"style_{number}": 8 for number in range(4)}
