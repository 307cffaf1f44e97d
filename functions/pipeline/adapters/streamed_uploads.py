"""A file that goes to object storage while it is being written, in flat memory.

An MP4 file is written from front to back, but for its head: sizes and index are known at the end, and players
want them first. So the first part of the file waits in memory, and may be written again, until all else is stored:

    caller   |─ head ─|─ part ─|─ part ─|─ part ─|─ rest ─| seek back, head again | finish
    thread             create ──> part ──> part ──> part ──> rest                   └─> head, complete

Held at any time: the head, the part that is being filled, one that waits, one that is being sent. Who writes
faster than the store takes has to wait. What a store does with the parts, its `UploadTarget` knows.
"""

import os
from collections.abc import Iterator
from concurrent.futures import Future, wait
from io import BytesIO
from threading import Condition
from types import TracebackType
from typing import NoReturn, Protocol, Self

from pipeline.adapters.object_storage import StoredObject
from pipeline.adapters.threads import Threads
from pipeline.domain.errors import InternalError

PART_BYTES = 8 * 1024 * 1024
"""The usual size of a part. R2 takes none under 5 MiB, Google none that is no multiple of 256 KiB."""

_MIB = 1024 * 1024
_ABORT_SECONDS = 10.0
"""How long who gives up waits for the parts to be gone; they go all the same."""


def part_bytes_for(head_bytes: int) -> int:
    """The size of the parts of a file whose first `head_bytes` may be written again: the head is one part."""
    return max(PART_BYTES, -(-head_bytes // _MIB) * _MIB)


class UploadTarget(Protocol):
    """What one store does with the parts of one file. Raises the errors of `ObjectStorage`."""

    def store_whole(self, data: bytes) -> StoredObject:
        """Store a file that is no bigger than one part; nothing else is called then."""

    def send_body(self, parts: Iterator[bytes]) -> None:
        """Send what follows the head, all of it parts of one size but the last. Runs in a thread of its own.

        The iterator waits for the next part, and raises when the upload is given up. A part that was sent must
        not be held while waiting for the next.
        """

    def complete(self, head: bytes) -> StoredObject:
        """Send the head and make the object of it and the body, replacing what was there."""

    def abort(self) -> None:
        """Remove what `send_body` and `complete` have left; both have ended."""


class StreamedUpload:
    """A binary file to write to (PyAV's muxer takes it), which `finish` makes an object.

    Use it in a `with` statement: leaving that without `finish` stores nothing and removes what was sent. Not for
    more than one thread at a time. Every method raises StorageUnavailable or StorageRefused when the store has
    failed, also for a part handed over before, and InternalError when the caller writes what has left already.
    """

    def __init__(self, target: UploadTarget, part_bytes: int = PART_BYTES) -> None:
        self._target = target
        self._part_bytes = part_bytes
        self._head = BytesIO()
        self._part = BytesIO()
        self._position = 0
        self._size_bytes = 0
        self._handover = _Handover()
        self._thread: Threads | None = None
        self._sending: Future[None] | None = None
        self._ended = False
        self._misuse: InternalError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._ended:
            self._abort()

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place in the head, also beyond what is written of it, or to the end; returns the position."""
        self._check()
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size_bytes}[whence]
        target = start + offset
        if target != self._size_bytes and not 0 <= target < self._part_bytes:
            self._refuse("A part of the video that was already sent was to be written again.")
        self._position = target
        return target

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Take all of `data`; waits where the store is slower. Returns its bytes."""
        self._check()
        view = memoryview(data).cast("B")
        in_head = view[: max(0, self._part_bytes - self._position)]
        in_body = view[len(in_head) :]
        if in_body and self._position + len(in_head) != max(self._size_bytes, self._part_bytes):
            self._refuse("The head of the video has outgrown its place.")
        if in_head:
            self._head.seek(self._position)
            self._head.write(in_head)
        while in_body:
            taken = in_body[: self._part_bytes - self._part.tell()]
            in_body = in_body[self._part.write(taken) :]
            if self._part.tell() == self._part_bytes:
                self._hand_over()
        self._position += len(view)
        self._size_bytes = max(self._size_bytes, self._position)
        return len(view)

    def finish(self) -> StoredObject:
        """Store the file as it was written: only then it appears under its key, all at once."""
        self._check()
        if self._size_bytes <= self._part_bytes:
            stored = self._target.store_whole(self._head.getvalue())
        else:
            stored = self._completed()
        self._ended = True
        if self._thread is not None:
            self._thread.shutdown(wait=False)
        return stored

    def _completed(self) -> StoredObject:
        if self._part.tell():
            self._hand_over()
        self._handover.end()
        self._sender().result()
        return self._target.complete(self._head.getvalue())

    def _hand_over(self) -> None:
        # getvalue() of a BytesIO that is dropped does not copy.
        part, self._part = self._part.getvalue(), BytesIO()
        self._sender()
        self._handover.give(part)
        self._check()

    def _sender(self) -> "Future[None]":
        if self._sending is None:
            self._thread = Threads(1, "streamed-upload")
            self._sending = self._thread.submit(self._target.send_body, self._handover.parts())
            self._sending.add_done_callback(lambda _: self._handover.stop())
        return self._sending

    def _abort(self) -> None:
        self._ended = True
        self._handover.stop()
        if self._thread is not None:
            # In the same thread, so after the part that is under way. What is raised there helps nobody here.
            wait([self._thread.submit(self._target.abort)], timeout=_ABORT_SECONDS)
            self._thread.shutdown(wait=False)

    def _check(self) -> None:
        if self._misuse is not None:
            raise self._misuse
        if self._ended:
            raise InternalError("The upload has ended.")
        if self._sending is not None and self._sending.done():
            self._sending.result()

    def _refuse(self, reason: str) -> NoReturn:
        # A muxer may go on after a failed seek: nothing of what it then writes must become an object.
        self._misuse = InternalError(reason)
        raise self._misuse


class _Handover:
    """The place for one part between who fills and who sends."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._waiting: bytes | None = None
        self._ended = False
        self._stopped = False

    def give(self, part: bytes) -> None:
        """Wait until the place is free, and put the part there; it is dropped when nobody sends any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting is None or self._stopped)
            self._waiting = None if self._stopped else part
            self._changed.notify_all()

    def end(self) -> None:
        """No part follows."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Nobody wants the parts any more."""
        with self._changed:
            self._stopped = True
            self._waiting = None
            self._changed.notify_all()

    def parts(self) -> Iterator[bytes]:
        """Every part, each as soon as it is there."""
        while (part := self._next()) is not None:
            yield part
            del part

    def _next(self) -> bytes | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting is not None or self._ended or self._stopped)
            if self._stopped:
                raise _AbandonedError
            part, self._waiting = self._waiting, None
            self._changed.notify_all()
            return part


class _AbandonedError(Exception):
    """Tells a target, in the middle of its parts, that the caller has given up."""
