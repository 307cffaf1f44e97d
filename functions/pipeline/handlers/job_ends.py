"""How a job ends, in whatever way: its end is written down, and then told once, by whoever has written it.

An instance that dies between the two leaves an end that nobody has told: the log may lack one, and never has two.
"""

from datetime import datetime

from pipeline.adapters import logger, tracing
from pipeline.domain.errors import JobError
from pipeline.domain.jobs import Job, JobRef, JobStatus
from pipeline.domain.log_events import JobEnded
from pipeline.domain.outcomes import Canceled, Completed, Failed
from pipeline.handlers.tools import Desk


def end_job(job: Job, outcome: Completed | Failed | Canceled, desk: Desk) -> None:
    """Write down the outcome of the turn that `job` was claimed for. Raises TurnLost, DatabaseRefused."""
    now, cost_usd = desk.clock(), desk.predictions.cost_usd(job.ref.path)
    desk.jobs.finish(job.ref, job.turn, now, outcome, cost_usd)
    match outcome:
        case Completed():
            _tell(job, JobStatus.COMPLETE, None, cost_usd, now)
        case Failed(error):
            _tell(job, JobStatus.ERROR, error, cost_usd, now)
        case Canceled():
            _tell(job, JobStatus.CANCELED, None, cost_usd, now)


def bury_job(ref: JobRef, error: JobError, desk: Desk) -> None:
    """End a job whose document is so full that nothing more can be written to it."""
    logger.error(f"[{ref.kind.label}] Error: {error}", code=error.code)
    now, cost_usd = desk.clock(), desk.predictions.cost_usd(ref.path)
    buried = desk.jobs.bury(ref, now, error, cost_usd)
    if buried is not None:
        _tell(buried, JobStatus.ERROR, error, cost_usd, now)


def _tell(job: Job, status: JobStatus, error: JobError | None, cost_usd: float, now: datetime) -> None:
    code, kind = error.code if error else "", str(job.ref.kind)
    lived = now - (job.created_at or now)
    ended = JobEnded(
        kind=kind,
        status=str(status),
        code=code,
        is_ours=error is not None and error.is_ours,
        seconds=round(max(lived.total_seconds(), 0.0), 3),
        turns=job.turn,
        cost_usd=cost_usd,
        dry_run=job.dry_run,
    )
    logger.tell(ended, f"[{job.ref.kind.label}] Job {job.ref.job_id} has ended: {code or status}")
    tracing.note(outcome=str(status), code=code)
    tracing.job_ended(
        job.ref.path,
        job.created_at,
        now,
        job_id=job.ref.job_id,
        kind=kind,
        outcome=str(status),
        code=code,
        turns=job.turn,
        dry_run=job.dry_run,
    )
