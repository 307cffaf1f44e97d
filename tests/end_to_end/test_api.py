"""The API through the functions emulator, with tokens of the Auth emulator."""

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any

import pytest
from google.cloud import firestore

from localdev.stack import PROJECT_ID, LocalStack
from operations.frontend import Frontend, local_user
from pipeline.domain.object_keys import clip_key, clip_thumbnail_key
from pipeline.repositories.clips import ClipRepository
from pipeline.repositories.videos import VideoRepository

pytestmark = pytest.mark.e2e
FILENAME = "clip_01_01_a-lighthouse_left_focus.mp4"
CLIP = b"moving pictures " * 1000


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True)
class Caller:
    """Asks the deployed function, as whoever the token is of."""

    url: str
    token: str | None

    def ask(self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
        signed_in = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(self.url + path, method=method, headers={**signed_in, **(headers or {})})
        try:
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=60) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read())


@pytest.fixture
def url(stack: LocalStack) -> str:
    return f"{stack.urls.functions_url}/api"


@pytest.fixture
def caller(frontend: Frontend, url: str) -> Caller:
    return Caller(url, frontend.user.id_token)


@pytest.fixture
def video_id(frontend: Frontend, stack: LocalStack) -> Iterator[str]:
    """A video of the frontend's user, with one clip that is stored."""
    video_id, user_id = f"video-{uuid.uuid4().hex[:8]}", frontend.user.user_id
    client = firestore.Client(project=PROJECT_ID)
    videos = VideoRepository(user_id, client=client)
    videos.create_or_update_video(video_id, video_title="A story", status="completed")
    ClipRepository(user_id, video_id, client=client).create_clip(
        clip_id=FILENAME.removesuffix(".mp4"),
        filename=FILENAME,
        scene_id=1,
        scene_title="A lighthouse",
        style="left_focus",
        start_time="00:00:00",
        end_time="00:00:05",
        duration_seconds=5.0,
        priority=1,
        file_size_bytes=len(CLIP),
        has_thumbnail=True,
        status="completed",
    )
    videos.update_clip_statistics(video_id)
    for key, data in (
        (clip_key(user_id, video_id, FILENAME), CLIP),
        (clip_thumbnail_key(user_id, video_id, FILENAME), b"a picture"),
    ):
        stack.r2.client.put_object(Bucket=stack.r2.bucket, Key=key, Body=data)
    yield video_id
    client.close()


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return bytes(answer.read())


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_a_user_finds_the_way_from_the_list_to_the_bytes(caller: Caller, video_id: str, prefix: str):
    listed = caller.ask(f"{prefix}/videos")
    assert (listed.status, [video["id"] for video in listed.json["videos"]]) == (200, [video_id])
    shown = caller.ask(f"{prefix}/videos/{video_id}")
    assert (shown.json["title"], shown.json["clips_by_style"]) == ("A story", {"left_focus": 1})
    (clip,) = shown.json["clips"]
    assert fetch(clip["thumbnail"]) == b"a picture"
    found = caller.ask(clip["url"])
    assert (found.status, found.headers["Cache-Control"]) == (302, "no-store")
    assert fetch(found.headers["Location"]) == CLIP
    assert fetch(caller.ask(f"{clip['url']}?redirect=false").json["url"]) == CLIP


def test_what_is_known_is_not_sent_again(caller: Caller, video_id: str):
    first = caller.ask(f"/videos/{video_id}")
    again = caller.ask(f"/videos/{video_id}", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    headed = caller.ask(f"/videos/{video_id}", "HEAD")
    assert (headed.status, headed.body, headed.headers["ETag"]) == (200, b"", first.headers["ETag"])


def test_strangers_find_nothing(stack: LocalStack, url: str, video_id: str):
    stranger = Caller(url, local_user(stack.urls.auth, f"{uuid.uuid4().hex[:8]}@example.com").id_token)
    assert stranger.ask("/videos").json == {"videos": [], "next_page_token": None}
    for path in (f"/videos/{video_id}", f"/videos/{video_id}/clips/{FILENAME}"):
        answer = stranger.ask(path)
        assert (answer.status, answer.json["error"]["status"]) == (404, "NOT_FOUND")


def test_what_is_deleted_is_gone(caller: Caller, stack: LocalStack, frontend: Frontend, video_id: str):
    assert caller.ask(f"/videos/{video_id}", "DELETE").status == 204
    assert caller.ask(f"/videos/{video_id}").status == 404
    prefix = f"{frontend.user.user_id}/{video_id}/"
    assert "Contents" not in stack.r2.client.list_objects_v2(Bucket=stack.r2.bucket, Prefix=prefix)


@pytest.mark.parametrize("token", [None, "nonsense"])
def test_nobody_is_answered_without_a_token(url: str, video_id: str, token: str | None):
    for path in ("/videos", f"/videos/{video_id}", f"/videos/{video_id}/clips/{FILENAME}"):
        answer = Caller(url, token).ask(path)
        assert (answer.status, answer.json["error"]["status"]) == (401, "UNAUTHENTICATED")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_errors_and_the_description_come_through(caller: Caller, url: str):
    assert caller.ask("/nothing").status == 404
    refused = caller.ask("/videos", "POST")
    assert (refused.status, "GET" in refused.headers["Allow"]) == (405, True)
    assert caller.ask("/videos?page_size=0").json["error"]["status"] == "INVALID_ARGUMENT"
    description = Caller(url, None).ask("/openapi.yaml")
    assert (description.status, description.body[:8]) == (200, b"openapi:")
