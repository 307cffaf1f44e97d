"""Spans: what took how long, and what belongs together. Off, as it is by default, nothing is recorded or loaded.

    a trace of the request      call ── firestore, storage, replicate ...
                                 ┊ link
    a trace of the job    job ──┬─ turn 1 ──┬─ step ── firestore, storage, replicate ...
                                │           └─ step
                                └─ turn 2 ... (by another call, on another instance)

A span has the names of things, ids of jobs and codes of errors; never texts, URLs, arguments or results. What records
them is a `CloudTracer`, loaded by the wiring where the setting is on, and handed to `call`; it travels with the flow of
control (`contextvars`). So does the span that has begun last: it is the parent of the next.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pipeline.adapters import log_context
from pipeline.domain.outcomes import CancelRequested, TurnLost, WakeLater
from pipeline.domain.trace_contexts import TraceContext, trace_of_job

if TYPE_CHECKING:
    from pipeline.adapters.cloud_trace import CloudTracer, RecordedSpan

Thing = TypeVar("Thing")

_tracer: ContextVar["CloudTracer | None"] = ContextVar("tracer", default=None)
_span: ContextVar["RecordedSpan | None"] = ContextVar("span", default=None)
_NOTHING = nullcontext()

NO_FAILURES = (WakeLater, CancelRequested, TurnLost)
"""To wait, and to be told to stop."""


@contextmanager
def call(
    tracer: "CloudTracer | None",
    name: str,
    incoming: TraceContext | None,
    answers: tuple[type[Exception], ...] = (),
) -> Iterator[TraceContext | None]:
    """One call of a function, in the trace of its request. Gives where in that trace it is, for the log to name.

    Exceptions that are `answers` are no failures.
    """
    span = tracer.begin_call(name, incoming) if tracer else None
    before = _tracer.set(tracer)
    try:
        if span is None:
            yield incoming
        else:
            with _recording(span, answers):
                yield span.context
    finally:
        _tracer.reset(before)


@contextmanager
def turn(path: str, created_at: datetime | None, **attributes: Any) -> Iterator[None]:
    """One turn of the job at `path`, in the job's own trace; the log then names that too."""
    tracer = _tracer.get()
    if tracer is None or created_at is None:
        yield
        return
    span = tracer.begin_turn(trace_of_job(path, created_at), _span.get(), attributes)
    if span is None:
        before = _span.set(None)  # its steps belong to a trace that is not recorded
        try:
            yield
        finally:
            _span.reset(before)
        return
    with _recording(span), log_context.bound(job_trace=span.context.trace_id):
        yield


def job_ended(path: str, created_at: datetime | None, ended_at: datetime, **attributes: Any) -> None:
    """The span that all turns of a job are under: recorded once, at its end."""
    tracer = _tracer.get()
    if tracer is not None and created_at is not None:
        tracer.record_job(trace_of_job(path, created_at), created_at, ended_at, attributes)


def span(name: str, **attributes: Any) -> AbstractContextManager[None]:
    """A part of what is being done. What leaves it as an exception is noted by its code or its type."""
    parent = _span.get()
    return _NOTHING if parent is None else _recording(parent.child(name, attributes))


def note(**attributes: Any) -> None:
    """What has become known of the span that has begun last."""
    current = _span.get()
    if current is not None:
        current.note(attributes)


def traced(thing: Thing, name: str) -> Thing:
    """The same thing, with a span around every call of a method of it; not of those that yield item by item."""
    return cast("Thing", _Traced(thing, name))


@contextmanager
def _recording(span: "RecordedSpan", answers: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    before = _span.set(span)
    try:
        yield
    except BaseException as raised:
        span.leave(raised, is_failure=not isinstance(raised, (*answers, *NO_FAILURES)))
        raise
    finally:
        _span.reset(before)
        span.end()


class _Traced:
    def __init__(self, thing: Any, name: str) -> None:
        self._thing = thing
        self._name = name

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._thing, name)
        if name.startswith("_") or not inspect.ismethod(found) or inspect.isgeneratorfunction(found):
            return found
        return self._timed(found)

    def _timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def timed(*arguments: Any, **named: Any) -> Any:
            with span(f"{self._name}.{method.__name__}"):
                return method(*arguments, **named)

        return timed
