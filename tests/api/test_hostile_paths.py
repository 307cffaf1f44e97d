"""Names of videos and clips that would lead somewhere else, if they led anywhere."""

from dataclasses import replace
from urllib.parse import quote

import pytest

from pipeline.config import read_settings
from pipeline.handlers.tools import Library
from tests.api.conftest import Visitor

SECRET = "what-only-the-stranger-knows"
ODD_NAMES = {
    "two dots": "..",
    "dots and a slash": "../",
    "up and over": "../../{stranger}/videos/theirs",
    "escaped dots": "%2e%2e",
    "escaped twice": "%252e%252e%252f{stranger}",
    "backslashes": "..\\..\\{stranger}\\videos\\theirs",
    "an escaped slash": "theirs%2fclips",
    "a NUL": "theirs\0.mp4",
    "a line break": "theirs\r\nX-Injected: yes",
    "dots of other scripts": "\u2024\u2024/\uff0e\uff0e/{stranger}",
    "slashes of other scripts": "..\u2215..\u2044{stranger}\uff0ftheirs",
    "overlong dots": "\udcc0\udcae\udcc0\udcae/",
    "text that runs backwards": "\u202etheirs",
    "no Unicode": "\udcff\udcfe",
    "a document's path": "users/{stranger}/videos/theirs",
    "an absolute path": "/users/{stranger}",
    "a file's address": "file:///etc/passwd",
    "another host": "//evil.example/theirs",
    "a reserved name": "__theirs__",
    "a wildcard": "*",
    "blanks": "   ",
    "very long": "x" * 1501,
    "as long as it may be": "x" * 1500,
    "long in bytes": "\u00e4" * 1000,
    "a template": "{{7*7}}${{7*7}}",
    "a query": "' OR '1'='1",
}


@pytest.fixture(params=["firestore_only", "firestore_with_fallback"])
def library(library: Library, request: pytest.FixtureRequest) -> Library:
    """With the files in storage as a second source, too."""
    return replace(library, settings=read_settings({"METADATA_MODE": request.param}))


@pytest.fixture
def theirs(stranger: Visitor) -> str:
    """The name of a stranger's clip, in their video `theirs`."""
    stranger.add_video("theirs", video_title=SECRET)
    return stranger.add_clip("theirs", 1, scene_title=SECRET)


def escaped(name: str) -> str:
    """As it would stand in a URL, its bytes as they are, dots and all."""
    return "".join(f"%{byte:02x}" for byte in name.encode(errors="surrogateescape"))


def ways(name: str, video_id: str, filename: str) -> list[tuple[str, str]]:
    """A name in every place of a path, written in two ways."""
    spelled = [escaped(name), quote(name.encode(errors="surrogateescape"), safe="/.\\%")]
    paths = [
        *(f"/api/videos/{odd}" for odd in spelled),
        *(f"/api/videos/{odd}/clips/{filename}" for odd in spelled),
        *(f"/api/videos/{video_id}/clips/{odd}" for odd in spelled),
        *(f"/api/videos/{video_id}/clips/{odd}.mp4" for odd in spelled),
    ]
    return [(method, path) for path in paths for method in ("GET", "HEAD", "DELETE")]


@pytest.mark.parametrize("kind", ODD_NAMES)
def test_no_name_leads_to_what_is_another_users(visitor: Visitor, stranger: Visitor, theirs: str, kind: str):
    visitor.add_video("mine")
    name = ODD_NAMES[kind].replace("{stranger}", stranger.user_id)
    for method, path in ways(name, "mine", theirs):
        answer = visitor.ask(path, method)
        assert answer.status_code in (400, 404), (method, path, answer.text)
        assert SECRET not in answer.text
        assert "X-Injected" not in answer.headers
        if method != "HEAD":
            assert answer.json["error"]["status"] in ("INVALID_ARGUMENT", "NOT_FOUND")
    assert stranger.get("/api/videos/theirs")["clips"][0]["name"] == theirs
    assert visitor.get("/api/videos/mine")["id"] == "mine"


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_the_names_of_others_lead_to_nothing(visitor: Visitor, stranger: Visitor, theirs: str, method: str):
    for path in ("/api/videos/theirs", f"/api/videos/theirs/clips/{theirs}"):
        answer = visitor.ask(path, method)
        assert answer.status_code == 404
        assert SECRET not in answer.text
    assert stranger.get("/api/videos/theirs")["title"] == SECRET
    # what does not exist is answered in the same words
    there, nowhere = visitor.ask("/api/videos/theirs"), visitor.ask("/api/videos/nobodys")
    assert there.text.replace("theirs", "nobodys") == nowhere.text


@pytest.mark.parametrize("user_id", ["{stranger}/videos/theirs", "..", ".", "__x__", "uploads/x", "a\0b", "x" * 129])
def test_no_users_id_is_a_path(visitor: Visitor, stranger: Visitor, theirs: str, user_id: str):
    """Projects that make custom tokens choose their users' ids."""
    odd = {"Authorization": f"Bearer token-of-{user_id.replace('{stranger}', stranger.user_id)}"}
    for path in ("/api/videos", "/api/videos/theirs", f"/api/videos/theirs/clips/{theirs}", "/api/videos/clips"):
        answer = visitor.ask(path, headers=odd)
        assert answer.status_code in (200, 400, 401, 404)
        assert SECRET not in answer.text
