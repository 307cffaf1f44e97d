"""Clips and videos imported by the thousand, beside the jobs that go on writing them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from google.cloud import firestore

from localdev.stack import PROJECT_ID
from pipeline.domain.clips import ClipDocument
from pipeline.domain.errors import InvalidRequest
from pipeline.repositories.clips import ClipRepository
from pipeline.repositories.document_imports import Imported
from pipeline.repositories.documents import PAGE
from pipeline.repositories.videos import VideoRepository
from tests.clip_documents import STORED_AT, clip_document, video_document

SOME = PAGE + 50


class WatchedApi:
    """The generated API client: keeps the writes, and lets somebody else write just before the next commit."""

    def __init__(self, api: Any) -> None:
        self._api = api
        self.writes: list[Any] = []
        self.before_commit: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    def commit(self, request: dict[str, Any], **options: Any) -> Any:
        meddle, self.before_commit = self.before_commit, None
        if meddle:
            meddle()
        self.writes += request["writes"]
        return self._api.commit(request=request, **options)


@pytest.fixture
def watched(user_id: str, firestore_client: firestore.Client) -> Iterator[tuple[ClipRepository, WatchedApi]]:
    client = firestore.Client(project=PROJECT_ID)
    api = WatchedApi(client._firestore_api)
    client._firestore_api_internal = api  # the one seam that the SDK leaves
    yield ClipRepository(user_id, "run-1", client=client), api
    client.close()


def documents(user_id: str, count: int, **fields: Any) -> list[ClipDocument]:
    return [clip_document(user_id, "run-1", number, **fields) for number in range(1, count + 1)]


def test_an_import_writes_what_it_is_given_and_a_second_one_nothing(watched: Any, user_id: str):
    clips, api = watched
    given = documents(user_id, SOME)
    assert clips.import_clips(iter(given)) == Imported(created=SOME)
    assert list(clips.list_clips()) == given
    api.writes.clear()
    assert clips.import_clips(given) == Imported(unchanged=SOME)
    assert api.writes == []


def test_only_the_fields_that_differ_are_written(watched: Any, user_id: str):
    clips, api = watched
    clips.import_clips(documents(user_id, 3))
    api.writes.clear()
    changed = clip_document(user_id, "run-1", 2, scene_title="Another", created_by="import")
    assert clips.import_clips([*documents(user_id, 1), changed]) == Imported(changed=1, unchanged=1)
    assert [list(write.update_mask.field_paths) for write in api.writes] == [["scene_title"]]
    clip = clips.get_clip(changed["clip_id"])
    assert clip == {**changed, "created_by": None}


def test_a_clip_that_a_job_completes_meanwhile_stays_as_the_job_left_it(
    watched: Any, clips: ClipRepository, user_id: str
):
    importing, api = watched
    given = documents(user_id, 5, scene_title="From the file's name")
    clip = given[2]

    def complete() -> None:
        names = ("clip_id", "filename", "scene_id", "style", "start_time", "end_time", "duration_seconds")
        described = {name: clip[name] for name in names}  # type: ignore[literal-required]
        clips.create_clip(**described, scene_title="From the job", created_by="job-1")  # type: ignore[arg-type]
        clips.update_clip_status(clip["clip_id"], "completed", file_size_bytes=77)

    api.before_commit = complete
    assert importing.import_clips(given) == Imported(created=4, unchanged=1)
    found = clips.get_clip(clip["clip_id"])
    assert found is not None
    assert (found["scene_title"], found["file_size_bytes"], found["created_by"]) == ("From the job", 77, "job-1")


def test_a_clip_that_is_deleted_meanwhile_is_decided_anew(watched: Any, clips: ClipRepository, user_id: str):
    importing, api = watched
    importing.import_clips(documents(user_id, 3))
    changed = documents(user_id, 3, scene_title="Another")
    api.before_commit = lambda: clips.delete_clip(changed[1]["clip_id"])
    assert importing.import_clips(changed) == Imported(created=1, changed=2)
    assert clips.list_clips() == changed


def test_imports_at_once_write_every_clip_once(clips: ClipRepository, user_id: str):
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: clips.import_clips(documents(user_id, SOME)), range(4)))
    assert sum(one.created for one in results) == SOME
    assert sum(one.changed for one in results) == 0
    assert list(clips.list_clips()) == documents(user_id, SOME)


@pytest.mark.parametrize(("field", "value"), [("user_id", "somebody-else"), ("video_id", "run-2"), ("style", "")])
def test_nothing_of_a_batch_with_a_wrong_clip_is_written(clips: ClipRepository, user_id: str, field: str, value: str):
    wrong = clip_document(user_id, "run-1", SOME + 1, **{field: value})
    with pytest.raises(InvalidRequest, match=f"'{field}'"):
        clips.import_clips([*documents(user_id, SOME), wrong])
    assert clips.count() == PAGE  # of the batches, the first alone


def test_the_same_clip_twice_is_the_later_one(clips: ClipRepository, user_id: str):
    first, second = (clip_document(user_id, "run-1", 1, scene_title=title) for title in ("One", "Two"))
    assert clips.import_clips([first, second]) == Imported(created=1)
    assert clips.list_clips() == [second]


def test_a_video_is_imported_once(videos: VideoRepository, user_id: str):
    given = video_document(user_id, "old")
    assert videos.import_video(given) is True
    assert videos.get_video("old") == given
    assert videos.import_video(given) is False
    assert videos.get_video("old") == given


def test_an_imported_video_takes_no_counts_from_its_import(
    videos: VideoRepository, firestore_client: firestore.Client, user_id: str
):
    given = video_document(user_id, "old")
    videos.import_video(given)
    clips = ClipRepository(user_id, "old", client=firestore_client)
    clips.import_clips([clip_document(user_id, "old", number) for number in (1, 2)])
    videos.update_clip_statistics("old")
    assert videos.import_video(given) is False
    assert videos.import_video(video_document(user_id, "old", video_title="New", clips_count=9)) is True
    video = videos.get_video("old")
    assert video is not None
    assert (video["video_title"], video["clips_count"], video["clips_by_style"]) == ("New", 2, {"split": 2})
    assert video["created_at"] == STORED_AT
    assert video["updated_at"] > STORED_AT


def test_another_users_video_is_not_imported(videos: VideoRepository):
    with pytest.raises(InvalidRequest, match="'user_id'"):
        videos.import_video(video_document("somebody-else", "old"))


def test_clips_that_are_new_are_imported_without_a_read(watched: tuple[ClipRepository, WatchedApi], user_id: str):
    clips, api = watched
    given = documents(user_id, SOME)
    read: list[str] = []
    api._api.batch_get_documents, look = lambda **_: read.append("read"), api._api.batch_get_documents
    assert clips.import_clips(given, are_new=True) == Imported(created=SOME)
    assert (len(api.writes), read) == (SOME, [])
    api._api.batch_get_documents = look
    assert clips.count() == SOME


def test_clips_that_are_not_as_new_as_thought_are_looked_at(watched: tuple[ClipRepository, WatchedApi], user_id: str):
    clips, _ = watched
    given = documents(user_id, 12)
    clips.import_clips(given[:5])
    assert clips.import_clips(given, are_new=True) == Imported(created=7, unchanged=5)
    assert clips.import_clips(given, are_new=True) == Imported(unchanged=12)
