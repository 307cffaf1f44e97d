"""Work that is longer than a turn, done in pieces of which each must fit into one.

    event, 520 s    |probe ✓|piece 1 ✓|piece 2 ✓|  piece 3 would not fit ── WakeLater
    task, 1780 s    |piece 3 ✓|piece 4 ✓| ... |piece 30   too late ── WakeLater
    task, 1780 s    |piece 30 ✓|join ✓|

It never goes on for ever: a turn ends early only after a piece is done, or its first piece counts as a failed try of
its step. A first piece that had as long as a task can give has no better turn to wait for, and fails.
"""

import time
from collections.abc import Callable
from typing import NoReturn, TypeVar

from pipeline.domain.errors import DeadlineExceeded, Interrupted
from pipeline.domain.jobs import MAX_ATTEMPTS
from pipeline.domain.outcomes import WakeLater
from pipeline.handlers.turns import Turn

Result = TypeVar("Result")

SecondsLeft = Callable[[], float]
"""How long a piece may still take."""

SECONDS_TO_STORE = 60.0
"""Of a turn's time, kept back for uploads."""

LONG_TURN_SECONDS = 1500.0
"""What no longer turn will come after: a task has 1,800 s."""


class TurnPieces:
    """The pieces of one turn."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._done = 0
        self._frames, self._seconds = 0, 0.0  # of the pieces that said how many frames they were

    def leave_if_spent(self) -> None:
        """Raises WakeLater when this turn has done something and has no time for more. For the time between steps."""
        if self._done and self._turn.seconds_left <= SECONDS_TO_STORE:
            raise WakeLater(0.0)

    def do(self, step: str, work: Callable[[SecondsLeft], Result], *, frames: int = 0) -> Result:
        """Do a piece of `step`. `work` is told how long it may take, and raises DeadlineExceeded when it did not fit.

        Raises WakeLater when it is to be done in a later turn, Interrupted (a failed try of the step) when it did not
        fit although it came first, DeadlineExceeded when it will not fit in any.
        """
        self.leave_if_spent()
        left = self._turn.seconds_left
        if self._done and left - SECONDS_TO_STORE < self.expected_seconds(frames):
            raise WakeLater(0.0)
        seconds = max(left - SECONDS_TO_STORE, left / 2)  # a very short turn gives its first piece half of itself
        started = time.monotonic()
        try:
            result = work(lambda: seconds - (time.monotonic() - started))
        except DeadlineExceeded as error:
            self._cut(step, seconds, error)
        self._done += 1
        if frames:
            self._frames += frames
            self._seconds += time.monotonic() - started
        return result

    def expected_seconds(self, frames: int) -> float:
        """How long that many frames take at this turn's pace; 0 before it is known."""
        return frames * self._seconds / self._frames if self._frames else 0.0

    def _cut(self, step: str, seconds: float, error: DeadlineExceeded) -> NoReturn:
        if self._done:
            raise WakeLater(0.0) from error
        if is_hopeless(seconds, self._turn.step_attempt(step) + 1):
            raise error
        raise Interrupted("The work did not fit in this function call and goes on in another.") from error


def is_hopeless(seconds: float, tries: int) -> bool:
    """Whether a first piece that ended unfinished after `seconds`, for the `tries`-th time, can only do so again."""
    return seconds >= LONG_TURN_SECONDS or tries >= MAX_ATTEMPTS
