"""What hostile files try to reach: a port nobody may connect to, and a file nobody may open."""

import ctypes
import os
import struct
from dataclasses import dataclass
from pathlib import Path

from tests.hostile.servers import Canary

SECRET = b"canary-c0ffee-of-a-local-file"
_OPENED = 0x20  # IN_OPEN
_NON_BLOCKING = os.O_NONBLOCK


class WatchedFile:
    """A file that tells whether anyone, in whatever process, has opened it (inotify)."""

    def __init__(self, path: Path, content: bytes) -> None:
        self.path = path
        path.write_bytes(content)
        libc = ctypes.CDLL(None, use_errno=True)
        self._events = libc.inotify_init1(_NON_BLOCKING)
        assert self._events >= 0
        assert libc.inotify_add_watch(self._events, os.fsencode(path), _OPENED) > 0

    def was_opened(self) -> bool:
        try:
            return len(os.read(self._events, 4096)) >= struct.calcsize("iIII")
        except BlockingIOError:
            return False

    def close(self) -> None:
        os.close(self._events)


@dataclass(frozen=True)
class Bait:
    """What the files of one test refer to."""

    canary: Canary
    file: WatchedFile

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.canary.port}/reached.ts"

    @property
    def path(self) -> str:
        return str(self.file.path)

    @property
    def file_url(self) -> str:
        return f"file://{self.path}"

    def was_taken(self) -> bool:
        """Whether anything was reached since this was last asked."""
        opened, connected = self.file.was_opened(), self.canary.was_reached()
        return opened or connected
