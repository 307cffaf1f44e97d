"""A job's life: who may work on it, when, and how often it is tried.

    pending ──claim──> processing ──┬── complete
                        │  ▲        ├── error
                        ▼  │        └── canceled
                       (turns)

A *turn* is the time between one claim and its release. Its number is the fence: only the holder of the latest turn may
write. While a turn runs the job has a lease; between turns it has a `wake_at`.

    created            task              task                      lease expired
    |── turn 1 ──|     |── turn 2 ──|    |── turn 3 ── (killed)    |── turn 4 ──| complete
                 wake_at            wake_at          lease_expires_at

This module decides. It reads no clock and touches no store: `repositories.jobs` applies what it says, in one commit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pipeline.domain.errors import Interrupted, JobError, RateLimited, Runaway

MAX_ATTEMPTS = 3
"""How often one step is tried, and how often in a row an instance may die on a job."""

MAX_TURNS = 2000
"""The runaway breaker: fifty scenes that are each asked about twenty times take half of it."""

MAX_WAIT_SECONDS = 300.0
"""However long a provider asks us to wait: its word is not worth a job that hangs."""

MAX_RATE_LIMITED_ATTEMPTS = 12
RATE_LIMITED_PATIENCE = timedelta(hours=3)
"""A provider that asks us to wait is not failing: it is asked again so often at least, and for so long. An account that
may create six predictions a minute gets through a thousand of them, and nobody's job fails because others are many.
"""

LONGEST_WAIT = timedelta(seconds=1.5 * MAX_WAIT_SECONDS)
"""No job asks to be woken later than this, jitter included."""

TASK_EARLY_TOLERANCE = timedelta(seconds=1)
"""Clocks differ: a task this much ahead of its time is not early."""


class JobKind(StrEnum):
    """The kinds of job; each has its collection."""

    IMAGE = "image"
    VIDEO = "video"
    MULTI_VIDEO = "multi_video"
    COMPOSITION = "composition"

    @property
    def collection(self) -> str:
        return _COLLECTIONS[self]

    @property
    def label(self) -> str:
        """What log lines call it."""
        return _LABELS[self]


_COLLECTIONS = {
    JobKind.IMAGE: "image_generation_jobs",
    JobKind.VIDEO: "video_generation_jobs",
    JobKind.MULTI_VIDEO: "multi_video_jobs",
    JobKind.COMPOSITION: "composition_jobs",
}
_LABELS = {
    JobKind.IMAGE: "Image Generation",
    JobKind.VIDEO: "Video Generation",
    JobKind.MULTI_VIDEO: "Multi-Video Generation",
    JobKind.COMPOSITION: "Composition",
}


class JobStatus(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETE = "complete"
    ERROR = "error"
    CANCELED = "canceled"

    @property
    def is_terminal(self) -> bool:
        return self in (JobStatus.COMPLETE, JobStatus.ERROR, JobStatus.CANCELED)


@dataclass(frozen=True)
class JobRef:
    """Where a job is."""

    kind: JobKind
    job_id: str

    @property
    def path(self) -> str:
        return f"{self.kind.collection}/{self.job_id}"

    @staticmethod
    def of_path(path: str) -> "JobRef":
        """The job at `image_generation_jobs/job-1`. Raises KeyError for any other collection."""
        collection, _, job_id = path.partition("/")
        return JobRef({kind.collection: kind for kind in JobKind}[collection], job_id)


@dataclass(frozen=True)
class StepRecord:
    """What a job remembers of one step."""

    done: bool = False
    attempt: int = 0  # tries that failed so far
    rate_limited: int = 0  # tries to which a provider answered: later
    retry_at: datetime | None = None  # not before this
    output: Mapping[str, Any] = field(default_factory=dict)  # what a finished step returned
    failed: bool = False  # for good
    error_code: str | None = None  # of the last failed try, also when a later one succeeded
    error_message: str | None = None
    error_details: Mapping[str, Any] = field(default_factory=dict)
    started_at: datetime | None = None  # when its first try began; None: recorded by an earlier version
    ended_at: datetime | None = None  # when it was done, or had failed for good

    def after_success(self, output: Mapping[str, Any], now: datetime) -> "StepRecord":
        """The step done. It still tells how often, and why last, it had failed before."""
        return StepRecord(
            done=True,
            attempt=self.attempt,
            rate_limited=self.rate_limited,
            output=output,
            error_code=self.error_code,
            started_at=self.started_at,
            ended_at=now,
        )

    def after_failure(self, error: JobError, now: datetime, spread: float) -> "StepRecord":
        """The step after one more failure. To be asked to wait is counted by itself: it is no failing.

        `spread` in [0, 1) is the jitter of the wait before the next try.
        """
        is_limit = isinstance(error, RateLimited)
        attempt, limited = self.attempt + (not is_limit), self.rate_limited + is_limit
        again = error.retryable and (self._waits_its_turn(limited, now) if is_limit else attempt < MAX_ATTEMPTS)
        wait = pause_seconds(limited, spread) if is_limit else backoff_seconds(attempt, spread)
        if isinstance(error, RateLimited) and error.retry_after_seconds is not None:
            wait = max(wait, min(error.retry_after_seconds, MAX_WAIT_SECONDS))
        return StepRecord(
            attempt=attempt,
            rate_limited=limited,
            retry_at=now + timedelta(seconds=wait) if again else None,
            failed=not again,
            error_code=error.code,
            error_message=error.message,
            error_details=error.details,
            started_at=self.started_at,
            ended_at=None if again else now,
        )

    def _waits_its_turn(self, limited: int, now: datetime) -> bool:
        """Whether a step that was asked to wait so many times goes on asking."""
        if limited < MAX_RATE_LIMITED_ATTEMPTS:
            return True
        return self.started_at is not None and now - self.started_at < RATE_LIMITED_PATIENCE


@dataclass(frozen=True)
class Job:
    """A job document as the state machine sees it."""

    ref: JobRef
    status: JobStatus
    user_id: str
    fields: Mapping[str, Any]  # the whole document: the client's input is parsed from it
    attempt: int = 1  # 1 + every retry of anything, for people to see
    turn: int = 0  # claims so far; the fence
    interruptions: int = 0  # turns in a row that ended without release
    lease_expires_at: datetime | None = None  # set while a turn runs
    wake_at: datetime | None = None  # when somebody must look again
    cancel_requested: bool = False
    dry_run: bool = False  # to be checked and estimated only: nothing beside the job is touched, whatever comes of it
    progress_percent: int = 0
    cost_usd: float = 0.0
    started_at: datetime | None = None
    created_at: datetime | None = None  # as Firestore says; None: nobody has claimed it yet
    updated_at: datetime | None = None  # by the functions' last write
    usage_day: str | None = None  # the day whose limits it was admitted under; None before that
    reserved_microusd: int = 0  # of that day's limits, until the job has ended
    duplicate_of: str | None = None  # the job with the same request_id that does the work
    steps: Mapping[str, StepRecord] = field(default_factory=dict)
    is_newer: bool = False  # begun by code that this one cannot read: only its state counts, `steps` is empty


@dataclass(frozen=True)
class CreatedWake:
    """The document-created trigger: at least once, in any order."""


@dataclass(frozen=True)
class TaskWake:
    """A task that was queued when `turn` was released; only the latest one still counts."""

    turn: int


@dataclass(frozen=True)
class SignalWake:
    """Something changed that the job waits for (a webhook, a sweep): look at once."""


Wake = CreatedWake | TaskWake | SignalWake


@dataclass(frozen=True)
class Take:
    """Claim it."""

    interrupted: bool  # the turn before never released


@dataclass(frozen=True)
class GiveUp:
    """Claim it, only to write why nobody works on it any more: `error`."""

    error: JobError
    interrupted: bool = False  # the turn before never released
    refused: bool = False  # it was not even admitted


@dataclass(frozen=True)
class Ignore:
    """Nothing to do: finished, a duplicate, or a task that a later turn has replaced."""

    reason: str


@dataclass(frozen=True)
class Busy:
    """Another turn holds it; that turn is asked to look once more before it lets go."""


@dataclass(frozen=True)
class TooEarly:
    """The task came before its time; it should be delivered again."""

    wake_at: datetime


@dataclass(frozen=True)
class LeaveToNewer:
    """Newer code has begun it: it is not touched. See `domain.schema_versions`."""

    min_reader: int  # the version that it takes


KILLED = Interrupted("The function was stopped three times while working on this job (out of memory?).")

ClaimDecision = Take | GiveUp | Ignore | Busy | TooEarly | LeaveToNewer


def decide_claim(job: Job, wake: Wake, now: datetime) -> ClaimDecision:
    """Whether this wake-up may start a turn.

    Duplicates are recognised by the job's own state, never by the id of an event.
    """
    if job.status.is_terminal:
        return Ignore(f"already {job.status}")
    if job.lease_expires_at is not None and job.lease_expires_at > now:
        # the task that started this very turn comes again when its instance died: it shall stay until that shows
        is_own_task = isinstance(wake, TaskWake) and wake.turn == job.turn - 1
        return TooEarly(job.lease_expires_at) if is_own_task else Busy()
    if job.turn >= MAX_TURNS:
        return GiveUp(Runaway(f"The job was stopped: it was woken {job.turn} times, which no honest job needs."))
    if job.lease_expires_at is not None:
        return Take(interrupted=True) if job.interruptions + 1 < MAX_ATTEMPTS else GiveUp(KILLED, interrupted=True)
    overdue = job.wake_at is not None and job.wake_at <= now
    match wake:
        case CreatedWake() if job.status is not JobStatus.PENDING and not overdue:
            return Ignore("created event delivered again")
        case TaskWake(turn) if turn != job.turn and not overdue:
            return Ignore(f"task of turn {turn}, the job is at turn {job.turn}")
        case TaskWake() if job.wake_at is not None and job.wake_at > now + TASK_EARLY_TOLERANCE:
            return TooEarly(job.wake_at)
    return Take(interrupted=False)


def backoff_seconds(attempt: int, spread: float) -> float:
    """Seconds to wait after try number `attempt` failed: 2, 8, 32 ... at most 300, plus up to half as much again.

    `spread` in [0, 1) is the jitter; the caller draws it.
    """
    return min(2.0 * 4.0 ** (attempt - 1), MAX_WAIT_SECONDS) * (1.0 + spread / 2.0)


def pause_seconds(attempt: int, spread: float) -> float:
    """Seconds to wait after being asked to for the `attempt`-th time: as long as a backoff, less or more by a half.

    Many are asked at the same moment, and must not come again at the same moment: there is only so much room in each.
    """
    return min(2.0 * 4.0 ** (attempt - 1), MAX_WAIT_SECONDS) * (0.5 + spread)


def poll_delay_seconds(polls: int, first_seconds: float) -> float:
    """Seconds until something is asked about again: growing by a quarter each time, at most a minute.

    So a result is found at most a fifth of the prediction's own time late, and a wish to cancel within a minute.
    """
    return min(first_seconds * 1.25 ** min(polls, 40), max(60.0, first_seconds))
