"""The generated API client of Firestore, of which a share of the calls fails."""

import random
import threading
from collections import Counter
from typing import Any

from google.api_core.exceptions import Aborted, ServiceUnavailable
from google.cloud import firestore

READS = ("batch_get_documents", "run_query", "run_aggregation_query", "list_documents")
COMMIT_FAULTS = ("unavailable before", "aborted before", "unavailable after")


class FaultyFirestore:
    """Commits fail before they happen, or after; reads, of which a step has many, fail before, a quarter as often.

    `commits` counts those that happened.
    """

    def __init__(self, client: firestore.Client, seed: int, rate: float) -> None:
        self._api = firestore.Client._firestore_api.fget(client)  # type: ignore[attr-defined]
        self._dice = random.Random(seed)  # noqa: S311 - repeatable
        self._lock = threading.Lock()
        self.rate = rate
        self.commits = 0
        self.faults: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._api, name)
        if name in READS and self._draws(self.rate / 4, ("unavailable read",)):
            raise ServiceUnavailable("fault")
        return call

    def commit(self, request: dict[str, Any], **options: Any) -> Any:
        fault = self._draws(self.rate, COMMIT_FAULTS) if request["writes"] else None
        if fault == "unavailable before":
            raise ServiceUnavailable("fault")
        if fault == "aborted before":
            raise Aborted("fault")
        answer = self._api.commit(request=request, **options)
        with self._lock:
            self.commits += bool(request["writes"])
        if fault == "unavailable after":
            raise ServiceUnavailable("fault")
        return answer

    def _draws(self, rate: float, faults: tuple[str, ...]) -> str | None:
        with self._lock:
            if self._dice.random() >= rate:
                return None
            fault = self._dice.choice(faults)
            self.faults[fault] += 1
            return fault


def make_faulty(client: firestore.Client, seed: int, rate: float) -> FaultyFirestore:
    """From now on the client's calls go through the faults."""
    faulty = FaultyFirestore(client, seed, rate)
    client._firestore_api_internal = faulty  # the one seam that the SDK leaves
    return faulty
