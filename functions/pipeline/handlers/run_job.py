"""Advance one job: claim it, do what can be done now, and either finish it or say when to wake it.

Called by the created triggers and the task functions alike. Duplicates, late and early calls are harmless: the claim
decides.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from pipeline.adapters import log_context, logger, tracing
from pipeline.domain.clips import check_document_id
from pipeline.domain.errors import DatabaseRefused, InvalidRequest, JobError, NotFound
from pipeline.domain.jobs import Busy, GiveUp, Ignore, Job, JobKind, JobRef, LeaveToNewer, TooEarly, Wake
from pipeline.domain.outcomes import (
    Canceled,
    CancelRequested,
    Completed,
    Failed,
    Outcome,
    TurnLost,
    Waiting,
    WakeLater,
)
from pipeline.domain.schema_versions import SCHEMA_VERSION
from pipeline.handlers.admission import application_of
from pipeline.handlers.compose_video import compose_video
from pipeline.handlers.dry_run import run_dry
from pipeline.handlers.earlier_jobs import answer_duplicate, reuse_finished_steps
from pipeline.handlers.failures import failure_of
from pipeline.handlers.generate_image import generate_image
from pipeline.handlers.generate_multi_video import generate_multi_video
from pipeline.handlers.generate_video import generate_video
from pipeline.handlers.job_ends import bury_job, end_job
from pipeline.handlers.leftovers import leave_nothing, tidy_after_the_end
from pipeline.handlers.scene_marks import canceled_scene_marks, failed_scene_marks
from pipeline.handlers.tools import Desk, Tools
from pipeline.handlers.turns import StepFailed, Turn

ADVANCE: Mapping[JobKind, Callable[[Turn, Desk, Tools], Completed | Failed]] = {
    JobKind.IMAGE: generate_image,
    JobKind.VIDEO: generate_video,
    JobKind.MULTI_VIDEO: generate_multi_video,
    JobKind.COMPOSITION: compose_video,
}


MAX_JOB_ID = 200

SECONDS_TO_LOOK_AGAIN = 60.0
"""With less than this left, what has happened meanwhile is for the next turn."""


class DeliverAgain(Exception):
    """The task came before its time: the queue should deliver it again."""


def run_job(ref: JobRef, wake: Wake, seconds: float, desk: Desk, tools: Callable[[], Tools]) -> None:
    """Run one turn of a job, in at most `seconds`.

    `tools` is called once the job is claimed, so that a missing setting ends up on the job. Raises DeliverAgain for an
    early task. Errors of Firestore itself propagate: nothing could be written down, and the lease will run out.
    """
    with log_context.bound(job_id=ref.job_id, kind=str(ref.kind)):
        _run(ref, wake, seconds, desk, tools)


def _run(ref: JobRef, wake: Wake, seconds: float, desk: Desk, tools: Callable[[], Tools]) -> None:
    label = ref.kind.label
    logger.info(f"[{label}] Function triggered for job {ref.job_id}")
    lease = timedelta(seconds=desk.settings.lease_seconds)
    try:
        decision, job = desk.jobs.claim(
            ref, wake, desk.clock(), lease, lambda found: application_of(found, desk.settings)
        )
    except NotFound:
        logger.warn(f"[{label}] Job {ref.job_id} no longer exists")
        return
    except DatabaseRefused as full:
        bury_job(ref, full, desk)
        return
    match decision:
        case TooEarly(wake_at):
            raise DeliverAgain(f"job {ref.job_id} is to be woken at {wake_at.isoformat()}")
        case Ignore(reason):
            logger.info(f"[{label}] Nothing to do for job {ref.job_id}: {reason}")
        case Busy():
            logger.info(f"[{label}] Job {ref.job_id} is being worked on")
        case LeaveToNewer(version):  # until the sweeper finds it again; a task that is refused comes every minute
            why = f"it takes version {version}, this is {SCHEMA_VERSION}"
            logger.warn(f"[{label}] Job {ref.job_id} is left to newer code: {why}")
        case GiveUp():
            with _as_turn(job):
                _give_up(job, decision, desk, tools)
        case _:
            with _as_turn(job):
                _take_turn(Turn(desk, job, seconds), job, desk, tools)


@contextmanager
def _as_turn(job: Job) -> Iterator[None]:
    """What is logged and traced inside belongs to the job's turn."""
    names = {"job_id": job.ref.job_id, "kind": str(job.ref.kind)}
    number = {"turn": job.turn, "attempt": job.attempt}
    with log_context.bound(**number), tracing.turn(job.ref.path, job.created_at, **names, **number):
        yield


