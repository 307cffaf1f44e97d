"""Lets go of the locks of dead function processes.

Firestore, and its emulator, keep what a transaction has read locked until it ends, or for a minute when its client is
gone. All other times of a chaos run are shortened (a lease is seconds instead of minutes), so this one is, too: or a
job would be given up because its living turns wait longer for a dead one's locks than a lease lasts.
"""

import time
from collections.abc import Iterator
from pathlib import Path

from google.api_core.exceptions import GoogleAPICallError
from google.cloud import firestore

LOCKED_SECONDS = 3.0
"""How long the locks of a dead process stay."""


class Locks:
    """The transactions that function processes tell of in `folder`. `released` counts those of dead processes."""

    def __init__(self, client: firestore.Client, folder: Path) -> None:
        self.released = 0
        self._client = client
        self._folder = folder
        self._dead_since: dict[str, float] = {}

    def release_dead(self) -> None:
        """End the transactions of processes that have been dead for LOCKED_SECONDS."""
        for path in list(self._dead()):
            if time.monotonic() - self._dead_since.setdefault(path.name, time.monotonic()) < LOCKED_SECONDS:
                continue
            for transaction in path.read_text().split():
                self._roll_back(bytes.fromhex(transaction))
            path.unlink()

    def _dead(self) -> Iterator[Path]:
        for path in self._folder.iterdir():
            if path.suffix != ".new" and not _is_running(*path.name.split("-")):
                yield path

    def _roll_back(self, transaction: bytes) -> None:
        request = {"database": self._client._database_string, "transaction": transaction}
        try:
            self._client._firestore_api.rollback(request=request)
            self.released += 1
        except GoogleAPICallError:  # it had been committed, and only its end was not written down any more
            return


def _is_running(pid: str, started: str) -> bool:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] not in "ZX" and fields[19] == started
