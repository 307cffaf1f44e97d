"""Names one level below a prefix: the same from both stores, in the order of keys, from any place on."""

import gc
import json
from collections.abc import Iterator
from xml.sax.saxutils import escape

import pytest

from pipeline.adapters.object_storage import ObjectStorage
from tests.adapters.conftest import BUCKET, Answer, firebase_at, r2_at

NAMES = sorted(
    [
        *("a", "a-b", "a b", "a+b", "a%20b", "a%2Fb", "a.b", "a!", "a&b=c?d#e", "a0", "ab", "a'b", "a~", "-", "0"),
        *("Zoë", "Zoe\u0308", "用户 1", "\uffdc", "\U0001f600", "video_2025-01-01", "images"),
    ],
    key=lambda name: f"{name}/".encode(),
)
"""In the order of their keys: a-b comes before a, because "-" comes before "/"."""


@pytest.fixture(autouse=True)
def collected_in_the_same_test() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture
def filled(object_storage: ObjectStorage) -> ObjectStorage:
    """A folder of every name below `user/`, and what is none: files, and folders below others."""
    for name in NAMES:
        object_storage.upload_bytes(f"user/{name}/clips/1.mp4", b"1", "video/mp4")
        object_storage.upload_bytes(f"user/{name}/clips/2.mp4", b"2", "video/mp4")
    for key in ("user/a0", "user/b", "user", "user-2/elsewhere/1.mp4", "top.mp4"):
        object_storage.upload_bytes(key, b"", "text/plain")
    return object_storage


def test_every_folder_is_told_once_in_the_order_of_keys(filled: ObjectStorage) -> None:
    assert list(filled.list_folders("user/")) == NAMES
    assert NAMES.index("a-b") < NAMES.index("a") < NAMES.index("a0")
    assert list(filled.list_folders("")) == ["user-2", "user"]
    assert list(filled.list_folders("user/a/")) == ["clips"]
    assert list(filled.list_folders("user/a/clips/")) == []
    assert list(filled.list_folders("nobody/")) == []


def test_a_listing_goes_on_behind_any_name(filled: ObjectStorage) -> None:
    for place, name in enumerate(NAMES):
        assert list(filled.list_folders("user/", after=name)) == NAMES[place + 1 :]


def test_a_listing_goes_on_behind_a_name_that_is_gone(filled: ObjectStorage) -> None:
    for gone in ("a,", "b", "", "\U0010ffff"):
        behind = [name for name in NAMES if not gone or f"{name}/" > f"{gone}/"]
        assert list(filled.list_folders("user/", after=gone)) == behind


def test_a_listing_of_objects_goes_on_behind_any_key(filled: ObjectStorage) -> None:
    keys = [stored.key for stored in filled.list_objects("user/")]
    assert len(keys) >= len(NAMES)
    for place, key in enumerate(keys):
        assert [stored.key for stored in filled.list_objects("user/", after=key)] == keys[place + 1 :]
    between = f"{keys[0]}!"
    assert [stored.key for stored in filled.list_objects("user/", after=between)] == [
        key for key in keys if key > between
    ]


class TestPages:
    """What the servers answer to one request at a time: no page is asked for before it is needed."""

    def test_r2_is_asked_for_one_page_at_a_time(self, scripted_server) -> None:
        def answer(_method: str, path: str) -> Answer:
            if "continuation-token=more" in path:
                return s3_page(["user/c/"], None)
            return s3_page(["user/a/", "user/b%2Bc/"], "more")

        server = scripted_server(answer)
        folders = r2_at(server.url).list_folders("user/", after="Z")
        assert server.requests == []
        assert [next(folders), next(folders)] == ["a", "b+c"]
        assert len(server.requests) == 1
        assert list(folders) == ["c"]
        assert all("delimiter=%2F" in path and "start-after=user%2FZ0" in path for _, path in server.requests)

    def test_cloud_storage_is_asked_for_one_page_at_a_time(self, scripted_server) -> None:
        pages = {
            "": {"prefixes": ["user/a/", "user/b+c/"], "nextPageToken": "files"},
            "pageToken=files": {"nextPageToken": "more"},  # a page of files only
            "pageToken=more": {"prefixes": ["user/c/"]},
        }

        def answer(_method: str, path: str) -> Answer:
            page = next(content for token, content in reversed(pages.items()) if token in path)
            return Answer(200, json.dumps(page).encode(), {"Content-Type": "application/json"})

        server = scripted_server(answer)

        def listings() -> list[str]:  # the SDK asks for the bucket besides, in a thread of its own
            return [path for _, path in server.requests if f"/b/{BUCKET}/o?" in path]

        folders = firebase_at(server.url).list_folders("user/", after="Z")
        assert listings() == []
        assert [next(folders), next(folders)] == ["a", "b+c"]
        assert len(listings()) == 1
        assert list(folders) == ["c"]
        assert all("delimiter=%2F" in path and "startOffset=user%2FZ0" in path for path in listings())


def s3_page(prefixes: list[str], token: str | None) -> Answer:
    found = "".join(f"<CommonPrefixes><Prefix>{escape(prefix)}</Prefix></CommonPrefixes>" for prefix in prefixes)
    more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    body = f"<ListBucketResult><Name>{BUCKET}</Name><EncodingType>url</EncodingType>{found}{more}</ListBucketResult>"
    return Answer(200, body.encode(), {"Content-Type": "application/xml"})
