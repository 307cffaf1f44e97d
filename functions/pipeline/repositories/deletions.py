"""Deletions that have begun and not ended, `users/{uid}/deletions/{id}`.

    begin ──> documents ──> files ──> end            the record is there all the while
                  └─ the instance dies ──> left_over: the sweeper goes through it once more, and ends it

Documents and files that were written after the deletion was asked for are others, made anew under the same names:
`asked_at` tells them apart.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.api_core.exceptions import Aborted, FailedPrecondition, NotFound
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from pipeline.domain.clips import check_document_id
from pipeline.repositories.documents import as_datetime, pages_of, unchanged_since

COLLECTION = "deletions"


@dataclass(frozen=True)
class Deletion:
    """What is to go: a video, or one clip of it."""

    user_id: str
    video_id: str
    clip_id: str | None
    filename: str | None
    """Of the clip."""
    snapshot: "firestore.DocumentSnapshot[Any]"

    @property
    def path(self) -> str:
        """Of the record."""
        return str(self.snapshot.reference.path)

    @property
    def asked_at(self) -> datetime:
        """When, by the database's clock, which also writes the times of documents."""
        return as_datetime(self.snapshot.update_time)


class DeletionRepository:
    """Keeps one record a video or clip, however often its deletion is asked for."""

    def __init__(self, client: firestore.Client) -> None:
        self._client = client

    def begin(
        self, user_id: str, video_id: str, clip_id: str | None, filename: str | None, requested_at: datetime
    ) -> Deletion:
        """Write down what is to be deleted. Asked for again, it is as if it had not been asked for before."""
        document = self._client.document(
            "users", check_document_id("user_id", user_id), COLLECTION, _id(video_id, clip_id)
        )
        document.set(
            {
                "user_id": user_id,
                "video_id": video_id,
                "clip_id": clip_id,
                "filename": filename,
                "requested_at": requested_at,
            }
        )
        return _deletion(document.get())

    def end(self, deletion: Deletion) -> None:
        """All is deleted. Where somebody has asked once more meanwhile, that deletion goes on. Safe to repeat."""
        unchanged = unchanged_since(self._client, deletion.snapshot)
        try:
            deletion.snapshot.reference.delete(option=unchanged)
        except (Aborted, FailedPrecondition, NotFound):
            return

    def left_over(self, before: datetime) -> Iterator[list[Deletion]]:
        """Pages of all users' deletions that were asked for before then, and have not ended."""
        query = self._client.collection_group(COLLECTION).where(filter=FieldFilter("requested_at", "<", before))
        for page in pages_of(query.order_by("requested_at").order_by("__name__")):
            yield [_deletion(snapshot) for snapshot in page]


def _id(video_id: str, clip_id: str | None) -> str:
    """The same for the same video or clip; ids may be as long as a record's own may be, so not they themselves."""
    return hashlib.sha256("/".join((video_id, clip_id or "")).encode()).hexdigest()[:40]


def _deletion(snapshot: "firestore.DocumentSnapshot[Any]") -> Deletion:
    fields = snapshot.to_dict() or {}
    return Deletion(fields["user_id"], fields["video_id"], fields["clip_id"], fields["filename"], snapshot)
