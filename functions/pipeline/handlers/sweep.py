"""Look for what has been forgotten, every few minutes: whatever got lost, a job waits no longer than that.

    jobs whose lease or wake-up has passed ──┐
    jobs that nobody has claimed ────────────┼──> a task each, which advances it like any other
    predictions that should have ended ──────┴──> called off if their job is over, and their cost put right

Nothing is worked on here, so ten thousand jobs take no longer than as many tasks; what does not fit into the time is
found by the next sweep, because what was found has been moved out of the way.
"""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TypeVar

from firebase_functions import logger

from pipeline.domain.errors import NotFound
from pipeline.domain.jobs import JobKind, JobRef
from pipeline.domain.predictions import PredictionRecord
from pipeline.handlers.prediction_ends import correct_cost, settle
from pipeline.handlers.tools import Desk, Tools
from pipeline.repositories.stuck_jobs import StuckJob

Found = TypeVar("Found", StuckJob, PredictionRecord)

WORKERS = 16


@dataclass
class Swept:
    """What one sweep found."""

    overdue: int = 0
    unclaimed: int = 0
    predictions: int = 0
    failed: int = 0  # could not be helped now; found again by the next sweep
    finished: bool = True  # False when time ran out first


def sweep(desk: Desk, tools: Callable[[], Tools], seconds: float) -> Swept:
    """Wake every job that is overdue and settle every prediction that nobody waits for, in at most `seconds`."""
    ends_at = time.monotonic() + seconds
    swept, now = Swept(), desk.clock()
    lease = timedelta(seconds=desk.settings.lease_seconds)
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:

        def all_of(pages: Iterable[list[Found]], help_one: Callable[[Found], bool]) -> int:
            """How many could be helped; ends early when time is up, or nothing can be helped now."""
            count = 0
            for page in pages:
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
    logger.info("Swept", **asdict(swept))
    return swept


def _quietly(help_one: Callable[[Found], bool], found: Found) -> bool:
    try:
        return help_one(found)
    except Exception as error:  # noqa: BLE001  one must not keep the others from being helped
        name = found.op if isinstance(found, PredictionRecord) else found.ref.path
        logger.error(f"The sweeper could not help {name}: {type(error).__name__}: {error}")
        return False


def _wake(job: StuckJob, desk: Desk, lease: timedelta) -> bool:
    desk.tasks.signal(job.ref)
    desk.stuck.postpone(job, desk.clock() + 2 * lease)
    return True


def _check(record: PredictionRecord, desk: Desk, tools: Callable[[], Tools], lease: timedelta) -> bool:
    """See that a prediction ends when its job has ended, and that its job then knows what it cost."""
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
