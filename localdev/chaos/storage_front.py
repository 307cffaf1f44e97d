"""In front of the object store: a share of the uploads fails, some of them after the object was stored, and a share of
what is read, files and listings.

    500, 503      refused, nothing is stored or read
    cut           the connection breaks in the middle of the body
    500_after     stored, and answered with an error
    reset_after   stored, and not answered
    reset         read, and not answered

Which request fails is drawn from the seed, the file's name and how often it came: the same in every run.
"""

import http.client
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

from localdev.stack.loopback import Exchange, LoopbackServer

FAULTS = ("500", "503", "cut", "500_after", "reset_after")
READ_FAULTS = ("500", "503", "cut", "reset")
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "expect"}


class StorageFront(LoopbackServer):
    """Forwards to `target`, which is known once the stack runs.

    `faults` counts what failed of the uploads, `read_faults` of what was read.
    """

    def __init__(self, seed: int, rate: float, read_rate: float = 0.0) -> None:
        super().__init__(partial(_FrontExchange, self))
        self.target = ""
        self.faults: Counter[str] = Counter()
        self.read_faults: Counter[str] = Counter()
        self.uploads = 0
        self._seed = seed
        self._rate = rate
        self._read_rate = read_rate
        self._asked: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def fault_of(self, path: str) -> str | None:
        """What happens to this upload."""
        with self._lock:
            self.uploads += 1
            return self._draw(path, "storage", self._rate, FAULTS, self.faults)

    def read_fault_of(self, path: str) -> str | None:
        """What happens to this look at a file or a listing."""
        with self._lock:
            return self._draw(path, "reading", self._read_rate, READ_FAULTS, self.read_faults)

    def _draw(self, path: str, what: str, rate: float, faults: Sequence[str], counted: Counter[str]) -> str | None:
        parts = urlsplit(path)
        name = unquote(parts.path).rpartition("/")[2] + parts.query
        self._asked[what, name] += 1
        dice = random.Random(f"{self._seed}/{what}/{name}/{self._asked[what, name]}")  # noqa: S311 - repeatable
        if dice.random() >= rate:
            return None
        fault = dice.choice(faults)
        counted[fault] += 1
        return fault


class _FrontExchange(Exchange):
    protocol_version = "HTTP/1.1"

    def __init__(self, front: StorageFront, *arguments: Any) -> None:
        self._front = front
        super().__init__(*arguments)

    def do_PUT(self) -> None:
        fault = self._front.fault_of(self.path)
        size = int(self.headers.get("Content-Length") or 0)
        if fault == "cut":
            self.rfile.read(size // 2)
            self._reset()
            return
        body = self.rfile.read(size)
        if fault in ("500", "503"):
            self._refuse(int(fault))
            return
        status, headers, content = self._forward(body)
        if fault == "500_after":
            self._refuse(500)
        elif fault == "reset_after":
            self._reset()
        else:
            self.answer(status, content, headers)

    def do_GET(self) -> None:
        fault = self._front.read_fault_of(self.path)
        if fault in ("500", "503"):
            self._refuse(int(fault))
            return
        status, headers, content = self._forward(self.body())
        if fault == "reset":
            self._reset()
        elif fault == "cut":
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content[: len(content) // 2])
            self._reset()
        else:
            self.answer(status, content, headers)

    def do_HEAD(self) -> None:
        self._answer_as_is()

    def do_POST(self) -> None:
        self._answer_as_is()

    def do_DELETE(self) -> None:
        self._answer_as_is()

    def _answer_as_is(self) -> None:
        status, headers, content = self._forward(self.body())
        self.answer(status, content, headers)

    def _forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(urlsplit(self._front.target).netloc, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        try:
            connection.request(self.command, self.path, body, headers)
            response = connection.getresponse()
            kept = {n: v for n, v in response.getheaders() if n.lower() not in (*HOP_BY_HOP, "content-length")}
            return response.status, kept, response.read()
        finally:
            connection.close()

    def _refuse(self, status: int) -> None:
        code = "SlowDown" if status == 503 else "InternalError"
        body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>fault</Message></Error>'
        self.answer(status, body.encode(), {"Content-Type": "application/xml"})

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()
