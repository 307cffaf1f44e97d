"""GET /api/videos/{video_id}/clips/{filename}."""

import urllib.request

import pytest

from localdev.stack.object_stores import LocalR2
from tests.api.conftest import Visitor


@pytest.fixture
def url(visitor: Visitor, r2_server: LocalR2) -> str:
    """Of a clip that is stored."""
    visitor.add_video("run-1")
    filename = visitor.add_clip("run-1", 1)
    key = f"{visitor.user_id}/run-1/clips/{filename}"
    r2_server.client.put_object(Bucket=r2_server.bucket, Key=key, Body=b"moving pictures")
    return f"/api/videos/run-1/clips/{filename}"


def read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return bytes(answer.read())


def test_a_clip_is_answered_with_the_place_of_its_bytes(visitor: Visitor, url: str):
    answer = visitor.ask(url)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (302, "no-store")
    assert read(answer.headers["Location"]) == b"moving pictures"
    assert "X-Amz-Expires=3600" in answer.headers["Location"]


def test_without_the_redirect_the_place_is_told(visitor: Visitor, url: str):
    answer = visitor.ask(f"{url}?redirect=false")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert read(answer.json["url"]) == b"moving pictures"
    assert answer.json["expires_at"] == "2026-11-21T13:00:00.000000Z"


def test_head_is_answered_alike(visitor: Visitor, url: str):
    assert visitor.ask(url, "HEAD").status_code == 302


def test_nobody_else_finds_it(stranger: Visitor, url: str):
    assert stranger.ask(url).status_code == 404


@pytest.mark.parametrize(
    "filename", ["none.mp4", "clip_01_01_a-scene_split", "clip_01_01_a-scene_split.jpg", "a%2Fb.mp4"]
)
def test_no_such_clip(visitor: Visitor, url: str, filename: str):
    answer = visitor.ask(f"/api/videos/run-1/clips/{filename}")
    assert (answer.status_code, answer.json["error"]["status"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("status", ["processing", "failed"])
def test_a_clip_that_is_not_completed_is_none(visitor: Visitor, status: str):
    visitor.add_video("run-1")
    filename = visitor.add_clip("run-1", 1, status=status)
    assert visitor.ask(f"/api/videos/run-1/clips/{filename}").status_code == 404


@pytest.mark.parametrize("filename", ["__x__.mp4", "..mp4", "...mp4", "%01.mp4"])
def test_what_can_be_no_clip_is_said_to_be_none(visitor: Visitor, filename: str):
    answer = visitor.ask(f"/api/videos/run-1/clips/{filename}")
    assert answer.status_code == 400
    assert "'filename'" in answer.json["error"]["message"]
