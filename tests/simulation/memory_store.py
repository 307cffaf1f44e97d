"""The documents of one Firestore database in memory: commits, conditions, transforms, optimistic transactions.

read (as of the first read) ── read ── commit ──> nothing read has changed since? ── yes ──> all writes, at once
                                                            └── no ──> Aborted, and nothing
"""

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from google.api_core.exceptions import Aborted, AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from google.cloud import firestore

from tests.simulation import firestore_values as values
from tests.simulation.firestore_values import MISSING, Fields, Path

HISTORY = 1000
"""Writes that can be looked behind."""

TICK = timedelta(microseconds=1)


@dataclass(frozen=True, eq=False)
class Document:
    """One version of a document. Its fields are never changed."""

    name: str
    fields: Fields
    create_time: datetime
    update_time: datetime


@dataclass(frozen=True)
class Write:
    """One write of a commit. `fields` None: delete. `exists` and `update_time` are its conditions."""

    name: str
    fields: dict[Path, Any] | None
    replace: bool = False  # fields that are not named go
    exists: bool | None = None
    update_time: datetime | None = None


@dataclass(frozen=True)
class Change:
    """One document before and after a commit. None: there is no document."""

    path: str
    before: Fields | None
    after: Fields | None


Found = list[Document]


@dataclass
class OpenTransaction:
    """What a transaction has read. `documents` is how all were at its first read."""

    read_only: bool
    documents: dict[str, Document] | None = None
    names: set[str] = field(default_factory=set)
    queries: list[tuple[Callable[[dict[str, Document]], Found], Found]] = field(default_factory=list)


def tell_nobody(changes: Sequence[Change]) -> None:
    """For stores that nobody watches."""


class MemoryStore:
    """A database. Safe to share between threads."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.documents: dict[str, Document] = {}
        self.on_commit: Callable[[Sequence[Change]], None] = tell_nobody
        self._transactions: dict[bytes, OpenTransaction] = {}
        self._lock = threading.RLock()
        self._clock = clock
        self._numbers = itertools.count(1)
        self._last = datetime.min.replace(tzinfo=UTC)
        self._replaced: deque[tuple[datetime, str, Document | None]] = deque(maxlen=HISTORY)

    def begin(self, *, read_only: bool) -> bytes:
        """A new transaction's id."""
        with self._lock:
            number = str(next(self._numbers)).encode()
            self._transactions[number] = OpenTransaction(read_only)
            return number

    def end(self, transaction: bytes) -> None:
        """Forget a transaction."""
        with self._lock:
            self._transactions.pop(transaction, None)

    def read(self, name: str, transaction: bytes | None = None) -> Document | None:
        """A document, as the transaction sees it."""
        with self._lock:
            if not transaction:
                return self.documents.get(name)
            seen, reading = self._view(transaction)
            reading.names.add(name)
            return seen.get(name)

    def query(
        self,
        run: Callable[[dict[str, Document]], Found],
        transaction: bytes | None = None,
        read_time: datetime | None = None,
    ) -> Found:
        """What a query finds, as the transaction sees it, or as it was at `read_time`."""
        with self._lock:
            if read_time is not None:
                return run(self._as_of(read_time))
            if not transaction:
                return run(self.documents)
            seen, reading = self._view(transaction)
            found = run(seen)
            reading.queries.append((run, found))
            return found

    def commit(self, writes: Iterable[Write], transaction: bytes | None = None) -> datetime:
        """Make all writes or none. Raises Aborted, AlreadyExists, NotFound, FailedPrecondition."""
        with self._lock:
            if transaction:
                self._settle(transaction)
            time = self.tick()
            changed: dict[str, Document | None] = {}
            for write in writes:
                old = changed[write.name] if write.name in changed else self.documents.get(write.name)
                _check(write, old)
                changed[write.name] = _written(write, old, time)
            changes = []
            for name, document in changed.items():
                before = self.documents.pop(name, None) if document is None else self.documents.get(name)
                self._replaced.append((time, name, before))
                if document is not None:
                    self.documents[name] = document
                changes.append(
                    Change(short(name), before.fields if before else None, document.fields if document else None)
                )
            self.on_commit(changes)
            return time

    def tick(self) -> datetime:
        """A time for a commit or a read: the clock's, and later than every other."""
        self._last = max(self._clock(), self._last + TICK)
        return self._last

    def _as_of(self, time: datetime) -> dict[str, Document]:
        """All documents as they were then. Raises FailedPrecondition for what was too long ago."""
        documents = dict(self.documents)
        for replaced_at, name, before in reversed(self._replaced):
            if replaced_at <= time:
                return documents
            documents.pop(name, None)
            if before is not None:
                documents[name] = before
        if len(self._replaced) == HISTORY:
            raise FailedPrecondition("The read time is too old.")
        return documents

    def _view(self, number: bytes) -> tuple[dict[str, Document], OpenTransaction]:
        transaction = self._transactions.get(number)
        if transaction is None:
            raise InvalidArgument("The transaction is not known or has ended.")
        if transaction.documents is None:
            transaction.documents = dict(self.documents)
        return transaction.documents, transaction

    def _settle(self, number: bytes) -> None:
        """End a transaction. Raises Aborted when what it read is no longer so."""
        transaction = self._transactions.pop(number, None)
        if transaction is None:
            raise InvalidArgument("The transaction is not known or has ended.")
        if transaction.read_only or transaction.documents is None:
            return
        now, then = self.documents, transaction.documents
        unchanged = all(now.get(name) is then.get(name) for name in transaction.names) and all(
            _same(run(now), found) for run, found in transaction.queries
        )
        if not unchanged:
            raise Aborted("Too much contention on these documents. Please try again.")


def short(name: str) -> str:
    """`projects/p/databases/d/documents/a/b` -> `a/b`"""
    return name.partition("/documents")[2].lstrip("/")


def _same(one: Found, other: Found) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


def _check(write: Write, old: Document | None) -> None:
    if write.exists is True and old is None:
        raise NotFound(f"No document to update: {write.name}")
    if write.exists is False and old is not None:
        raise AlreadyExists(f"Document already exists: {write.name}")
    if write.update_time is not None and old is None:
        raise NotFound(f"No document to update: {write.name}")
    if write.update_time is not None and old is not None and old.update_time != write.update_time:
        raise FailedPrecondition("The stored version does not match the required base version")


def _written(write: Write, old: Document | None, time: datetime) -> Document | None:
    if write.fields is None:
        return None
    fields: Fields = {} if write.replace or old is None else values.copied(old.fields)
    for path, value in write.fields.items():
        before = values.find(old.fields, path) if old is not None else MISSING
        new = _transformed(value, before, time)
        if new is MISSING:
            values.remove(fields, path)
        else:
            values.put(fields, path, new)
    if old is None:
        return Document(write.name, fields, time, time)
    # a write that changes nothing leaves the time
    return Document(write.name, fields, old.create_time, old.update_time if fields == old.fields else time)


def _transformed(value: Any, before: Any, time: datetime) -> Any:
    """What a value in a write becomes, given what is there."""
    listed = before if isinstance(before, list) else []
    if value is firestore.DELETE_FIELD:
        return MISSING
    if value is firestore.SERVER_TIMESTAMP:
        return time
    if isinstance(value, firestore.Increment):
        return values.number(before) + value.value
    if isinstance(value, firestore.ArrayRemove):
        return values.without(listed, value.values)
    if isinstance(value, firestore.ArrayUnion):
        union = list(listed)
        for one in value.values:
            union += values.without([one], union)
        return union
    return values.copied(value)
