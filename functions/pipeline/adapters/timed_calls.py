"""Calls that end in time, however slowly the other side answers.

    a thread ──run(call, seconds)──> the loop's own thread: await call()
             <── its result, or TimeoutError when the seconds are over; the call is then cancelled where it waits

A timeout of a socket begins anew with every byte that comes; a cancelled coroutine lets go at once, in the middle of
a name's look-up, of a handshake or of an answer. No thread is left behind by a server that keeps its clients waiting.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

_Result = TypeVar("_Result")


class TimedCalls:
    """One thread with one event loop, started by the first call. Safe to share between threads."""

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._running: _Running | None = None

    def run(self, call: Callable[[], Coroutine[Any, Any, _Result]], seconds: float) -> _Result:
        """What the call returns or raises. Raises TimeoutError when the seconds are over."""
        future = asyncio.run_coroutine_threadsafe(call(), self._started().loop)
        try:
            return future.result(max(seconds, 0.0))
        finally:
            future.cancel()

    def stop(self, seconds: float = 1.0) -> None:
        """Cancel what runs, and end the thread; another call would start another thread."""
        with self._starting:
            running, self._running = self._running, None
        if running:
            running.loop.call_soon_threadsafe(running.stop.set)
            running.thread.join(seconds)

    def _started(self) -> "_Running":
        with self._starting:
            if self._running is None:
                runner, stop = asyncio.Runner(loop_factory=asyncio.new_event_loop), asyncio.Event()
                thread = threading.Thread(target=_serve, args=(runner, stop), name="timed-calls", daemon=True)
                self._running = _Running(runner.get_loop(), stop, thread)
                thread.start()
            return self._running


@dataclass(frozen=True)
class _Running:
    loop: asyncio.AbstractEventLoop
    stop: asyncio.Event
    thread: threading.Thread


def _serve(runner: asyncio.Runner, stop: asyncio.Event) -> None:
    with runner:
        runner.run(stop.wait())
