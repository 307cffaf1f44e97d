"""Who goes next: a discrete-event schedule of function calls on a virtual clock, all drawn from one seed.

A *call* is one invocation of a function; a *fiber* is one of its threads (its own, and those of its pools). Only one
fiber runs at a time. At every effect on the outside it lets go, for a drawn delay, and whoever is due first goes on:

    fiber a  ──effect──┐                       ┌──effect── ...
    fiber b            └──effect── killed      │
    timer                            └ webhook ┘
    ────────────────────────────────────────────────────────> now (virtual seconds)

A killed call unwinds, but nothing it does on the way takes effect. A frozen call's fibers wait together. A call that
lives longer than its function may is killed. The same seed gives the same schedule.
"""

import heapq
import random
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, NoReturn, TypeVar

EPOCH = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
Item = TypeVar("Item")


class Killed(BaseException):
    """The instance is gone. No handler catches it."""


class Deadlock(Exception):
    """Fibers wait for each other and nothing is due."""


@dataclass(frozen=True)
class Hazards:
    """What may happen to a call at an effect. Shares of 1; times in seconds."""

    kill: float = 0.0
    freeze: float = 0.0
    longest_freeze: float = 60.0
    slow: float = 0.1  # share of effects that take up to `slow_seconds` instead of some milliseconds
    slow_seconds: float = 5.0


CALM = Hazards(slow=0.0)


@dataclass(eq=False)
class Call:
    """One invocation of a function."""

    name: str
    ended: Callable[["Call"], None]
    hazards: Hazards
    fibers: list["Fiber"] = field(default_factory=list)
    frozen_until: float = 0.0
    killed: bool = False
    error: BaseException | None = None


@dataclass(eq=False)
class Fiber:
    """One thread of a call. It runs only while it holds the baton."""

    call: Call
    name: str
    worker: "Worker"
    turn: int = 0  # entries of the agenda for an earlier turn count no more


