"""Look for what has been forgotten, every few minutes: whatever got lost, a job waits no longer than that.

    jobs whose lease or wake-up has passed ──┐
    jobs that nobody has claimed ────────────┼──> a task each, which advances it like any other
    predictions of jobs that are over ───────┴──> called off, and their cost written down

Nothing is worked on here, so ten thousand jobs take no longer than as many tasks; what does not fit into the time is
found by the next sweep, because what was found has been moved out of the way.
"""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import timedelta

from firebase_functions import logger

from pipeline.domain.errors import NotFound
from pipeline.domain.jobs import JobKind, JobRef
from pipeline.domain.predictions import PredictionRecord
from pipeline.handlers.prediction_ends import settle_abandoned
from pipeline.handlers.receive_webhook import wake_or_correct
from pipeline.handlers.tools import Desk, Tools
from pipeline.repositories.stuck_jobs import StuckJob

WORKERS = 16
PREDICTIONS = 300
"""Looked at in one sweep."""


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
    swept = Swept()
    lease = timedelta(seconds=desk.settings.lease_seconds)
    now = desk.clock()
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:

        def wake_all(pages: Iterable[list[StuckJob]]) -> int:
            count = 0
            for page in pages:
                results = list(pool.map(lambda job: _wake(job, desk, lease), page))
                count += results.count(True)
                swept.failed += results.count(False)
                if time.monotonic() > ends_at:
                    swept.finished = False
                if not swept.finished or (page and not any(results)):  # the queue is down: no use to go on
                    break
            return count

        for kind in JobKind:
            # a little patience with tasks and events that are only slow
            swept.overdue += wake_all(desk.stuck.overdue(kind, now - lease / 6))
            swept.unclaimed += wake_all(desk.stuck.unclaimed(kind, now - lease * 2 / 3))
        swept.predictions = _settle_predictions(desk, tools, lease, ends_at)
    logger.info("Swept", **asdict(swept))
    return swept


def _wake(job: StuckJob, desk: Desk, lease: timedelta) -> bool:
    try:
        desk.tasks.signal(job.ref)
        desk.stuck.postpone(job, desk.clock() + 2 * lease)
    except Exception as error:  # noqa: BLE001  one job must not keep the others from being woken
        logger.error(f"Job {job.ref.job_id} could not be woken: {type(error).__name__}", job_id=job.ref.job_id)
        return False
    return True


def _settle_predictions(desk: Desk, tools: Callable[[], Tools], lease: timedelta, ends_at: float) -> int:
    count = 0
    for record in desk.predictions.unsettled(desk.clock(), PREDICTIONS):
        if time.monotonic() > ends_at:
            break
        try:
            count += _settle(record, desk, tools, lease)
        except Exception as error:  # noqa: BLE001  one prediction must not keep the others from being settled
            logger.error(f"A prediction could not be settled: {type(error).__name__}: {error}", op=record.op)
    return count


def _settle(record: PredictionRecord, desk: Desk, tools: Callable[[], Tools], lease: timedelta) -> bool:
    ref = JobRef.of_path(record.job_path)
    try:
        is_over = desk.jobs.get(ref).status.is_terminal
    except NotFound:
        is_over = True
    if not is_over:  # its job will see to it
        desk.predictions.check_again(record.op, desk.clock() + 2 * lease)
        return False
    settled = settle_abandoned(record, tools(), 2 * lease)
    if settled.state.is_terminal:
        wake_or_correct(ref, desk)
    return settled.state.is_terminal
