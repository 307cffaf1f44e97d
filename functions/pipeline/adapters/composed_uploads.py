"""A file that goes to Firebase Storage while it is written: as two objects, which the service makes one.

    body  ──> {key}.body ─┐
    head  ──> {key}.head ─┴─ compose ──> {key}, and both are deleted

The parts of one upload have to come in order here, and the head is known last. The SDK names the generation of what it
stored, to compose and to delete it: two uploads of one key at once neither mix their bytes nor delete the other's.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from google.api_core import exceptions as api_exceptions
from google.cloud.storage import Blob

from pipeline.adapters.google_errors import storage_errors
from pipeline.adapters.object_storage import StoredObject
from pipeline.domain.errors import JobError, StorageUnavailable


class ComposedUpload:
    """The `UploadTarget` for one key."""

    def __init__(
        self,
        content_type: str,
        *,
        part: Callable[[str], Blob],
        store_whole: Callable[[bytes], StoredObject],
        replace: Callable[[Callable[[Blob, int], None]], StoredObject],
        patience: Mapping[str, Any],
    ) -> None:
        """`part` is the object of that name beside the key.

        `replace` is what the storage does at every upload: it calls what it is given with the key's blob, as it is to
        be, and the generation that this replaces, until nobody else was faster.
        """
        self._content_type = content_type
        self._part = part
        self._store_whole = store_whole
        self._replace = replace
        self._patience = patience
        self._stored: list[Blob] = []

    def store_whole(self, data: bytes) -> StoredObject:
        return self._store_whole(data)

    def send_body(self, parts: Iterator[bytes]) -> None:
        with storage_errors("upload"):
            blob = self._part("body")
            try:
                blob.upload_from_file(_PartReader(parts), content_type=self._content_type, **self._patience)
            except ValueError as exc:
                raise StorageUnavailable("File storage kept only a piece of what it was sent.") from exc
            self._stored = [blob]

    def complete(self, head: bytes) -> StoredObject:
        with storage_errors("upload"):
            blob = self._part("head")
            blob.upload_from_string(head, content_type=self._content_type, **self._patience)
            self._stored.insert(0, blob)
        stored = self._replace(self._compose)
        self.abort()
        return stored

    def abort(self) -> None:
        for blob in self._stored:
            with suppress(JobError), storage_errors("deletion", missing="file"):
                blob.delete(**self._patience)

    def _compose(self, blob: Blob, generation: int) -> None:
        blob.content_type = self._content_type
        try:
            blob.compose(self._stored, if_generation_match=generation, **self._patience)
        except api_exceptions.NotFound as exc:
            raise StorageUnavailable("Another upload of the same file has replaced the parts of this one.") from exc


class _PartReader:
    """What Google's SDK reads the body from: it asks for one part at a time."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._position = 0

    def read(self, _size_bytes: int) -> bytes:
        part = next(self._parts, b"")
        self._position += len(part)
        return part

    def tell(self) -> int:
        return self._position
