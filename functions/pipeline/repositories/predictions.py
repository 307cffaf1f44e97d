"""Prediction records in Firestore, `predictions/{op}`: created before money is spent, never twice.

Moves between states name the state they start from and hold only if nobody else has moved; who loses a race is told
what is.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from google.api_core.exceptions import AlreadyExists
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from pipeline.domain.jobs import JobStatus
from pipeline.domain.outcomes import CancelRequested, TurnLost
from pipeline.domain.predictions import (
    PURGE_AFTER,
    PredictionOrder,
    PredictionRecord,
    PredictionState,
    operation_seed,
)
from pipeline.domain.schema_versions import CURRENT, Schema
from pipeline.repositories.documents import changed, commit_optimistically, pages_of, unchanged_since

COLLECTION = "predictions"


class PredictionRepository:
    """Keeps one record for every call that costs money."""

    def __init__(self, client: firestore.Client, retention: timedelta, schema: Schema = CURRENT) -> None:
        self._client = client
        self._retention = retention
        self._schema = schema

    def find(self, op: str) -> PredictionRecord | None:
        """The record, or None when this operation was never intended."""
        fields = self._client.document(COLLECTION, op).get().to_dict()
        return self._record(op, fields) if fields else None

    def of_job(self, job_path: str, transaction: firestore.Transaction | None = None) -> list[PredictionRecord]:
        """Every prediction that a job intended."""
        query = self._client.collection(COLLECTION).where(filter=FieldFilter("job_path", "==", job_path))
        found = query.stream(transaction=transaction)
        return [self._record(snapshot.id, snapshot.to_dict() or {}) for snapshot in found]

    def with_seed(self, seed: int, since: datetime) -> list[PredictionRecord]:
        """Everybody's records with this seed that were last sent at `since` or later, of any model."""
        query = self._client.collection(COLLECTION).where(filter=FieldFilter("input.seed", "==", seed))
        query = query.where(filter=FieldFilter("submitting_at", ">=", since)).order_by("submitting_at")
        return [self._record(snapshot.id, snapshot.to_dict() or {}) for page in pages_of(query) for snapshot in page]

    def cost_usd(self, job_path: str, transaction: firestore.Transaction | None = None) -> float:
        """What a job's predictions cost so far, summed from their own records: so it cannot drift."""
        return round(sum(record.paid_usd for record in self.of_job(job_path, transaction)), 6)

    def count_since(self, models: Iterable[str], since: datetime) -> int:
        """How many predictions of these models, of all users, were intended since then. Nothing is locked: of many at
        once, some may each count the others or not."""
        query = self._client.collection(COLLECTION).where(filter=FieldFilter("model", "in", sorted(models)))
        query = query.where(filter=FieldFilter("created_at", ">", since))
        counting: Any = query.order_by("created_at").count()  # the SDK types it as the class itself
        return int(counting.get()[0][0].value)

    def open(self, op: str, job_path: str, user_id: str, order: PredictionOrder, now: datetime) -> PredictionRecord:
        """The record of this operation: a new intent, or what an earlier turn left."""
        fields = {
            "op": op,
            "state": PredictionState.INTENT,
            "job_path": job_path,
            "user_id": user_id,
            "model": order.model,
            "input": {**order.input, "seed": operation_seed(op) if order.seed is None else order.seed},
            "seed_is_clients": order.seed is not None,
            "content_key": order.content_key,
            "cost_usd": order.cost_usd,
            "units": order.units,
            "cancel_after_seconds": order.cancel_after_seconds,
            "inline_wait_seconds": order.inline_wait_seconds,
            "created_at": now,
            "updated_at": now,
            "check_at": now + PURGE_AFTER,
            "expire_at": now + self._retention,
            **self._schema.stamp({}),
        }
        try:
            self._client.document(COLLECTION, op).create(fields)
        except AlreadyExists:
            existing = self.find(op)
            if existing is not None:
                return existing
            raise
        return self._record(op, fields)

    def move(
        self,
        op: str,
        states: set[PredictionState],
        to: PredictionState,
        now: datetime,
        *,
        since: datetime | None = None,
        **fields: Any,
    ) -> PredictionRecord:
        """Move the record to a state if it is in one of `states`. Returns the record as it then is, moved or not.
        One that newer code has written is never moved.

        `since`: only if it is still the submission that was begun then. Whoever decides by one submission, and is held
        up, must not undo the next.
        """
        return self.try_move(op, states, to, now, since=since, **fields)[0]

    def try_move(
        self,
        op: str,
        states: set[PredictionState],
        to: PredictionState,
        now: datetime,
        *,
        since: datetime | None = None,
        **fields: Any,
    ) -> tuple[PredictionRecord, bool]:
        """As `move`, and whether it was this call that has moved it."""
        document = self._client.document(COLLECTION, op)
        changes = {**fields, "state": to, "updated_at": now}

        def attempt(batch: firestore.WriteBatch) -> tuple[PredictionRecord, bool]:
            snapshot = document.get()
            found = snapshot.to_dict() or {}
            is_other = since is not None and found.get("submitting_at") != since
            if found.get("state") not in states or is_other or not self._schema.reads(found):
                # ours if it was committed although the answer got lost
                return self._record(op, found), not changed(found, {"state": to, "updated_at": now})
            stamped = {**changes, **self._schema.stamp(found)}
            batch.update(document, stamped, option=unchanged_since(self._client, snapshot))
            return self._record(op, {**found, **stamped}), True

        return commit_optimistically(self._client, attempt)

    def claim(self, op: str, turn: int, now: datetime, until: datetime) -> tuple[PredictionRecord, bool]:
        """Take the right to send an intended prediction, before it is sent. Returns it, and whether the right is ours.

        Money is spent only by the turn that holds the job: raises TurnLost when that is another one, and
        CancelRequested when the client no longer wants it. `until` is when the sender's function call is over.
        """
        document = self._client.document(COLLECTION, op)
        claimed = {"state": PredictionState.SUBMITTING, "submitting_at": now, "submitter": turn}

        def attempt(batch: firestore.WriteBatch) -> tuple[PredictionRecord, bool]:
            snapshot = document.get()
            found = snapshot.to_dict() or {}
            holder = self._client.document(found["job_path"]).get()
            job = holder.to_dict() or {}
            if job.get("turn") != turn or job.get("status") != JobStatus.PROCESSING:
                raise TurnLost(f"{found['job_path']} is at turn {job.get('turn')}, this is turn {turn}")
            if job.get("cancel_requested") is True:
                raise CancelRequested
            if found["state"] != PredictionState.INTENT:  # ours if it was committed although the answer got lost
                return self._record(op, found), not changed(found, claimed)
            # in time for the listing, should the job end before the answer is there
            changes = {**claimed, "submitting_until": until, "check_at": until, "updated_at": now}
            changes |= self._schema.stamp(found)
            batch.update(document, changes, option=unchanged_since(self._client, snapshot))
            # nothing changes on the job, but the commit holds only if it is still the one that was read
            batch.update(holder.reference, {"turn": turn}, option=unchanged_since(self._client, holder))
            return self._record(op, {**found, **changes}), True

        return commit_optimistically(self._client, attempt)

    def count_poll(self, op: str, now: datetime) -> None:
        """Remember that the provider was asked and was not done."""
        self._client.document(COLLECTION, op).update({"polls": firestore.Increment(1), "updated_at": now})

    def to_check(self, now: datetime) -> Iterator[list[PredictionRecord]]:
        """Pages of records that should have ended, and whose job should know what they cost."""
        query = self._client.collection(COLLECTION).where(filter=FieldFilter("check_at", "<=", now))
        for page in pages_of(query.order_by("check_at").order_by("__name__")):
            yield [self._record(snapshot.id, snapshot.to_dict() or {}) for snapshot in page]

    def check_again(self, op: str, at: datetime | None) -> None:
        """Look at it once more then; None: never again."""
        self._client.document(COLLECTION, op).update({"check_at": at})

    def _record(self, op: str, fields: Mapping[str, Any]) -> PredictionRecord:
        return _record(op, fields) if self._schema.reads(fields) else _newer_record(op, fields)


