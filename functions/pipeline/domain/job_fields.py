"""What stands on every job document beside its request (`domain.requests`) and its results (`domain.results`).

    status                      pending    processing    complete    error        canceled
    beside CreatedFields        nothing    TurnFields    EndFields   EndFields    EndFields, TurnFields
                                                         TurnFields  ErrorFields

A dataclass in these types stands for its fields, as `asdict` writes them; those with a default may be missing, as in a
step that has only begun.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, NewType, NotRequired, TypedDict

from pipeline.domain.jobs import JobStatus, StepRecord
from pipeline.domain.model_inputs import Adjustment

Stage = Literal["place", "prompt", "predict", "composite", "fetch", "compose", "store", "complete", "error", "canceled"]
"""What a job is at."""

ErrorCode = NewType("ErrorCode", str)
"""One of the codes in `domain.errors`."""


class JobErrorFields(TypedDict):
    """Why a job, or a scene of it, failed."""

    code: ErrorCode
    message: str  # a sentence for the user
    retryable: bool  # whether the same may succeed at another time
    resets_at: NotRequired[datetime | None]  # of quota_exceeded: when the job will be taken; null: not a matter of time
    categories: NotRequired[list[str]]  # of content_rejected: those of the moderation; empty where the model refused


class CreatedFields(TypedDict):
    """What whoever creates a job writes beside its request."""

    status: JobStatus
    job_id: NotRequired[str]
    created_at: NotRequired[datetime]
    updated_at: NotRequired[datetime]  # from the first turn on set by every write of the functions
    cancel_requested: NotRequired[bool]  # true: stop it; the one field that a client may change


class TurnFields(TypedDict):
    """What is there from the first turn on. A turn is one call of the function; a job may take many."""

    document_created_at: datetime
    started_at: datetime  # of the first turn
    turn: int  # how many there were
    attempt: int  # 1 + every retry of anything
    interruptions: int  # turns in a row that were cut short
    claim_id: str
    schema_version: NotRequired[int]  # of the code that claimed it last: `domain.schema_versions`; none: 0
    min_reader_version: NotRequired[int]  # code of an older version leaves it alone
    wake_requested: bool  # somebody asked for another look while a turn ran
    lease_expires_at: datetime | None  # set while a turn runs
    wake_at: datetime | None  # when it goes on at the latest; null: it has ended
    progress_percent: int  # 0 to 100, never backwards
    stage: NotRequired[Stage]
    steps: NotRequired[Mapping[str, StepRecord]]  # by their names; a step is done once
    origin_job_id: NotRequired[str]  # of a retry: the first of the jobs whose work it goes on with
    duplicate_of: NotRequired[str]  # the path of the earlier job with the same request_id, which does the work
    usage_day: NotRequired[str]  # the UTC day whose limits it counts for: 2026-11-21
    reserved_microusd: NotRequired[int]  # what was set aside of them, in millionths of a US dollar
    estimated_cost_usd: NotRequired[float]  # if all goes well


class EndFields(TypedDict):
    """What is there once a job is over, however it ended."""

    completed_at: datetime
    expire_at: datetime  # when the document will be deleted
    cost_usd: float  # what it has really cost


class CompleteFields(EndFields, TurnFields):
    """Of a job that has made all that it was to make."""

    error: None
    error_message: None


class ErrorFields(EndFields):
    """Of a job that has failed."""

    error: JobErrorFields
    error_message: str  # the same sentence as in `error`


class CanceledFields(EndFields, TurnFields):
    """Of a job that its user did not want any more."""


class DryRunFields(TypedDict):
    """What a job with `dry_run` is told in place of results."""

    estimated_cost_usd: float
    adjustments: list[Adjustment]  # what would be used in place of what was asked for
    would_exceed: JobErrorFields | None  # null, or the quota_exceeded that the job itself would get now


STATE_FIELDS = frozenset(
    name
    for fields in (TurnFields, EndFields, ErrorFields, DryRunFields)
    for name in fields.__annotations__
    if name != "adjustments"  # those are results
)
"""What only functions write on jobs of all kinds, beside `status` and `updated_at`, which whoever creates them sets."""
