"""Small objects that many change at once: nothing is written over what the writer has not seen."""

import gc
import json
import threading
from collections.abc import Callable, Iterator

import pytest

from pipeline.adapters.object_storage import ObjectStorage
from pipeline.domain.errors import StorageRefused, StorageUnavailable
from tests.adapters.conftest import BUCKET, Answer, firebase_at, r2_at

KEY = "user/vidéo 1/manifest.json"
JSON = "application/json"


@pytest.fixture(autouse=True)
def collected_in_the_same_test() -> Iterator[None]:
    yield
    gc.collect()


class Change:
    """Appends to what is there, and does something else before, the first times."""

    def __init__(self, *before: Callable[[], object]) -> None:
        self.given: list[bytes | None] = []
        self._before = iter(before)

    def __call__(self, data: bytes | None) -> bytes:
        self.given.append(data)
        next(self._before, lambda: None)()
        return (data or b"") + b"+mine"


class TestContract:
    def test_what_is_not_there_is_made(self, object_storage: ObjectStorage) -> None:
        change = Change()
        stored = object_storage.update_bytes(KEY, JSON, change)
        assert change.given == [None]
        assert object_storage.read_bytes(KEY) == b"+mine"
        assert object_storage.stat(KEY) == stored
        assert (stored.key, stored.size_bytes, stored.content_type) == (KEY, 5, JSON)

    def test_what_is_there_is_changed_and_keeps_its_url(self, object_storage: ObjectStorage) -> None:
        old = object_storage.upload_bytes(KEY, b"old", "text/plain")
        change = Change()
        stored = object_storage.update_bytes(KEY, JSON, change)
        assert change.given == [b"old"]
        assert object_storage.read_bytes(KEY) == b"old+mine"
        assert object_storage.stat(KEY) == stored
        assert (stored.content_type, stored.url) == (JSON, old.url)

    def test_an_empty_object_is_one_that_is_there(self, object_storage: ObjectStorage) -> None:
        object_storage.upload_bytes(KEY, b"", JSON)
        change = Change()
        object_storage.update_bytes(KEY, JSON, change)
        assert change.given == [b""]
        assert object_storage.read_bytes(KEY) == b"+mine"

    def test_what_stays_as_it_is_is_not_written(self, object_storage: ObjectStorage) -> None:
        old = object_storage.upload_bytes(KEY, b"same", "text/plain")
        assert object_storage.update_bytes(KEY, JSON, lambda data: data or b"") == old
        assert object_storage.stat(KEY).content_type == "text/plain"  # a write would have made it JSON

    def test_an_empty_object_is_made_where_there_was_none(self, object_storage: ObjectStorage) -> None:
        assert object_storage.update_bytes(KEY, JSON, lambda _: b"").size_bytes == 0
        assert object_storage.read_bytes(KEY) == b""

    def test_who_was_overtaken_begins_again(self, object_storage: ObjectStorage) -> None:
        object_storage.upload_bytes(KEY, b"old", JSON)
        change = Change(lambda: object_storage.upload_bytes(KEY, b"theirs", JSON))
        object_storage.update_bytes(KEY, JSON, change)
        assert change.given == [b"old", b"theirs"]
        assert object_storage.read_bytes(KEY) == b"theirs+mine"

    def test_who_was_overtaken_while_there_was_none_begins_again(self, object_storage: ObjectStorage) -> None:
        change = Change(lambda: object_storage.upload_bytes(KEY, b"theirs", JSON))
        object_storage.update_bytes(KEY, JSON, change)
        assert change.given == [None, b"theirs"]
        assert object_storage.read_bytes(KEY) == b"theirs+mine"

    def test_what_was_deleted_meanwhile_is_made_again(self, object_storage: ObjectStorage) -> None:
        object_storage.upload_bytes(KEY, b"old", JSON)
        change = Change(lambda: object_storage.delete_objects([KEY]))
        object_storage.update_bytes(KEY, JSON, change)
        assert change.given == [b"old", None]
        assert object_storage.read_bytes(KEY) == b"+mine"

    def test_what_the_change_raises_comes_through_and_nothing_is_written(self, object_storage: ObjectStorage) -> None:
        object_storage.upload_bytes(KEY, b"not JSON", JSON)
        with pytest.raises(json.JSONDecodeError):
            object_storage.update_bytes(KEY, JSON, json.loads)
        assert object_storage.read_bytes(KEY) == b"not JSON"

    @pytest.mark.parametrize("store", ["r2", "firebase"])
    def test_who_is_overtaken_every_time_gives_up(self, store: str, request: pytest.FixtureRequest) -> None:
        request.getfixturevalue(f"{store}_storage")  # empties it
        pauses: list[float] = []
        url = request.getfixturevalue("r2_url" if store == "r2" else "gcs_url")
        storage = (r2_at if store == "r2" else firebase_at)(url, pause=pauses.append)
        others = [lambda number=number: storage.upload_bytes(KEY, b"%d" % number, JSON) for number in range(20)]
        change = Change(*others)
        with pytest.raises(StorageUnavailable, match="Others"):
            storage.update_bytes(KEY, JSON, change)
        assert len(change.given) == 10
        assert storage.read_bytes(KEY) == b"9"
        assert len(pauses) == 9
        assert all(0 <= pause <= 2 for pause in pauses)

    def test_no_increment_of_many_threads_is_lost(self, object_storage: ObjectStorage) -> None:
        def increment(data: bytes | None) -> bytes:
            counter = json.loads(data) if data else {"count": 0}
            return json.dumps({"count": counter["count"] + 1}).encode()

        failures: list[Exception] = []

        def work() -> None:
            for _ in range(10):
                try:
                    object_storage.update_bytes(KEY, JSON, increment)
                except StorageUnavailable as error:  # nothing was written: others were faster ten times
                    failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert json.loads(object_storage.read_bytes(KEY)) == {"count": 80 - len(failures)}
        assert len(failures) < 4


