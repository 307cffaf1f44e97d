"""A job document, read. With care: it was created by somebody else, who may have put anything into it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from google.cloud import firestore

from pipeline.domain.errors import NotFound
from pipeline.domain.jobs import Job, JobRef, JobStatus, StepRecord

_STATUSES = {str(status): status for status in JobStatus}


def read_job(ref: JobRef, snapshot: "firestore.DocumentSnapshot[Any]") -> Job:
    """The job in a document. Raises NotFound."""
    fields = snapshot.to_dict()
    if fields is None:
        raise NotFound(f"There is no job {ref.path}.")
    return job_of(ref, fields)


def job_of(ref: JobRef, fields: Mapping[str, Any]) -> Job:
    """The job that a document's fields describe. What is not as the functions would write it counts as absent."""
    status = fields.get("status")
    steps = fields.get("steps")
    return Job(
        ref=ref,
        status=_STATUSES.get(status, JobStatus.PENDING) if isinstance(status, str) else JobStatus.PENDING,
        user_id=str(fields.get("user_id") or ""),
        fields=fields,
        attempt=_whole(fields.get("attempt"), 1),
        turn=_whole(fields.get("turn"), 0),
        interruptions=_whole(fields.get("interruptions"), 0),
        lease_expires_at=_time(fields.get("lease_expires_at")),
        wake_at=_time(fields.get("wake_at")),
        cancel_requested=fields.get("cancel_requested") is True,
        dry_run=fields.get("dry_run") is True,
        progress_percent=_whole(fields.get("progress_percent"), 0),
        cost_usd=float(_number(fields.get("cost_usd"))),
        started_at=_time(fields.get("started_at")),
        usage_day=_text(fields.get("usage_day")),
        reserved_microusd=_whole(fields.get("reserved_microusd"), 0),
        duplicate_of=_text(fields.get("duplicate_of")),
        steps={name: _step(step) for name, step in steps.items()} if isinstance(steps, dict) else {},
    )


def _step(fields: Any) -> StepRecord:
    if not isinstance(fields, dict):
        return StepRecord()
    return StepRecord(
        done=fields.get("done") is True,
        attempt=_whole(fields.get("attempt"), 0),
        rate_limited=_whole(fields.get("rate_limited"), 0),
        retry_at=_time(fields.get("retry_at")),
        output=fields.get("output") or {},
        failed=fields.get("failed") is True,
        error_code=fields.get("error_code"),
        error_message=fields.get("error_message"),
        error_details=fields.get("error_details") or {},
    )


def _whole(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: Any) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _time(value: Any) -> datetime | None:
    return value if isinstance(value, datetime) else None
