"""What was made of which inputs, by user: `users/{uid}/results/{content_key}`.

    content_key, job_id, model, seed, output, created_at, expire_at

Nothing is lost with one of these documents: the next job with the same inputs makes its result anew. So one that is not
understood is none. Firestore deletes them after `expire_at`, some hours later: until then they are found, and too old.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.cloud import firestore

from pipeline.repositories.documents import READ


@dataclass(frozen=True)
class StoredResult:
    """A result that can be used again."""

    job_id: str  # the job that made it
    model: str
    seed: int
    output: Mapping[str, Any]  # as the step that stored it recorded it: keys, sizes, and the rest


class ResultRepository:
    """Remembers results, and finds them again. What Firestore raises is passed on."""

    def __init__(self, client: firestore.Client) -> None:
        self._client = client

    def find(self, user_id: str, content_key: str, now: datetime) -> StoredResult | None:
        """The user's result of exactly these inputs, if it is not too old. One read."""
        fields = self._document(user_id, content_key).get(**READ).to_dict() or {}
        return _result(fields, content_key, now)

    def keep(self, user_id: str, content_key: str, result: StoredResult, until: datetime) -> None:
        """Remember a result until then. A later one takes the place of an earlier one."""
        fields = {
            "content_key": content_key,
            "job_id": result.job_id,
            "model": result.model,
            "seed": result.seed,
            "output": dict(result.output),
            "created_at": firestore.SERVER_TIMESTAMP,
            "expire_at": until,
        }
        self._document(user_id, content_key).set(fields)

    def forget(self, user_id: str, content_key: str) -> None:
        """Its files are gone."""
        self._document(user_id, content_key).delete()

    def _document(self, user_id: str, content_key: str) -> firestore.DocumentReference:
        return self._client.document("users", user_id, "results", content_key)


def _result(fields: Mapping[str, Any], content_key: str, now: datetime) -> StoredResult | None:
    """What a document says, if it is of the shape that `keep` writes, and of this key."""
    match fields:
        case {
            "content_key": str(key),
            "job_id": str(job_id),
            "model": str(model),
            "seed": int(seed),
            "output": dict(output),
            "expire_at": datetime() as expire_at,
        } if key == content_key and job_id and model and not isinstance(seed, bool) and expire_at > now:
            return StoredResult(job_id, model, seed, output)
    return None
