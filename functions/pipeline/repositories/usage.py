"""What users have running and have spent, and which request ids they have used. Only ever touched inside a job's own
transaction, which is what makes it exact.

    users/{uid}/usage/active        {job_paths: [...]}
    users/{uid}/usage/{day}         {day, jobs, reserved_microusd, spent_microusd}
    usage/{day}                     the same, of all users
    requests/{key}                  {job_path, fingerprint}: which job answers a user's request_id
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from google.cloud import firestore

from pipeline.domain.errors import InvalidRequest
from pipeline.domain.jobs import JobRef, JobStatus
from pipeline.domain.quotas import MICRO, Application, DayUsage, Limits, check_limits, usage_day

KEPT = timedelta(days=90)
"""How long a day's sums stay."""


class UsageLedger:
    """Admits jobs and settles what they cost. Every method runs inside the caller's transaction."""

    def __init__(self, client: firestore.Client, limits: Limits, retention: timedelta) -> None:
        self._client = client
        self._limits = limits
        self._retention = retention

    def admit(
        self, transaction: firestore.Transaction, ref: JobRef, application: Application, now: datetime
    ) -> dict[str, Any]:
        """Read what stands, and write the job's share. Returns the fields that belong on the job.

        A job whose request_id an earlier one has used is admitted as its duplicate, at no cost. Raises QuotaExceeded,
        or InvalidRequest when the earlier one asked for something else; nothing has been written then.
        """
        day = usage_day(now)
        if earlier := self._earlier(transaction, ref, application):
            return {"usage_day": day, "duplicate_of": earlier, "estimated_cost_usd": 0.0}
        active = self._active(transaction, application.user_id)
        user_day, all_day = self._user_day(application.user_id, day), self._all_day(day)
        estimate = application.estimate_microusd
        found = _usage(user_day.get(transaction=transaction).to_dict())
        # the one document that all users share is left alone by jobs that cost nothing
        all_found = _usage(all_day.get(transaction=transaction).to_dict()) if estimate else DayUsage()
        check_limits(self._limits, active, found, all_found, estimate, now)
        self._set_active(transaction, application.user_id, [*(path for path in active if path != ref.path), ref.path])
        self._add(transaction, application.user_id, day, reserved=estimate, jobs=1)
        if application.request_key is not None:
            remembered = {
                "job_path": ref.path,
                "user_id": application.user_id,
                "fingerprint": application.fingerprint,
                "expire_at": now + self._retention,
            }
            transaction.set(self._client.document("requests", application.request_key), remembered)
        return {"usage_day": day, "reserved_microusd": estimate, "estimated_cost_usd": estimate / MICRO}

    def reserve_more(
        self, transaction: firestore.Transaction, user_id: str, day: str, more: int, now: datetime
    ) -> None:
        """For a step that has to be paid again. Raises QuotaExceeded; nothing has been written then."""
        found = _usage(self._user_day(user_id, day).get(transaction=transaction).to_dict())
        all_found = _usage(self._all_day(day).get(transaction=transaction).to_dict())
        without_counts = Limits(0, 0, self._limits.usd_per_user_per_day, self._limits.usd_per_day)
        check_limits(without_counts, (), found, all_found, more, now)
        self._add(transaction, user_id, day, reserved=more)

    def settle(
        self, transaction: firestore.Transaction, ref: JobRef, user_id: str, day: str, *, reserved: int, spent: int
    ) -> None:
        """The job has ended: its place is free, its reservation becomes what it really cost. Reads nothing."""
        transaction.set(self._active_document(user_id), {"job_paths": firestore.ArrayRemove([ref.path])}, merge=True)
        self._add(transaction, user_id, day, reserved=-reserved, spent=spent)

    def correct(self, transaction: firestore.Transaction, user_id: str, day: str, more: int) -> None:
        """The job, which has ended, turned out to have cost `more` (or less) micro-dollars. Reads nothing."""
        self._add(transaction, user_id, day, spent=more)

    def _earlier(self, transaction: firestore.Transaction, ref: JobRef, application: Application) -> str | None:
        """The path of the job that answers this request id already."""
        if application.request_key is None:
            return None
        fields = self._client.document("requests", application.request_key).get(transaction=transaction).to_dict()
        if fields is None or fields["job_path"] == ref.path:
            return None
        if fields["fingerprint"] != application.fingerprint:
            raise InvalidRequest("Field 'request_id' is not valid: another job has used it to ask for something else.")
        return str(fields["job_path"])

    def _active(self, transaction: firestore.Transaction, user_id: str) -> Sequence[str]:
        """The user's running jobs. At the limit each is looked at: one that was deleted must not block its user."""
        fields = self._active_document(user_id).get(transaction=transaction).to_dict() or {}
        paths = [str(path) for path in fields.get("job_paths") or []]
        if not 0 < self._limits.active_jobs_per_user <= len(paths):
            return paths
        found = transaction.get_all([self._client.document(path) for path in paths])
        running = {snapshot.reference.path for snapshot in found if _is_running(snapshot.to_dict())}
        return [path for path in paths if path in running]

    def _set_active(self, transaction: firestore.Transaction, user_id: str, paths: Sequence[str]) -> None:
        transaction.set(self._active_document(user_id), {"job_paths": list(paths)})

    def _add(
        self,
        transaction: firestore.Transaction,
        user_id: str,
        day: str,
        *,
        reserved: int = 0,
        spent: int = 0,
        jobs: int = 0,
    ) -> None:
        changes = {"reserved_microusd": reserved, "spent_microusd": spent, "jobs": jobs}
        money = bool(reserved or spent)
        for document in [self._user_day(user_id, day), *([self._all_day(day)] if money else [])]:
            fields: dict[str, Any] = {name: firestore.Increment(value) for name, value in changes.items()}
            fields |= {"day": day, "expire_at": datetime.fromisoformat(f"{day}T00:00:00+00:00") + KEPT}
            transaction.set(document, fields, merge=True)

    def _active_document(self, user_id: str) -> firestore.DocumentReference:
        return self._client.document("users", user_id, "usage", "active")

    def _user_day(self, user_id: str, day: str) -> firestore.DocumentReference:
        return self._client.document("users", user_id, "usage", day)

    def _all_day(self, day: str) -> firestore.DocumentReference:
        return self._client.document("usage", day)


def _usage(fields: Mapping[str, Any] | None) -> DayUsage:
    fields = fields or {}
    return DayUsage(
        spent_microusd=fields.get("spent_microusd", 0),
        reserved_microusd=fields.get("reserved_microusd", 0),
        jobs=fields.get("jobs", 0),
    )


def _is_running(fields: Mapping[str, Any] | None) -> bool:
    return fields is not None and fields.get("status") in (JobStatus.PENDING, JobStatus.PROCESSING)
