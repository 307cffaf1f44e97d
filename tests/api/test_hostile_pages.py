"""Tokens of pages that were changed, or are another list's: an honest page of one's own, or 400."""

import base64
import json
import uuid
from dataclasses import replace
from typing import Any

import pytest
from google.cloud import firestore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.api.app import Api
from pipeline.config import read_settings
from pipeline.handlers.tools import Library
from tests.api.conftest import Visitor, without_library

TITLE = "what-only-the-stranger-knows"


def encoded(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


TAMPERED: dict[str, Any] = {
    "nothing": b"",
    "null": None,
    "a number": 1,
    "a text": "ab",
    "two letters": '"ab"',
    "an object": {"a": 1, "b": 2},
    "one value": [1],
    "three values": [1, "a", "b"],
    "a flag": [True, "a"],
    "a fraction": [1.0, "a"],
    "no number": b'[NaN,"a"]',
    "endless": b'[Infinity,"a"]',
    "a huge number": [2**63, "a"],
    "a small number": [-(2**63), "a"],
    "a number of many digits": b"[" + b"9" * 5000 + b',"a"]',
    "a null": [None, "a"],
    "a nested value": [[1], ["a"]],
    "an operator": [{"$gt": 0}, {"$ne": None}],
    "a path": [1, "../../users/stranger/videos/theirs"],
    "a slash": [1, "a/b"],
    "dots": [1, ".."],
    "no id": [1, ""],
    "a reserved id": [1, "__id7__"],
    "a long id": [1, "x" * 1501],
    "half a letter": b'[1,"\\ud800"]',
    "a NUL": [1, "\0"],
    "a time": ["2026-11-21T12:00:00+00:00", "a"],
    "the first time": ["0001-01-01T00:00:00+14:00", "a"],
    "the last time": ["9999-12-31T23:59:59.999999-14:00", "a"],
    "a time of nowhere": ["9999-12-31T23:59:59.999999", "a"],
    "no time": ["yesterday", "a"],
    "a week": ["2026-W47-6", "a"],
    "a place in storage": ["storage", "a"],
    "a path in storage": ["storage", "../stranger"],
    "lists": b"[" * 4000,
    "no Unicode": b"\xff\xfe",
}


@pytest.fixture(params=["firestore_only", "firestore_with_fallback"])
def library(library: Library, request: pytest.FixtureRequest) -> Library:
    """With the files in storage as a second source, too."""
    return replace(library, settings=read_settings({"METADATA_MODE": request.param}))


@pytest.fixture(scope="module")
def owners(firestore_client: firestore.Client) -> tuple[str, str]:
    """Two users, with three videos of three clips each. Nobody here changes them."""
    name = uuid.uuid4().hex[:8]
    mine, theirs = (Visitor(without_library(), f"{kind}-{name}", firestore_client) for kind in ("user", "stranger"))
    for owner, title in ((mine, "mine"), (theirs, TITLE)):
        for number in range(3):
            owner.add_video(f"video-{number}", video_title=title)
        for number in range(3):
            owner.add_clip("video-1", number + 1, scene_title=title)
    return mine.user_id, theirs.user_id


@pytest.fixture
def shelves(api: Api, owners: tuple[str, str], firestore_client: firestore.Client) -> tuple[Visitor, Visitor]:
    """The two of them."""
    mine, theirs = (Visitor(api, owner, firestore_client) for owner in owners)
    return mine, theirs


def check(visitor: Visitor, path: str, token: str) -> None:
    """Ask with the token; the answer is 400, or a page of one's own."""
    answer = visitor.ask(f"{path}?page_size=2&page_token={token}")
    assert answer.status_code in (200, 400), answer.text
    assert TITLE not in answer.text
    if answer.status_code == 200:
        shown = [*answer.json.get("videos", []), *answer.json.get("clips", [])]
        assert {item["title"] for item in shown} <= {"mine"}
    else:
        assert answer.json["error"]["details"] == [{"reason": "invalid_argument"}]


@pytest.mark.parametrize("kind", TAMPERED)
def test_a_token_that_was_made_up_is_refused_or_moves_ones_own_page(shelves: tuple[Visitor, Visitor], kind: str):
    for path in ("/api/videos", "/api/videos/video-1"):
        check(shelves[0], path, encoded(TAMPERED[kind]))


@pytest.mark.parametrize(
    "token", ["*", "a", "====", "%00", "%ff", "%F0%9F%92%A9", "WzEsImEiXQ==", "WzEs+/=", "a" * 8192]
)
def test_what_is_not_even_a_token_is_refused(shelves: tuple[Visitor, Visitor], token: str):
    for path in ("/api/videos", "/api/videos/video-1"):
        check(shelves[0], path, token)


def test_tokens_of_other_lists_and_users_show_nothing_of_theirs(shelves: tuple[Visitor, Visitor]):
    visitor, stranger = shelves
    lists = ("/api/videos", "/api/videos/video-1", "/api/videos/video-1?status=all", "/api/videos?status=processing")
    tokens = []
    for owner in (visitor, stranger):
        for path in lists:
            answer = owner.get(f"{path}{'&' if '?' in path else '?'}page_size=1")
            tokens.append(answer["next_page_token"])
    assert all(tokens)
    for token in tokens:
        for path in ("/api/videos", "/api/videos/video-0", "/api/videos/video-1", "/api/videos/video-2"):
            answer = visitor.ask(f"{path}?page_token={token}")
            assert answer.status_code in (200, 400)
            assert TITLE not in answer.text


def test_no_bit_of_a_token_opens_anything(shelves: tuple[Visitor, Visitor]):
    visitor, _ = shelves
    for path in ("/api/videos", "/api/videos/video-1"):
        token = visitor.get(f"{path}?page_size=1")["next_page_token"]
        padded = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        for at in range(len(padded)):
            flipped = bytearray(padded)
            flipped[at] ^= 1 << (at % 8)
            check(visitor, path, encoded(bytes(flipped)))
        for length in range(1, len(token), 9):
            check(visitor, path, token[:length])


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.datetimes().map(str)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.lists(SCALARS, max_size=3) | st.tuples(SCALARS, st.text(min_size=1, max_size=20)).map(list) | SCALARS)
def test_whatever_a_token_holds_it_is_answered(shelves: tuple[Visitor, Visitor], value: Any):
    for path in ("/api/videos", "/api/videos/video-1"):
        check(shelves[0], path, encoded(value))
