"""Objects of the Cloud Storage emulator, by Cloud Storage's own JSON API, and how Firebase Storage describes them."""

import hmac
import json
import secrets
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

TOKENS = "firebaseStorageDownloadTokens"
"""The metadata entry that holds an object's download tokens, separated by commas."""
DESCRIPTION = ("cacheControl", "contentDisposition", "contentEncoding", "contentLanguage")
RESOURCE = (
    *("name", "bucket", "generation", "metageneration", "contentType", "timeCreated", "updated", "storageClass"),
    *("size", "md5Hash", "crc32c", "etag", *DESCRIPTION),
)


class NoSuchObject(Exception):
    """Nothing is stored under that name."""


class StorageObjects:
    """The objects of the emulator at `storage_url`."""

    def __init__(self, storage_url: str) -> None:
        self._url = storage_url

    def about(self, bucket: str, name: str) -> dict[str, Any]:
        """Cloud Storage's description of an object. Raises NoSuchObject."""
        found: dict[str, Any] = json.loads(self._ask("GET", f"/storage/v1/{_place(bucket, name)}"))
        return found

    def content(self, bucket: str, name: str) -> bytes:
        return self._ask("GET", f"/download/storage/v1/{_place(bucket, name)}?alt=media")

    def delete(self, bucket: str, name: str) -> None:
        self._ask("DELETE", f"/storage/v1/{_place(bucket, name)}")

    def store(
        self, bucket: str, name: str, content: bytes, content_type: str, description: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Store a file with a new download token; returns Cloud Storage's description."""
        about = {field: description[field] for field in DESCRIPTION if field in description}
        metadata = {**(description.get("metadata") or {}), TOKENS: str(uuid.uuid4())}
        about |= {"name": name, "contentType": content_type, "metadata": metadata}
        boundary = secrets.token_hex(16)
        body = b"--%(mark)s\r\nContent-Type: application/json\r\n\r\n%(about)s\r\n" % {
            b"mark": boundary.encode(),
            b"about": json.dumps(about).encode(),
        }
        body += f"--{boundary}\r\nContent-Type: {content_type}\r\n\r\n".encode()
        body += content + f"\r\n--{boundary}--".encode()
        headers = {"Content-Type": f"multipart/related; boundary={boundary}"}
        path = f"/upload/storage/v1/b/{quote(bucket, safe='')}/o?uploadType=multipart"
        stored: dict[str, Any] = json.loads(self._ask("POST", path, body, headers))
        return stored

    def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        request = urllib.request.Request(self._url + path, body, dict(headers or {}), method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                content: bytes = response.read()
                return content
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 404:
                    raise
            raise NoSuchObject(path) from error


def firebase_resource(about: Mapping[str, Any]) -> dict[str, Any]:
    """Firebase Storage's description of an object: its tokens stand beside the metadata that the user gave."""
    metadata = dict(about.get("metadata") or {})
    tokens = metadata.pop(TOKENS, "")
    resource = {field: about[field] for field in RESOURCE if about.get(field) is not None}
    resource["downloadTokens"] = tokens
    return resource | ({"metadata": metadata} if metadata else {})


def token_fits(token: str, about: Mapping[str, Any]) -> bool:
    """Whether it is one of the object's download tokens."""
    tokens = (about.get("metadata") or {}).get(TOKENS, "")
    return any(known and hmac.compare_digest(token, known) for known in tokens.split(","))


def _place(bucket: str, name: str) -> str:
    return f"b/{quote(bucket, safe='')}/o/{quote(name, safe='')}"
