"""Many at once, a few in memory, and a clean end."""

import threading

import pytest

from migration.parallel import for_each
from operations.waiting import Stop, Stopped


def test_every_item_is_worked_on_once_and_handed_back_in_the_callers_thread():
    done: list[int] = []
    threads = set()

    def collect(outcome: int) -> None:
        done.append(outcome)
        threads.add(threading.current_thread())

    for_each(range(500), lambda number: number * 2, collect, threads=8, stop=Stop())
    assert sorted(done) == list(range(0, 1000, 2))
    assert threads == {threading.current_thread()}


def test_no_more_items_are_taken_than_come_next():
    taken: list[int] = []
    done: list[int] = []
    ahead: list[int] = []

    def items():
        for number in range(200):
            taken.append(number)
            ahead.append(len(taken) - len(done))
            yield number

    for_each(items(), lambda number: number, done.append, threads=4, stop=Stop())
    assert max(ahead) <= 8
    assert len(done) == 200


def test_an_interruption_stops_the_threads_and_leaves_what_waits_undone():
    stop = Stop()
    begun: list[int] = []
    all_wait = threading.Barrier(3)

    def work(number: int) -> int:
        begun.append(number)
        if number < 3:
            all_wait.wait(20)
        if number:
            stop.pause(20)
        return number

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        for_each(range(100), work, interrupt, threads=3, stop=stop)
    assert len(begun) <= 6
    with pytest.raises(Stopped):
        stop.check()
