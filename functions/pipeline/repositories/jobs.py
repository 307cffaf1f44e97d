"""Job documents in Firestore. Every write checks the fence in the same commit: only the latest turn may write.

Policy is in `domain.jobs`; this module applies it.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from google.api_core import exceptions as api
from google.cloud import firestore
from google.cloud.firestore_v1.field_path import FieldPath

from pipeline.domain.errors import DatabaseRefused, InvalidRequest, JobError, NotFound, QuotaExceeded
from pipeline.domain.jobs import (
    Busy,
    ClaimDecision,
    GiveUp,
    Job,
    JobRef,
    JobStatus,
    Take,
    Wake,
    decide_claim,
)
from pipeline.domain.outcomes import Canceled, Completed, DocumentUpdate, Failed, TurnLost
from pipeline.domain.quotas import UNLIMITED, Application, Limits, microusd
from pipeline.domain.schema_versions import CURRENT, Schema, decide_newer
from pipeline.repositories.documents import commit_optimistically, transact, unchanged_since
from pipeline.repositories.job_documents import CLAIMED, corrections, job_of, read_job
from pipeline.repositories.usage import UsageLedger


class JobRepository:
    """Claims, writes, releases and finishes jobs; what they may cost is counted in the same commits."""

    def __init__(
        self, client: firestore.Client, retention: timedelta, limits: Limits = UNLIMITED, schema: Schema = CURRENT
    ) -> None:
        self._client = client
        self._retention = retention
        self._schema = schema
        self._usage = UsageLedger(client, limits, retention)

    def get(self, ref: JobRef) -> Job:
        """The job as it stands. Raises NotFound."""
        return self._read(ref, self._client.document(ref.path).get())

    def claim(
        self,
        ref: JobRef,
        wake: Wake,
        now: datetime,
        lease: timedelta,
        applying: Callable[[Job], Application | None] = lambda _: None,
    ) -> tuple[ClaimDecision, Job]:
        """Start a turn if this wake-up may. Returns the decision, and the job as claimed (or as found).

        A job is admitted under its user's limits when it is first taken, with what `applying` says of it; None admits
        it uncounted. One that is refused is claimed as a GiveUp. Raises NotFound when the document is gone.
        """
        document = self._client.document(ref.path)
        claim_id = uuid.uuid4().hex
        tried: list[ClaimDecision] = []

        def attempt(batch: firestore.WriteBatch) -> tuple[ClaimDecision, Job]:
            snapshot = document.get()
            job = self._read(ref, snapshot)
            if job.fields.get("claim_id") == claim_id:  # committed, though the answer said otherwise
                return tried[-1], job
            decision = decide_newer(job, now) if job.is_newer else decide_claim(job, wake, now)
            changes: dict[str, Any] = {"wake_requested": True} if isinstance(decision, Busy) else {}
            corrected: dict[str, Any] = {}
            if isinstance(decision, Take | GiveUp):
                changes = {**_claimed(job, now, lease, interrupted=decision.interrupted), "claim_id": claim_id}
                changes[CLAIMED] = snapshot.create_time
                if not job.is_newer:
                    changes |= self._schema.stamp(job.fields)
                    corrected = corrections(ref, snapshot, self._schema)
            is_new = job.usage_day is None and not job.is_newer
            if isinstance(decision, Take) and is_new and (application := applying(job)) is not None:
                try:
                    changes |= self._usage.admit(batch, ref, application, now)
                except (QuotaExceeded, InvalidRequest) as error:
                    decision = GiveUp(error, refused=True)
            if changes:
                batch.update(document, {**corrected, **changes}, option=unchanged_since(self._client, snapshot))
            tried.append(decision)
            return decision, job_of(ref, {**job.fields, **changes}, self._schema)

        try:
            return commit_optimistically(self._client, attempt)
        except api.NotFound as error:
            raise NotFound(f"There is no job {ref.path}.") from error
        except api.InvalidArgument as error:
            raise DatabaseRefused("The job document is too large: at most 1 MiB, of which some is ours.") from error

    def write(
        self,
        ref: JobRef,
        turn: int,
        now: datetime,
        lease: timedelta,
        fields: Mapping[str, Any],
        updates: Sequence[DocumentUpdate] = (),
    ) -> Job:
        """Set fields on the claimed job, and on documents beside it, and renew the lease.

        Dotted names reach into maps. Returns the job as it was found, so that a wish to cancel is seen at every write.
        Raises TurnLost when another turn has taken over or the document is gone.
        """

        def changes(_: Job) -> dict[str, Any]:
            return {**fields, **_leased(now, lease)}

        return self._fenced(ref, turn, changes, updates)

    def release(
        self,
        ref: JobRef,
        turn: int,
        now: datetime,
        wake_at: datetime,
        fields: Mapping[str, Any] | None = None,
        *,
        even_if_woken: bool,
    ) -> bool:
        """End the turn until `wake_at`, and set fields as `write` does.

        Returns False, and keeps the lease, when somebody asked meanwhile for another look (unless `even_if_woken`).
        The fields are set all the same.
        """

        def changes(job: Job) -> dict[str, Any]:
            if job.fields.get("wake_requested") and not even_if_woken:
                return {**(fields or {}), "wake_requested": False}
            ended = {"lease_expires_at": None, "wake_at": wake_at, "interruptions": 0, "updated_at": now}
            return {**(fields or {}), **ended}

        job = self._fenced(ref, turn, changes)
        return even_if_woken or not job.fields.get("wake_requested")

    def finish(
        self, ref: JobRef, turn: int, now: datetime, outcome: Completed | Failed | Canceled, cost_usd: float
    ) -> None:
        """Write the terminal status, with the results and the documents beside it, in one transaction."""
        fields: dict[str, Any] = {
            "cost_usd": cost_usd,
            "lease_expires_at": None,
            "wake_at": None,
            "updated_at": now,
            "completed_at": now,
            "expire_at": now + self._retention,
        }
        match outcome:
            case Completed():
                fields |= {"status": JobStatus.COMPLETE, "stage": "complete", "progress_percent": 100}
                fields |= {"error": None, "error_message": None, **outcome.results}
            case Failed(error):
                fields |= {"status": JobStatus.ERROR, "stage": "error", **outcome.results}
                fields |= {"error": error.as_fields(), "error_message": error.message}
            case Canceled():
                fields |= {"status": JobStatus.CANCELED, "stage": "canceled"}

        def settle(batch: firestore.WriteBatch, job: Job) -> None:
            self._settle(batch, job, cost_usd)

        self._fenced(ref, turn, lambda _: fields, outcome.updates, before=settle)

    def bury(self, ref: JobRef, now: datetime, error: JobError, cost_usd: float) -> Job | None:
        """End a job whose document takes no more writes: a small one that says why takes its place, and is returned.

        Nothing happens to one that is gone or over: None.
        """

        def run(transaction: firestore.Transaction) -> Job | None:
            document = self._client.document(ref.path)
            snapshot = document.get(transaction=transaction)
            if not snapshot.exists or (job := self._read(ref, snapshot)).status.is_terminal:
                return None
            kept = ["job_id", "user_id", "created_at", "usage_day", "estimated_cost_usd", "started_at"]
            kept += ["dry_run"] if job.dry_run else []
            fields = {name: job.fields[name] for name in kept if name in job.fields}
            fields |= {"status": JobStatus.ERROR, "stage": "error", "error": error.as_fields()}
            fields |= {"error_message": error.message, "turn": job.turn + 1, "completed_at": now, "updated_at": now}
            fields |= {"cost_usd": cost_usd, "expire_at": now + self._retention, CLAIMED: snapshot.create_time}
            fields |= self._schema.stamp({})  # of what it was nothing is left
            self._settle(transaction, job, cost_usd)
            found = snapshot.to_dict() or {}
            emptied = {FieldPath(name).to_api_repr(): firestore.DELETE_FIELD for name in found.keys() - fields.keys()}
            transaction.update(document, {**emptied, **fields})
            return job_of(ref, fields)

        return transact(self._client, run)

    def refusal(self, user_id: str, estimate: int, now: datetime) -> QuotaExceeded | None:
        """Why one more job of the user, of `estimate` micro-dollars, would not be admitted now; None: it would."""
        return self._usage.refusal(user_id, estimate, now)

    def reserve_more(self, ref: JobRef, turn: int, now: datetime, more: int) -> None:
        """Set `more` micro-dollars of the limits aside for something that has to be paid again.

        Raises QuotaExceeded, TurnLost.
        """

        def reserve(batch: firestore.WriteBatch, job: Job) -> None:
            if job.usage_day is not None:
                self._usage.reserve_more(batch, ref, job.user_id, job.usage_day, more, now)

        self._fenced(ref, turn, lambda job: {"reserved_microusd": job.reserved_microusd + more}, before=reserve)

    def correct_cost(self, ref: JobRef, cost_in: Callable[[firestore.Transaction], float]) -> None:
        """A prediction was settled after its job had ended. Nothing happens to a job that is gone or not over.

        `cost_in` tells what the job has cost, read in the transaction that it is given.
        """

        def run(transaction: firestore.Transaction) -> None:
            document = self._client.document(ref.path)
            snapshot = document.get(transaction=transaction)
            if not snapshot.exists:
                return
            job = self._read(ref, snapshot)
            cost_usd = cost_in(transaction)
            more = microusd(cost_usd) - microusd(job.cost_usd)
            if not job.status.is_terminal or not more:
                return
            transaction.update(document, {"cost_usd": cost_usd})
            if job.usage_day is not None:
                self._usage.correct(transaction, ref, job.user_id, job.usage_day, more)

        transact(self._client, run)

    def _read(self, ref: JobRef, snapshot: "firestore.DocumentSnapshot[Any]") -> Job:
        return read_job(ref, snapshot, self._schema)

    def _settle(self, batch: firestore.WriteBatch, job: Job, cost_usd: float) -> None:
        if job.usage_day is not None:
            spent = microusd(cost_usd)
            self._usage.settle(batch, job.ref, job.user_id, job.usage_day, reserved=job.reserved_microusd, spent=spent)

    def _fenced(
        self,
        ref: JobRef,
        turn: int,
        changes: Callable[[Job], Mapping[str, Any]],
        updates: Sequence[DocumentUpdate] = (),
        *,
        before: Callable[[firestore.WriteBatch, Job], None] = lambda _, __: None,
    ) -> Job:
        """Change the job if `turn` is still its latest. `before` may read, and add to the same commit."""
        document = self._client.document(ref.path)

        def attempt(batch: firestore.WriteBatch) -> Job:
            snapshot = document.get()
            beside = [(self._client.document(update.path), update) for update in updates]
            existing = [(target, update) for target, update in beside if target.get().exists]
            if not snapshot.exists:
                raise TurnLost(f"{ref.path} is gone")
            job = self._read(ref, snapshot)
            if job.turn != turn or job.status.is_terminal:
                raise TurnLost(f"{ref.path} is at turn {job.turn}, this is turn {turn}")
            before(batch, job)
            batch.update(document, dict(changes(job)), option=unchanged_since(self._client, snapshot))
            for target, update in existing:
                batch.update(target, dict(update.fields))
            return job

        try:
            return commit_optimistically(self._client, attempt)
        except api.InvalidArgument as error:
            raise DatabaseRefused("The job document has grown past the 1 MiB that the database takes.") from error


def _leased(now: datetime, lease: timedelta) -> dict[str, Any]:
    return {"lease_expires_at": now + lease, "wake_at": now + lease, "updated_at": now}


def _claimed(job: Job, now: datetime, lease: timedelta, *, interrupted: bool) -> dict[str, Any]:
    return {
        "status": JobStatus.PROCESSING,
        "turn": job.turn + 1,
        "attempt": job.attempt + interrupted,
        "interruptions": job.interruptions + interrupted,
        "progress_percent": job.progress_percent,
        "started_at": job.started_at or now,
        "wake_requested": False,
        **_leased(now, lease),
    }
