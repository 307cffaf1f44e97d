"""Jobs that nobody comes for any more: queries for the sweeper, over each kind's collection.

    wake_at in the past      the lease ran out (an instance died), or the wake-up got lost
    pending for long         the created event got lost

`wake_at` of what was found is moved on, so that the next sweep leaves it alone while its wake-up is on the way. Only
two fields are read: documents may be large.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.api_core.exceptions import Aborted, FailedPrecondition, InvalidArgument, NotFound
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from pipeline.domain.jobs import JobKind, JobRef, JobStatus
from pipeline.repositories.documents import as_datetime, pages_of, unchanged_since


@dataclass(frozen=True)
class StuckJob:
    """A job as it was found."""

    ref: JobRef
    due_at: datetime  # when somebody should have looked at it; moved on by every sweep
    idle_since: datetime  # when something has last happened to it
    snapshot: "firestore.DocumentSnapshot[Any]"


class StuckJobRepository:
    """Finds them, page by page."""

    def __init__(self, client: firestore.Client) -> None:
        self._client = client

    def overdue(self, kind: JobKind, before: datetime) -> Iterator[list[StuckJob]]:
        """Pages of jobs whose `wake_at` has passed."""
        query = self._client.collection(kind.collection).where(filter=FieldFilter("wake_at", "<=", before))
        for page in pages_of(query.select(["wake_at", "updated_at"]).order_by("wake_at").order_by("__name__")):
            yield [_overdue(kind, found) for found in page]

    def unclaimed(self, kind: JobKind, before: datetime) -> Iterator[list[StuckJob]]:
        """Pages of jobs that were created before `before` and are still pending, without those just swept."""
        query = self._client.collection(kind.collection).where(filter=FieldFilter("status", "==", JobStatus.PENDING))
        for page in pages_of(query.select(["wake_at"]).order_by("__name__")):
            yield [_unclaimed(kind, found) for found in page if found.create_time <= before and _is_due(found, before)]

    def postpone(self, job: StuckJob, until: datetime) -> None:
        """Leave it alone until then, unless it has moved on by itself."""
        unchanged = unchanged_since(self._client, job.snapshot)
        try:
            job.snapshot.reference.update({"wake_at": until}, option=unchanged)
        except (Aborted, FailedPrecondition, InvalidArgument, NotFound):  # busy, changed, full, gone
            return


def _overdue(kind: JobKind, snapshot: "firestore.DocumentSnapshot[Any]") -> StuckJob:
    fields = snapshot.to_dict() or {}
    idle_since = fields.get("updated_at")
    if not isinstance(idle_since, datetime):
        idle_since = as_datetime(snapshot.create_time)
    return StuckJob(JobRef(kind, snapshot.id), fields["wake_at"], idle_since, snapshot)


def _unclaimed(kind: JobKind, snapshot: "firestore.DocumentSnapshot[Any]") -> StuckJob:
    created_at = as_datetime(snapshot.create_time)
    return StuckJob(JobRef(kind, snapshot.id), created_at, created_at, snapshot)


def _is_due(snapshot: "firestore.DocumentSnapshot[Any]", before: datetime) -> bool:
    wake_at = snapshot.get("wake_at") if "wake_at" in (snapshot.to_dict() or {}) else None
    return not isinstance(wake_at, datetime) or wake_at <= before
