"""The API in this process, on the Firestore emulator and an S3 server. Its tokens are `token-of-<user>`."""

import uuid
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from google.cloud import firestore
from werkzeug.test import TestResponse

from localdev.stack.object_stores import R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY, LocalR2
from pipeline.adapters.id_tokens import UnverifiedToken
from pipeline.adapters.r2_storage import R2Storage
from pipeline.api.app import Api, build_api
from pipeline.api.authentication import UserOf
from pipeline.config import read_settings
from pipeline.handlers.tools import Library
from pipeline.repositories.clips import ClipRepository
from pipeline.repositories.deletions import DeletionRepository
from pipeline.repositories.metadata_phases import MetadataPhaseRepository
from pipeline.repositories.videos import VideoRepository

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def user_of(token: str) -> str:
    """Stands for the verification of ID tokens."""
    if not token.startswith("token-of-"):
        raise UnverifiedToken("The token is not a Firebase ID token of this project.")
    return token.removeprefix("token-of-")


class Clock:
    """Tells the time that a test sets."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def set_to_real_time(self) -> None:
        """For what is compared with times of the database and the store."""
        self.now = datetime.now(UTC)


class Visitor:
    """A user who asks the API, and who has videos."""

    def __init__(self, app: Api, user_id: str, client: firestore.Client) -> None:
        self.user_id = user_id
        self._http: FlaskClient = app.test_client()
        self._client = client
        self.videos = VideoRepository(user_id, client=client)

    def ask(self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> TestResponse:
        signed_in = {"Authorization": f"Bearer token-of-{self.user_id}", **(headers or {})}
        return self._http.open(path, method=method, headers=signed_in)

    def get(self, path: str, **headers: str) -> Any:
        """The body of a good answer."""
        answer = self.ask(path, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json

    def add_video(self, video_id: str, **fields: Any) -> None:
        self.videos.create_or_update_video(video_id, **fields)

    def add_clip(self, video_id: str, number: int, *, style: str = "split", **fields: Any) -> str:
        """A completed clip of 1.5 MB; returns its filename."""
        clip_id = f"clip_{number:02d}_{number:02d}_a-scene_{style}"
        given: dict[str, Any] = {
            "clip_id": clip_id,
            "filename": f"{clip_id}.mp4",
            "scene_id": number,
            "scene_title": f"Scene {number}",
            "scene_description": f"What happens in scene {number}",
            "style": style,
            "start_time": "00:00:05",
            "end_time": "00:00:10",
            "duration_seconds": 5.0,
            "priority": number,
            "file_size_bytes": 1_572_864,
            "status": "completed",
            **fields,
        }
        ClipRepository(self.user_id, video_id, client=self._client).create_clip(**given)
        return str(given["filename"])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def library(firestore_client: firestore.Client, r2_server: LocalR2, clock: Clock) -> Library:
    return Library(
        settings=read_settings({}),
        clips=lambda user_id, video_id: ClipRepository(user_id, video_id, client=firestore_client),
        videos=lambda user_id: VideoRepository(user_id, client=firestore_client),
        phases=MetadataPhaseRepository(firestore_client),
        deletions=DeletionRepository(firestore_client),
        storage=R2Storage(
            r2_server.endpoint_url,
            r2_server.bucket,
            R2_ACCESS_KEY_ID,
            R2_SECRET_ACCESS_KEY,
            r2_server.public_base_url,
        ),
        clock=clock,
    )


@pytest.fixture
def api(library: Library) -> Api:
    return build_api(lambda: library, user_of, ())


@pytest.fixture
def visitor(api: Api, firestore_client: firestore.Client) -> Visitor:
    """A new user."""
    return Visitor(api, f"user-{uuid.uuid4().hex[:8]}", firestore_client)


@pytest.fixture
def stranger(api: Api, firestore_client: firestore.Client) -> Visitor:
    """Another one."""
    return Visitor(api, f"stranger-{uuid.uuid4().hex[:8]}", firestore_client)


def without_library(cors_origins: Collection[str] = (), check: UserOf = user_of) -> Api:
    """An API for tests in which nothing of the library is needed."""

    def library() -> Library:
        raise AssertionError("nobody should have asked for the library")

    return build_api(library, check, cors_origins)
