"""What users have running and have spent, and which request ids they have used. Only ever written together with a job,
in one atomic commit that fails when what was read has changed: which is what makes it exact.

    users/{uid}/usage/active        {job_paths: [...]}
    users/{uid}/usage/{day}         {day, jobs, reserved_microusd, spent_microusd}
    usage/{day}                     the same, of all users; in more documents with USAGE_SHARDS (`shared_day`)
    requests/{key}                  {job_path, fingerprint}: which job answers a user's request_id
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from google.cloud import firestore

from pipeline.domain.errors import InvalidRequest, QuotaExceeded
from pipeline.domain.jobs import JobRef, JobStatus
from pipeline.domain.quotas import MICRO, Application, DayUsage, Limits, check_limits, usage_day
from pipeline.repositories.documents import unchanged_since
from pipeline.repositories.shared_day import SharedDay, usage_of, write_changes

KEPT = timedelta(days=90)
"""How long a day's sums stay."""


class UsageLedger:
    """Admits jobs and settles what they cost, as part of the caller's commit."""

    def __init__(self, client: firestore.Client, limits: Limits, retention: timedelta) -> None:
        self._client = client
        self._limits = limits
        self._retention = retention
        self._all = SharedDay(client, limits)

    def admit(
        self, batch: firestore.WriteBatch, ref: JobRef, application: Application, now: datetime
    ) -> dict[str, Any]:
        """Add the job's share to the batch, on condition that what it rests on stays as it is until the commit.

        Returns the fields that belong on the job. A job whose request_id an earlier one has used is admitted as its
        duplicate, at no cost. Raises QuotaExceeded, or InvalidRequest when the earlier one asked for something else.
        A dry run adds nothing and uses up no request_id: it is only told what the job would cost.
        """
        if application.dry_run:
            return {"estimated_cost_usd": application.estimate_microusd / MICRO}
        user_id, estimate, day = application.user_id, application.estimate_microusd, usage_day(now)
        user_day, request = self._user_day(user_id, day).get(), self._request(application)
        if earlier := _earlier_job(request, ref, application, now):
            # waits and costs nothing, but a thousand a day are enough
            check_limits(self._limits, (), usage_of(user_day), DayUsage(), 0, now)
            self._change(batch, user_day, _added(day, jobs=1))
            return {"usage_day": day, "duplicate_of": earlier, "estimated_cost_usd": 0.0}
        active = self._active_document(user_id).get()
        # what all users share is left alone by jobs that cost nothing
        room = self._all.room_for(day, ref.path, estimate, _added(day, reserved=estimate)) if estimate else None
        running = self._running(active)
        committed = room.committed if room is not None else DayUsage()
        check_limits(self._limits, running, usage_of(user_day), committed, estimate, now)
        paths = [*(path for path in running if path != ref.path), ref.path]
        self._change(batch, active, {"job_paths": paths})
        self._change(batch, user_day, _added(day, reserved=estimate, jobs=1))
        if room is not None:
            write_changes(self._client, batch, room)
        if request is not None:
            remembered = {
                "job_path": ref.path,
                "user_id": user_id,
                "fingerprint": application.fingerprint,
                "expire_at": now + self._retention,
            }
            self._change(batch, request, remembered)
        return {"usage_day": day, "reserved_microusd": estimate, "estimated_cost_usd": estimate / MICRO}

    def refusal(self, user_id: str, estimate: int, now: datetime) -> QuotaExceeded | None:
        """What `admit` would say now to one more job of the user, of `estimate` micro-dollars: None, it would be taken.

        Only reads: a moment later the answer may be another.
        """
        day = usage_day(now)
        running = self._running(self._active_document(user_id).get())
        user_day = usage_of(self._user_day(user_id, day).get())
        try:
            check_limits(self._limits, running, user_day, self._all.committed(day), estimate, now)
        except QuotaExceeded as error:
            return error
        return None

    def reserve_more(
        self, batch: firestore.WriteBatch, ref: JobRef, user_id: str, day: str, more: int, now: datetime
    ) -> None:
        """For a step that has to be paid again. Raises QuotaExceeded; nothing has been added then."""
        user_day, added = self._user_day(user_id, day).get(), _added(day, reserved=more)
        room = self._all.room_for(day, ref.path, more, added)
        without_counts = Limits(0, 0, self._limits.usd_per_user_per_day, self._limits.usd_per_day)
        check_limits(without_counts, (), usage_of(user_day), room.committed, more, now)
        self._change(batch, user_day, added)
        write_changes(self._client, batch, room)

    def settle(
        self, batch: firestore.WriteBatch, ref: JobRef, user_id: str, day: str, *, reserved: int, spent: int
    ) -> None:
        """The job has ended: its place is free, its reservation becomes what it really cost. Reads nothing."""
        batch.set(self._active_document(user_id), {"job_paths": firestore.ArrayRemove([ref.path])}, merge=True)
        self._add(batch, ref, user_id, day, reserved=-reserved, spent=spent)

    def correct(self, batch: firestore.WriteBatch, ref: JobRef, user_id: str, day: str, more: int) -> None:
        """The job, which has ended, turned out to have cost `more` (or less) micro-dollars. Reads nothing."""
        self._add(batch, ref, user_id, day, spent=more)

    def _request(self, application: Application) -> "firestore.DocumentSnapshot[Any] | None":
        if application.request_key is None:
            return None
        return self._client.document("requests", application.request_key).get()

    def _running(self, active: "firestore.DocumentSnapshot[Any]") -> Sequence[str]:
        """The user's running jobs. At the limit each is looked at: one that was deleted must not block its user."""
        paths = [str(path) for path in (active.to_dict() or {}).get("job_paths") or []]
        if not 0 < self._limits.active_jobs_per_user <= len(paths):
            return paths
        found = self._client.get_all([self._client.document(path) for path in paths])
        running = {snapshot.reference.path for snapshot in found if _is_running(snapshot.to_dict())}
        return [path for path in paths if path in running]

    def _change(
        self, batch: firestore.WriteBatch, found: "firestore.DocumentSnapshot[Any]", fields: Mapping[str, Any]
    ) -> None:
        if found.exists:
            batch.update(found.reference, dict(fields), option=unchanged_since(self._client, found))
        else:
            batch.create(found.reference, dict(fields))

    def _add(
        self, batch: firestore.WriteBatch, ref: JobRef, user_id: str, day: str, *, reserved: int = 0, spent: int = 0
    ) -> None:
        if reserved or spent:
            for document in (self._user_day(user_id, day), self._all.document_of(day, ref.path)):
                batch.set(document, _added(day, reserved=reserved, spent=spent), merge=True)

    def _active_document(self, user_id: str) -> firestore.DocumentReference:
        return self._client.document("users", user_id, "usage", "active")

    def _user_day(self, user_id: str, day: str) -> firestore.DocumentReference:
        return self._client.document("users", user_id, "usage", day)


