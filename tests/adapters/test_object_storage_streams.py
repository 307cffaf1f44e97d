"""Files stored while they are written, in a store: one contract for both, then what only one of them has."""

import gc
import hashlib
import json
import struct
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import av
import boto3
import google_crc32c
import numpy as np
import pytest
import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from pipeline.adapters.firebase_storage import FirebaseStorage
from pipeline.adapters.object_storage import ObjectStorage, StoredObject, cache_control
from pipeline.adapters.r2_storage import R2Storage
from pipeline.adapters.streamed_uploads import PART_BYTES, StreamedUpload
from pipeline.domain.errors import JobError, StorageRefused, StorageUnavailable
from tests.adapters.conftest import BUCKET, Answer, firebase_at, free_port, gcs_client, r2_at

MIB = 1024 * 1024
KEY = "user/video/final.mp4"
BLOCK = bytes(range(256)) * (MIB // 256)


@pytest.fixture(autouse=True)
def collected_in_the_same_test() -> Iterator[None]:
    yield
    gc.collect()


def film(size: int) -> bytes:
    """Bytes of which no two parts are alike."""
    blocks = (number.to_bytes(4, "big") + BLOCK[4:] for number in range(-(-size // MIB)))
    return b"".join(blocks)[:size]


def write_film(upload: StreamedUpload, content: bytes, head: bytes) -> None:
    """Writes the file in the pieces of a muxer, with another head that it writes at the end."""
    upload.write(bytes(len(head)))
    for start in range(len(head), len(content), 300_000):
        upload.write(content[start : start + 300_000])
    upload.seek(0)
    upload.write(head)


def store_film(storage: ObjectStorage, size: int) -> StoredObject:
    with storage.open_upload(KEY, "video/mp4", head_bytes=0) as upload:
        upload.write(film(size))
        return upload.finish()


class Leftovers:
    """What lies in a bucket beside finished objects."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._s3 = boto3.client(
            "s3",
            endpoint_url=request.getfixturevalue("r2_url"),
            region_name="auto",
            aws_access_key_id="k",
            aws_secret_access_key="s",
        )

    def uploads(self) -> list[Any]:
        return self._s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])

    def head(self, key: str) -> dict[str, Any]:
        return self._s3.head_object(Bucket=BUCKET, Key=key)


@pytest.fixture
def leftovers(request: pytest.FixtureRequest) -> Leftovers:
    return Leftovers(request)


class TestContract:
    def test_a_small_file(self, object_storage: ObjectStorage) -> None:
        with object_storage.open_upload(KEY, "video/mp4", head_bytes=100) as upload:
            upload.write(b"????? pictures")
            upload.seek(0)
            upload.write(b"short")
            stored = upload.finish()
        assert (stored.key, stored.size_bytes, stored.content_type) == (KEY, 14, "video/mp4")
        assert object_storage.stat(KEY) == stored
        assert object_storage.read_bytes(KEY) == b"short pictures"
        assert [entry.key for entry in object_storage.list_objects("")] == [KEY]

    @pytest.mark.parametrize("rest", [MIB + 17, 0])
    def test_a_file_of_several_parts_whose_head_is_written_last(
        self, object_storage: ObjectStorage, leftovers: Leftovers, rest: int, tmp_path: Path
    ) -> None:
        content, copy = film(3 * PART_BYTES + rest), tmp_path / "copy"
        with object_storage.open_upload(KEY, "video/mp4", head_bytes=MIB) as upload:
            write_film(upload, content, content[:MIB])
            assert object_storage.stat(KEY) is None
            assert list(object_storage.list_objects("")) == []
            stored = upload.finish()
        assert (stored.key, stored.size_bytes, stored.content_type) == (KEY, len(content), "video/mp4")
        assert object_storage.stat(KEY) == stored
        assert object_storage.key_of_url(stored.url) == KEY
        assert object_storage.download_file(KEY, copy) == len(content)
        assert digest(copy.read_bytes()) == digest(content)
        assert [entry.key for entry in object_storage.list_objects("")] == [KEY]
        assert leftovers.uploads() == []

    def test_a_head_that_is_bigger_than_the_usual_part(self, object_storage: ObjectStorage) -> None:
        head_bytes = PART_BYTES + 100_000
        content = film(2 * PART_BYTES + 3 * MIB)
        with object_storage.open_upload(KEY, "video/mp4", head_bytes=head_bytes) as upload:
            write_film(upload, content, content[:head_bytes])
            assert upload.finish().size_bytes == len(content)
        assert digest(object_storage.read_bytes(KEY)) == digest(content)

    def test_what_was_there_is_replaced_at_the_end_and_keeps_its_url(self, object_storage: ObjectStorage) -> None:
        old = object_storage.upload_bytes(KEY, b"old", "video/quicktime")
        content = film(2 * PART_BYTES)
        with object_storage.open_upload(KEY, "video/mp4", head_bytes=0) as upload:
            write_film(upload, content, b"")
            assert object_storage.read_bytes(KEY) == b"old"
            stored = upload.finish()
        assert stored.url == old.url
        assert object_storage.stat(KEY) == stored
        assert (stored.size_bytes, stored.content_type) == (len(content), "video/mp4")
        assert digest(object_storage.read_bytes(KEY)) == digest(content)

    @pytest.mark.parametrize("parts", [0, 4])
    def test_an_abort_leaves_what_was_there_and_nothing_else(
        self, object_storage: ObjectStorage, leftovers: Leftovers, parts: int
    ) -> None:
        old = object_storage.upload_bytes(KEY, b"old", "video/mp4")

        def give_up() -> None:
            with object_storage.open_upload(KEY, "video/mp4", head_bytes=0) as upload:
                upload.write(film(parts * PART_BYTES + 100))
                raise KeyError

        with pytest.raises(KeyError):
            give_up()
        assert object_storage.stat(KEY) == old
        assert object_storage.read_bytes(KEY) == b"old"
        assert [entry.key for entry in object_storage.list_objects("")] == [KEY]
        assert leftovers.uploads() == []

    def test_a_muxed_video_plays_with_its_index_first(
        self, object_storage: ObjectStorage, noise: Path, tmp_path: Path
    ) -> None:
        copy = tmp_path / "copy.mp4"
        room = 100_000
        with object_storage.open_upload(KEY, "video/mp4", head_bytes=room + 1000) as upload:
            with av.open(str(noise)) as source, av.open(upload, "w", "mp4", {"moov_size": str(room)}) as target:
                stream = target.add_stream_from_template(source.streams.video[0])
                for packet in source.demux(video=0):
                    if packet.dts is not None:
                        packet.stream = stream
                        target.mux(packet)
            stored = upload.finish()
        assert object_storage.download_file(KEY, copy) == stored.size_bytes > 2 * PART_BYTES
        assert atoms(copy) == ["ftyp", "moov", "free", "free", "mdat"]
        assert packets(copy) == packets(noise)
        with av.open(str(copy)) as container:
            assert sum(1 for _ in container.decode(video=0)) == 60

    def test_a_muxer_ends_with_the_error_of_the_store(self, storage_at, scripted_server, noise: Path) -> None:
        storage = storage_at(scripted_server(lambda *_: Answer(403)).url)

        def mux() -> None:
            with (
                storage.open_upload(KEY, "video/mp4", head_bytes=0) as upload,
                av.open(str(noise)) as source,
                av.open(upload, "w", "mp4", {"moov_size": "100000"}) as target,
            ):
                stream = target.add_stream_from_template(source.streams.video[0])
                for _ in range(20):
                    for packet in source.demux(video=0):
                        if packet.dts is not None:
                            packet.stream = stream
                            target.mux(packet)
                    source.seek(0)

        with pytest.raises(StorageRefused):
            mux()

    @pytest.mark.parametrize(("status", "expected"), [(403, StorageRefused), (503, StorageUnavailable)])
    @pytest.mark.parametrize("parts", [1, 5])
    def test_the_writer_hears_what_the_store_said(
        self, storage_at, scripted_server, status: int, expected: type[JobError], parts: int
    ) -> None:
        storage = storage_at(scripted_server(lambda *_: Answer(status)).url)
        with pytest.raises(expected) as caught:
            store_film(storage, parts * PART_BYTES + 1)
        assert "127.0.0.1" not in caught.value.message

    def test_a_server_that_is_down_is_unavailable(self, storage_at) -> None:
        with pytest.raises(StorageUnavailable):
            store_film(storage_at(f"http://127.0.0.1:{free_port()}"), 5 * PART_BYTES)

    @pytest.mark.parametrize("store", ["r2", "firebase"])
    def test_a_missing_bucket_is_refused(self, store: str, request: pytest.FixtureRequest) -> None:
        url = request.getfixturevalue("r2_url" if store == "r2" else "gcs_url")
        with pytest.raises(StorageRefused):
            store_film((r2_at if store == "r2" else firebase_at)(url, "no-such-bucket"), 2 * PART_BYTES)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def atoms(path: Path) -> list[str]:
    """The names of the outermost boxes of an MP4 file, in order."""
    names, content, place = [], path.read_bytes(), 0
    while place < len(content):
        size, name = struct.unpack_from(">I4s", content, place)
        names.append(name.decode())
        place += size
    return names


def packets(path: Path) -> list[tuple[int, int, str]]:
    with av.open(str(path)) as container:
        return [
            (packet.pts, packet.dts, digest(bytes(packet)))
            for packet in container.demux(video=0)
            if packet.dts is not None
        ]


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty pictures that no encoder makes small."""
    path = tmp_path_factory.mktemp("noise") / "noise.mp4"
    random = np.random.default_rng(1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"preset": "ultrafast", "qp": "4"})
        stream.width, stream.height, stream.pix_fmt = 480, 480, "yuv420p"
        for _ in range(60):
            picture = random.integers(0, 255, (480, 480, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode(None))
    return path


class TestR2:
    def test_parts_are_alike_and_headers_as_for_a_file(self, r2_storage: R2Storage, leftovers: Leftovers) -> None:
        store_film(r2_storage, 3 * PART_BYTES + 1)
        head = leftovers.head(KEY)
        assert head["ETag"].endswith('-4"')
        assert (head["ContentType"], head["CacheControl"]) == ("video/mp4", cache_control("video/mp4"))

    def test_the_head_is_sent_last_and_no_checksum_that_r2_might_refuse(self, scripted_server) -> None:
        server = scripted_server(lambda method, path: multipart_answer(method, path, "nothing"))
        store_film(r2_at(server.url), 3 * PART_BYTES)
        assert [path.partition("partNumber=")[2] for method, path in server.requests if method == "PUT"] == [
            "2",
            "3",
            "1",
        ]
        assert not [name for headers in server.headers for name in headers if "checksum" in name]

    @pytest.mark.parametrize("failing", ["partNumber=3", "partNumber=1", "complete"])
    @pytest.mark.parametrize(("status", "expected"), [(403, StorageRefused), (503, StorageUnavailable)])
    def test_a_failure_on_the_way_aborts_the_upload(
        self, scripted_server, failing: str, status: int, expected: type[JobError]
    ) -> None:
        server = scripted_server(lambda method, path: multipart_answer(method, path, failing, Answer(status)))
        with pytest.raises(expected):
            store_film(r2_at(server.url), 3 * PART_BYTES)
        assert server.requests[-1] == ("DELETE", f"/{BUCKET}/{KEY}?uploadId=up")

    def test_an_upload_that_is_gone_can_be_repeated(self, scripted_server) -> None:
        gone = Answer(404, b"<Error><Code>NoSuchUpload</Code></Error>", {"Content-Type": "application/xml"})
        server = scripted_server(lambda method, path: multipart_answer(method, path, "complete", gone))
        with pytest.raises(StorageUnavailable):
            store_film(r2_at(server.url), 2 * PART_BYTES)


def multipart_answer(method: str, path: str, failing: str, failure: Answer | None = None) -> Answer:
    """What S3 says in a multipart upload, but for one request: a part, or "complete"."""
    completes = method == "POST" and "uploadId=" in path
    if failure and (completes if failing == "complete" else failing in path):
        return failure
    xml = {"Content-Type": "application/xml", "ETag": '"e"'}
    return Answer(200, b"<Result><UploadId>up</UploadId></Result>" if method == "POST" else b"", xml)


class TestFirebase:
    def test_the_object_has_token_type_and_headers_as_for_a_file(
        self, firebase_storage: FirebaseStorage, gcs_url: str
    ) -> None:
        stored = store_film(firebase_storage, 2 * PART_BYTES)
        blob = gcs_client(gcs_url).bucket(BUCKET).get_blob(KEY)
        assert stored.url.endswith(f"token={blob.metadata['firebaseStorageDownloadTokens']}")
        assert (blob.content_type, blob.cache_control) == ("video/mp4", cache_control("video/mp4"))

    def test_who_loses_the_race_for_the_key_composes_again_with_the_winners_token(self, google) -> None:
        google.composed = [Answer(412), google.described(KEY, 9, ticket="winner")]
        google.found = [Answer(404), google.described(KEY, 7, ticket="winner")]
        assert store_film(google.storage, google.size).url.endswith("token=winner")
        assert [request["destination"]["metadata"] for request in google.compositions][1] == {
            "firebaseStorageDownloadTokens": "winner"
        }
        assert ["ifGenerationMatch=0&" in f"{path}&" for path in google.asked("compose")] == [True, False]
        assert "ifGenerationMatch=7" in google.asked("compose")[1]

    def test_only_the_generations_that_it_stored_are_composed_and_deleted(self, google) -> None:
        store_film(google.storage, google.size)
        assert google.compositions[0]["sourceObjects"] == [
            {"name": f"{KEY}.head", "generation": 2},
            {"name": f"{KEY}.body", "generation": 1},
        ]
        assert sorted(google.deleted()) == [(f"{KEY}.body", "1"), (f"{KEY}.head", "2")]

    def test_parts_that_another_upload_has_replaced_make_no_object(self, google) -> None:
        google.composed = [Answer(404)]
        with pytest.raises(StorageUnavailable, match="Another upload"):
            store_film(google.storage, google.size)
        assert len(google.deleted()) == 2

    def test_a_refused_composition_leaves_no_parts(self, google) -> None:
        google.composed = [Answer(403)]
        with pytest.raises(StorageRefused):
            store_film(google.storage, google.size)
        assert sorted(google.deleted()) == [(f"{KEY}.body", "1"), (f"{KEY}.head", "2")]

    def test_a_part_that_cannot_be_deleted_spoils_nothing(self, google) -> None:
        google.deletion = Answer(403)
        assert store_film(google.storage, google.size).size_bytes == google.size

    def test_a_part_that_was_kept_by_half_is_unavailable(self, google) -> None:
        google.kept_bytes = 1000
        with pytest.raises(StorageUnavailable):
            store_film(google.storage, google.size)
        assert google.asked("compose") == []


class ScriptedGoogle:
    """Google's answers to one upload of a head and two parts; each can be replaced."""

    size = 3 * PART_BYTES

    def __init__(self, scripted_server, session: "RecordingSession") -> None:
        self.kept_bytes = PART_BYTES
        self.found = [Answer(404)]
        self.composed = [self.described(KEY, 9)]
        self.deletion = Answer(204)
        self._server = scripted_server(self._answer)
        self._session = session
        self.storage = FirebaseStorage(BUCKET, connect=self._connect, retry_seconds=1)

    @property
    def compositions(self) -> list[dict[str, Any]]:
        return [json.loads(body) for url, body in self._session.posted if "/compose?" in url]

    def asked(self, what: str) -> list[str]:
        return [path for _, path in self._server.requests if f"/{what}" in path]

    def deleted(self) -> list[tuple[str, str]]:
        paths = [urlsplit(path) for method, path in self._server.requests if method == "DELETE"]
        return [(unquote(path.path).partition("/o/")[2], parse_qs(path.query)["generation"][0]) for path in paths]

    def described(self, key: str, generation: int, *, ticket: str = "own", content: bytes | None = None) -> Answer:
        fields = {
            "name": key,
            "generation": str(generation),
            "size": str(self.size),
            "contentType": "video/mp4",
            "metadata": {"firebaseStorageDownloadTokens": ticket},
        }
        if content is not None:
            fields["crc32c"] = b64encode(google_crc32c.Checksum(content).digest()).decode()
        return Answer(200, json.dumps(fields).encode(), {"Content-Type": "application/json"})

    def _answer(self, method: str, path: str) -> Answer:
        if path.startswith(f"/storage/v1/b/{BUCKET}?"):
            return Answer(403)  # the SDK's own question, from a thread of its own
        if "uploadType=resumable" in path:
            return Answer(200, headers={"Location": f"{self._server.url}/session"})
        if path == "/session":
            return self._part_taken(len(self.asked("session")))
        if "uploadType=multipart" in path:
            return self.described(f"{KEY}.head", 2)
        if "/compose?" in path:
            return self.composed.pop(0)
        return self.deletion if method == "DELETE" else self.found.pop(0)

    def _part_taken(self, number: int) -> Answer:
        if number <= 2:
            return Answer(308, headers={"Range": f"bytes=0-{number * self.kept_bytes - 1}"})
        return self.described(f"{KEY}.body", 1, content=film(self.size)[PART_BYTES:])

    def _connect(self) -> Client:
        return Client(
            project="demo-test",
            credentials=AnonymousCredentials(),
            _http=self._session,
            client_options={"api_endpoint": self._server.url},
        )


class RecordingSession(requests.Session):
    """Remembers what was posted."""

    def __init__(self) -> None:
        super().__init__()
        self.posted: list[tuple[str, Any]] = []

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        if method == "POST":
            self.posted.append((url, kwargs.get("data")))
        return super().request(method, url, *args, **kwargs)


@pytest.fixture
def google(scripted_server) -> Iterator[ScriptedGoogle]:
    with RecordingSession() as session:
        yield ScriptedGoogle(scripted_server, session)
