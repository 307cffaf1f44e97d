"""A small HTTP server on the loopback interface, run by threads of this process."""

import json
import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from localdev.stack.ports import LOOPBACK
from localdev.stack.startable import Startable


class Exchange(BaseHTTPRequestHandler):
    """One request and its answer; what the servers of this package have in common."""

    disable_nagle_algorithm = True  # else the content, sent behind the headers, waits 40 ms for their acknowledgement

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status: int, content: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def answer_json(self, value: object, status: int = 200) -> None:
        self.answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name the standard library gives it
        """Say nothing: each server keeps what is worth knowing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no fault of ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class LoopbackServer(Startable):
    """Serves `exchange` on 127.0.0.1 between start() and stop()."""

    def __init__(self, exchange: Callable[..., BaseHTTPRequestHandler], port: int = 0) -> None:
        self._exchange = exchange
        self._wanted_port = port
        self._server: _Server | None = None

    @property
    def port(self) -> int:
        return int(self._server.server_address[1]) if self._server else self._wanted_port

    @property
    def address(self) -> str:
        """host:port"""
        return f"{LOOPBACK}:{self.port}"

    @property
    def base_url(self) -> str:
        return f"http://{self.address}"

    def start(self) -> Self:
        """Bind the port and answer from now on."""
        self._server = _Server((LOOPBACK, self._wanted_port), self._exchange)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        if self._server:
            self._wanted_port = self.port
            self._server.shutdown()
            self._server.server_close()
            self._server = None