class Worker:
    """A thread that runs fibers, one after the other, each when it is handed the baton."""

    idle: ClassVar[list["Worker"]] = []

    def __init__(self) -> None:
        self.baton = threading.Lock()
        self.baton.acquire()
        self.work: Callable[[], None] = lambda: None
        self.thread = threading.Thread(target=self._run, name="fiber", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while True:
            self.baton.acquire()
            self.work()


def nothing_more(call: Call) -> None:
    """For calls whose end interests nobody."""


class Schedule:
    """The agenda of one simulated world."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311  no secret
        self.now = 0.0
        self.trace: list[str] = []
        self.interruptions = 0  # kills, freezes and errors: what a turn may end by without a release
        self._agenda: list[tuple[float, int, Fiber | Callable[[], None], int]] = []
        self._number = 0
        self._running: Fiber | None = None
        self._calls: list[Call] = []
        self._main = threading.Lock()
        self._main.acquire()
        self._crash: BaseException | None = None

    # ---- time

    def clock(self) -> datetime:
        """The virtual time. Microseconds, as documents keep it."""
        return EPOCH + timedelta(seconds=self.now)

    def at(self, seconds: float, action: Callable[[], None]) -> None:
        """Run an action of the outside world at a moment. It may start calls but not wait."""
        self._number += 1
        heapq.heappush(self._agenda, (max(seconds, self.now), self._number, action, 0))

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Run an action of the outside world after a delay."""
        self.at(self.now + seconds, action)

    def seconds_of(self, moment: datetime) -> float:
        """A time of a document on the virtual clock."""
        return (moment - EPOCH).total_seconds()

    # ---- calls

    def start(
        self,
        name: str,
        run: Callable[[], None],
        limit_seconds: float,
        ended: Callable[[Call], None] = nothing_more,
        hazards: Hazards = CALM,
    ) -> Call:
        """Start a call, which the platform kills after `limit_seconds`."""
        call = Call(name, ended, hazards)
        self._calls.append(call)
        self.note(f"{name} starts")
        self._start_fiber(call, name, lambda: self._run_call(call, run))
        self.after(limit_seconds, lambda: self.kill(call, "its time is over"))
        return call

    def kill(self, call: Call, why: str) -> None:
        """End a call: nothing more of it takes effect."""
        if not call.fibers or call.killed:
            return
        self.note(f"{call.name} is killed: {why}")
        call.killed = True
        for fiber in call.fibers:
            if fiber is not self._running:
                self._wake(fiber)

    @property
    def caller(self) -> Call | None:
        """The call that runs now; None while the outside world acts."""
        return self._running.call if self._running else None

    @property
    def live_calls(self) -> list[Call]:
        """The calls that have not ended."""
        return [call for call in self._calls if call.fibers]

    def run(self) -> None:
        """Let everything happen, until nothing is left to happen. Raises what the simulation itself does wrong."""
        self._hand_over()
        self._main.acquire()
        if self._crash is not None:
            raise self._crash
        if any(call.fibers for call in self._calls):
            stuck = [fiber.name for call in self._calls for fiber in call.fibers]
            raise Deadlock(f"waiting for each other: {', '.join(stuck)}")

    # ---- what a fiber does

    def effect(self, label: str) -> None:
        """An effect on the outside is due: others may go first, or this call may end here. Raises Killed."""
        fiber = self._fiber()
        call, hazards = fiber.call, fiber.call.hazards
        self.note(f"{fiber.name}: {label}")
        draw = self.random.random()
        if draw < hazards.kill:
            self.interruptions += 1
            self.kill(call, f"at {label}")
            raise Killed
        if draw < hazards.kill + hazards.freeze:
            seconds = self.random.uniform(0.0, hazards.longest_freeze)
            self.note(f"{call.name} freezes for {seconds:.0f} s")
            call.frozen_until = self.now + seconds
            self.interruptions += 1
        slow = self.random.random() < hazards.slow
        self.sleep(self.random.uniform(0.0, hazards.slow_seconds) if slow else self.random.uniform(0.001, 0.05))

    def sleep(self, seconds: float) -> None:
        """Let others go for some time. Raises Killed."""
        fiber = self._fiber()
        self._push(fiber, self.now + seconds)
        self._let_go(fiber)

    def fork(self, works: Iterable[Callable[[], None]], at_once: int) -> None:
        """Run these in fibers of the same call, so many at once, until all have ended."""
        parent, waiting, running = self._fiber(), list(works)[::-1], 0
        done = False

        def start_next() -> None:
            nonlocal running
            work = waiting.pop()
            running += 1
            self._start_fiber(parent.call, f"{parent.name}.{len(parent.call.fibers)}", lambda: run(work))

        def run(work: Callable[[], None]) -> None:
            nonlocal running
            try:
                work()
            finally:
                running -= 1
                if waiting and not parent.call.killed:
                    start_next()
                elif running == 0 and not done:
                    self._wake(parent)

        while waiting and running < at_once:
            start_next()
        while running:
            self._let_go(parent)
        done = True

    def block(self) -> None:
        """Wait until somebody wakes this fiber. Raises Killed."""
        self._let_go(self._fiber())

    def waker(self) -> Callable[[], None]:
        """What wakes this fiber from `block`."""
        fiber = self._fiber()
        return lambda: self._wake(fiber)

    def note(self, line: str) -> None:
        """A line of the trace."""
        self.trace.append(f"{self.now:10.3f}  {line}")

    def chance(self, share: float) -> bool:
        """Draw: true in this share of all cases."""
        return self.random.random() < share

    # ---- the baton

    def _fiber(self) -> Fiber:
        fiber = self._running
        if fiber is None or fiber.worker.thread is not threading.current_thread():
            raise AssertionError(f"{threading.current_thread().name} acts without the baton")
        if fiber.call.killed:
            raise Killed
        return fiber

    def _start_fiber(self, call: Call, name: str, work: Callable[[], None]) -> None:
        fiber = Fiber(call, name, Worker.idle.pop() if Worker.idle else Worker())
        fiber.worker.work = lambda: self._run_fiber(fiber, work)
        call.fibers.append(fiber)
        self._push(fiber, self.now)

    def _run_fiber(self, fiber: Fiber, work: Callable[[], None]) -> None:
        call = fiber.call
        try:
            if not call.killed:
                work()
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001  a fault of the simulation: told by `run`
            self._crash = self._crash or error
        call.fibers.remove(fiber)
        Worker.idle.append(fiber.worker)
        self._running = None
        try:
            if not call.fibers:
                self.note(f"{call.name} {'is gone' if call.killed else 'ends'}")
                call.ended(call)
            self._hand_over()
        except BaseException as error:  # noqa: BLE001  the same
            self._crash = self._crash or error
            self._main.release()

    def _run_call(self, call: Call, run: Callable[[], None]) -> None:
        try:
            run()
        except Exception as error:  # noqa: BLE001  what the function throws, the platform sees
            call.error = error
            self.interruptions += 1
            self.note(f"{call.name} raises {type(error).__name__}: {error}")

    def _push(self, fiber: Fiber, at: float) -> None:
        self._number += 1
        heapq.heappush(self._agenda, (at, self._number, fiber, fiber.turn))

    def _wake(self, fiber: Fiber) -> None:
        fiber.turn += 1
        self._push(fiber, self.now)

    def _let_go(self, fiber: Fiber) -> None:
        """Give the baton to whoever is due first; back when this fiber is."""
        self._hand_over(fiber)
        if fiber.call.killed:
            raise Killed

    def _hand_over(self, fiber: Fiber | None = None) -> None:
        self._running = None
        following = self._running = self._next()
        if following is fiber and fiber is not None:
            return
        if following is None:
            self._main.release()
        else:
            following.worker.baton.release()
        if fiber is not None:
            fiber.worker.baton.acquire()

    def _next(self) -> Fiber | None:
        """The fiber that is due first; what the outside world does before it is done here."""
        while self._agenda and self._crash is None:
            at, _, item, turn = heapq.heappop(self._agenda)
            if not isinstance(item, Fiber):
                self.now = max(self.now, at)
                item()
                continue
            if turn != item.turn or item not in item.call.fibers:
                continue
            if item.call.frozen_until > at and not item.call.killed:
                self._push(item, item.call.frozen_until)
                continue
            self.now = max(self.now, at)
            item.turn += 1
            return item
        return None


class VirtualLock:
    """A lock whose waiters let go of the baton. `threading.Lock` and, by counting, `RLock`."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._owner: threading.Thread | None = None
        self._depth = 0
        self._waiting: list[Callable[[], None]] = []

    def __enter__(self) -> None:
        me = threading.current_thread()
        while self._owner is not None and self._owner is not me:
            self._waiting.append(self._schedule.waker())
            self._schedule.block()
        self._owner = me
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._owner = None
            waiting, self._waiting = self._waiting, []
            for wake in waiting:
                wake()


class VirtualPool:
    """A ThreadPoolExecutor whose threads are fibers."""

    def __init__(self, schedule: Schedule, max_workers: int) -> None:
        self._schedule = schedule
        self._max_workers = max_workers

    def __enter__(self) -> "VirtualPool":
        return self

    def __exit__(self, *_: object) -> None: ...

    def map(self, work: Callable[[Item], Any], items: Iterable[Item]) -> Iterator[Any]:
        """Results in the order of the items; the first exception is raised where its result would be."""
        todo = list(items)
        results: dict[int, Any] = {}
        errors: dict[int, Exception] = {}

        def run(index: int) -> None:
            try:
                results[index] = work(todo[index])
            except Exception as error:  # noqa: BLE001  raised again below
                errors[index] = error

        self._schedule.fork([lambda index=index: run(index) for index in range(len(todo))], self._max_workers)
        return _results(results, errors, len(todo))


def _results(results: dict[int, Any], errors: dict[int, Exception], count: int) -> Iterator[Any]:
    for index in range(count):
        if index in errors:
            raise errors[index]
        yield results[index]


class VirtualTime:
    """Stands for the module `time`."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule

    def monotonic(self) -> float:
        return self._schedule.now

    def sleep(self, seconds: float) -> None:
        self._schedule.sleep(seconds)

    def __getattr__(self, name: str) -> NoReturn:
        raise NotImplementedError(f"time.{name} is not simulated")


class VirtualThreading:
    """Stands for the module `threading`."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule

    def Lock(self) -> VirtualLock:
        return VirtualLock(self._schedule)

    def RLock(self) -> VirtualLock:
        return VirtualLock(self._schedule)

    def __getattr__(self, name: str) -> NoReturn:
        raise NotImplementedError(f"threading.{name} is not simulated")
