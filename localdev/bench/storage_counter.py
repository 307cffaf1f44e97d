"""In front of the object store: passes every request on and counts what R2 would bill for it.

Source: https://developers.cloudflare.com/r2/pricing. Class A changes or lists (PUT, COPY, parts, lists), class B reads
(GET, HEAD, also through the public address); deleting is free, and so is all traffic.
"""

import http.client
import threading
from collections import Counter
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from localdev.stack.loopback import Exchange, LoopbackServer

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "expect", "content-length"}


class StorageCounter(LoopbackServer):
    """Forwards to `target` (host:port), which is known once the stack runs."""

    def __init__(self) -> None:
        super().__init__(partial(_Counted, self))
        self.target = ""
        self._counted: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self) -> Counter[str]:
        """What was counted since the last time: `class_a`, `class_b`, `deletes`, and `bytes` that were stored."""
        with self._lock:
            counted, self._counted = self._counted, Counter()
        return counted

    def count(self, command: str, path: str, sent_bytes: int, *, copied: bool) -> None:
        parts = urlsplit(path)
        lists = command == "GET" and parts.path.strip("/").count("/") == 0
        with self._lock:
            if command == "DELETE" or "delete" in parts.query.split("&"):
                self._counted["deletes"] += 1
            elif lists or command in ("PUT", "POST"):
                self._counted["class_a"] += 1
                self._counted["bytes"] += sent_bytes if command == "PUT" and not copied else 0
            else:
                self._counted["class_b"] += 1


class _Counted(Exchange):
    protocol_version = "HTTP/1.1"

    def __init__(self, counter: StorageCounter, *arguments: Any) -> None:
        self._counter = counter
        super().__init__(*arguments)

    def _pass_on(self) -> None:
        body = self.body()
        self._counter.count(self.command, self.path, len(body), copied="x-amz-copy-source" in self.headers)
        connection = http.client.HTTPConnection(self._counter.target, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        try:
            connection.request(self.command, self.path, body, headers)
            response = connection.getresponse()
            kept = {name: value for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP}
            content = response.read()
            if self.command == "HEAD":
                self.send_response(response.status)
                for name, value in response.getheaders():
                    if name.lower() not in HOP_BY_HOP or name.lower() == "content-length":
                        self.send_header(name, value)
                self.end_headers()
                return
            self.answer(response.status, content, kept)
        finally:
            connection.close()

    def do_GET(self) -> None:
        self._pass_on()

    def do_PUT(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def do_HEAD(self) -> None:
        self._pass_on()

    def do_DELETE(self) -> None:
        self._pass_on()
