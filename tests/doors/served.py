"""A deployed function as Google runs it: the functions framework's own server, in a process of its own."""

import os
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from localdev.stack.ports import LOOPBACK

FUNCTIONS = Path(__file__).parents[2] / "functions"
START_SECONDS = 60.0
ANSWER_SECONDS = 20.0


class ServedFunction:
    """Speaks raw bytes to a function of `main.py`."""

    def __init__(self, name: str, settings: Mapping[str, str], port: int, log: Path) -> None:
        self._port = port
        self._log = log
        kept = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "TMPDIR")}
        target = ["--target", name, "--source", "main.py", "--host", LOOPBACK, "--port", str(port)]
        self._command = [str(FUNCTIONS / "venv/bin/python"), "-m", "functions_framework", *target]
        self._environment = {**kept, **settings, "THREADS": "4", "FUNCTION_SIGNATURE_TYPE": "http"}

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, cwd=FUNCTIONS, env=self._environment, stdout=log, stderr=subprocess.STDOUT
            )
        give_up_at = time.monotonic() + START_SECONDS
        while not self._is_up():
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                raise AssertionError(self._log.read_text())
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)

    @property
    def log(self) -> str:
        """What the process has printed."""
        return self._log.read_text()

    def send(self, request: bytes) -> tuple[int, bytes]:
        """The status and all else of the first answer, read until the server closes; 0 where it just closes."""
        with socket.create_connection((LOOPBACK, self._port), ANSWER_SECONDS) as connection:
            received = b""
            try:
                connection.sendall(request)
                connection.shutdown(socket.SHUT_WR)
                while piece := connection.recv(65536):
                    received += piece
            except ConnectionError:  # it does not read what it has refused
                pass
        return (int(received.split(b" ", 2)[1]) if received else 0), received

    def _is_up(self) -> bool:
        try:
            socket.create_connection((LOOPBACK, self._port), 1.0).close()
        except OSError:
            return False
        return True
