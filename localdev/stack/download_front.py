"""Firebase Storage's download URLs over the Cloud Storage emulator, which knows only Cloud Storage's own API.

    GET /v0/b/BUCKET/o/OBJECT?alt=media&token=TOKEN     the bytes (Range understood), or 403 for a wrong token
    GET /v0/b/BUCKET/o/OBJECT?token=TOKEN               the object's metadata

An object's tokens are its metadata entry `firebaseStorageDownloadTokens`, separated by commas.
"""

import hmac
import json
import re
import urllib.error
import urllib.request
from functools import partial
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from localdev.stack.loopback import Exchange, LoopbackServer

TOKENS = "firebaseStorageDownloadTokens"
_PATH = re.compile(r"/v0/b/([^/]+)/o/([^/]+)")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class DownloadFront(LoopbackServer):
    """Serves the objects of the emulator at `storage_url`."""

    def __init__(self, storage_url: str, port: int = 0) -> None:
        super().__init__(partial(_DownloadExchange, storage_url), port)


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


class _DownloadExchange(Exchange):
    def __init__(self, storage_url: str, *args: object) -> None:
        self._storage_url = storage_url
        super().__init__(*args)  # type: ignore[arg-type]  # the three that the server passes on

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        named = _PATH.fullmatch(url.path)
        if named is None:
            self.answer(404)
            return
        query = parse_qs(url.query)
        bucket, name = named.group(1), unquote(named.group(2))
        try:
            about = json.loads(self._fetch(f"/storage/v1/b/{bucket}/o/{quote(name, safe='')}"))
            if not _token_fits(query.get("token", [""])[0], about):
                self.answer_json({"error": {"code": 403, "message": "Permission denied."}}, 403)
            elif query.get("alt") == ["media"]:
                content = self._fetch(f"/download/storage/v1/b/{bucket}/o/{quote(name, safe='')}?alt=media")
                self._answer_media(content, about.get("contentType") or "application/octet-stream")
            else:
                self.answer_json(about)
        except urllib.error.HTTPError as error:
            self.answer_json({"error": {"code": error.code, "message": "Not Found."}}, error.code)

    def _answer_media(self, content: bytes, content_type: str) -> None:
        headers = {"Content-Type": content_type, "Accept-Ranges": "bytes", "Access-Control-Allow-Origin": "*"}
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

    def _fetch(self, path: str) -> bytes:
        with urllib.request.urlopen(self._storage_url + path, timeout=30) as response:
            content: bytes = response.read()
            return content


def _token_fits(token: str, about: dict[str, Any]) -> bool:
    tokens = (about.get("metadata") or {}).get(TOKENS, "")
    return any(known and hmac.compare_digest(token, known) for known in tokens.split(","))
