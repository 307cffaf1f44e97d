"""How Firebase Storage takes files: in one request of two parts, or in as many as it takes.

    X-Goog-Upload-Protocol: multipart      a description and the file
    X-Goog-Upload-Protocol: resumable      X-Goog-Upload-Command: start, which is answered with X-Goog-Upload-URL;
                                           then to that URL: upload, query, cancel, finalize, or "upload, finalize"

(https://github.com/firebase/firebase-js-sdk, packages/storage/src/implementation/requests.ts.)
"""

import json
import re
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?')
ACTIVE, FINAL, CANCELLED = "active", "final", "cancelled"


class BadUpload(Exception):
    """What was sent is not the protocol."""


@dataclass(frozen=True)
class Sent:
    """A file that came in one request. `content_type` "" where nothing says it."""

    content: bytes
    content_type: str
    description: Mapping[str, Any]


@dataclass
class ResumableUpload:
    """A file that comes in pieces."""

    bucket: str
    name: str
    content_type: str
    description: Mapping[str, Any]
    expected_bytes: int | None
    """As the client said; None: it did not."""
    user_id: str | None
    upload_id: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    status: str = ACTIVE
    received: bytearray = field(default_factory=bytearray)
    resource: dict[str, Any] | None = None
    """What was answered at the end."""

    def add(self, offset: int, piece: bytes) -> None:
        """Raises BadUpload where the piece does not follow on what is there."""
        if self.status != ACTIVE:
            raise BadUpload(f"The upload is {self.status}.")
        if offset != len(self.received):
            raise BadUpload(f"{len(self.received)} bytes were received, the next piece begins at {offset}.")
        if self.expected_bytes is not None and offset + len(piece) > self.expected_bytes:
            raise BadUpload(f"More than the {self.expected_bytes} bytes that were announced.")
        self.received += piece

    def end(self, status: str) -> None:
        """Nothing more comes; what was received is let go."""
        self.status = status
        if status == CANCELLED:
            self.received = bytearray()


class Uploads:
    """The resumable uploads of one server."""

    def __init__(self) -> None:
        self._by_id: dict[str, ResumableUpload] = {}
        self._lock = threading.Lock()

    def begin(self, upload: ResumableUpload) -> None:
        with self._lock:
            self._by_id[upload.upload_id] = upload

    def find(self, upload_id: str) -> ResumableUpload | None:
        with self._lock:
            return self._by_id.get(upload_id)


def split_multipart(body: bytes, content_type: str) -> Sent:
    """A description and a file. Raises BadUpload."""
    found = _BOUNDARY.search(content_type)
    if not found:
        raise BadUpload("The Content-Type names no boundary.")
    mark = b"--" + found.group(1).encode()
    first, second, last = body.find(mark), body.find(b"\n" + mark) + 1, body.rfind(b"\n" + mark + b"--")
    if not 0 <= first < second < last:
        raise BadUpload("There are not two parts.")
    _, description = _part(body[first + len(mark) : second])
    headers, content = _part(body[second + len(mark) : last + 1])
    try:
        parsed = json.loads(description)
    except ValueError as error:
        raise BadUpload("The description is no JSON.") from error
    if not isinstance(parsed, dict):
        raise BadUpload("The description is no object.")
    return Sent(content, str(parsed.get("contentType") or headers.get("content-type", "")), parsed)


def _part(part: bytes) -> tuple[dict[str, str], bytes]:
    """Headers, by names in small letters, and content. A part ends with the line break before the next mark."""
    head, gap, content = part.partition(b"\r\n\r\n")
    if not gap:
        raise BadUpload("A part has no end of its headers.")
    lines = [line.partition(":") for line in head.decode("latin-1").splitlines()]
    headers = {name.strip().lower(): value.strip() for name, _, value in lines if name.strip()}
    return headers, content.removesuffix(b"\n").removesuffix(b"\r")
