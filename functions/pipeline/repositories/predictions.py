"""Prediction records in Firestore, `predictions/{op}`: created before money is spent, never twice.

Moves between states are transactions that name the state they start from; who loses a race is told what is.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from google.api_core.exceptions import AlreadyExists
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from pipeline.domain.predictions import PredictionOrder, PredictionRecord, PredictionState, operation_seed

COLLECTION = "predictions"


class PredictionRepository:
    """Keeps one record for every call that costs money."""

    def __init__(self, client: firestore.Client, retention: timedelta) -> None:
        self._client = client
        self._retention = retention

    def find(self, op: str) -> PredictionRecord | None:
        """The record, or None when this operation was never intended."""
        fields = self._client.document(COLLECTION, op).get().to_dict()
        return _record(op, fields) if fields else None

    def of_job(self, job_path: str) -> list[PredictionRecord]:
        """Every prediction that a job intended."""
        query = self._client.collection(COLLECTION).where(filter=FieldFilter("job_path", "==", job_path))
        return [_record(snapshot.id, snapshot.to_dict() or {}) for snapshot in query.stream()]

    def open(self, op: str, job_path: str, user_id: str, order: PredictionOrder, now: datetime) -> PredictionRecord:
        """The record of this operation: a new intent, or what an earlier turn left."""
        fields = {
            "op": op,
            "state": PredictionState.INTENT,
            "job_path": job_path,
            "user_id": user_id,
            "model": order.model,
            # the user's seed would be welcome as a look, but the mark must be unique
            "input": {**order.input, "seed": operation_seed(op)},
            "cost_usd": order.cost_usd,
            "cancel_after_seconds": order.cancel_after_seconds,
            "inline_wait_seconds": order.inline_wait_seconds,
            "created_at": now,
            "updated_at": now,
            "expire_at": now + self._retention,
        }
        try:
            self._client.document(COLLECTION, op).create(fields)
        except AlreadyExists:
            existing = self.find(op)
            if existing is not None:
                return existing
            raise
        return _record(op, fields)

    def move(
        self, op: str, states: set[PredictionState], to: PredictionState, now: datetime, **fields: Any
    ) -> PredictionRecord:
        """Move the record to a state if it is in one of `states`. Returns the record as it then is, moved or not."""

        def run(transaction: firestore.Transaction) -> PredictionRecord:
            document = self._client.document(COLLECTION, op)
            found = document.get(transaction=transaction).to_dict() or {}
            if found.get("state") not in states:
                return _record(op, found)
            changes = {**fields, "state": to, "updated_at": now}
            transaction.update(document, changes)
            return _record(op, {**found, **changes})

        return self._transact(run)

    def count_poll(self, op: str, now: datetime) -> None:
        """Remember that the provider was asked and was not done."""
        self._client.document(COLLECTION, op).update({"polls": firestore.Increment(1), "updated_at": now})

    def _transact(self, run: Callable[[firestore.Transaction], PredictionRecord]) -> PredictionRecord:
        record: PredictionRecord = firestore.transactional(run)(self._client.transaction(max_attempts=12))
        return record


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
        submitting_at=fields.get("submitting_at"),
        deadline_at=fields.get("deadline_at"),
        prediction_id=fields.get("prediction_id"),
        polls=fields.get("polls", 0),
        outputs=tuple(fields.get("outputs") or ()),
        error=fields.get("error"),
        error_code=fields.get("error_code"),
        retryable=fields.get("retryable", False),
        charged=fields.get("charged", False),
    )
