"""gcp-storage-emulator, and what it lacks of Cloud Storage's JSON API that our code relies on.

    ifGenerationMatch         of an upload, a composition, a copy and a download: 412 where another generation is there
    ifSourceGenerationMatch   of a copy, and how the copy is described: a body that says anything says all
    startOffset               of a listing

(https://cloud.google.com/storage/docs/json_api/v1/objects). The emulator itself ignores all of them.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from gcp_storage_emulator.handlers import buckets
from gcp_storage_emulator.server import RequestHandler
from gcp_storage_emulator.storage import Storage

DESCRIPTION = ("contentType", "cacheControl", "metadata")
"""What a copy has from its source, unless the request describes it."""


class PreconditionFailed(Exception):
    """Another generation is there than the one that was asked for."""


class CloudStorage(Storage):
    """The objects of one server, in memory, with one empty bucket."""

    def __init__(self, bucket: str) -> None:
        super().__init__(use_memory_fs=True)
        self.changing = threading.RLock()
        self._query = threading.local()
        self._expected_by_upload: dict[str, str] = {}
        buckets.create_bucket(bucket, self)

    @contextmanager
    def answering(self, path: str) -> Iterator[None]:
        """Knows what this thread was asked, with `path` and its query, until it has answered."""
        self._query.values = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        self._query.description = {}
        try:
            yield
        finally:
            self._query.values = self._query.description = {}

    def describe(self, description: dict[str, Any]) -> None:
        """How this thread was asked to describe the object that it stores."""
        self._query.description = description

    def check_generation(self, bucket: str, key: str, expected: str | None) -> None:
        """Raises PreconditionFailed; "0" expects no object."""
        present = self.objects.get(bucket, {}).get(key)
        if expected is not None and expected != (present["generation"] if present else "0"):
            raise PreconditionFailed

    def asked(self, name: str) -> str | None:
        """A parameter of what this thread is answering."""
        values: dict[str, str] = getattr(self._query, "values", {})
        return values.get(name)

    def create_file(
        self, bucket_name: str, file_name: str, content: bytes, file_obj: dict[str, Any], file_id: str | None = None
    ) -> None:
        expected = self._expected_by_upload.pop(file_id, None) if file_id else self.asked("ifGenerationMatch")
        with self.changing:
            self.check_generation(bucket_name, file_name, expected)
            if description := getattr(self._query, "description", {}):
                file_obj.update({name: description.get(name) for name in DESCRIPTION})
            super().create_file(bucket_name, file_name, content, file_obj, file_id)

    def create_resumable_upload(self, bucket_name: str, file_name: str, file_obj: dict[str, Any]) -> str:
        expected = self.asked("ifGenerationMatch")
        self.check_generation(bucket_name, file_name, expected)
        upload_id: str = super().create_resumable_upload(bucket_name, file_name, file_obj)
        if expected is not None:
            self._expected_by_upload[upload_id] = expected
        return upload_id

    def _list_live_candidates(self, bucket_name: str, prefix: str | None = None) -> list[tuple[str, dict[str, Any]]]:
        first = self.asked("startOffset") or ""
        return [found for found in super()._list_live_candidates(bucket_name, prefix) if found[0] >= first]


class CloudStorageRequest(RequestHandler):
    """One request to a `CloudStorage`."""

    storage: CloudStorage

    def do_GET(self) -> None:
        with self._preconditions():
            expected = self.storage.asked("ifGenerationMatch")
            if expected is None:
                super().do_GET()
                return
            with self.storage.changing:  # what was checked is what is sent
                self._check_generation(urlsplit(self.path).path, expected)
                super().do_GET()

    def do_POST(self) -> None:
        source, is_copy, _ = urlsplit(self.path).path.partition("/rewriteTo/")
        with self._preconditions():
            if not is_copy:
                super().do_POST()
                return
            self.storage.describe(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            with self.storage.changing:
                self._check_generation(source, self.storage.asked("ifSourceGenerationMatch"))
                super().do_POST()

    def do_PUT(self) -> None:
        with self._preconditions():
            super().do_PUT()

    def _check_generation(self, path: str, expected: str | None) -> None:
        bucket, _, key = path.partition("/b/")[2].partition("/o/")
        self.storage.check_generation(bucket, unquote(key), expected)

    @contextmanager
    def _preconditions(self) -> Iterator[None]:
        try:
            with self.storage.answering(self.path):
                yield
        except PreconditionFailed:
            self.send_response(412)
            self.send_header("Content-Length", "0")
            self.end_headers()
