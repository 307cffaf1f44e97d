"""Spans that have ended, on their way out: sent in batches, at the end of a call, and never waited for long.

    a span ends ──> waits ──flush(seconds)──> the sender's own thread ──> the exporter
                                    └─ back after so many seconds at the latest, sent or not

A function's CPU is taken away when its call is over, so what waits is sent before; but the job is more important than
its spans. An exporter that fails, or is slower than the caller has time, is left alone for a minute, in which nobody
waits for it; what waits then is sent later, up to a number, and what was handed to it is lost.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from pipeline.adapters import logger

MAX_WAITING = 5000
"""Spans beyond this are dropped: about 10 MB."""

BATCH = 500
REST_SECONDS = 60.0


class SpansRefused(Exception):
    """The exporter has said no."""


@dataclass
class _Sending:
    """One wish to have everything sent."""

    is_over: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None


class SpanOutbox(SpanProcessor):
    """Safe to share between threads. The exporter is opened by the sender's thread, when there is something to send."""

    def __init__(self, open_exporter: Callable[[], SpanExporter], clock: Callable[[], float] = time.monotonic) -> None:
        self._open_exporter = open_exporter
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: list[ReadableSpan] = []
        self._sendings: queue.SimpleQueue[_Sending | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._rests_until = float("-inf")

    def on_end(self, span: ReadableSpan) -> None:
        with self._lock:
            if len(self._waiting) < MAX_WAITING:
                self._waiting.append(span)

    def flush(self, seconds: float) -> bool:
        """Send what waits. Back within the seconds; whether all of it was taken. Raises nothing."""
        with self._lock:
            if not self._waiting:
                return True
            if self._clock() < self._rests_until:
                return False
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="spans", daemon=True)
                self._thread.start()
        sending = _Sending()
        self._sendings.put(sending)
        if not sending.is_over.wait(seconds):
            sending.error = TimeoutError(f"no answer within {seconds:g} s")
        if sending.error is not None:
            self._rest(sending.error)
        return sending.error is None

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self.flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        """End the thread, as soon as the exporter lets go of it."""
        self._sendings.put(None)

    def _rest(self, error: Exception) -> None:
        with self._lock:
            self._rests_until = self._clock() + REST_SECONDS
        logger.warn(f"Spans could not be sent, and are not for {REST_SECONDS:g} s: {type(error).__name__}: {error}")

    def _serve(self) -> None:
        exporter: SpanExporter | None = None
        while (sending := self._sendings.get()) is not None:
            try:
                exporter = exporter or self._open_exporter()
                while batch := self._next_batch():
                    if exporter.export(batch) is not SpanExportResult.SUCCESS:
                        raise SpansRefused  # noqa: TRY301  like whatever else an exporter raises
            except Exception as error:  # noqa: BLE001  no exporter may end this thread
                sending.error = error
            sending.is_over.set()

    def _next_batch(self) -> Sequence[ReadableSpan]:
        with self._lock:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
        return batch
