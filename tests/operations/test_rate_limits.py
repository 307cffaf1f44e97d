"""How long whoever comes too early has to wait, by a clock that only moves when somebody waits."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from operations.rate_limits import TokenBucket


class Clock:
    """Time passes by waiting."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waited: list[float] = []

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now += seconds


def bucket(clock: Clock, per_second: float, burst: float) -> TokenBucket:
    return TokenBucket(per_second, burst, clock=clock, pause=clock.pause)


def test_a_burst_passes_and_what_follows_waits_its_turn():
    clock = Clock()
    limit = bucket(clock, per_second=10, burst=20)
    limit.take(20)
    assert clock.waited == []
    limit.take(5)
    limit.take(10)
    assert clock.waited == pytest.approx([0.5, 1.0])


def test_a_rest_fills_the_bucket_up_to_the_burst_and_no_further():
    clock = Clock()
    limit = bucket(clock, per_second=10, burst=20)
    limit.take(20)
    clock.now += 3600
    limit.take(20)
    assert clock.waited == []
    limit.take(1)
    assert clock.waited == pytest.approx([0.1])


def test_more_than_the_burst_is_let_through_and_paid_for():
    clock = Clock()
    limit = bucket(clock, per_second=100, burst=100)
    limit.take(500)
    assert clock.waited == pytest.approx([4.0])
    limit.take(100)
    assert clock.now == pytest.approx(105.0)


def test_threads_together_are_no_faster_than_one():
    lock = threading.Lock()
    waits: list[float] = []

    def pause(seconds: float) -> None:
        with lock:
            waits.append(seconds)

    limit = TokenBucket(100, 50, clock=lambda: 0.0, pause=pause)  # a clock that stands still: waits add up
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: limit.take(10), range(25)))
    # 250 tokens, 50 of them there: the others are due at 0.1 s, 0.2 s, ... 2.0 s, each time for one thread only
    assert sorted(waits) == pytest.approx([number / 10 for number in range(1, 21)])
