"""Cloud Tasks: the wake-ups that we order ourselves, through the Admin SDK's task queues.

Source: https://firebase.google.com/docs/functions/task-functions
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import firebase_admin
from firebase_admin import functions

from pipeline.domain.jobs import JobKind, JobRef

DISPATCH_DEADLINE_SECONDS = 1800


class TaskQueue:
    """Orders turns. Compositions have a queue of their own: their function is bigger and works longer."""

    def __init__(self, app: firebase_admin.App, region: str) -> None:
        self._app = app
        self._region = region

    def wake(self, ref: JobRef, turn: int, at: datetime) -> None:
        """Have the job looked at again at `at`. `turn` is the one that was just released."""
        self._enqueue(ref, {"turn": turn}, schedule_time=at)

    def signal(self, ref: JobRef) -> None:
        """Have the job looked at now: something that it waits for has happened."""
        self._enqueue(ref, {"signal": True})

    def _enqueue(self, ref: JobRef, why: Mapping[str, Any], schedule_time: datetime | None = None) -> None:
        name = "advancecomposition" if ref.kind is JobKind.COMPOSITION else "advancejob"
        queue = functions.task_queue(f"locations/{self._region}/functions/{name}", app=self._app)
        # on_task_dispatched expects the callable protocol's envelope, which the Admin SDK does not add
        body: dict[str, Any] = {"data": {"kind": str(ref.kind), "job_id": ref.job_id, **why}}
        queue.enqueue(
            body,
            functions.TaskOptions(schedule_time=schedule_time, dispatch_deadline_seconds=DISPATCH_DEADLINE_SECONDS),
        )
