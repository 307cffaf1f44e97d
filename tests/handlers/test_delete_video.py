"""Videos and clips go with all that is theirs and nothing else, whatever happens on the way."""

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.cloud import firestore

from pipeline.adapters.object_storage import ObjectStorage, StoredObject, in_batches
from pipeline.domain.errors import InvalidRequest, NotFound, StillProcessing
from pipeline.domain.jobs import CreatedWake, JobKind, JobRef
from pipeline.handlers.delete_video import delete_clip, delete_video
from pipeline.handlers.sweep import Swept, sweep
from pipeline.handlers.tools import Library, Tools
from pipeline.repositories.clips import ClipRepository
from pipeline.repositories.deletions import DeletionRepository
from pipeline.repositories.videos import VideoRepository
from tests.clip_documents import clip_document, video_document
from tests.handlers.conftest import USER, Workbench

CLIPS = 3
PATIENCE = timedelta(minutes=11)


class Killed(BaseException):
    """The instance is gone."""


class Life:
    """How many effects an instance still has."""

    def __init__(self, effects: int) -> None:
        self.effects = effects

    def spend(self) -> None:
        if self.effects == 0:
            raise Killed
        self.effects -= 1


class MortalApi:
    """The generated Firestore client of an instance that dies before one of its commits."""

    def __init__(self, api: Any, life: Life) -> None:
        self._api = api
        self._life = life

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    def commit(self, request: dict[str, Any], **options: Any) -> Any:
        self._life.spend()
        return self._api.commit(request=request, **options)


