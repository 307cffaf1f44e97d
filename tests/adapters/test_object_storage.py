"""One contract for both stores, then what only one of them has."""

import gc
import json
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import boto3
import pytest
from google.auth.exceptions import DefaultCredentialsError

from pipeline.adapters.firebase_storage import FirebaseStorage
from pipeline.adapters.object_storage import ObjectStorage, cache_control
from pipeline.adapters.r2_storage import PART_BYTES, R2Storage
from pipeline.domain.errors import JobError, NotFound, OutOfSpace, StorageRefused, StorageUnavailable
from tests.adapters.conftest import BUCKET, Answer, firebase_at, free_port, gcs_client, r2_at

ODD_KEYS = [
    "user/video/clips/clip_01_02_opening_cinematic.mp4",
    "user/ein Lied für Zoë.mp3",
    "用户/视频/片段 1.mp4",
    "user/a+b&c=d?e#f%20g.png",
]


@pytest.fixture(autouse=True)
def collected_in_the_same_test() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture(scope="module")
def big_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("big") / "clip.mp4"
    block = bytes(range(256)) * 4096
    with path.open("wb") as file:
        for number in range(30):
            file.write(number.to_bytes(4, "big") + block[4:])
    return path


class TestContract:
    def test_what_was_uploaded_comes_back(self, object_storage: ObjectStorage, tmp_path: Path) -> None:
        source, copy = tmp_path / "source", tmp_path / "copy"
        source.write_bytes(b"moving pictures")
        stored = object_storage.upload_file("user/clip.mp4", source, "video/mp4")
        assert (stored.key, stored.size_bytes, stored.content_type) == ("user/clip.mp4", 15, "video/mp4")
        assert object_storage.stat("user/clip.mp4") == stored
        assert object_storage.read_bytes("user/clip.mp4") == b"moving pictures"
        assert object_storage.download_file("user/clip.mp4", copy) == 15
        assert copy.read_bytes() == b"moving pictures"

    def test_an_upload_overwrites_and_keeps_the_url(self, object_storage: ObjectStorage) -> None:
        first = object_storage.upload_bytes("user/poster.jpg", b"old poster", "image/jpeg")
        second = object_storage.upload_bytes("user/poster.jpg", b"new", "image/png")
        assert object_storage.read_bytes("user/poster.jpg") == b"new"
        assert object_storage.stat("user/poster.jpg") == second
        assert (second.size_bytes, second.content_type) == (3, "image/png")
        assert second.url == first.url

    def test_a_big_file_survives_the_journey(
        self, object_storage: ObjectStorage, big_file: Path, tmp_path: Path
    ) -> None:
        copy = tmp_path / "copy.mp4"
        stored = object_storage.upload_file("user/big.mp4", big_file, "video/mp4")
        assert stored.size_bytes == big_file.stat().st_size == 30 * 1024 * 1024
        assert object_storage.download_file("user/big.mp4", copy) == stored.size_bytes
        assert copy.read_bytes() == big_file.read_bytes()

    def test_it_is_told_when_an_object_was_stored(self, object_storage: ObjectStorage) -> None:
        began = datetime.now(UTC).replace(microsecond=0)  # S3 tells whole seconds
        object_storage.upload_bytes("user/clip.mp4", b"x", "video/mp4")
        found, [listed] = object_storage.stat("user/clip.mp4"), object_storage.list_objects("user/")
        for stored in (found, listed):
            assert stored.stored_at.tzinfo is UTC
            assert began <= stored.stored_at <= datetime.now(UTC)

    def test_an_empty_object_is_an_object(self, object_storage: ObjectStorage, tmp_path: Path) -> None:
        assert object_storage.upload_bytes("user/empty", b"", "text/plain").size_bytes == 0
        assert object_storage.read_bytes("user/empty") == b""
        assert object_storage.download_file("user/empty", tmp_path / "empty") == 0

    @pytest.mark.parametrize("key", ODD_KEYS)
    def test_odd_keys_are_kept_as_they_are(self, object_storage: ObjectStorage, key: str) -> None:
        stored = object_storage.upload_bytes(key, key.encode(), "text/plain")
        assert stored.key == key
        assert stored.url.isascii()
        assert " " not in stored.url
        assert [entry.key for entry in object_storage.list_objects("")] == [key]
        assert object_storage.read_bytes(key) == key.encode()
        assert object_storage.key_of_url(stored.url) == key
        object_storage.delete_objects([key])
        assert object_storage.stat(key) is None

    def test_a_listing_is_in_order_and_deletion_spans_batches(self, object_storage: ObjectStorage) -> None:
        keys = [f"user/video/clips/{number:04}" for number in range(110)]
        for key in reversed(keys):
            object_storage.upload_bytes(key, key[-4:].encode(), "text/plain")
        object_storage.upload_bytes("user/videos/other", b"", "text/plain")
        listed = list(object_storage.list_objects("user/video/"))
        assert [entry.key for entry in listed] == keys
        assert {entry.size_bytes for entry in listed} == {4}
        assert listed[7].url == object_storage.stat(keys[7]).url
        object_storage.delete_objects(iter(keys))
        assert [entry.key for entry in object_storage.list_objects("user/")] == ["user/videos/other"]

    def test_a_listing_of_nothing_is_empty(self, object_storage: ObjectStorage) -> None:
        assert list(object_storage.list_objects("nobody/")) == []

    def test_deletion_takes_absent_keys_for_granted(self, object_storage: ObjectStorage) -> None:
        for key in ("a", "c"):
            object_storage.upload_bytes(key, b"x", "text/plain")
        object_storage.delete_objects(["absent", "a", "also absent", "c"])
        object_storage.delete_objects(["a", "c"])
        object_storage.delete_objects([])
        assert list(object_storage.list_objects("")) == []

    def test_a_missing_object_is_not_found(self, object_storage: ObjectStorage, tmp_path: Path) -> None:
        target = tmp_path / "absent"
        assert object_storage.stat("absent") is None
        with pytest.raises(NotFound):
            object_storage.read_bytes("absent")
        with pytest.raises(NotFound):
            object_storage.download_file("absent", target)
        assert not target.exists()

    def test_a_copy_has_the_bytes_and_the_type_of_its_source(self, object_storage: ObjectStorage) -> None:
        source = object_storage.upload_bytes("user/clip.mp4", b"moving pictures", "video/mp4")
        copy = object_storage.copy_object("user/clip.mp4", "user/other/clip.mp4")
        assert (copy.key, copy.size_bytes, copy.content_type) == ("user/other/clip.mp4", 15, "video/mp4")
        assert object_storage.stat("user/other/clip.mp4") == copy
        assert object_storage.stat("user/clip.mp4") == source
        assert object_storage.read_bytes("user/other/clip.mp4") == b"moving pictures"
        assert object_storage.key_of_url(copy.url) == "user/other/clip.mp4"

    def test_a_copy_stays_when_its_source_is_deleted_or_replaced(self, object_storage: ObjectStorage) -> None:
        for name in ("one", "other"):
            object_storage.upload_bytes(name, b"content", "text/plain")
            object_storage.copy_object(name, f"copy of {name}")
        object_storage.delete_objects(["one"])
        object_storage.upload_bytes("other", b"something else", "text/html")
        for name in ("one", "other"):
            assert object_storage.read_bytes(f"copy of {name}") == b"content"
            assert object_storage.stat(f"copy of {name}").content_type == "text/plain"

    def test_a_copy_replaces_what_was_there_and_keeps_its_url(self, object_storage: ObjectStorage) -> None:
        old = object_storage.upload_bytes("user/poster", b"old poster", "image/jpeg")
        object_storage.upload_bytes("user/new", b"new", "image/png")
        first = object_storage.copy_object("user/new", "user/poster")
        again = object_storage.copy_object("user/new", "user/poster")
        assert object_storage.read_bytes("user/poster") == b"new"
        assert (first.size_bytes, first.content_type) == (3, "image/png")
        assert old.url == first.url == again.url

    def test_a_copy_onto_itself_changes_nothing(self, object_storage: ObjectStorage) -> None:
        stored = object_storage.upload_bytes("user/clip.mp4", b"content", "video/mp4")
        assert object_storage.copy_object("user/clip.mp4", "user/clip.mp4") == stored
        assert object_storage.stat("user/clip.mp4") == stored
        assert object_storage.read_bytes("user/clip.mp4") == b"content"

    def test_a_copy_of_nothing_is_not_found_and_leaves_what_is_there(self, object_storage: ObjectStorage) -> None:
        object_storage.upload_bytes("present", b"content", "text/plain")
        for target in ("present", "absent"):
            with pytest.raises(NotFound):
                object_storage.copy_object("absent", target)
        assert [entry.key for entry in object_storage.list_objects("")] == ["present"]
        assert object_storage.read_bytes("present") == b"content"

    @pytest.mark.parametrize("key", ODD_KEYS)
    def test_odd_keys_can_be_copied_and_copied_to(self, object_storage: ObjectStorage, key: str) -> None:
        object_storage.upload_bytes(key, key.encode(), "text/plain")
        copy = object_storage.copy_object(key, f"copies/{key}")
        assert copy.key == f"copies/{key}"
        assert object_storage.read_bytes(f"copies/{key}") == key.encode()
        assert len(list(object_storage.list_objects(""))) == 2

    def test_a_big_file_is_copied_whole(self, object_storage: ObjectStorage, big_file: Path, tmp_path: Path) -> None:
        copy = tmp_path / "copy.mp4"
        stored = object_storage.upload_file("user/big.mp4", big_file, "video/mp4")
        assert object_storage.copy_object("user/big.mp4", "user/same.mp4").size_bytes == stored.size_bytes
        object_storage.download_file("user/same.mp4", copy)
        assert copy.read_bytes() == big_file.read_bytes()

    def test_many_who_copy_to_one_key_agree_on_its_url(self, object_storage: ObjectStorage) -> None:
        object_storage.upload_bytes("source", b"content", "text/plain")
        urls: list[str] = []

        def copy() -> None:
            urls.append(object_storage.copy_object("source", "copy").url)

        threads = [threading.Thread(target=copy) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert urls == [object_storage.stat("copy").url] * 4

    @pytest.mark.parametrize("data", [b"small", b"x" * 3_000_000])
    def test_a_full_disk_is_out_of_space(self, object_storage: ObjectStorage, tmp_path: Path, data: bytes) -> None:
        full = tmp_path / "full"
        full.symlink_to("/dev/full")
        object_storage.upload_bytes("user/file", data, "text/plain")
        with pytest.raises(OutOfSpace):
            object_storage.download_file("user/file", full)

    @pytest.mark.parametrize(
        "path",
        [
            "user/../other/clip.mp4",
            "user/%2e%2e/other/clip.mp4",
            "user//clip.mp4",
            "user/%00.mp4",
            "user/%ff.mp4",
            "",
            "k" * 1025,
        ],
    )
    def test_a_url_that_names_no_plain_key_has_none(self, object_storage: ObjectStorage, path: str) -> None:
        own = object_storage.upload_bytes("probe", b"", "text/plain").url
        assert object_storage.key_of_url(own.replace("/probe", f"/{path}")) is None

    def test_a_url_of_another_server_has_no_key(self, object_storage: ObjectStorage) -> None:
        own = object_storage.upload_bytes("probe", b"", "text/plain").url
        assert object_storage.key_of_url(own.replace("://", "://evil.")) is None
        assert object_storage.key_of_url(own.replace("media-bucket", "other-bucket")) is None
        assert object_storage.key_of_url("https://example.com/probe") is None

    def test_threads_share_one_store(self, object_storage: ObjectStorage) -> None:
        numbers = range(12)

        def store(number: int) -> None:
            object_storage.upload_bytes(f"part/{number}", str(number).encode(), "text/plain")

        threads = [threading.Thread(target=store, args=(number,)) for number in numbers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {object_storage.read_bytes(entry.key) for entry in object_storage.list_objects("part/")} == {
            str(number).encode() for number in numbers
        }


def operations(storage: ObjectStorage, path: Path) -> Iterator[Callable[[], object]]:
    path.write_bytes(b"content")
    yield lambda: storage.upload_file("key", path, "text/plain")
    yield lambda: storage.upload_bytes("key", b"content", "text/plain")
    yield lambda: storage.download_file("key", path.with_suffix(".copy"))
    yield lambda: storage.read_bytes("key")
    yield lambda: storage.copy_object("source", "key")
    yield lambda: storage.copy_object("key", "key")
    yield lambda: storage.stat("key")
    yield lambda: list(storage.list_objects("k"))
    yield lambda: list(storage.list_folders("k/"))
    yield lambda: storage.update_bytes("key", "text/plain", lambda _: b"content")
    yield lambda: storage.delete_objects(["key"])


class TestFailures:
    @pytest.mark.parametrize(
        ("status", "expected"),
        [(400, StorageRefused), (401, StorageRefused), (403, StorageRefused), (503, StorageUnavailable)],
    )
    def test_every_operation_says_what_the_server_said(
        self, storage_at, scripted_server, tmp_path: Path, status: int, expected: type[JobError]
    ) -> None:
        server = scripted_server(lambda *_: Answer(status))
        for operation in operations(storage_at(server.url), tmp_path / "file"):
            with pytest.raises(expected):
                operation()

    def test_a_server_that_is_down_is_unavailable_soon(self, storage_at, tmp_path: Path) -> None:
        storage = storage_at(f"http://127.0.0.1:{free_port()}")
        started = time.monotonic()
        for operation in operations(storage, tmp_path / "file"):
            with pytest.raises(StorageUnavailable):
                operation()
        assert time.monotonic() - started < 30

    def test_a_server_that_never_answers_is_unavailable(self, r2_storage: R2Storage) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            r2 = R2Storage(url, BUCKET, "k", "s", url, connect_seconds=0.2, read_seconds=0.2, attempts=1)
            firebase = FirebaseStorage(
                BUCKET, connect=lambda: gcs_client(url), connect_seconds=0.2, read_seconds=0.2, retry_seconds=0.2
            )
            for storage in (r2, firebase):
                with pytest.raises(StorageUnavailable):
                    storage.read_bytes("key")

    @pytest.mark.parametrize("store", ["r2", "firebase"])
    def test_a_missing_bucket_is_refused_never_taken_for_a_missing_file(
        self, store: str, request: pytest.FixtureRequest, tmp_path: Path
    ) -> None:
        url = request.getfixturevalue("r2_url" if store == "r2" else "gcs_url")
        storage = (r2_at if store == "r2" else firebase_at)(url, "no-such-bucket")
        with pytest.raises(StorageRefused):
            storage.upload_bytes("key", b"", "text/plain")
        with pytest.raises(StorageRefused):
            list(storage.list_objects(""))
        with pytest.raises(StorageRefused):
            list(storage.list_folders(""))
        with pytest.raises(StorageRefused):
            storage.update_bytes("key", "text/plain", lambda _: b"")

    def test_messages_hold_no_secret_and_no_server(self, storage_at, scripted_server, tmp_path: Path) -> None:
        server = scripted_server(lambda *_: Answer(403))
        for operation in operations(storage_at(server.url), tmp_path / "file"):
            with pytest.raises(StorageRefused) as caught:
                operation()
            assert "127.0.0.1" not in caught.value.message
            assert "secret" not in caught.value.message


class TestR2:
    def test_a_big_file_goes_up_in_parts(self, r2_storage: R2Storage, r2_url: str, big_file: Path) -> None:
        r2_storage.upload_file("user/big.mp4", big_file, "video/mp4")
        client = boto3.client(
            "s3", endpoint_url=r2_url, region_name="auto", aws_access_key_id="k", aws_secret_access_key="s"
        )
        assert client.head_object(Bucket=BUCKET, Key="user/big.mp4")["ETag"].endswith('-2"')
        first = client.head_object(Bucket=BUCKET, Key="user/big.mp4", PartNumber=1)
        assert first["ContentLength"] == PART_BYTES

    def test_a_listing_and_a_deletion_span_more_than_a_thousand_objects(self, r2_storage: R2Storage) -> None:
        keys = [f"user/{number:04}" for number in range(1010)]
        for key in keys:
            r2_storage.upload_bytes(key, b"", "text/plain")
        assert [entry.key for entry in r2_storage.list_objects("user/")] == keys
        r2_storage.delete_objects(iter(keys))
        assert list(r2_storage.list_objects("user/")) == []

    def test_the_url_serves_the_bytes_to_anyone(self, r2_storage: R2Storage) -> None:
        stored = r2_storage.upload_bytes("user/ein Bild für Zoë.png", b"\x89PNG", "image/png")
        with urllib.request.urlopen(stored.url) as response:
            assert response.read() == b"\x89PNG"
            assert response.headers["Content-Type"] == "image/png"
            assert response.headers["Cache-Control"] == cache_control("image/png")

    def test_no_checksum_is_sent_that_r2_might_refuse(self, scripted_server) -> None:
        server = scripted_server(lambda *_: Answer(200, headers={"ETag": '"1"'}))
        R2Storage(server.url, BUCKET, "k", "s", server.url).upload_bytes("key", b"data", "text/plain")
        assert server.requests == [("PUT", f"/{BUCKET}/key")]
        assert not [name for name in server.headers[0] if "checksum" in name or name == "x-amz-trailer"]
        assert "/auto/s3/aws4_request" in server.headers[0]["authorization"]

    def test_a_copy_keeps_the_headers_and_sends_neither_bytes_nor_checksums(
        self, r2_storage: R2Storage, r2_url: str, scripted_server
    ) -> None:
        r2_storage.upload_bytes("user/ein Bild.png", b"png", "image/png")
        copy = r2_storage.copy_object("user/ein Bild.png", "copy")
        with urllib.request.urlopen(copy.url) as response:
            assert response.headers["Content-Type"] == "image/png"
            assert response.headers["Cache-Control"] == cache_control("image/png")
        server = scripted_server(lambda *_: copied_answer(200, b"<CopyObjectResult><ETag>e</ETag></CopyObjectResult>"))
        R2Storage(server.url, BUCKET, "k", "s", server.url).copy_object("user/ein Bild.png", "copy")
        assert server.requests == [("PUT", f"/{BUCKET}/copy"), ("HEAD", f"/{BUCKET}/copy")]
        sent = server.headers[0]
        assert sent["x-amz-copy-source"] == f"{BUCKET}/user/ein%20Bild.png"
        assert sent.get("content-length", "0") == "0"
        assert not [name for name in sent if "checksum" in name or name == "x-amz-trailer"]

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            ((400, b"<Error><Code>InvalidRequest</Code></Error>"), "no file of more than 5 GB"),
            ((403, b"<Error><Code>AccessDenied</Code></Error>"), "refused the copy"),
            ((404, b"<Error><Code>NoSuchBucket</Code></Error>"), "refused the copy"),
        ],
    )
    def test_a_refused_copy_says_why(self, scripted_server, answer: tuple[int, bytes], expected: str) -> None:
        server = scripted_server(lambda *_: copied_answer(*answer))
        with pytest.raises(StorageRefused, match=expected):
            r2_at(server.url).copy_object("source", "key")

    def test_a_copy_that_fails_after_it_was_begun_is_unavailable(self, scripted_server) -> None:
        """S3 then answers 200, with an error in the body."""
        body = b"<Error><Code>InternalError</Code><Message>Please try again.</Message></Error>"
        server = scripted_server(lambda *_: copied_answer(200, body))
        with pytest.raises(StorageUnavailable):
            r2_at(server.url).copy_object("source", "key")
        assert [method for method, _ in server.requests] == ["PUT", "PUT"]

    def test_a_key_that_could_not_be_deleted_is_an_error(self, scripted_server) -> None:
        body = b"<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code></Error></DeleteResult>"
        server = scripted_server(lambda *_: Answer(200, body, {"Content-Type": "application/xml"}))
        with pytest.raises(StorageRefused, match="AccessDenied"):
            R2Storage(server.url, BUCKET, "k", "s", server.url).delete_objects(["a"])

    def test_an_impossible_endpoint_is_refused(self) -> None:
        with pytest.raises(StorageRefused):
            R2Storage("not a url", BUCKET, "k", "s", "https://x").stat("key")


