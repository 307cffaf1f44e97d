"""The bar on the terminal: videos done of those that were found so far, clips, clips a second, time left."""

import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from google.api_core.exceptions import GoogleAPIError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from operations.waiting import Stopped
from pipeline.domain.errors import JobError


class ProgressBar:
    """Shows how far it is between `with`. Videos are counted by a thread of its own, ahead of the work."""

    def __init__(self, title: str, console: Console, to_count: Iterable[Any]) -> None:
        self._bar = Progress(
            TextColumn(title),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("videos, {task.fields[clips]} clips, {task.fields[rate]:.0f} clips/s,"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._bar.add_task("", total=None, clips=0, rate=0.0)
        self._counting = threading.Thread(target=self._count, args=(to_count,), daemon=True)
        self._clips = 0
        self._is_over = False

    def __enter__(self) -> Self:
        self._bar.start()
        self._counting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over = True
        self._counting.join()
        self._bar.stop()

    def advance(self, clips: int) -> None:
        """One more video is done."""
        self._clips += clips
        seconds = self._bar.tasks[self._task].elapsed or 0.0
        self._bar.update(self._task, advance=1, clips=self._clips, rate=self._clips / max(seconds, 0.001))

    def _count(self, to_count: Iterable[Any]) -> None:
        found = 0
        try:
            for _ in to_count:
                found += 1
                if self._is_over:
                    return
        except (JobError, GoogleAPIError, Stopped):
            return  # the work meets the same listing, and reports it
        self._bar.update(self._task, total=found)