class MortalStorage:
    """Storage of an instance that dies before one of the files it deletes."""

    def __init__(self, storage: ObjectStorage, life: Life) -> None:
        self._storage = storage
        self._life = life

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def delete_objects(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._life.spend()
            self._storage.delete_objects([key])


class AheadStorage:
    """Storage where some files were stored an hour later than they were."""

    def __init__(self, storage: ObjectStorage, later: set[str]) -> None:
        self._storage = storage
        self._later = later

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        return (self._shifted(found) for found in self._storage.list_objects(prefix))

    def _shifted(self, found: StoredObject) -> StoredObject:
        if found.key not in self._later or found.stored_at is None:
            return found
        return replace(found, stored_at=found.stored_at + timedelta(hours=1))


class Shelf:
    """One user's videos: documents and files."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        self.user_id = f"user-{uuid.uuid4().hex[:8]}"
        self.library: Library = bench.tools()

    def put(self, video_id: str, *, documents: bool = True, files: bool = True, **video: Any) -> list[str]:
        """A completed video of some clips; returns the ids of the clips."""
        clips = [clip_document(self.user_id, video_id, number) for number in range(1, CLIPS + 1)]
        if documents:
            self.library.videos(self.user_id).import_video(video_document(self.user_id, video_id, **video))
            self.library.clips(self.user_id, video_id).import_clips(clips)
            self.library.videos(self.user_id).update_clip_statistics(video_id)
        if files:
            keys = [key for clip in clips for key in (clip["r2_key"], str(clip["thumbnail_r2_key"]))]
            for key in [*keys, *(f"{self.user_id}/{video_id}/{name}" for name in ("highlights.json", "final/j.mp4"))]:
                self.library.storage.upload_bytes(key, b"x", "application/octet-stream")
        return [clip["clip_id"] for clip in clips]

    def contents(self) -> dict[str, Any]:
        """All documents but records of deletions, and all keys."""
        videos = self.library.videos(self.user_id).list_videos()
        clips = {one["video_id"]: self.library.clips(self.user_id, one["video_id"]).list_clips() for one in videos}
        return {"videos": videos, "clips": clips, "keys": self.stored_keys()}

    def stored_keys(self, prefix: str = "") -> list[str]:
        return [found.key for found in self.library.storage.list_objects(f"{self.user_id}/{prefix}")]

    def records(self) -> int:
        return len(list(self.bench.client.collection("users", self.user_id, "deletions").stream()))

    def is_gone(self, video_id: str) -> bool:
        clips = self.library.clips(self.user_id, video_id)
        video = self.library.videos(self.user_id).get_video(video_id)
        return video is None and clips.count() == 0 and self.stored_keys(f"{video_id}/") == []

    def killed_after(self, effects: int, run: Callable[[Library], None]) -> bool:
        """Whether an instance of so many effects dies of it."""
        life = Life(effects)
        client = firestore.Client(project=self.bench.client.project)
        client._firestore_api_internal = MortalApi(client._firestore_api, life)  # the one seam that the SDK leaves
        mortal = replace(
            self.library,
            clips=lambda user_id, video_id: ClipRepository(user_id, video_id, client=client),
            videos=lambda user_id: VideoRepository(user_id, client=client),
            deletions=DeletionRepository(client),
            storage=MortalStorage(self.library.storage, life),  # type: ignore[arg-type]  # which it stands before
        )
        try:
            run(mortal)
        except Killed:
            return True
        finally:
            client.close()
        return False

    def sweep(self, after: timedelta = PATIENCE, tools: Tools | None = None) -> Swept:
        self.bench.ahead += after
        return sweep(self.bench.desk(), lambda: tools or self.bench.tools(), 60.0)


@pytest.fixture
def shelf(workbench: Workbench) -> Shelf:
    return Shelf(workbench)


def test_a_video_goes_with_its_clips_and_files_and_nothing_else(shelf: Shelf, workbench: Workbench):
    neighbour = Shelf(workbench)
    neighbour.put("run-1")
    for video_id in ("run-10", "run"):
        shelf.put(video_id)
    shelf.library.storage.upload_bytes(f"{shelf.user_id}/images/run-1/j.png", b"x", "image/png")
    others, before = neighbour.contents(), shelf.contents()
    shelf.put("run-1")
    delete_video(shelf.user_id, "run-1", shelf.library)
    assert shelf.is_gone("run-1")
    assert (shelf.contents(), neighbour.contents()) == (before, others)
    assert shelf.records() == 0


def test_a_video_that_is_being_made_is_not_touched(shelf: Shelf):
    shelf.put("run-1", status="processing", completed_at=None)
    before = shelf.contents()
    with pytest.raises(StillProcessing, match="cancel its job, or wait an hour"):
        delete_video(shelf.user_id, "run-1", shelf.library)
    assert shelf.contents() == before
    assert shelf.records() == 0


def test_a_storyboard_that_was_never_composed_can_be_deleted_an_hour_after_its_last_clip(shelf: Shelf):
    shelf.put("run-1", status="processing", completed_at=None)
    video = shelf.bench.client.document(f"users/{shelf.user_id}/videos/run-1")
    video.update({"updated_at": datetime.now(UTC) - timedelta(minutes=61)})
    delete_video(shelf.user_id, "run-1", shelf.library)
    assert shelf.is_gone("run-1")


def test_what_is_not_there_cannot_be_deleted(shelf: Shelf):
    shelf.put("run-1")
    with pytest.raises(NotFound, match="run-2"):
        delete_video(shelf.user_id, "run-2", shelf.library)
    with pytest.raises(NotFound, match="no-such-clip"):
        delete_clip(shelf.user_id, "run-1", "no-such-clip", shelf.library)
    with pytest.raises(NotFound):
        delete_video("somebody-else", "run-1", shelf.library)
    assert shelf.records() == 0


@pytest.mark.parametrize("video_id", ["images", "..", "a/b", ""])
def test_what_can_be_no_video_is_refused(shelf: Shelf, video_id: str):
    shelf.library.storage.upload_bytes(f"{shelf.user_id}/images/s/j.png", b"x", "image/png")
    with pytest.raises(InvalidRequest):
        delete_video(shelf.user_id, video_id, shelf.library)
    assert len(shelf.stored_keys()) == 1


@pytest.mark.parametrize("there", ["documents", "files"])
def test_half_of_a_video_goes_too(shelf: Shelf, there: str):
    clip_ids = shelf.put("run-1", documents=there == "documents", files=there == "files")
    delete_clip(shelf.user_id, "run-1", clip_ids[0], shelf.library)
    assert not shelf.is_gone("run-1")
    delete_video(shelf.user_id, "run-1", shelf.library)
    assert shelf.is_gone("run-1")


def test_a_clip_goes_with_its_files_and_is_not_counted_any_more(shelf: Shelf):
    first, *others = shelf.put("run-1")
    before = shelf.stored_keys()
    webp = f"{shelf.user_id}/run-1/clips/{first}.webp"
    shelf.library.storage.upload_bytes(webp, b"x", "image/webp")
    delete_clip(shelf.user_id, "run-1", first, shelf.library)
    (video,), clips = shelf.contents()["videos"], shelf.library.clips(shelf.user_id, "run-1").list_clips()
    assert [clip["clip_id"] for clip in clips] == others
    assert (video["clips_count"], video["clips_by_style"]) == (CLIPS - 1, {"split": CLIPS - 1})
    assert shelf.stored_keys() == [key for key in before if f"/{first}." not in key]
    assert shelf.records() == 0


def test_a_video_whose_deletion_is_killed_anywhere_is_gone_after_the_next_sweep(shelf: Shelf, workbench: Workbench):
    neighbour = Shelf(workbench)
    neighbour.put("run")
    shelf.put("run")
    others = (shelf.contents(), neighbour.contents())
    deaths = 0
    while True:
        shelf.put("run-1")
        if not shelf.killed_after(deaths, lambda library: delete_video(shelf.user_id, "run-1", library)):
            break
        if deaths == 0:  # before it was written down
            assert len(shelf.contents()["clips"]["run-1"]) == CLIPS
            delete_video(shelf.user_id, "run-1", shelf.library)
        shelf.sweep()
        assert shelf.is_gone("run-1"), deaths
        assert (shelf.contents(), neighbour.contents()) == others
        assert shelf.records() == 0
        deaths += 1
    assert shelf.is_gone("run-1")
    assert deaths == 1 + 2 + 2 * CLIPS + 2 + 1  # the record, documents, files, the record


def test_a_clip_whose_deletion_is_killed_anywhere_is_gone_after_the_next_sweep(shelf: Shelf):
    deaths = 0
    while True:
        first, *others = shelf.put("run-1")
        if not shelf.killed_after(deaths, lambda library: delete_clip(shelf.user_id, "run-1", first, library)):  # noqa: B023
            break
        shelf.sweep()
        if deaths == 0:
            delete_clip(shelf.user_id, "run-1", first, shelf.library)
        (video,), clips = shelf.contents()["videos"], shelf.library.clips(shelf.user_id, "run-1").list_clips()
        assert [clip["clip_id"] for clip in clips] == others
        assert video["clips_count"] == CLIPS - 1
        assert not [key for key in shelf.stored_keys() if f"/{first}." in key]
        assert shelf.records() == 0
        deaths += 1
    assert deaths == 1 + 1 + 2 + 1 + 1  # the record, the document, files, statistics, the record


def test_a_deletion_that_may_still_be_at_work_is_left_alone(shelf: Shelf):
    shelf.put("run-1")
    assert shelf.killed_after(1, lambda library: delete_video(shelf.user_id, "run-1", library))
    shelf.sweep(timedelta(minutes=9))
    assert not shelf.is_gone("run-1")
    assert shelf.records() == 1
    assert shelf.sweep(timedelta(minutes=2)).deletions == 1
    assert shelf.is_gone("run-1")


def test_a_video_that_is_made_anew_before_the_sweep_stays(shelf: Shelf):
    _, old_clip, _ = shelf.put("run-1")
    documents_are_gone = 3
    assert shelf.killed_after(documents_are_gone, lambda library: delete_video(shelf.user_id, "run-1", library))
    new = clip_document(shelf.user_id, "run-1", 1)
    new_keys = {new["r2_key"], str(new["thumbnail_r2_key"]), f"{shelf.user_id}/run-1/final/new.mp4"}
    for key in new_keys:
        shelf.library.storage.upload_bytes(key, b"new", "application/octet-stream")
    shelf.library.videos(shelf.user_id).create_or_update_video("run-1", video_title="Anew")
    shelf.library.clips(shelf.user_id, "run-1").import_clips([new])
    ahead: Any = AheadStorage(shelf.library.storage, {f"{shelf.user_id}/run-1/final/new.mp4"})
    shelf.sweep(tools=replace(shelf.bench.tools(), storage=ahead))
    assert [clip["clip_id"] for clip in shelf.contents()["clips"]["run-1"]] == [new["clip_id"]]
    assert set(shelf.stored_keys()) == new_keys
    assert not [key for key in shelf.stored_keys() if old_clip in key]
    assert shelf.records() == 0


def test_a_deletion_that_has_not_begun_with_the_documents_gives_way_to_a_new_run(shelf: Shelf):
    shelf.put("run-1")
    assert shelf.killed_after(1, lambda library: delete_video(shelf.user_id, "run-1", library))
    shelf.library.videos(shelf.user_id).update_video_status("run-1", "processing")
    before = shelf.contents()
    shelf.sweep()
    assert shelf.contents() == before
    assert shelf.records() == 0


def test_two_deletions_at_once_leave_nothing(shelf: Shelf):
    clip_ids = shelf.put("run-1")
    assert shelf.killed_after(1, lambda library: delete_clip(shelf.user_id, "run-1", clip_ids[0], library))
    assert shelf.killed_after(4, lambda library: delete_video(shelf.user_id, "run-1", library))
    assert shelf.records() == 2
    shelf.sweep()
    assert shelf.is_gone("run-1")
    assert shelf.records() == 0


class LongStorage:
    """A video of a hundred thousand files; counts how many keys are held at once."""

    FILES = 100_000

    def __init__(self, user_id: str) -> None:
        self.listed = self.deleted = self.held = 0
        self._prefix = f"{user_id}/run-1/"

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        assert prefix == self._prefix
        for number in range(self.FILES):
            self.listed += 1
            yield StoredObject(f"{prefix}clips/{number}.mp4", 1, "", "")

    def delete_objects(self, keys: Iterable[str]) -> None:
        self.listed = 0
        for batch in in_batches(keys, 1000):
            self.deleted += len(batch)
            self.held = max(self.held, self.listed - self.deleted + len(batch))


def test_a_hundred_thousand_files_are_never_held_together(shelf: Shelf):
    storage: Any = LongStorage(shelf.user_id)
    delete_video(shelf.user_id, "run-1", replace(shelf.library, storage=storage))
    assert storage.deleted == storage.FILES
    assert storage.held <= 1001


def test_a_clip_that_is_made_while_its_video_is_deleted_leaves_nothing(workbench: Workbench, picture: Path):
    workbench.write("storyboards/gone-board", {"user_id": USER, "title": "Gone", "scene_order": ["gone-scene"]})
    library, ref = workbench.tools(), JobRef(JobKind.VIDEO, "gone-job")
    library.videos(USER).create_or_update_video("gone-board", status="completed")
    fields = {
        "scene_id": workbench.scene("gone-scene"),
        "image_url": workbench.publish(picture),
        "text": "A lighthouse",
    }
    asked = {"job_id": ref.job_id, "user_id": USER, "status": "pending", "storyboard_id": "gone-board"}
    workbench.write(ref.path, {**asked, **fields, "duration": 2.0})
    workbench.wake(ref, CreatedWake())
    delete_video(USER, "gone-board", library)
    job = workbench.finish(ref)
    assert (job["status"], job["error"]["code"]) == ("error", "not_found")
    assert library.clips(USER, "gone-board").count() == 0
    assert list(library.storage.list_objects(f"{USER}/gone-board/")) == []
