"""What is tried again, how long is waited between, and what ends it."""

from collections.abc import Iterator

import pytest
from google.api_core.exceptions import Aborted, PermissionDenied, ServiceUnavailable

from operations.waiting import TRIES, Patience, Stop, Stopped
from pipeline.domain.errors import DatabaseUnavailable, StorageRefused, StorageUnavailable


class Step:
    """Raises each of `failures` once, then answers."""

    def __init__(self, *failures: Exception) -> None:
        self._failures = list(failures)

    def __call__(self) -> str:
        if self._failures:
            raise self._failures.pop(0)
        return "done"


def test_what_passes_by_itself_is_tried_again_after_longer_and_longer_times():
    waited: list[float] = []
    patience = Patience(waited.append, jitter=lambda: 1.0)
    step = Step(StorageUnavailable("busy"), ServiceUnavailable("away"), Aborted("contended"))
    assert patience.call(step) == "done"
    assert waited == [0.5, 1.0, 2.0]


def test_waits_are_spread_and_bounded():
    waited: list[float] = []
    patience = Patience(waited.append, jitter=lambda: 0.0)
    with pytest.raises(DatabaseUnavailable):
        patience.call(Step(*[ServiceUnavailable("away")] * TRIES))
    assert len(waited) == TRIES - 1
    assert (waited[0], waited[-1]) == (0.25, 15.0)


@pytest.mark.parametrize(
    "failure", [StorageRefused("no"), PermissionDenied("no"), KeyError("ours"), ValueError("ours")]
)
def test_what_does_not_pass_is_raised_at_once(failure: Exception):
    waited: list[float] = []
    with pytest.raises(type(failure)):
        Patience(waited.append).call(Step(failure))
    assert waited == []


def test_a_listing_is_taken_up_behind_the_last_name_that_came():
    asked: list[str] = []
    names = ["a", "b", "c", "d"]

    def names_after(last: str) -> Iterator[str]:
        asked.append(last)
        for name in names:
            if name > last:
                yield name
                if name == "b" and len(asked) == 1:
                    raise StorageUnavailable("cut off")

    assert list(Patience(lambda _: None).follow(names_after)) == names
    assert asked == ["", "b"]


def test_a_listing_that_never_gets_further_is_given_up():
    asked: list[str] = []

    def names_after(last: str) -> Iterator[str]:
        asked.append(last)
        if not last:
            yield "a"
        raise StorageUnavailable("away")

    follow = Patience(lambda _: None).follow(names_after)
    assert next(follow) == "a"
    with pytest.raises(StorageUnavailable):
        next(follow)
    assert asked == ["", *["a"] * (TRIES - 1)]


def test_who_is_asked_to_stop_waits_no_longer():
    stop = Stop()
    stop.check()
    stop.ask()
    with pytest.raises(Stopped):
        Patience(stop.pause).call(Step(StorageUnavailable("busy")))
    with pytest.raises(Stopped):
        stop.check()
