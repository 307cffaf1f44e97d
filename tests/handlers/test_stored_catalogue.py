"""Catalogues of what lies in a bucket."""

import json

import pytest

from pipeline.domain import highlights as highlights_file
from pipeline.handlers.stored_catalogue import read_catalogue, stored_video_ids
from tests.handlers.conftest import Workbench
from tests.handlers.watched_storage import WatchedStorage, refuse_everything


def store(workbench: Workbench, user_id: str, video_id: str, *names: str, data: bytes = b"x") -> None:
    for name in names:
        workbench.storage.upload_bytes(f"{user_id}/{video_id}/{name}", data, "video/mp4")


def test_a_video_is_what_its_files_say(workbench: Workbench):
    store(workbench, "cat-1", "v", "clips/clip_01_02_the-sea_left_focus.mp4", "clips/clip_01_02_the-sea_left_focus.jpg")
    told = json.dumps({"video_title": "Film", "highlights": [{"id": 2, "title": "Storm"}]}).encode()
    store(workbench, "cat-1", "v", "highlights.json", data=told)
    catalogue = read_catalogue("cat-1", "v", workbench.storage)
    assert catalogue is not None
    (clip,) = catalogue.clips
    assert (clip["scene_title"], clip["style"], clip["has_thumbnail"]) == ("Storm", "left_focus", True)
    assert clip["file_size_bytes"] == 1
    assert abs((clip["created_at"] - workbench.now()).total_seconds()) < 3600
    assert catalogue.video["video_title"] == "Film"
    assert catalogue.remarks == ()


def test_it_takes_one_listing_and_a_read_of_each_file_that_is_listed(workbench: Workbench):
    store(workbench, "cat-2", "bare", "clips/clip_01_01_a_split.mp4")
    store(workbench, "cat-2", "told", "clips/clip_01_01_a_split.mp4", "manifest.json")
    storage = WatchedStorage(workbench.storage)
    read_catalogue("cat-2", "bare", storage)
    assert storage.calls == [("list_objects", "cat-2/bare/")]
    storage.calls.clear()
    read_catalogue("cat-2", "told", storage)
    assert storage.calls == [("list_objects", "cat-2/told/"), ("read_bytes", "cat-2/told/manifest.json")]


def test_no_files_are_no_video(workbench: Workbench):
    store(workbench, "cat-3", "video-10", "clips/a.mp4")
    assert read_catalogue("cat-3", "video-1", workbench.storage) is None


@pytest.mark.parametrize(
    ("user_id", "video_id"),
    [("u", "images"), ("uploads", "v"), ("u/v", "clips"), ("u", "v/clips"), ("", "v"), ("u", "")],
)
def test_what_can_be_no_video_is_not_even_looked_for(workbench: Workbench, user_id: str, video_id: str):
    assert read_catalogue(user_id, video_id, WatchedStorage(workbench.storage, refuse_everything)) is None


def test_a_file_that_is_too_long_is_remarked_and_not_read(workbench: Workbench):
    store(workbench, "cat-4", "v", "clips/clip_01_01_a_split.mp4")
    store(workbench, "cat-4", "v", "highlights.json", data=b" " * (highlights_file.MAX_HIGHLIGHTS_BYTES + 1))
    storage = WatchedStorage(workbench.storage)
    catalogue = read_catalogue("cat-4", "v", storage)
    assert catalogue is not None
    assert len(catalogue.clips) == 1
    assert [remark.key for remark in catalogue.remarks] == ["cat-4/v/highlights.json"]
    assert storage.named("read_bytes") == []


def test_the_videos_of_a_user_are_the_folders_but_for_pictures(workbench: Workbench):
    for video_id in ("b", "a", "c"):
        store(workbench, "cat-5", video_id, "clips/x.mp4")
    store(workbench, "cat-5", "images", "scene/job.png")
    store(workbench, "cat-55", "other", "clips/x.mp4")
    assert list(stored_video_ids("cat-5", workbench.storage)) == ["a", "b", "c"]
    assert list(stored_video_ids("cat-5", workbench.storage, after="a")) == ["b", "c"]
    assert list(stored_video_ids("uploads", workbench.storage)) == []
