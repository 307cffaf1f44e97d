"""What Google and Replicate give us when everybody comes at once: so many places, so many tasks, so many creates.

    events ──> FunctionPool ──┐   who finds no place waits ten seconds; then the event is lost, a webhook comes again
    tasks ──> BurstTasks ─────┼──> run_job ──> BurstReplicate ──> 201, or 429 with `retry_after`
    webhooks ──> FunctionPool ┘

The numbers are those of functions/main.py. What Cloud Run does with an event that finds no instance is not documented
for functions that are not retried: this is the worst of what may be, and the sweeper finds their jobs.
"""

import heapq
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from pipeline.domain.errors import RateLimited
from pipeline.domain.jobs import JobRef, SignalWake, TaskWake, Wake
from pipeline.domain.models import IMAGE_MODELS
from tests.simulation.schedule import Call, Schedule
from tests.simulation.virtual_platform import MAX_DELIVERIES, TASK_SECONDS
from tests.simulation.virtual_replicate import ProviderMood, SentInput, VirtualPrediction, VirtualReplicate

PATIENCE_SECONDS = 10.0
"""So long Cloud Run lets a request wait for an instance."""

Run = Callable[[], None]
Ended = Callable[[Call], None]


class FunctionPool:
    """The places of one function: `max_instances` times `concurrency`. Counts the seconds that they were taken."""

    def __init__(self, schedule: Schedule, name: str, places: int, limit_seconds: float) -> None:
        self._schedule = schedule
        self._name = name
        self._free = places
        self._limit_seconds = limit_seconds
        self._waiting: deque[tuple[float, Run, Ended, Run]] = deque()
        self.calls = 0
        self.turned_away = 0
        self.busy_seconds = 0.0

    @property
    def has_place(self) -> bool:
        return self._free > 0

    def call(self, run: Run, ended: Ended, turned_away: Run) -> None:
        """Start a call, now or when there is a place in time; or tell that there was none."""
        waiting = (self._schedule.now, run, ended, turned_away)
        if self._free:
            self._start(run, ended)
        else:
            self._waiting.append(waiting)
            self._schedule.after(PATIENCE_SECONDS, self._turn_away)

    def _turn_away(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._schedule.now - PATIENCE_SECONDS:
            _, _, _, turned_away = self._waiting.popleft()
            self.turned_away += 1
            turned_away()

    def _start(self, run: Run, ended: Ended) -> None:
        began = self._schedule.now
        self._free -= 1
        self.calls += 1

        def over(call: Call) -> None:
            self._free += 1
            self.busy_seconds += self._schedule.now - began
            ended(call)
            if self._waiting and self._free:
                _, following, its_end, _ = self._waiting.popleft()
                self._start(following, its_end)

        self._schedule.start(self._name, run, self._limit_seconds, over)


@dataclass(frozen=True, order=True)
class _Task:
    at: float
    number: int
    ref: JobRef
    wake: Wake
    attempt: int = 1


class BurstTasks:
    """Cloud Tasks: one queue, in the order in which tasks are due, at most `at_once` under way; failed ones again."""

    def __init__(
        self, schedule: Schedule, pool: FunctionPool, at_once: int, run_turn: Callable[[JobRef, Wake, float], None]
    ) -> None:
        self._schedule = schedule
        self._pool = pool
        self._at_once = at_once
        self._run_turn = run_turn
        self._agenda: list[tuple[float, int, _Task]] = []
        self._number = 0
        self._under_way = 0
        self.created = 0

    @property
    def overdue(self) -> int:
        """Tasks whose time has come and that nobody has taken."""
        return sum(at <= self._schedule.now for at, _, _ in self._agenda)

    def wake(self, ref: JobRef, turn: int, at: datetime) -> None:
        """What `TaskQueue.wake` does."""
        self._enqueue(ref, TaskWake(turn), self._schedule.seconds_of(at))

    def signal(self, ref: JobRef) -> None:
        """What `TaskQueue.signal` does."""
        self._enqueue(ref, SignalWake(), self._schedule.now)

    def _enqueue(self, ref: JobRef, wake: Wake, at: float) -> None:
        self._schedule.effect("enqueue")
        self.created += 1
        self._number += 1
        self._put(_Task(at, self._number, ref, wake))

    def _put(self, task: _Task) -> None:
        heapq.heappush(self._agenda, (task.at, task.number, task))
        self._schedule.at(task.at, self._dispatch)

    def _dispatch(self) -> None:
        while self._agenda and self._agenda[0][0] <= self._schedule.now and self._under_way < self._at_once:
            if not self._pool.has_place:
                return
            _, _, task = heapq.heappop(self._agenda)
            self._under_way += 1
            self._pool.call(lambda task=task: self._run(task), lambda call, task=task: self._ended(task, call), _never)

    def _run(self, task: _Task) -> None:
        self._run_turn(task.ref, task.wake, TASK_SECONDS)

    def _ended(self, task: _Task, call: Call) -> None:
        self._under_way -= 1
        if (call.killed or call.error is not None) and task.attempt < MAX_DELIVERIES:
            wait = min(60.0, 2.0 ** min(task.attempt - 1, 4))
            self._put(replace(task, at=self._schedule.now + wait, attempt=task.attempt + 1))
        self._schedule.after(0.0, self._dispatch)


def _never() -> None:
    raise AssertionError("a task is only sent where there is a place")


class BurstReplicate(VirtualReplicate):
    """An account with a limit: `per_minute` creates, `at_once` of them without a pause. Clips take 5 to 60 seconds,
    pictures up to 5."""

    def __init__(self, schedule: Schedule, per_minute: float, at_once: int) -> None:
        super().__init__(schedule, ProviderMood(longest_start_seconds=2.0))
        self._per_second = per_minute / 60.0
        self._at_once = float(at_once)
        self._tokens = self._at_once
        self._counted_at = 0.0
        self._by_id: dict[str, VirtualPrediction] = {}
        self.refused = 0
        self.running = 0
        self.most_running = 0

    def _refusal(self) -> Exception | None:
        now = self._schedule.now
        self._tokens = min(self._tokens + (now - self._counted_at) * self._per_second, self._at_once)
        self._counted_at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return None
        self.refused += 1
        wait = math.ceil((1.0 - self._tokens) / self._per_second)
        return RateLimited("Replicate asks to slow down: Request was throttled.", float(wait))

    def _order(self, model: str, model_input: SentInput, cancel_after: float, webhook: str | None) -> VirtualPrediction:
        ordered = super()._order(model, model_input, cancel_after, webhook)
        shortest, longest = (1.0, 5.0) if model in IMAGE_MODELS else (5.0, 60.0)
        ordered.ends = self._schedule.random.uniform(shortest, longest)
        return ordered

    def _accept(self, prediction: VirtualPrediction) -> None:
        self._by_id[prediction.id] = prediction
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        super()._accept(prediction)

    def _end(self, prediction: VirtualPrediction, status: str) -> None:
        self.running -= prediction.ended is None
        super()._end(prediction, status)

    def _known(self, prediction_id: str) -> VirtualPrediction | None:
        return self._by_id.get(prediction_id)
