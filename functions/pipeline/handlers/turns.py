"""One turn of one job: runs its steps, remembers the finished ones, writes progress, notices a wish to cancel.

    turn 1   step a: done ✓   step b: not ready ── WakeLater
    turn 2   step a: remembered   step b: done ✓   step c: fails ── WakeLater (backoff)
    turn 3   step a, b: remembered   step c: done ✓  ── Completed

A step's output is recorded before the next one starts, so a step is repeated only when the instance died inside it: its
effects must be safe to repeat.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from pipeline.adapters import log_context, logger, tracing
from pipeline.domain.errors import DeadlineExceeded, Interrupted, JobError, recorded_error
from pipeline.domain.jobs import Job, JobRef, StepRecord
from pipeline.domain.log_events import StepEnded, step_without_numbers
from pipeline.domain.model_inputs import Adjustment, as_fields, noted_adjustments
from pipeline.domain.outcomes import CancelRequested, DocumentUpdate, TurnLost, WakeLater
from pipeline.domain.schema_versions import known
from pipeline.handlers.failures import failure_of
from pipeline.handlers.tools import Desk

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Output = TypeVar("Output", bound="DataclassInstance")

REPORT_SECONDS = 1.0
"""At most one progress write in this time: a document takes about one sustained write a second."""

CHECK_SECONDS = 5.0
"""How often a turn that has nothing to show looks whether it is still wanted, and renews its lease."""


class StepFailed(Exception):
    """A step failed for good: its error is not worth retrying, or was tried often enough."""

    def __init__(self, error: JobError) -> None:
        super().__init__(str(error))
        self.error = error


class Turn:
    """The job while this instance holds it. Methods may be called from several threads."""

    def __init__(self, desk: Desk, job: Job, seconds: float) -> None:
        self._desk = desk
        self._job = job
        self._began_at = time.monotonic()
        self._deadline = self._began_at + seconds
        self._lock = threading.RLock()
        self._written_at = time.monotonic()  # the claim was a write
        self._stage, self._progress = job.fields.get("stage"), job.progress_percent
        self._origin_job_id = str(job.fields.get("origin_job_id") or job.ref.job_id)
        self._adjustments = noted_adjustments(job.fields)
        self._adjusted = False  # since the last write
        self._begun: set[str] = set()  # steps whose start no write has taken along yet

    @property
    def ref(self) -> JobRef:
        return self._job.ref

    @property
    def number(self) -> int:
        return self._job.turn

    @property
    def user_id(self) -> str:
        return self._job.user_id

    @property
    def fields(self) -> Mapping[str, Any]:
        """The job document as claimed."""
        return self._job.fields

    @property
    def origin_job_id(self) -> str:
        """The job itself, or the first of the jobs that it is a retry of: their clips belong together."""
        return self._origin_job_id

    @property
    def seconds_left(self) -> float:
        """Until this instance must have let go of the job."""
        return self._deadline - time.monotonic()

    def run_step(self, name: str, record: type[Output], work: Callable[[], Output]) -> Output:
        """The output of a step: remembered, or worked out now and recorded as the dataclass `record`.

        Raises WakeLater when the step waits or is to be tried again, StepFailed when it failed for good.
        """
        if (remembered := self.finished(name, record)) is not None:
            return remembered
        step = self._step(name)
        if step.failed:
            raise StepFailed(recorded_error(step.error_code, step.error_message, step.error_details))
        self._leave_if_not_now(step)
        names = {"step": step_without_numbers(name), "step_name": name}
        job = {"job_id": self.ref.job_id, "kind": str(self.ref.kind), "attempt": self._job.attempt}
        with log_context.bound(**names), tracing.span("step", **names, **job):
            return self._try_step(name, self._begin(name), work)

    def _try_step(self, name: str, step: StepRecord, work: Callable[[], Output]) -> Output:
        started = time.monotonic()
        try:
            self.check()
            output = work()
        except WakeLater:
            if self._adjusted:  # the next turn does not come by there again
                self.write({})
            raise
        except (CancelRequested, TurnLost, StepFailed):
            raise
        except DeadlineExceeded as error:
            over = Interrupted("The function call was over before the step was; it goes on in another.")
            self.fail_step(name, over if self.seconds_left <= 0 else error, error, time.monotonic() - started)
        except JobError as error:
            self.fail_step(name, error, seconds=time.monotonic() - started)
        except Exception as error:  # noqa: BLE001  the step's outcome is recorded, whatever went wrong in it
            logger.unexpected(f"[{self.ref.kind.label}] Unexpected {type(error).__name__} in {name}", error)
            self.fail_step(name, failure_of(error), error, time.monotonic() - started)
        done = step.after_success(asdict(output), self._desk.clock())
        self.write({f"steps.{name}": asdict(done)})
        self._remember(name, done)
        self._tell(name, f"Step {name} done", None, time.monotonic() - started)
        tracing.note(outcome="done")
        return output

    def finished(self, name: str, record: type[Output]) -> Output | None:
        """The output of a step if it is done. One that lacks what this version of the code needs is done again."""
        step = self._step(name)
        try:
            return record(**known(record, step.output)) if step.done else None
        except TypeError:
            return None

    def fail_step(
        self, name: str, error: JobError, cause: BaseException | None = None, seconds: float | None = None
    ) -> NoReturn:
        """Count a failed try, which took so long; None: all of the turn. Raises WakeLater when it is worth another,
        else StepFailed.
        """
        step = self._step(name)
        failed = step.after_failure(error, self._desk.clock(), self._desk.jitter())
        again = not failed.failed
        fields: dict[str, Any] = {f"steps.{name}": asdict(failed)}
        if again:
            fields["attempt"] = self._job.attempt + 1
        self.write(fields)
        self._remember(name, failed)
        spent = time.monotonic() - self._began_at if seconds is None else seconds
        self._tell(name, f"Step {name} failed: {error}", error, spent, again=again)
        tracing.note(outcome="failed", code=error.code, again=again)
        if not again:
            raise StepFailed(error) from (cause or error)
        raise WakeLater(self._seconds_until(failed)) from error

    def report(self, stage: str, percent: float) -> None:
        """Show progress: never backwards, at most one write a second in a stage, none when nothing has changed.

        Raises what `check` raises.
        """
        with self._lock:
            unchanged = stage == self._stage and int(percent) <= self._progress
            just_written = stage == self._stage and time.monotonic() - self._written_at < REPORT_SECONDS
            if unchanged or just_written:
                self.check()
            else:
                self.report_now(stage, percent)

    def report_now(
        self,
        stage: str,
        percent: float,
        fields: Mapping[str, Any] | None = None,
        updates: Sequence[DocumentUpdate] = (),
    ) -> None:
        """Show progress together with what has just been made. Raises what `write` raises."""
        with self._lock:
            self._stage, self._progress = stage, max(self._progress, min(int(percent), 99))
            self.write({"stage": stage, "progress_percent": self._progress, **(fields or {})}, updates)

    def check(self) -> None:
        """Raises CancelRequested, TurnLost or DeadlineExceeded when the turn should not go on."""
        with self._lock:
            self._check_deadline()
            if time.monotonic() - self._written_at >= CHECK_SECONDS:
                self.write({})

    def adjust(self, adjustments: Iterable[Adjustment]) -> None:
        """Note what is used in place of what was asked for; shown on the job from the next write on.

        Of one field the latest counts.
        """
        with self._lock:
            self._adjustments |= {noted["field"]: noted for noted in as_fields(adjustments)}
            self._adjusted = True

    def withdraw(self, fields: Iterable[str]) -> None:
        """What was noted about these is no longer so."""
        with self._lock:
            for name in fields:
                self._adjusted |= self._adjustments.pop(name, None) is not None

    def write(self, fields: Mapping[str, Any], updates: Sequence[DocumentUpdate] = ()) -> None:
        """Write to the job and to documents beside it, behind the fence.

        Raises CancelRequested (after writing) when the client no longer wants the job, TurnLost when it was taken over.
        """
        with self._lock:
            lease = timedelta(seconds=self._desk.settings.lease_seconds)
            if self._adjusted:
                fields = {**fields, "adjustments": list(self._adjustments.values())}
            fields = {**self._begun_steps(fields), **fields}
            found = self._desk.jobs.write(self.ref, self.number, self._desk.clock(), lease, fields, updates)
            self._written_at, self._adjusted = time.monotonic(), False
            self._begun.clear()
            self._job = replace(self._job, attempt=fields.get("attempt", self._job.attempt))
        if found.cancel_requested:
            raise CancelRequested

    def release(self, wake_at: datetime, *, even_if_woken: bool) -> bool:
        """Let go of the job until `wake_at`; False when another look is wanted first. Raises TurnLost."""
        with self._lock:
            now, begun = self._desk.clock(), self._begun_steps({})
            released = self._desk.jobs.release(self.ref, self.number, now, wake_at, begun, even_if_woken=even_if_woken)
            self._begun.clear()
        return released

    def reuse(self, steps: Mapping[str, StepRecord], origin_job_id: str) -> None:
        """Take over steps that an earlier job has finished, and what it was called where files are named after it."""
        self.write({"origin_job_id": origin_job_id, **{f"steps.{name}": asdict(step) for name, step in steps.items()}})
        for name, step in steps.items():
            self._remember(name, step)
        self._origin_job_id = origin_job_id

    def reserve_more(self, microusd: int) -> None:
        """For something that has to be paid again. Raises QuotaExceeded, TurnLost."""
        self._desk.jobs.reserve_more(self.ref, self.number, self._desk.clock(), microusd)

    def step_attempt(self, name: str) -> int:
        """How many tries of a step have failed."""
        return self._step(name).attempt

    def _begin(self, name: str) -> StepRecord:
        """The step, with the time at which its first try began: a write that there is anyway takes it along."""
        with self._lock:
            step = self._step(name)
            if step.started_at is None:
                step = replace(step, started_at=self._desk.clock())
                self._remember(name, step)
                self._begun.add(name)
            return step

    def _begun_steps(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """When steps began, but for those that `fields` write.

        Nothing else of them: a write whose answer was lost may have recorded that one is done.
        """
        unwritten = (name for name in self._begun if f"steps.{name}" not in fields)
        return {f"steps.{name}.started_at": self._step(name).started_at for name in unwritten}

    def _leave_if_not_now(self, step: StepRecord) -> None:
        """Raises WakeLater while a failed step has to wait, however often its job is woken, and when time is up."""
        if (wait := self._seconds_until(step)) > 0 or self.seconds_left <= 0:
            raise WakeLater(wait)

    def _seconds_until(self, step: StepRecord) -> float:
        if step.retry_at is None:
            return 0.0
        return max((step.retry_at - self._desk.clock()).total_seconds(), 0.0)

    def _check_deadline(self) -> None:
        if self.seconds_left <= 0:
            raise DeadlineExceeded("The work did not fit in the time that one function call has.")

    def _step(self, name: str) -> StepRecord:
        with self._lock:
            return self._job.steps.get(name, StepRecord())

    def _remember(self, name: str, step: StepRecord) -> None:
        with self._lock:
            self._job = replace(self._job, steps={**self._job.steps, name: step})

    def _tell(self, name: str, words: str, error: JobError | None, seconds: float, **facts: Any) -> None:
        kind, code = self.ref.kind, error.code if error else ""
        ended = StepEnded(str(kind), step_without_numbers(name), error is None, code, round(seconds, 3))
        logger.tell(ended, f"[{kind.label}] {words}", is_warning=error is not None, step_name=name, **facts)
