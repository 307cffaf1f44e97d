"""What both stores share of files that are stored while they are written: what is held, and who waits for whom."""

import io
import threading
import tracemalloc
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from pipeline.adapters.object_storage import StoredObject
from pipeline.adapters.streamed_uploads import PART_BYTES, StreamedUpload, part_bytes_for
from pipeline.domain.errors import InternalError, StorageRefused, StorageUnavailable

MIB = 1024 * 1024
KEY = "user/video/final.mp4"
BLOCK = bytes(range(256)) * (MIB // 256)


class RecordedTarget:
    """An `UploadTarget` that keeps what it is given, and can be held up at each part."""

    def __init__(self, before_part: Callable[[int], None] = lambda _: None, keep: bool = True) -> None:
        self.calls: list[str] = []
        self.parts: list[bytes] = []
        self.stored = b""
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
            self.calls.append("given up")
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
        assert target.calls == ["send_body", "given up", "abort"]

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
        left = threading.Event()

        def hold_up(number: int) -> None:
            assert left.wait(10)

        target = RecordedTarget(hold_up)

        def leave() -> None:
            with StreamedUpload(target, part_bytes=1000) as upload:
                upload.write(BLOCK[:2500])
                left.set()
                raise KeyError("film")

        with pytest.raises(KeyError, match="film"):
            leave()
        assert target.calls == ["send_body", "given up", "abort"]
        assert target.parts in ([], [BLOCK[1000:2000]])

    def test_what_an_abort_raises_hides_nothing(self) -> None:
        class Stubborn(RecordedTarget):
            def abort(self) -> None:
                super().abort()
                raise StorageUnavailable("gone")

        target = Stubborn()

        def leave() -> None:
            with StreamedUpload(target, part_bytes=1000) as upload:
                upload.write(BLOCK[:2500])
                raise KeyError("film")

        with pytest.raises(KeyError, match="film"):
            leave()
        assert target.calls[-1] == "abort"

    @pytest.mark.parametrize("failing_part", [1, 2, 5])
    def test_a_failure_in_the_background_reaches_the_writer(self, failing_part: int) -> None:
        def fail(number: int) -> None:
            if number == failing_part:
                raise StorageUnavailable("gone")

        target = RecordedTarget(fail)
        with StreamedUpload(target, part_bytes=1000) as upload:
            with pytest.raises(StorageUnavailable, match="gone"):
                upload.write(BLOCK)
            with pytest.raises(StorageUnavailable, match="gone"):
                upload.write(b"x")
            with pytest.raises(StorageUnavailable, match="gone"):
                upload.finish()
        assert len(target.parts) == failing_part - 1
        assert target.calls == ["send_body", "given up", "abort"]

    def test_a_failure_of_the_last_part_reaches_finish(self) -> None:
        def fail(number: int) -> None:
            if number == 2:
                raise StorageRefused("no")

        target = RecordedTarget(fail)
        with StreamedUpload(target, part_bytes=1000) as upload:
            upload.write(BLOCK[:2500])
            with pytest.raises(StorageRefused):
                upload.finish()
        assert target.calls == ["send_body", "given up", "abort"]

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
