"""Waiting: between tries, for the rate limit, and until somebody asks for the end."""

import random
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import TransportError

from pipeline.domain.errors import DatabaseUnavailable, JobError
from pipeline.handlers.failures import failure_of

Result = TypeVar("Result")

FOREIGN = (JobError, GoogleAPIError, TransportError)
"""What may pass by itself; anything else is a fault of ours, which another try would only hide."""

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 30.0
TRIES = 8
"""Up to a minute of waiting in all; what lasts longer is reported, and done by the next run."""


class Stopped(Exception):
    """Somebody has asked for the end. What was written stays written, and the next run goes on."""


class Stop:
    """The request to end, that all threads look at wherever they would wait, and before they begin something."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def ask(self) -> None:
        """From now on every `check` and `pause` raises Stopped."""
        self._asked.set()

    def check(self) -> None:
        """Raise Stopped if the end was asked for."""
        self.pause(0.0)

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the request."""
        if self._asked.wait(seconds):
            raise Stopped


class Patience:
    """Tries again what failed through no fault of its own: storage or database busy, away, or gone in the middle.

    Whatever is tried must be safe to repeat. `pause` waits a number of seconds, and may raise to end it all.
    """

    def __init__(self, pause: Callable[[float], None], jitter: Callable[[], float] = random.random) -> None:
        self._pause = pause
        self._jitter = jitter

    def call(self, step: Callable[[], Result]) -> Result:
        """The result of `step`. Raises its last failure, as a JobError where it is one that passes."""
        for number in range(TRIES):
            try:
                return step()
            except FOREIGN as error:
                self._wait_or_raise(error, number)
        raise AssertionError("the last try returns or raises")

    def follow(self, names_after: Callable[[str], Iterator[str]]) -> Iterator[str]:
        """All names of a listing, which is taken up behind the last one that came."""
        last, number = "", 0
        while True:
            try:
                for name in names_after(last):
                    yield name
                    last, number = name, 0
            except FOREIGN as error:
                self._wait_or_raise(error, number)
                number += 1
            else:
                return

    def _wait_or_raise(self, error: Exception, number: int) -> None:
        """`number` counts from 0."""
        failure = DatabaseUnavailable(str(error)) if isinstance(error, TransportError) else failure_of(error)
        if not failure.retryable:
            raise error
        if number == TRIES - 1:
            raise failure from error
        self._pause(min(FIRST_SECONDS * 2**number, LONGEST_SECONDS) * (0.5 + self._jitter() / 2))