class TestFirebase:
    def test_the_url_has_the_form_and_token_of_firebase(self, firebase_storage: FirebaseStorage, gcs_url: str) -> None:
        key = "user/ein Bild.png"
        stored = firebase_storage.upload_bytes(key, b"png", "image/png")
        parts = urlsplit(stored.url)
        assert parts.netloc == "firebasestorage.googleapis.com"
        assert parts.path == f"/v0/b/{BUCKET}/o/{quote(key, safe='')}"
        query = parse_qs(parts.query)
        blob = gcs_client(gcs_url).bucket(BUCKET).get_blob(key)
        assert query == {"alt": ["media"], "token": [blob.metadata["firebaseStorageDownloadTokens"]]}
        assert blob.cache_control == cache_control("image/png")

    def test_two_objects_have_two_tokens(self, firebase_storage: FirebaseStorage) -> None:
        one, other = (firebase_storage.upload_bytes(key, b"", "text/plain").url for key in ("one", "other"))
        assert one.partition("token=")[2] != other.partition("token=")[2]

    def test_an_object_stored_by_others_has_a_url_without_token(
        self, firebase_storage: FirebaseStorage, gcs_url: str
    ) -> None:
        gcs_client(gcs_url).bucket(BUCKET).blob("foreign").upload_from_string(b"x")
        assert firebase_storage.stat("foreign").url.endswith("/o/foreign?alt=media")

    def test_a_listing_follows_its_pages(self, scripted_server) -> None:
        def answer(method: str, path: str) -> Answer:
            if "pageToken=next" in path:
                return json_answer({"items": [{"name": "user/2", "size": "2"}]})
            return json_answer({"items": [{"name": "user/1", "size": "1"}], "nextPageToken": "next"})

        server = scripted_server(answer)
        storage = FirebaseStorage(BUCKET, connect=lambda: gcs_client(server.url))
        assert [entry.key for entry in storage.list_objects("user/")] == ["user/1", "user/2"]

    def test_who_loses_the_race_for_a_first_upload_keeps_the_winners_token(self, scripted_server) -> None:
        winner = {
            "name": "key",
            "size": "4",
            "generation": "7",
            "contentType": "text/plain",
            "metadata": {"firebaseStorageDownloadTokens": "winner"},
        }
        lookups = iter([Answer(404), json_answer(winner)])

        def answer(method: str, path: str) -> Answer:
            if path.startswith(f"/storage/v1/b/{BUCKET}?"):
                return Answer(403)  # the SDK's own question, from a thread of its own
            if method == "GET":
                return next(lookups)
            return json_answer(winner) if "ifGenerationMatch=7" in path else Answer(412)

        server = scripted_server(answer)
        storage = FirebaseStorage(BUCKET, connect=lambda: gcs_client(server.url))
        assert storage.upload_bytes("key", b"data", "text/plain").url.endswith("token=winner")
        uploads = [path for method, path in server.requests if method == "POST"]
        assert ["ifGenerationMatch=0" in path for path in uploads] == [True, False]

    def test_a_copy_has_a_token_of_its_own_and_the_headers_of_its_source(
        self, firebase_storage: FirebaseStorage, gcs_url: str
    ) -> None:
        source = firebase_storage.upload_bytes("source", b"png", "image/png")
        copy = firebase_storage.copy_object("source", "copy")
        blob = gcs_client(gcs_url).bucket(BUCKET).get_blob("copy")
        assert copy.url.endswith(f"/o/copy?alt=media&token={blob.metadata['firebaseStorageDownloadTokens']}")
        assert copy.url.partition("token=")[2] != source.url.partition("token=")[2]
        assert blob.cache_control == cache_control("image/png")

    def test_a_copy_over_an_object_that_others_stored_gives_it_a_token(
        self, firebase_storage: FirebaseStorage, gcs_url: str
    ) -> None:
        for key in ("foreign source", "foreign"):
            gcs_client(gcs_url).bucket(BUCKET).blob(key).upload_from_string(b"x")
        assert "&token=" in firebase_storage.copy_object("foreign source", "foreign").url

    def test_a_copy_in_several_steps_goes_on_where_it_was(self, scripted_server) -> None:
        steps = iter(["first", "second", ""])

        def answer(method: str, path: str) -> Answer:
            if method == "GET":
                return google_object("source", 5) if "/o/source" in path else Answer(404)
            return rewritten(next(steps))

        server = scripted_server(answer)
        assert firebase_at(server.url).copy_object("source", "key").url.endswith("token=kept")
        queries = [parse_qs(urlsplit(path).query) for method, path in server.requests if method == "POST"]
        assert [query.get("rewriteToken") for query in queries] == [None, ["first"], ["second"]]
        for query in queries:
            assert (query["ifGenerationMatch"], query["ifSourceGenerationMatch"]) == (["0"], ["5"])

    def test_a_source_that_was_replaced_meanwhile_is_looked_at_again(self, scripted_server) -> None:
        sources = iter([google_object("source", 5), google_object("source", 6)])

        def answer(method: str, path: str) -> Answer:
            if method == "GET":
                return next(sources) if "/o/source" in path else Answer(404)
            return rewritten("") if "ifSourceGenerationMatch=6" in path else Answer(412)

        server = scripted_server(answer)
        assert firebase_at(server.url).copy_object("source", "key").key == "key"

    def test_a_source_that_is_deleted_meanwhile_is_not_found(self, scripted_server) -> None:
        def answer(method: str, path: str) -> Answer:
            return google_object("source", 5) if method == "GET" and "/o/source" in path else Answer(404)

        with pytest.raises(NotFound):
            firebase_at(scripted_server(answer).url).copy_object("source", "key")

    def test_who_never_gets_its_copy_in_is_told_so(self, scripted_server) -> None:
        server = scripted_server(lambda method, _: google_object("key", 5) if method == "GET" else Answer(412))
        with pytest.raises(StorageUnavailable, match="Others kept writing"):
            firebase_at(server.url).copy_object("source", "key")

    def test_a_function_without_credentials_is_refused(self) -> None:
        def connect() -> None:
            raise DefaultCredentialsError

        with pytest.raises(StorageRefused, match="credentials"):
            FirebaseStorage(BUCKET, connect=connect).stat("key")


def json_answer(content: object) -> Answer:
    return Answer(200, json.dumps(content).encode(), {"Content-Type": "application/json"})


def copied_answer(status: int, body: bytes) -> Answer:
    return Answer(status, body, {"Content-Type": "application/xml", "Last-Modified": "Mon, 06 Jan 2025 12:00:00 GMT"})


def google_object(key: str, generation: int) -> Answer:
    return json_answer(google_fields(key, generation))


def google_fields(key: str, generation: int) -> dict[str, object]:
    return {
        "name": key,
        "size": "4",
        "generation": str(generation),
        "contentType": "text/plain",
        "metadata": {"firebaseStorageDownloadTokens": "kept"},
    }


def rewritten(rewrite_token: str) -> Answer:
    """What Google says to a copy: where to go on, or what it has become."""
    done = {"totalBytesRewritten": "4", "objectSize": "4"}
    if rewrite_token:
        return json_answer({**done, "done": False, "rewriteToken": rewrite_token})
    return json_answer({**done, "done": True, "resource": google_fields("key", 9)})