def _newer_record(op: str, fields: Mapping[str, Any]) -> PredictionRecord:
    """What can be said of a record that only newer code understands. As far as anybody can tell it is paid."""
    return PredictionRecord(
        op=op,
        state=PredictionState.HELD,
        job_path=fields["job_path"],
        model=str(fields.get("model") or ""),
        input=fields.get("input") or {},
        cost_usd=float(fields.get("cost_usd") or 0.0),
        cancel_after_seconds=0,
        user_id=fields.get("user_id", ""),
        submitting_at=fields.get("submitting_at"),
        prediction_id=fields.get("prediction_id"),
        is_newer=True,
    )


def _record(op: str, fields: Mapping[str, Any]) -> PredictionRecord:
    return PredictionRecord(
        op=op,
        state=PredictionState(fields["state"]),
        job_path=fields["job_path"],
        model=fields["model"],
        input=fields["input"],
        cost_usd=float(fields["cost_usd"]),
        cancel_after_seconds=fields["cancel_after_seconds"],
        inline_wait_seconds=fields["inline_wait_seconds"],
        units=float(fields.get("units", 1.0)),
        user_id=fields.get("user_id", ""),
        unanswered=fields.get("unanswered", 0),
        submitting_at=fields.get("submitting_at"),
        submitting_until=fields.get("submitting_until"),
        deadline_at=fields.get("deadline_at"),
        prediction_id=fields.get("prediction_id"),
        polls=fields.get("polls", 0),
        ended_at=fields.get("ended_at"),
        outputs=tuple(fields.get("outputs") or ()),
        error=fields.get("error"),
        error_code=fields.get("error_code"),
        retryable=fields.get("retryable", False),
        charged=fields.get("charged", False),
        content_key=fields.get("content_key", ""),
        seed_is_clients=fields.get("seed_is_clients", False),
    )