def _give_up(job: Job, decision: GiveUp, desk: Desk, tools: Callable[[], Tools]) -> None:
    """End a job that nobody may work on."""
    error = decision.error
    logger.error(f"[{job.ref.kind.label}] Error: {error}", code=error.code)
    if decision.refused:  # its scenes are left to the jobs that were admitted
        outcome = Failed(error)
    else:
        leave_nothing(job, tools)
        outcome = _failed(job, error, desk)
    end_job(job, outcome, desk)


def _take_turn(turn: Turn, job: Job, desk: Desk, tools: Callable[[], Tools]) -> None:
    """Advance until there is an outcome to write."""
    try:
        while True:
            outcome = _advance(turn, job, desk, tools)
            if not isinstance(outcome, Waiting):
                end_job(job, outcome, desk)
                return
            last_look = turn.seconds_left < SECONDS_TO_LOOK_AGAIN
            if turn.release(outcome.wake_at, even_if_woken=last_look):
                desk.tasks.wake(turn.ref, turn.number, outcome.wake_at)
                tracing.note(outcome="waiting")
                return
    except TurnLost as lost:
        tidy_after_the_end(job, desk, tools)
        logger.warn(f"[{turn.ref.kind.label}] Turn lost: {lost}")
        tracing.note(outcome="lost")
    except DatabaseRefused as full:
        bury_job(turn.ref, full, desk)


def _advance(turn: Turn, job: Job, desk: Desk, tools: Callable[[], Tools]) -> Outcome:
    """One pass over the job's steps, and every way it can end."""
    label = turn.ref.kind.label
    if job.cancel_requested:
        return _canceled(job, desk, tools)
    try:
        outcome = _counting_failures(turn, lambda: _work(turn, job, desk, tools))
    except WakeLater as later:
        return Waiting(desk.clock() + timedelta(seconds=later.wake_after_seconds))
    except CancelRequested:
        return _canceled(job, desk, tools)
    except StepFailed as failed:
        outcome = _failed(job, failed.error, desk)
    if isinstance(outcome, Failed):
        leave_nothing(job, tools)
        logger.error(f"[{label}] Error: {outcome.error}", code=outcome.error.code)
    return outcome


def _work(turn: Turn, job: Job, desk: Desk, tools: Callable[[], Tools]) -> Completed | Failed | Canceled:
    if job.duplicate_of is not None and not job.dry_run:
        return answer_duplicate(turn, job, desk)
    if len(check_document_id("job_id", turn.ref.job_id)) > MAX_JOB_ID:  # files and predictions are named after it
        raise InvalidRequest(f"Field 'job_id' is not valid: it is longer than {MAX_JOB_ID} characters.")
    if job.dry_run:
        return run_dry(turn, desk, tools())
    if turn.fields.get("retry_of"):
        reuse_finished_steps(turn, desk, tools())
    return ADVANCE[turn.ref.kind](turn, desk, tools())


def _counting_failures(turn: Turn, advance: Callable[[], Outcome]) -> Outcome:
    """Failures outside of the steps are counted like those of a step, so that they too end after three tries."""
    try:
        return advance()
    except JobError as error:
        turn.fail_step("advance", error)
    except (WakeLater, CancelRequested, StepFailed, TurnLost):
        raise
    except Exception as error:  # noqa: BLE001  the job's outcome is recorded, whatever went wrong
        logger.unexpected(f"[{turn.ref.kind.label}] Unexpected {type(error).__name__}", error)
        turn.fail_step("advance", failure_of(error), error)


def _failed(job: Job, error: JobError, desk: Desk) -> Failed:
    return Failed(error, updates=failed_scene_marks(job, error.message, desk))


def _canceled(job: Job, desk: Desk, tools: Callable[[], Tools]) -> Canceled:
    logger.info(f"[{job.ref.kind.label}] Job {job.ref.job_id} canceled")
    leave_nothing(job, tools)
    return Canceled(updates=canceled_scene_marks(job, desk))
