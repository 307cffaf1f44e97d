"""Look for what has been forgotten, every few minutes: whatever got lost, a job waits no longer than that.

    jobs whose lease or wake-up has passed ──┐
    jobs that nobody has claimed ────────────┼──> a task each, which advances it like any other
    predictions that should have ended ──────┼──> called off if their job is over, and their cost put right
    deletions that were broken off ──────────┴──> gone through once more

But for deletions nothing is worked on here, so ten thousand jobs take no longer than as many tasks; what does not fit
into the time is found by the next sweep, because what was found has been moved out of the way.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from pipeline.adapters import log_context, logger
from pipeline.adapters.threads import Threads
from pipeline.domain.errors import JobError, NotFound, StillProcessing
from pipeline.domain.jobs import LONGEST_WAIT, JobKind, JobRef
from pipeline.domain.log_events import SweepEnded
from pipeline.domain.predictions import PredictionRecord
from pipeline.handlers.delete_video import finish
from pipeline.handlers.prediction_ends import correct_cost, settle
from pipeline.handlers.tools import Desk, Tools
from pipeline.repositories.deletions import Deletion
from pipeline.repositories.stuck_jobs import StuckJob

Found = TypeVar("Found", StuckJob, PredictionRecord, Deletion)

WORKERS = 16

DELETION_PATIENCE = timedelta(minutes=10)
"""A deletion may take this long before it counts as broken off; gone through by two at once, it is only slower."""


NEWER_AGAIN = timedelta(hours=1)
"""How often a prediction is looked at that only newer code can read."""


@dataclass
class Swept:
    """What one sweep found."""

    overdue: int = 0
    unclaimed: int = 0
    predictions: int = 0
    deletions: int = 0
    failed: int = 0  # could not be helped now; found again by the next sweep
    finished: bool = True  # False when time ran out first
    oldest_seconds: float = field(default=0.0, compare=False)  # how late the job was that had waited longest


def sweep(desk: Desk, tools: Callable[[], Tools], seconds: float) -> Swept:
    """Wake overdue jobs, settle predictions that nobody waits for, end broken off deletions, in at most `seconds`."""
    ends_at = time.monotonic() + seconds
    swept, now = Swept(), desk.clock()
    lease = timedelta(seconds=desk.settings.lease_seconds)
    with Threads(max_workers=WORKERS) as pool:

        def all_of(pages: Iterable[list[Found]], help_one: Callable[[Found], bool]) -> int:
            """How many could be helped; ends early when time is up, or nothing can be helped now."""
            count = 0
            for page in pages:
                swept.oldest_seconds = max(swept.oldest_seconds, *(_late_seconds(one, now, lease) for one in page), 0.0)
                helped = list(pool.map(lambda found: _quietly(help_one, found), page))
                count += helped.count(True)
                swept.failed += helped.count(False)
                swept.finished &= time.monotonic() < ends_at
                if not swept.finished or (page and not any(helped)):
                    break
            return count

        for kind in JobKind:
            # a little patience with tasks and events that are only slow
            swept.overdue += all_of(desk.stuck.overdue(kind, now - lease / 6), lambda job: _wake(job, desk, lease))
            swept.unclaimed += all_of(
                desk.stuck.unclaimed(kind, now - lease * 2 / 3), lambda job: _wake(job, desk, lease)
            )
        swept.predictions = all_of(desk.predictions.to_check(now), lambda record: _check(record, desk, tools, lease))
        swept.deletions = all_of(_broken_off(now, tools), lambda deletion: _delete(deletion, tools))
    logger.tell(SweepEnded(**asdict(swept)), "Swept")
    return swept


def _quietly(help_one: Callable[[Found], bool], found: Found) -> bool:
    with log_context.bound(**_facts(found)):
        try:
            return help_one(found)
        except Exception as error:  # noqa: BLE001  one must not keep the others from being helped
            logger.error(f"The sweeper could not help {_name(found)}: {type(error).__name__}: {error}")
            return False


def _late_seconds(found: StuckJob | PredictionRecord | Deletion, now: datetime, lease: timedelta) -> float:
    """For how long nobody has come for a job. A sweep moves on when it is due, but nothing else happens to it then."""
    if not isinstance(found, StuckJob):
        return 0.0
    due_at = min(found.due_at, found.idle_since + max(lease, LONGEST_WAIT))
    return round(max((now - due_at).total_seconds(), 0.0), 3)


def _facts(found: StuckJob | PredictionRecord | Deletion) -> dict[str, str]:
    """What the log calls it."""
    match found:
        case StuckJob(ref=ref):
            return {"job_id": ref.job_id, "kind": str(ref.kind)}
        case PredictionRecord(op=op, job_path=path):
            ref = JobRef.of_path(path)
            return {"op": op, "job_id": ref.job_id, "kind": str(ref.kind)}
        case Deletion(path=path):
            return {"deletion": path}


def _name(found: StuckJob | PredictionRecord | Deletion) -> str:
    if isinstance(found, PredictionRecord):
        return found.op
    return found.path if isinstance(found, Deletion) else found.ref.path


def _wake(job: StuckJob, desk: Desk, lease: timedelta) -> bool:
    desk.tasks.signal(job.ref)
    desk.stuck.postpone(job, desk.clock() + 2 * lease)
    return True


def _check(record: PredictionRecord, desk: Desk, tools: Callable[[], Tools], lease: timedelta) -> bool:
    """See that a prediction ends when its job has ended, and that its job then knows what it cost."""
    if record.is_newer:  # only newer code can say how it ended
        desk.predictions.check_again(record.op, desk.clock() + NEWER_AGAIN)
        return True
    ref = JobRef.of_path(record.job_path)
    try:
        is_over = desk.jobs.get(ref).status.is_terminal
    except NotFound:
        is_over = True
    if is_over and not record.state.is_terminal:
        record = settle(record, tools())
    if is_over and record.state.is_terminal:
        correct_cost(ref, desk)
        desk.predictions.check_again(record.op, None)
    else:  # its job will see to it, or the provider could not tell
        desk.predictions.check_again(record.op, desk.clock() + 2 * lease)
    return True


def _broken_off(now: datetime, tools: Callable[[], Tools]) -> Iterator[list[Deletion]]:
    try:
        deletions = tools().deletions
    except JobError as error:  # of the configuration
        logger.error(f"The sweeper could not look for deletions: {error}")
        return
    yield from deletions.left_over(now - DELETION_PATIENCE)


def _delete(deletion: Deletion, tools: Callable[[], Tools]) -> bool:
    try:
        finish(deletion, tools())
    except StillProcessing:  # it is being made again: not deleted, and not to be
        logger.warn(f"{deletion.path} was given up: its video is being made again")
    return True