def _earlier_job(
    request: "firestore.DocumentSnapshot[Any] | None", ref: JobRef, application: Application, now: datetime
) -> str | None:
    """The path of the job that answers this request id already.

    Firestore deletes what has expired within a day, in no order: of two such documents the job may be gone first.
    """
    fields = request.to_dict() if request is not None else None
    if fields is None or fields["job_path"] == ref.path:
        return None
    if (expire_at := fields.get("expire_at")) is not None and expire_at <= now:
        return None
    if fields["fingerprint"] != application.fingerprint:
        raise InvalidRequest("Field 'request_id' is not valid: another job has used it to ask for something else.")
    return str(fields["job_path"])


def _added(day: str, *, reserved: int = 0, spent: int = 0, jobs: int = 0) -> dict[str, Any]:
    changes = {"reserved_microusd": reserved, "spent_microusd": spent, "jobs": jobs}
    fields: dict[str, Any] = {name: firestore.Increment(value) for name, value in changes.items()}
    return {**fields, "day": day, "expire_at": datetime.fromisoformat(f"{day}T00:00:00+00:00") + KEPT}


def _is_running(fields: Mapping[str, Any] | None) -> bool:
    return fields is not None and fields.get("status") in (JobStatus.PENDING, JobStatus.PROCESSING)
