"""One call of a function: what its entries in the log hold, its span, and what becomes of what nobody has caught.

headers ──> trace ──> the call's work ──> spans are sent, in at most FLUSH_SECONDS
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flask import has_request_context, request

from pipeline.adapters import log_context, logger, tracing
from pipeline.domain.trace_contexts import read_trace_context

if TYPE_CHECKING:
    from pipeline.adapters.cloud_trace import CloudTracer

FLUSH_SECONDS = 2.0
"""The longest that a call waits for its spans to be sent, when its work is done; once a minute where they cannot be."""


class CallFailed(Exception):
    """Nothing could be written down. The log has the details; the platform, which prints this, is to deliver again."""


class FunctionCalls:
    """The calls that one instance serves. `open_tracer` gives what records spans, None where nothing does."""

    def __init__(self, project: str | None, open_tracer: Callable[[], "CloudTracer | None"]) -> None:
        self._project = project
        self._open_tracer = open_tracer

    @contextmanager
    def call(self, name: str, what: str, *answers: type[Exception], **facts: str) -> Iterator[None]:
        """`name` is the call's in traces, and in the log, where its entries hold the `facts` too.

        What nobody has caught is told here, without secrets: whatever leaves a function is printed by the platform as
        it is. `answers` are no failures, and pass. Raises CallFailed.
        """
        incoming = read_trace_context(_headers())
        tracer = self._open_tracer()
        try:
            with log_context.bound(call=name, **facts), tracing.call(tracer, name, incoming, answers) as trace:
                if trace is not None and self._project:
                    log_context.note(**trace.log_fields(self._project))
                with _told(what, answers):
                    yield
        finally:
            if tracer is not None:
                tracer.flush(FLUSH_SECONDS)


def _headers() -> dict[str, str]:
    """Of the request, names in lower case. Every function is served by Flask: events and tasks are requests too."""
    return {name.lower(): value for name, value in request.headers.items()} if has_request_context() else {}


@contextmanager
def _told(what: str, answers: tuple[type[Exception], ...]) -> Iterator[None]:
    try:
        yield
    except answers:
        raise
    except Exception as error:  # noqa: BLE001  whatever it is, the platform would print it
        logger.unexpected(f"Unexpected {type(error).__name__} in {what}", error)
        raise CallFailed(f"{what}: {type(error).__name__}") from None
