"""Calls take turns as the seed says; what is killed does nothing more, not even on its way out."""

import pytest

from tests.simulation.schedule import CALM, Call, Deadlock, Hazards, Killed, Schedule, VirtualLock, VirtualPool


def test_one_at_a_time_in_the_order_of_the_clock() -> None:
    schedule, seen = Schedule(1), []

    def work(name: str, seconds: float) -> None:
        for number in range(3):
            schedule.sleep(seconds)
            seen.append((name, number, schedule.now))

    schedule.start("a", lambda: work("a", 2.0), 100.0)
    schedule.start("b", lambda: work("b", 3.0), 100.0)
    schedule.run()
    assert seen == [("a", 0, 2.0), ("b", 0, 3.0), ("a", 1, 4.0), ("b", 1, 6.0), ("a", 2, 6.0), ("b", 2, 9.0)]


def test_a_killed_call_has_no_more_effects() -> None:
    schedule, effects = Schedule(1), []

    def work() -> None:
        try:
            schedule.effect("first")
            effects.append("first")
            schedule.sleep(50.0)
            effects.append("never")
        except Exception:  # noqa: BLE001  as handlers do
            effects.append("caught")
        finally:
            schedule.effect("cleaning up")
            effects.append("cleaned up")

    call = schedule.start("a", work, 100.0)
    schedule.at(10.0, lambda: schedule.kill(call, "for the test"))
    schedule.run()
    assert effects == ["first"]
    assert call.killed


def test_a_call_ends_with_its_time() -> None:
    schedule, ends = Schedule(1), []

    def ended(call: Call) -> None:
        ends.append((call.name, call.killed, schedule.now))

    schedule.start("a", lambda: schedule.sleep(1000.0), 540.0, ended)
    schedule.start("b", lambda: schedule.sleep(5.0), 540.0, ended)
    schedule.run()
    assert ends == [("b", False, 5.0), ("a", True, 540.0)]


def test_what_a_function_raises_is_for_the_platform() -> None:
    schedule = Schedule(1)

    def work() -> None:
        raise LookupError("no")

    call = schedule.start("a", work, 10.0)
    schedule.run()
    assert isinstance(call.error, LookupError)


def test_a_frozen_call_waits_with_all_its_fibers() -> None:
    schedule, seen = Schedule(1), []

    def work(item: int) -> None:
        schedule.sleep(1.0)
        seen.append((item, schedule.now))

    call = schedule.start("a", lambda: list(VirtualPool(schedule, 2).map(work, [1, 2])), 1000.0)
    call.frozen_until = 100.0
    schedule.run()
    assert [item for item, _ in seen] == [1, 2]
    assert all(at >= 100.0 for _, at in seen)


def test_a_pool_works_on_so_many_at_once_and_keeps_the_order() -> None:
    schedule, running, most = Schedule(1), [0], [0]
    results: list[int] = []

    def work(item: int) -> int:
        running[0] += 1
        most[0] = max(most[0], running[0])
        schedule.sleep(10.0 - item)
        running[0] -= 1
        return item * item

    schedule.start("a", lambda: results.extend(VirtualPool(schedule, 2).map(work, range(5))), 1000.0)
    schedule.run()
    assert (results, most[0]) == ([0, 1, 4, 9, 16], 2)


def test_a_lock_is_held_across_effects_and_let_go_by_the_dead() -> None:
    schedule, seen = Schedule(1), []
    lock = VirtualLock(schedule)

    def work(name: str) -> None:
        with lock, lock:
            seen.append(f"{name} in")
            schedule.sleep(5.0)
            seen.append(f"{name} out")

    first = schedule.start("a", lambda: work("a"), 100.0)
    schedule.start("b", lambda: work("b"), 100.0)
    schedule.at(2.0, lambda: schedule.kill(first, "for the test"))
    schedule.run()
    assert seen == ["a in", "b in", "b out"]


def test_a_deadlock_is_told() -> None:
    schedule = Schedule(1)
    schedule.start("a", schedule.block, float("inf"))
    schedule._agenda = [entry for entry in schedule._agenda if entry[0] < float("inf")]
    with pytest.raises(Deadlock, match="a"):
        schedule.run()


def test_hazards_are_drawn_from_the_seed() -> None:
    def ends(seed: int) -> list[str]:
        schedule = Schedule(seed)
        hazards = Hazards(kill=0.1, freeze=0.1)

        def work() -> None:
            for number in range(10):
                schedule.effect(str(number))

        for name in "abc":
            schedule.start(name, work, 1000.0, hazards=hazards)
        schedule.run()
        return schedule.trace

    assert ends(1) == ends(1)
    assert ends(1) != ends(2)
    assert any("is killed" in line for seed in range(5) for line in ends(seed))
    assert CALM.kill == 0.0


def test_no_handler_catches_the_end_of_its_instance() -> None:
    assert not issubclass(Killed, Exception)
