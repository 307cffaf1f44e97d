"""Documents that go, and records of deletions that have begun."""

from datetime import UTC, datetime, timedelta

import pytest
from google.cloud import firestore

from pipeline.domain.errors import InvalidRequest, StillProcessing
from pipeline.repositories.clips import ClipRepository
from pipeline.repositories.deletions import Deletion, DeletionRepository
from pipeline.repositories.documents import PAGE
from pipeline.repositories.videos import VideoRepository
from tests.clip_documents import clip_document
from tests.repositories.clip_samples import create_sample

NOW = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def deletions(firestore_client: firestore.Client) -> DeletionRepository:
    return DeletionRepository(firestore_client)


def left_over(deletions: DeletionRepository, user_id: str, before: datetime) -> list[Deletion]:
    return [one for page in deletions.left_over(before) for one in page if one.user_id == user_id]


def test_a_deletion_is_left_over_until_it_ends(deletions: DeletionRepository, user_id: str):
    begun = deletions.begin(user_id, "run-1", "clip-1", "clip-1.mp4", NOW)
    assert left_over(deletions, user_id, NOW) == []
    (found,) = left_over(deletions, user_id, NOW + timedelta(seconds=1))
    assert (found.user_id, found.video_id, found.clip_id, found.filename) == (user_id, "run-1", "clip-1", "clip-1.mp4")
    assert found.asked_at == begun.asked_at
    deletions.end(found)
    deletions.end(found)
    assert left_over(deletions, user_id, NOW + timedelta(seconds=1)) == []


def test_every_video_and_clip_has_a_record_of_its_own(deletions: DeletionRepository, user_id: str):
    whole = [("run-1", None), ("run-1", "c"), ("run", "1-c"), ("run-1", "d"), ("run-1", "c")]
    for video_id, clip_id in whole:
        deletions.begin(user_id, video_id, clip_id, None, NOW)
    deletions.begin(f"{user_id}-other", "run-1", None, None, NOW)
    found = left_over(deletions, user_id, NOW + timedelta(seconds=1))
    assert {(one.video_id, one.clip_id) for one in found} == set(whole)
    assert len(found) == 4


def test_a_deletion_that_is_asked_for_again_is_not_ended_by_the_first(deletions: DeletionRepository, user_id: str):
    first = deletions.begin(user_id, "run-1", None, None, NOW)
    second = deletions.begin(user_id, "run-1", None, None, NOW + timedelta(minutes=1))
    deletions.end(first)
    (found,) = left_over(deletions, user_id, NOW + timedelta(hours=1))
    assert found.asked_at == second.asked_at > first.asked_at


def test_left_over_deletions_come_page_by_page(
    deletions: DeletionRepository, user_id: str, firestore_client: firestore.Client
):
    batch = firestore_client.batch()
    for number in range(PAGE + 5):
        record = firestore_client.document("users", user_id, "deletions", f"d{number}")
        fields = {"user_id": user_id, "video_id": f"v{number}", "clip_id": None, "filename": None}
        batch.set(record, {**fields, "requested_at": NOW})
    batch.commit()
    assert len({one.video_id for one in left_over(deletions, user_id, NOW + timedelta(seconds=1))}) == PAGE + 5


def test_a_user_who_is_none_is_refused(deletions: DeletionRepository):
    with pytest.raises(InvalidRequest, match="'user_id'"):
        deletions.begin("a/b", "run-1", None, None, NOW)


def test_all_clips_of_a_video_go_however_many(videos: VideoRepository, clips: ClipRepository, user_id: str):
    clips.import_clips(clip_document(user_id, "run-1", number) for number in range(2 * PAGE + 5))
    videos.update_video_status("run-1", "completed")
    videos.delete_video("run-1")
    assert clips.count() == 0


def test_a_video_that_is_being_made_loses_nothing(videos: VideoRepository, clips: ClipRepository):
    create_sample(clips, 1)
    with pytest.raises(StillProcessing, match="run-1"):
        videos.delete_video("run-1")
    assert videos.get_video("run-1") is not None
    assert clips.count() == 1


def test_what_was_written_after_the_deletion_was_asked_for_stays(
    videos: VideoRepository, clips: ClipRepository, deletions: DeletionRepository, user_id: str
):
    old, described_anew = create_sample(clips, 1), create_sample(clips, 2)
    videos.update_video_status("run-1", "completed")
    asked_at = deletions.begin(user_id, "run-1", None, None, NOW).asked_at
    create_sample(clips, 2, scene_title="Anew")
    new = create_sample(clips, 3)
    videos.delete_video("run-1", asked_at)
    assert videos.get_video("run-1") is None
    assert [clip["clip_id"] for clip in clips.list_clips()] == [described_anew, new]
    assert clips.get_clip(old) is None
    videos.create_or_update_video("run-1", video_title="Anew")
    videos.delete_video("run-1", asked_at)
    assert videos.get_video("run-1") is not None
    clips.delete_clip(new, asked_at)
    assert clips.get_clip(new) is not None
