"""Firebase Storage's own protocol over the Cloud Storage emulator, which knows only Cloud Storage's.

    GET    /v0/b/BUCKET/o/OBJECT?alt=media&token=TOKEN     the bytes (Range understood), or 403 for a wrong token
    GET    /v0/b/BUCKET/o/OBJECT                           the object's description, with its download tokens
    DELETE /v0/b/BUCKET/o/OBJECT
    POST   /v0/b/BUCKET/o?name=OBJECT                      an upload (storage_uploads.py)

A request without a download token is one of the user whose ID token it brings, and storage.rules hold for it
(storage_rules.py). Pages of every origin may ask, as they may ask Firebase Storage.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from localdev.stack.emulators import PROJECT_ID
from localdev.stack.loopback import Exchange, LoopbackServer
from localdev.stack.storage_objects import NoSuchObject, StorageObjects, firebase_resource, token_fits
from localdev.stack.storage_rules import InvalidToken, StorageRules, user_of
from localdev.stack.storage_uploads import (
    CANCELLED,
    FINAL,
    BadUpload,
    ResumableUpload,
    Sent,
    Uploads,
    split_multipart,
)

UNKNOWN_TYPE = "application/octet-stream"
CHUNK_BYTES = 262_144
EVERY_PAGE = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Content-Length, Content-Range, Content-Type, X-Goog-Upload-Chunk-Granularity, "
    "X-Goog-Upload-Size-Received, X-Goog-Upload-Status, X-Goog-Upload-URL",
}
_PATH = re.compile(r"/v0/b/([^/]+)/o(?:/([^/]+))?")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class FirebaseStorage(LoopbackServer):
    """Serves the objects of the emulator at `storage_url`."""

    def __init__(self, storage_url: str, rules: StorageRules, port: int = 0) -> None:
        super().__init__(partial(_StorageExchange, StorageObjects(storage_url), rules, Uploads()), port)


def byte_range(header: str | None, size: int) -> range | None:
    """The bytes that a Range header asks for; None where there is none to honour, ValueError where none exist."""
    found = _RANGE.fullmatch(header or "")
    if not found or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if first == "":
        asked = range(max(size - int(last), 0), size)
    else:
        asked = range(int(first), min(int(last) + 1, size) if last else size)
    if not asked:
        raise ValueError(f"no such bytes in {size}")
    return asked


class PermissionDenied(Exception):
    """storage.rules do not allow it."""


class _StorageExchange(Exchange):
    def __init__(self, objects: StorageObjects, rules: StorageRules, uploads: Uploads, *args: object) -> None:
        self._objects = objects
        self._rules = rules
        self._uploads = uploads
        super().__init__(*args)  # type: ignore[arg-type]  # the three that the server passes on

    def answer(self, status: int, content: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        super().answer(status, content, {**EVERY_PAGE, **(headers or {})})

    def do_OPTIONS(self) -> None:
        """A browser asks whether the page may ask."""
        allowed = {
            "Access-Control-Allow-Methods": "GET, HEAD, POST, DELETE",
            "Access-Control-Allow-Headers": self.headers.get("Access-Control-Request-Headers") or "*",
            "Access-Control-Max-Age": "3600",
        }
        self.answer(204, headers=allowed)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        with self._refusals():
            bucket, name = self._object()
            token = self._query.get("token", "")
            if not token and not self._rules.may_read(self._user(), name):
                raise PermissionDenied
            about = self._objects.about(bucket, name)
            if token and not token_fits(token, about):
                raise PermissionDenied
            if self._query.get("alt") == "media":
                content = self._objects.content(bucket, name)
                self._answer_media(content, about.get("contentType") or UNKNOWN_TYPE)
            else:
                self.answer_json(firebase_resource(about))

    def do_DELETE(self) -> None:
        with self._refusals():
            bucket, name = self._object()
            if not self._rules.may_delete(self._user(), name):
                raise PermissionDenied
            self._objects.delete(bucket, name)
            self.answer(204)

    def do_POST(self) -> None:
        body = self.body()  # even of what is refused: a client hears nothing before it has sent it all
        with self._refusals():
            if "upload_id" in self._query:
                self._continue(body)
            elif self.headers.get("X-Goog-Upload-Protocol") == "resumable":
                self._begin(body)
            else:
                self._take(body)

    def _take(self, body: bytes) -> None:
        """A file that comes in one request."""
        content_type = self.headers.get("Content-Type") or ""
        whole = self.headers.get("X-Goog-Upload-Protocol") == "multipart"
        sent = split_multipart(body, content_type) if whole else Sent(body, content_type, {})
        bucket, name = self._new_object(sent.description)
        stored = self._store(bucket, name, self._user(), sent)
        self.answer_json(stored)

    def _begin(self, body: bytes) -> None:
        """Only a file that may come is waited for."""
        description = _described(body)
        announced = self.headers.get("X-Goog-Upload-Header-Content-Length")
        bucket, name = self._new_object(description)
        upload = ResumableUpload(
            bucket,
            name,
            self.headers.get("X-Goog-Upload-Header-Content-Type") or description.get("contentType") or UNKNOWN_TYPE,
            description,
            int(announced) if announced else None,
            self._user(),
        )
        if not self._rules.may_write(upload.user_id, name, upload.content_type, upload.expected_bytes or 0):
            raise PermissionDenied
        self._uploads.begin(upload)
        url = f"http://{self.headers['Host']}{self.path}&upload_id={upload.upload_id}&upload_protocol=resumable"
        self._answer_upload(upload, {"X-Goog-Upload-URL": url, "X-Goog-Upload-Control-URL": url})

    def _continue(self, body: bytes) -> None:
        upload = self._uploads.find(self._query["upload_id"])
        if upload is None:
            raise NoSuchObject
        commands = {word.strip() for word in (self.headers.get("X-Goog-Upload-Command") or "").split(",")}
        if not commands or not commands <= {"upload", "finalize", "query", "cancel"}:
            raise BadUpload("No such X-Goog-Upload-Command.")
        if "upload" in commands:
            upload.add(int(self.headers.get("X-Goog-Upload-Offset") or 0), body)
        if "finalize" in commands and upload.status != FINAL:
            sent = Sent(bytes(upload.received), upload.content_type, upload.description)
            upload.resource = self._store(upload.bucket, upload.name, upload.user_id, sent)
            upload.end(FINAL)
        if "cancel" in commands:
            upload.end(CANCELLED)
        self._answer_upload(upload)

    def _answer_upload(self, upload: ResumableUpload, more: Mapping[str, str] | None = None) -> None:
        headers = {
            "X-Goog-Upload-Status": upload.status,
            "X-Goog-Upload-Size-Received": str(len(upload.received)),
            "X-Goog-Upload-Chunk-Granularity": str(CHUNK_BYTES),
            "Content-Type": "application/json",
            **(more or {}),
        }
        self.answer(200, json.dumps(upload.resource).encode() if upload.resource else b"", headers)

    def _store(self, bucket: str, name: str, user_id: str | None, sent: Sent) -> dict[str, Any]:
        content_type = sent.content_type or UNKNOWN_TYPE
        if not self._rules.may_write(user_id, name, content_type, len(sent.content)):
            raise PermissionDenied
        return firebase_resource(
            self._objects.store(bucket, name, sent.content, content_type, sent.description),
        )

    def _answer_media(self, content: bytes, content_type: str) -> None:
        headers = {"Content-Type": content_type, "Accept-Ranges": "bytes"}
        size = len(content)
        try:
            asked = byte_range(self.headers.get("Range"), size)
        except ValueError:
            self.answer(416, headers={"Content-Range": f"bytes */{size}"})
            return
        if asked is None:
            self.answer(200, content, headers)
            return
        headers["Content-Range"] = f"bytes {asked.start}-{asked.stop - 1}/{size}"
        self.answer(206, content[asked.start : asked.stop], headers)

    @property
    def _query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}

    def _object(self) -> tuple[str, str]:
        """Bucket and name of an object that the path names."""
        named = _PATH.fullmatch(urlsplit(self.path).path)
        if named is None or not named.group(2):
            raise NoSuchObject
        return unquote(named.group(1)), unquote(named.group(2))

    def _new_object(self, description: Mapping[str, Any]) -> tuple[str, str]:
        """Bucket and name of an object that is to be."""
        named = _PATH.fullmatch(urlsplit(self.path).path)
        if named is None:
            raise NoSuchObject
        name = unquote(named.group(2) or "") or self._query.get("name") or description.get("name")
        if not name:
            raise BadUpload("The file has no name.")
        return unquote(named.group(1)), str(name)

    def _user(self) -> str | None:
        return user_of(self.headers.get("Authorization"), PROJECT_ID)

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except PermissionDenied:
            self._refuse(403, "Permission denied.")
        except InvalidToken as error:
            self._refuse(401, str(error))
        except NoSuchObject:
            self._refuse(404, "Not Found.")
        except (BadUpload, ValueError) as error:
            self._refuse(400, str(error))

    def _refuse(self, status: int, message: str) -> None:
        self.answer_json({"error": {"code": status, "message": message}}, status)


def _described(body: bytes) -> dict[str, Any]:
    description = json.loads(body or b"{}")
    if not isinstance(description, dict):
        raise BadUpload("The description is no object.")
    return description
