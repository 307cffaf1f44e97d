"""Calls that end in time."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest

from pipeline.adapters.timed_calls import TimedCalls


@pytest.fixture
def calls() -> Iterator[TimedCalls]:
    timed = TimedCalls()
    yield timed
    timed.stop()


async def doubled(number: int) -> int:
    return 2 * number


def test_a_call_returns_what_it_returns(calls: TimedCalls):
    assert calls.run(lambda: doubled(21), 5.0) == 42


def test_a_call_raises_what_it_raises(calls: TimedCalls):
    async def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        calls.run(fail, 5.0)


def test_a_call_that_is_late_is_cancelled_where_it_waits(calls: TimedCalls):
    cancelled = threading.Event()

    async def wait() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    started = time.monotonic()
    with pytest.raises(TimeoutError):
        calls.run(wait, 0.2)
    assert time.monotonic() - started < 0.8
    assert cancelled.wait(5.0)
    assert calls.run(lambda: doubled(1), 5.0) == 2


def test_a_busy_loop_delays_nobody_beyond_their_time(calls: TimedCalls):
    go_on = threading.Event()

    async def block() -> None:
        go_on.wait(10.0)

    blocking = threading.Thread(target=calls.run, args=(block, 10.0))
    blocking.start()
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        calls.run(lambda: doubled(1), 0.2)
    assert time.monotonic() - started < 0.8
    go_on.set()
    blocking.join(5.0)
    assert calls.run(lambda: doubled(2), 5.0) == 4


def test_all_calls_share_one_thread_that_ends_with_stop(calls: TimedCalls):
    names: set[int] = set()

    async def remember() -> None:
        names.add(threading.get_ident())

    callers = [threading.Thread(target=calls.run, args=(remember, 5.0)) for _ in range(20)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(5.0)
    assert len(names) == 1
    assert names.isdisjoint({caller.ident for caller in callers})
    calls.stop()
    assert names.isdisjoint({thread.ident for thread in threading.enumerate()})


def test_stop_ends_what_still_runs(calls: TimedCalls):
    began = threading.Event()

    async def wait() -> None:
        began.set()
        await asyncio.sleep(60)

    with ThreadPoolExecutor(1) as pool:
        called = pool.submit(calls.run, wait, 30.0)
        assert began.wait(5.0)
        calls.stop()
        assert isinstance(called.exception(5.0), CancelledError)


def test_stop_without_a_start_is_nothing(calls: TimedCalls):
    calls.stop()
    calls.stop()