def test_a_write_whose_answer_r2_lost_is_known_again(scripted_server) -> None:
    """The SDK repeats it, and finds its own bytes in the way."""
    writes = iter([Answer(500), s3_error(412, "PreconditionFailed")])
    found = iter([s3_error(404, "NoSuchKey"), s3_object(b"mine", '"2"')])
    server = scripted_server(lambda method, _: next(writes) if method == "PUT" else next(found))
    given: list[bytes | None] = []
    stored = r2_at(server.url, pause=lambda _: None).update_bytes(
        "key", JSON, lambda data: given.append(data) or b"mine"
    )
    assert given == [None, b"mine"]
    assert stored.size_bytes == 4
    assert [method for method, _ in server.requests] == ["GET", "PUT", "PUT", "GET"]
    assert [headers.get("if-none-match") for headers in server.headers] == [None, "*", "*", None]


def test_a_write_whose_answer_cloud_storage_lost_is_known_again(scripted_server) -> None:
    ours = {"name": "key", "size": "4", "generation": "7", "contentType": JSON}
    writes = iter([Answer(503), Answer(412)])
    found = iter([Answer(404), Answer(200, json.dumps(ours).encode(), {"Content-Type": JSON})])

    def answer(method: str, path: str) -> Answer:
        if path.startswith(f"/storage/v1/b/{BUCKET}?"):
            return Answer(403)  # the SDK's own question, from a thread of its own
        if method == "POST":
            return next(writes)
        return Answer(200, b"mine") if "alt=media" in path else next(found)

    server = scripted_server(answer)
    given: list[bytes | None] = []
    stored = firebase_at(server.url, pause=lambda _: None).update_bytes(
        "key", JSON, lambda data: given.append(data) or b"mine"
    )
    assert given == [None, b"mine"]
    assert stored.size_bytes == 4
    assert ["ifGenerationMatch=0" in path for method, path in server.requests if method == "POST"] == [True, True]
    assert ["ifGenerationMatch=7" in path for _, path in server.requests if "alt=media" in path] == [True]


def test_two_writes_at_the_same_time_that_r2_refuses_are_tried_again(scripted_server) -> None:
    writes = iter([s3_error(409, "ConditionalRequestConflict"), Answer(200, headers={"ETag": '"3"'})])
    found = iter([s3_object(b"1", '"1"'), s3_object(b"12", '"2"')])
    server = scripted_server(lambda method, _: next(writes) if method == "PUT" else next(found))
    storage = r2_at(server.url, pause=lambda _: None)
    assert storage.update_bytes("key", JSON, lambda data: data + b"3").size_bytes == 3
    assert [headers["if-match"] for headers in server.headers if "if-match" in headers] == ['"1"', '"2"']


def test_a_write_that_r2_forbids_is_refused_at_once(scripted_server) -> None:
    server = scripted_server(
        lambda method, _: s3_error(403, "AccessDenied") if method == "PUT" else s3_object(b"1", '"1"')
    )
    with pytest.raises(StorageRefused, match="AccessDenied"):
        r2_at(server.url).update_bytes("key", JSON, lambda data: data + b"2")
    assert [method for method, _ in server.requests] == ["GET", "PUT"]


def s3_error(status: int, code: str) -> Answer:
    return Answer(status, f"<Error><Code>{code}</Code></Error>".encode(), {"Content-Type": "application/xml"})


def s3_object(data: bytes, etag: str) -> Answer:
    modified = "Sat, 01 Nov 2025 10:00:00 GMT"
    return Answer(200, data, {"ETag": etag, "Content-Type": JSON, "Last-Modified": modified})
