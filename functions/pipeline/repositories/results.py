"""What was made of which inputs, by user: `users/{uid}/results/{content_key}`.

Nothing is lost with one of these documents: the next job with the same inputs makes its result anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.cloud import firestore


@dataclass(frozen=True)
class StoredResult:
    """A result that can be used again."""

    job_id: str  # the job that made it
    model: str
    seed: int
    output: Mapping[str, Any]  # as the step that stored it recorded it: keys, sizes, and the rest


class ResultRepository:
    """Remembers results, and finds them again."""

    def __init__(self, client: firestore.Client) -> None:
        self._client = client

    def find(self, user_id: str, content_key: str, now: datetime) -> StoredResult | None:
        """The user's result of exactly these inputs, if it is not too old."""
        raise NotImplementedError

    def keep(self, user_id: str, content_key: str, result: StoredResult, until: datetime) -> None:
        """Remember a result until then. A later one takes the place of an earlier one."""
        raise NotImplementedError

    def forget(self, user_id: str, content_key: str) -> None:
        """Its files are gone."""
        raise NotImplementedError
