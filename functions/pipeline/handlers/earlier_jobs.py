"""Jobs that follow an earlier one: a duplicate, which gets its answer, and a retry, which uses what it made."""

from dataclasses import dataclass

from pipeline.adapters import logger
from pipeline.domain.errors import InvalidRequest, NotFound, recorded_error
from pipeline.domain.jobs import Job, JobKind, JobRef, JobStatus, StepRecord, poll_delay_seconds
from pipeline.domain.outcomes import Canceled, Completed, Failed, WakeLater
from pipeline.domain.requests import REQUEST_MODELS, JobRequest, parse_request
from pipeline.domain.results import results_of
from pipeline.domain.retries import check_retry, reusable_steps, stored_key
from pipeline.handlers.tools import Desk, Tools
from pipeline.handlers.turns import Turn


@dataclass(frozen=True)
class Reused:
    """How many steps a retry did not have to do again."""

    steps: int


def answer_duplicate(turn: Turn, job: Job, desk: Desk) -> Completed | Failed | Canceled:
    """What the earlier job with the same request_id came to. Raises WakeLater until it has ended."""
    earlier = desk.jobs.get(JobRef.of_path(job.duplicate_of or ""))
    match earlier.status:
        case JobStatus.COMPLETE:
            return Completed(results_of(earlier))
        case JobStatus.CANCELED:
            return Canceled()
        case JobStatus.ERROR:
            error = earlier.fields.get("error")
            error = error if isinstance(error, dict) else {}
            return Failed(recorded_error(error.get("code"), error.get("message")), results_of(earlier))
    raise WakeLater(poll_delay_seconds(turn.number - 1, desk.settings.poll_first_seconds))


def reuse_finished_steps(turn: Turn, desk: Desk, tools: Tools) -> None:
    """Take over what the job that `retry_of` names has finished, if this job asks for the same.

    Raises InvalidRequest when it cannot be a retry of that job, and what `Turn.run_step` raises.
    """
    request = parse_request(REQUEST_MODELS[turn.ref.kind], turn.fields)
    if request.retry_of is not None:
        turn.run_step("reuse", Reused, lambda: _reuse(turn, request, request.retry_of or "", desk, tools))


def retried_job(kind: JobKind, user_id: str, retry_of: str, desk: Desk) -> Job:
    """The job that did the work which a retry may use. Raises InvalidRequest when there is none for this user."""
    try:
        earlier = desk.jobs.get(JobRef(kind, retry_of))
        if earlier.duplicate_of is not None:
            earlier = desk.jobs.get(JobRef.of_path(earlier.duplicate_of))
    except NotFound as error:
        raise InvalidRequest("Field 'retry_of' is not valid: there is no such job.") from error
    check_retry(earlier, user_id)
    return earlier


def _reuse(turn: Turn, request: JobRequest, retry_of: str, desk: Desk, tools: Tools) -> Reused:
    earlier = retried_job(turn.ref.kind, turn.user_id, retry_of, desk)
    steps = reusable_steps(earlier, request, desk.clock())
    steps = {name: step for name, step in steps.items() if _is_still_there(step, tools)}
    turn.reuse(steps, str(earlier.fields.get("origin_job_id") or earlier.ref.job_id))
    logger.info(f"[{turn.ref.kind.label}] Job {turn.ref.job_id} uses {len(steps)} steps of job {earlier.ref.job_id}")
    return Reused(len(steps))


def _is_still_there(step: StepRecord, tools: Tools) -> bool:
    key = stored_key(step)
    return key is None or tools.storage.stat(key) is not None
