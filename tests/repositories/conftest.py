"""A user of each test's own, so that no test sees another's documents."""

import uuid

import pytest
from google.cloud import firestore

from pipeline.repositories.clips import ClipRepository
from pipeline.repositories.videos import VideoRepository


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
