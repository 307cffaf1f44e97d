"""A job document, read. With care: it was created by somebody else, who may have put anything into it.

    created                  first claim                          later claims
    anything at all ──────>  what is ours is taken out,  ──────>  what stands there is what we have written
                             CLAIMED is set

A document that comes with finished steps, a share of a limit or another job to answer for (written by a backend that
passes on what it gets, or copied from a job that is over) could otherwise name other users' files, or go uncounted.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from google.cloud import firestore

from pipeline.domain.errors import NotFound
from pipeline.domain.job_fields import STATE_FIELDS
from pipeline.domain.jobs import Job, JobKind, JobRef, JobStatus, StepRecord
from pipeline.domain.requests import REQUEST_MODELS
from pipeline.domain.results import RESULT_FIELDS
from pipeline.domain.schema_versions import CURRENT, Schema
from pipeline.repositories.documents import changed

_STATUSES = {str(status): status for status in JobStatus}

CLAIMED = "document_created_at"
"""Set by the first claim to the time at which Firestore made the document: nobody knows that before."""


def read_job(ref: JobRef, snapshot: "firestore.DocumentSnapshot[Any]", schema: Schema) -> Job:
    """The job in a document. Of one that was never claimed only what its creator may say counts; one that an older
    version has claimed is as this one would have written it. Raises NotFound."""
    fields = snapshot.to_dict()
    if fields is None:
        raise NotFound(f"There is no job {ref.path}.")
    is_claimed = _is_claimed(snapshot, fields)
    return job_of(ref, schema.upgraded(ref.kind, fields) if is_claimed else _as_created(ref.kind, fields), schema)


def corrections(ref: JobRef, snapshot: "firestore.DocumentSnapshot[Any]", schema: Schema) -> dict[str, Any]:
    """What a claim changes so that the document holds what `read_job` has read: the fields with which it came although
    they are ours (empty ones may stay), or what an older version wrote otherwise."""
    found = snapshot.to_dict() or {}
    if not _is_claimed(snapshot, found):
        return {name: firestore.DELETE_FIELD for name in _ours(ref.kind) if found.get(name)}
    upgraded = schema.upgraded(ref.kind, found)
    gone = dict.fromkeys(found.keys() - upgraded.keys(), firestore.DELETE_FIELD)
    return {**changed(found, dict(upgraded)), **gone}


def _is_claimed(snapshot: "firestore.DocumentSnapshot[Any]", fields: Mapping[str, Any]) -> bool:
    return bool(fields.get(CLAIMED) == snapshot.create_time)


def _as_created(kind: JobKind, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is ours. A status that says it is over stays: what was restored from a backup is not made again."""
    ours, status = _ours(kind), _status(fields)
    kept = {name: value for name, value in fields.items() if name not in ours}
    return {**kept, "status": status if status.is_terminal else JobStatus.PENDING}


def _ours(kind: JobKind) -> frozenset[str]:
    """What only functions write into a job of this kind. (A clip's `duration` is asked for, and is a result.)"""
    return (STATE_FIELDS | set(RESULT_FIELDS[kind])) - REQUEST_MODELS[kind].model_fields.keys()


def _status(fields: Mapping[str, Any]) -> JobStatus:
    status = fields.get("status")
    return _STATUSES.get(status, JobStatus.PENDING) if isinstance(status, str) else JobStatus.PENDING


def job_of(ref: JobRef, fields: Mapping[str, Any], schema: Schema = CURRENT) -> Job:
    """The job that a document's fields describe. What is not as the functions would write it counts as absent."""
    is_newer = not schema.reads(fields)
    steps = fields.get("steps") if not is_newer else None
    return Job(
        ref=ref,
        status=_status(fields),
        user_id=_text(fields.get("user_id")) or "",
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
        created_at=_time(fields.get(CLAIMED)),
        updated_at=_time(fields.get("updated_at")),
        usage_day=_text(fields.get("usage_day")),
        reserved_microusd=_whole(fields.get("reserved_microusd"), 0),
        duplicate_of=_text(fields.get("duplicate_of")),
        steps={name: _step(step) for name, step in steps.items()} if isinstance(steps, dict) else {},
        is_newer=is_newer,
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
        started_at=_time(fields.get("started_at")),
        ended_at=_time(fields.get("ended_at")),
    )


def _whole(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: Any) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _time(value: Any) -> datetime | None:
    return value if isinstance(value, datetime) else None
