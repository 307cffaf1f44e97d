"""Counts the calls that go to Firestore and to object storage, and how many of them had to wait for one another.

Each client has one seam: botocore's events, and the generated API client below the Firestore SDK's.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.cloud import firestore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

STREAMED = ("run_query", "run_aggregation_query", "batch_get_documents")
WHOLE = ("commit", "begin_transaction", "rollback", "list_documents", "get_document", "batch_write")


@dataclass(frozen=True)
class Call:
    """One request and its whole answer, on this process' clock in seconds."""

    name: str
    started: float
    ended: float


class RoundTrips:
    """The calls since the last `clear`, of whatever clients were given one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[Call] = []

    def add(self, name: str, started: float, ended: float) -> None:
        with self._lock:
            self._calls.append(Call(name, started, ended))

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()

    def count(self, name: str | None = None) -> int:
        """How many calls there were, of that name or at all."""
        return sum(name in (None, call.name) for call in self._calls)

    @property
    def in_sequence(self) -> int:
        """The most calls of which each began after the one before had ended: so often the distance is waited for."""
        count, last_end = 0, float("-inf")
        for call in sorted(self._calls, key=lambda call: call.ended):
            if call.started >= last_end:
                count, last_end = count + 1, call.ended
        return count


class CountingFirestoreApi:
    """The generated API client, with a note of every call."""

    def __init__(self, api: Any, trips: RoundTrips) -> None:
        self._api = api
        self._trips = trips

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._api, name)
        if name in STREAMED:
            return lambda *given, **options: self._streamed(name, found, given, options)
        if name in WHOLE:
            return lambda *given, **options: self._whole(name, found, given, options)
        return found

    def _whole(self, name: str, call: Any, given: Any, options: Any) -> Any:
        started = time.perf_counter()
        try:
            return call(*given, **options)
        finally:
            self._trips.add(name, started, time.perf_counter())

    def _streamed(self, name: str, call: Any, given: Any, options: Any) -> Iterator[Any]:
        started = time.perf_counter()
        answers = call(*given, **options)

        def read() -> Iterator[Any]:
            try:
                yield from answers
            finally:
                self._trips.add(name, started, time.perf_counter())

        return read()


def count_firestore_calls(client: firestore.Client, trips: RoundTrips) -> None:
    """Note every call of the client from now on."""
    seam: Any = client  # the one that the SDK leaves
    seam._firestore_api_internal = CountingFirestoreApi(seam._firestore_api, trips)


def count_s3_calls(client: "S3Client", trips: RoundTrips) -> None:
    """Note every request of the client from now on, by the name of its operation (`ListObjectsV2`)."""

    def sent(context: dict[str, Any], **_: object) -> None:
        context["sent_at"] = time.perf_counter()

    def answered(model: Any, context: dict[str, Any], **_: object) -> None:
        trips.add(model.name, context["sent_at"], time.perf_counter())

    client.meta.events.register("before-call.s3", sent)
    client.meta.events.register("after-call.s3", answered)
