"""One sweep over ten thousand jobs that nobody came for, on the Firestore emulator.

Assumed: queueing a task takes 30 ms (Cloud Tasks from the same region); the tasks themselves are not run.
"""

import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from google.cloud import firestore

from localdev.bench.figures import Figure
from localdev.stack import PROJECT_ID, DeliveryPolicy, LocalStack
from pipeline.adapters.tasks import TaskQueue
from pipeline.domain.jobs import JobKind, JobRef
from pipeline.handlers.sweep import sweep
from pipeline.wiring import Instance

JOBS = 10_000
BATCH = 500
SWEEP_SECONDS = 280.0
"""What the function has, less what it keeps for letting go."""

QUEUEING_SECONDS = 0.03


class SlowQueue:
    """Takes as long as Cloud Tasks, and runs nothing."""

    def __init__(self) -> None:
        self.signals: list[JobRef] = []

    def signal(self, ref: JobRef) -> None:
        time.sleep(QUEUEING_SECONDS)
        self.signals.append(ref)


def measure() -> list[Figure]:
    environment = {name: value for name, value in os.environ.items() if name != "REPLICATE_API_TOKEN"}
    nothing_delivered = DeliveryPolicy(drop_rate=1.0)
    with LocalStack(environ=environment, policy=nothing_delivered, say=lambda _: None) as stack:
        os.environ.update(stack.environment())
        client = firestore.Client(project=PROJECT_ID)
        kinds = [JobKind.VIDEO, JobKind.MULTI_VIDEO]  # one half overdue, one half never claimed
        for first in range(0, JOBS, BATCH):
            _write(client, kinds[first // BATCH % 2], range(first, first + BATCH))
        instance = Instance({**os.environ, "GOOGLE_CLOUD_PROJECT": PROJECT_ID, **stack.functions_settings()})
        desk = instance.desk()
        queue = SlowQueue()
        later = replace(
            desk,
            tasks=cast(TaskQueue, queue),
            clock=lambda: datetime.now(UTC) + timedelta(minutes=10),
        )
        started = time.monotonic()
        swept = sweep(later, instance.tools, SWEEP_SECONDS)
        seconds = time.monotonic() - started
        client.close()
    if not swept.finished or len(set(queue.signals)) != JOBS:
        raise RuntimeError(f"The sweep found {len(set(queue.signals))} of {JOBS} jobs: {swept}")
    return [Figure("sweep_10000_jobs_seconds", seconds, "s", f"<= {SWEEP_SECONDS:.0f}")]


def _write(client: firestore.Client, kind: JobKind, numbers: range) -> None:
    batch = client.batch()
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    for number in numbers:
        fields: dict[str, Any] = {"user_id": f"user-{number}", "status": "pending"}
        if kind is JobKind.VIDEO:
            fields |= {"status": "processing", "turn": 1, "lease_expires_at": long_ago, "wake_at": long_ago}
        batch.set(client.document(f"{kind.collection}/stuck-{number:05}"), fields)
    batch.commit()
