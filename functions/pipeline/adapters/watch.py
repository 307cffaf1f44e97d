"""What the ffmpegs of one composition have in common: until when they may run, who is told how far they are, who may
stop them.
"""

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import ffmpeg

from pipeline.adapters.ffmpeg import STALL_SECONDS, run_ffmpeg
from pipeline.domain.errors import MediaError


def _nobody(_: float) -> None:
    pass


def _never() -> None:
    pass


@dataclass(frozen=True)
class Watch:
    """`ends_at` by the monotonic clock; `on_progress` gets shares from 0 to 1; `should_stop` may raise to end it."""

    ends_at: float
    on_progress: Callable[[float], None] = _nobody
    should_stop: Callable[[], None] = _never

    @classmethod
    def until(cls, seconds: float, should_stop: Callable[[], None] = _never) -> "Watch":
        """For so many seconds from now."""
        return cls(time.monotonic() + seconds, should_stop=should_stop)

    @property
    def seconds_left(self) -> float:
        return self.ends_at - time.monotonic()

    def telling(self, on_progress: Callable[[float], None]) -> "Watch":
        """The same, for a part of the work of which somebody else is told."""
        return replace(self, on_progress=on_progress)

    def run(
        self,
        output: Any,
        *arguments: str,
        frames: int = 0,
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.DEVNULL,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        """Run one graph whose end is `frames` away. Raises DeadlineExceeded, OutOfSpace, MediaError."""
        run_ffmpeg(
            [*arguments, *ffmpeg.get_args(output)],
            deadline_seconds=self.seconds_left,
            total_frames=frames,
            on_progress=self.on_progress,
            should_stop=self.should_stop,
            stdin=stdin,
            stdout=stdout,
            stall_seconds=stall_seconds,
        )


@contextmanager
def naming(clips: Sequence[int]) -> Iterator[None]:
    """A MediaError of the body says which clips it is about; `clips` are places from 0, the sentence counts from 1."""
    try:
        yield
    except MediaError as error:
        numbers = sorted({clip + 1 for clip in clips})
        name = f"Clip {numbers[0]}" if len(numbers) == 1 else f"Clips {numbers[0]} to {numbers[-1]}"
        raise MediaError(f"{name}: {error}") from error
