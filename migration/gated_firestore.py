"""A Firestore client with one gate through which every write goes: counted, slowed down, or not let through at all.

Reads pass. Whatever else the SDK may learn to do is refused, so that a dry run stays one after an upgrade.
"""

import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from google.cloud import firestore
from google.cloud.firestore_v1.types import CommitResponse, WriteResult

READS = frozenset(
    {
        "batch_get_documents",
        "begin_transaction",
        "get_document",
        "list_collection_ids",
        "list_documents",
        "rollback",
        "run_aggregation_query",
        "run_query",
    }
)

Admit = Callable[[int], None]


class WriteCount:
    """How many commits and documents have gone through."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.commits = 0
        self.documents = 0

    def add(self, documents: int) -> None:
        with self._lock:
            self.commits += 1
            self.documents += documents


class GatedClient(firestore.Client):
    """A client whose commits ask `admit` first, with the number of their writes.

    With `dry` they are counted and answered as if they had happened, and never leave the process.
    """

    def __init__(self, project: str | None = None, *, admit: Admit = lambda _: None, dry: bool = False) -> None:
        super().__init__(project=project)
        self.written = WriteCount()
        self._admit = admit
        self._dry = dry

    @property
    def _firestore_api(self) -> Any:  # the one seam that the SDK leaves
        return _Gate(super()._firestore_api, self._admit, self.written, dry=self._dry)


class _Gate:
    """The generated API, as far as the SDK's documents, queries, batches and transactions call it."""

    def __init__(self, api: Any, admit: Admit, written: WriteCount, *, dry: bool) -> None:
        self._api = api
        self._admit = admit
        self._written = written
        self._dry = dry

    def __getattr__(self, name: str) -> Any:
        if name not in READS:
            raise NotImplementedError(f"'{name}' is neither a read nor a commit: the gate does not know it.")
        return getattr(self._api, name)

    def commit(self, request: dict[str, Any], **options: Any) -> Any:
        writes = request.get("writes") or []
        if not writes:
            return self._api.commit(request=request, **options)
        self._admit(len(writes))
        answer = _nothing_happened(writes) if self._dry else self._api.commit(request=request, **options)
        self._written.add(len(writes))
        return answer


def _nothing_happened(writes: Iterable[Any]) -> CommitResponse:
    now = datetime.now(UTC)
    return CommitResponse(write_results=[WriteResult(update_time=now) for _ in writes], commit_time=now)
