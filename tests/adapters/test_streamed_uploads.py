"""Files stored while they are written: the buffering by itself, one contract for both stores, then each store."""

import hashlib
import io
import json
import struct
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import boto3
import numpy as np
import pytest

from pipeline.adapters.firebase_storage import FirebaseStorage
from pipeline.adapters.object_storage import ObjectStorage, StoredObject, cache_control
from pipeline.adapters.r2_storage import R2Storage
from pipeline.adapters.streamed_uploads import PART_BYTES, StreamedUpload, part_bytes_for
from pipeline.domain.errors import InternalError, JobError, StorageRefused, StorageUnavailable
from tests.adapters.conftest import BUCKET, Answer, firebase_at, gcs_client, r2_at

MIB = 1024 * 1024
KEY = "user/video/final.mp4"
BLOCK = bytes(range(256)) * (MIB // 256)


class RecordedTarget:
    """An `UploadTarget` that keeps what it is given, and can be held up at each part."""

    def __init__(self, before_part: Callable[[int], None] = lambda _: None, keep: bool = True) -> None:
        self.calls: list[str] = []
        self.parts: list[bytes] = []
        self.stored = b""
        self.gave_up = False
        self._before_part = before_part
        self._keep = keep

    def store_whole(self, data: bytes) -> StoredObject:
        self.calls.append("store_whole")
        self.stored = data
        return StoredObject(KEY, len(data), "video/mp4", "")

    def send_body(self, parts: Iterator[bytes]) -> None:
        self.calls.append("send_body")
        number = 0
        try:
            for part in parts:
                number += 1
                self._before_part(number)
                if self._keep:
                    self.parts.append(part)
                del part
        except Exception:
            self.gave_up = True
            raise

    def complete(self, head: bytes) -> StoredObject:
        self.calls.append("complete")
        self.stored = head + b"".join(self.parts)
        return StoredObject(KEY, len(self.stored), "video/mp4", "")

    def abort(self) -> None:
        self.calls.append("abort")


def written_at_random(upload: StreamedUpload, size: int, part: int, seed: int) -> bytes:
    """Writes `size` bytes in pieces of all sizes, and goes back into the head now and then; returns the file."""
    random = np.random.default_rng(seed)
    model = io.BytesIO()
    while model.seek(0, io.SEEK_END) < size:
        piece = random.bytes(min(int(random.choice([1, 7, part // 2, part - 1, part, 3 * part + 1])), size))
        assert upload.seek(0, io.SEEK_END) == model.tell()
        for file in (model, upload):
            file.write(piece)
        if random.random() < 0.5:
            place = int(random.integers(0, min(part, model.tell())))
            piece = random.bytes(int(random.integers(0, min(part, model.tell()) - place + 1)))
            for file in (model, upload):
                file.seek(place)
                file.write(piece)
            assert upload.tell() == model.tell()
    return model.getvalue()


class TestBuffering:
    @pytest.mark.parametrize("seed", range(20))
    def test_it_is_the_file_that_a_file_would_be(self, seed: int) -> None:
        target = RecordedTarget()
        with StreamedUpload(target, part_bytes=1000) as upload:
            expected = written_at_random(upload, 200 * seed**2 + 1, 1000, seed)
            assert upload.finish().size_bytes == len(expected)
        assert target.stored == expected
        assert target.calls == (["store_whole"] if len(expected) <= 1000 else ["send_body", "complete"])

    @pytest.mark.parametrize("size", [1001, 1999, 2000, 2001, 3000])
    def test_all_parts_but_the_last_are_alike_and_none_is_empty(self, size: int) -> None:
        target = RecordedTarget()
        with StreamedUpload(target, part_bytes=1000) as upload:
            upload.write(BLOCK[:size])
            upload.finish()
        assert [len(part) for part in target.parts[:-1]] == [1000] * (len(target.parts) - 1)
        assert 0 < len(target.parts[-1]) <= 1000
        assert target.stored == BLOCK[:size]

    @pytest.mark.parametrize("size", [0, 1, 1000])
    def test_what_fits_into_one_part_is_stored_whole(self, size: int) -> None:
        target = RecordedTarget()
        with StreamedUpload(target, part_bytes=1000) as upload:
            upload.write(bytearray(BLOCK[:size]))
            upload.finish()
        assert (target.calls, target.stored) == (["store_whole"], BLOCK[:size])

    def test_room_left_in_the_head_is_zeros(self) -> None:
        target = RecordedTarget()
        with StreamedUpload(target, part_bytes=1000) as upload:
            upload.write(b"ftyp")
            assert upload.seek(500, io.SEEK_CUR) == 504
            upload.write(b"mdat" * 300)
            upload.seek(4)
            upload.write(b"moov")
            assert upload.seek(0, io.SEEK_END) == 1704
            upload.finish()
        assert target.stored == b"ftypmoov" + bytes(496) + b"mdat" * 300

    @pytest.mark.parametrize(
        "misuse",
        [
            lambda upload: upload.seek(1000),
            lambda upload: upload.seek(2499),
            lambda upload: upload.seek(2501),
            lambda upload: upload.seek(-1),
            lambda upload: upload.seek(-1, io.SEEK_END),
            lambda upload: [upload.seek(999), upload.write(b"12")],
            lambda upload: [upload.seek(999), upload.write(b"1"), upload.write(b"2")],
        ],
    )
    def test_what_has_left_cannot_be_written_again_and_nothing_is_stored(self, misuse) -> None:
        target = RecordedTarget()
        with StreamedUpload(target, part_bytes=1000) as upload:
            upload.write(BLOCK[:2500])
            with pytest.raises(InternalError):
                misuse(upload)
            for attempt in (lambda: upload.write(b"x"), lambda: upload.seek(0), upload.finish):
                with pytest.raises(InternalError):
                    attempt()
        assert target.calls == ["send_body", "abort"]

    def test_room_cannot_be_left_beyond_the_head(self) -> None:
        with StreamedUpload(RecordedTarget(), part_bytes=1000) as upload:
            upload.write(b"ftyp")
            with pytest.raises(InternalError):
                upload.seek(1000)

    def test_after_the_end_nothing_can_be_written(self) -> None:
        with StreamedUpload(RecordedTarget(), part_bytes=1000) as upload:
            upload.write(b"film")
            upload.finish()
            with pytest.raises(InternalError):
                upload.write(b"x")
            with pytest.raises(InternalError):
                upload.finish()

    def test_leaving_without_finish_aborts_after_the_part_under_way(self) -> None:
        held, go_on = threading.Event(), threading.Event()

        def hold_up(number: int) -> None:
            held.set()
            assert go_on.wait(10)

        target = RecordedTarget(hold_up)

        def leave() -> None:
            with StreamedUpload(target, part_bytes=1000) as upload:
                upload.write(BLOCK[:2500])
                assert held.wait(10)
                raise KeyError("film")

        outcome: list[BaseException] = []

        def leave_and_tell() -> None:
            try:
                leave()
            except KeyError as exc:
                outcome.append(exc)

        thread = threading.Thread(target=leave_and_tell)
        thread.start()
        assert held.wait(10)
        go_on.set()
        thread.join(10)
        assert str(outcome[0]) == "'film'"
        assert target.calls == ["send_body", "abort"]
        assert target.gave_up
        assert len(target.parts) <= 1

    def test_what_an_abort_raises_hides_nothing(self) -> None:
        class Stubborn(RecordedTarget):
            def abort(self) -> None:
                super().abort()
                raise StorageUnavailable("gone")

        target = Stubborn()
        with pytest.raises(KeyError, match="film"), StreamedUpload(target, part_bytes=1000) as upload:
            upload.write(BLOCK[:2500])
            raise KeyError("film")
        assert target.calls[-1] == "abort"

    @pytest.mark.parametrize("failing_part", [1, 2, 5])
    def test_a_failure_in_the_background_reaches_the_writer(self, failing_part: int) -> None:
        def fail(number: int) -> None:
            if number == failing_part:
                raise StorageUnavailable("gone")

        target = RecordedTarget(fail)
        written = 0
        with StreamedUpload(target, part_bytes=1000) as upload:
            with pytest.raises(StorageUnavailable, match="gone"):
                for _ in range(100):
                    written += upload.write(BLOCK[:500])
            with pytest.raises(StorageUnavailable, match="gone"):
                upload.finish()
        assert written <= 1000 * (failing_part + 3)
        assert target.calls == ["send_body", "abort"]

    def test_a_failure_of_the_last_part_reaches_finish(self) -> None:
        def fail(number: int) -> None:
            if number == 2:
                raise StorageRefused("no")

        target = RecordedTarget(fail)
        with StreamedUpload(target, part_bytes=1000) as upload:
            upload.write(BLOCK[:2500])
            with pytest.raises(StorageRefused):
                upload.finish()
        assert target.calls == ["send_body", "abort"]

    def test_never_more_than_four_parts_are_held(self) -> None:
        part, piece, parts = MIB, MIB // 16, 30
        written, changed = [0], threading.Condition()

        def until_the_writer_has_to_wait(number: int) -> None:
            """Head, this part, the waiting one, and one that is full but for the last piece."""
            ahead = min((number + 3) * part - piece, (parts + 1) * part)
            with changed:
                assert changed.wait_for(lambda: written[0] >= ahead, timeout=20)
            assert written[0] < (number + 3) * part

        target = RecordedTarget(until_the_writer_has_to_wait, keep=False)
        data = bytes(piece)
        tracemalloc.start()
        try:
            with StreamedUpload(target, part_bytes=part) as upload:
                for _ in range((parts + 1) * part // piece):
                    upload.write(data)
                    with changed:
                        written[0] += piece
                        changed.notify_all()
                upload.finish()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert 3.9 * part < peak < 4.3 * part

    def test_parts_are_as_big_as_the_head_needs(self) -> None:
        assert part_bytes_for(0) == part_bytes_for(PART_BYTES) == PART_BYTES
        assert part_bytes_for(PART_BYTES + 1) == PART_BYTES + MIB


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
        with pytest.raises(KeyError), object_storage.open_upload(KEY, "video/mp4", head_bytes=0) as upload:
            upload.write(film(parts * PART_BYTES + 100))
            raise KeyError
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
        assert atoms(copy) == ["ftyp", "moov", "free", "mdat"] or atoms(copy) == [
            "ftyp",
            "moov",
            "free",
            "free",
            "mdat",
        ]
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
        with storage.open_upload(KEY, "video/mp4", head_bytes=0) as upload, pytest.raises(expected) as caught:
            upload.write(film(parts * PART_BYTES + 1))
            upload.finish()
        assert "127.0.0.1" not in caught.value.message


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
        content = film(3 * PART_BYTES + 1)
        with r2_storage.open_upload(KEY, "video/mp4", head_bytes=0) as upload:
            upload.write(content)
            upload.finish()
        head = leftovers.head(KEY)
        assert head["ETag"].endswith('-4"')
        assert (head["ContentType"], head["CacheControl"]) == ("video/mp4", cache_control("video/mp4"))

    @pytest.mark.parametrize(
        ("failing", "expected"),
        [("partNumber=3", StorageUnavailable), ("partNumber=1", StorageUnavailable), ("complete", StorageUnavailable)],
    )
    def test_a_failure_on_the_way_aborts_the_upload(self, scripted_server, failing: str, expected) -> None:
        server = scripted_server(lambda method, path: multipart_answer(method, path, failing))
        storage = r2_at(server.url)
        with (
            pytest.raises(expected),
            storage.open_upload(KEY, "video/mp4", head_bytes=0) as upload,
        ):
            upload.write(film(3 * PART_BYTES))
            upload.finish()
        assert server.requests[-1] == ("DELETE", f"/{BUCKET}/{KEY}?uploadId=up")

    def test_the_head_is_sent_last(self, scripted_server) -> None:
        server = scripted_server(lambda method, path: multipart_answer(method, path, "nothing"))
        with r2_at(server.url).open_upload(KEY, "video/mp4", head_bytes=0) as upload:
            upload.write(film(3 * PART_BYTES))
            upload.finish()
        sent = [path.partition("partNumber=")[2] for method, path in server.requests if method == "PUT"]
        assert sent == ["2", "3", "1"]
        assert not [name for headers in server.headers for name in headers if "checksum" in name]


def multipart_answer(method: str, path: str, failing: str) -> Answer:
    xml = {"Content-Type": "application/xml"}
    if failing in path or (failing == "complete" and method == "POST" and "uploadId=" in path):
        return Answer(503)
    if method == "POST" and "uploadId=" not in path:
        return Answer(
            200, b"<InitiateMultipartUploadResult><UploadId>up</UploadId></InitiateMultipartUploadResult>", xml
        )
    if method == "POST":
        return Answer(200, b"<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>", xml)
    return Answer(200, headers={"ETag": '"e"'})
