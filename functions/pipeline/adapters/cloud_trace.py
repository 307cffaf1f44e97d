"""Records spans with OpenTelemetry's SDK and sends them to Cloud Trace. Loaded only where the setting says so.

Nothing here is set up for the whole process: the SDKs of Firestore and Storage, which would put names of documents and
URLs into spans of their own, find no tracer.

Source: https://cloud.google.com/trace/docs/reference/v2/rpc/google.devtools.cloudtrace.v2
"""

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from google.cloud.trace_v2 import BatchWriteSpansRequest, TraceServiceClient
from opentelemetry.exporter.cloud_trace import CloudTraceSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from pipeline.adapters import logger
from pipeline.adapters.span_outbox import SpanOutbox
from pipeline.domain.errors import JobError
from pipeline.domain.trace_contexts import TraceContext, is_drawn

EXPORT_SECONDS = 10.0
"""For one batch; whoever waits for it waits less."""

LONGEST_VALUE = 256
_Attributes = Mapping[str, Any]


class RecordedSpan:
    """A span that has begun. `context` is where it is."""

    def __init__(self, tracer: "CloudTracer", span: Span) -> None:
        self._tracer = tracer
        self._span = span
        self._has_outcome = False
        self.context = _context_of(span)

    def child(self, name: str, attributes: _Attributes) -> "RecordedSpan":
        """A part of it, which begins now."""
        return self._tracer.begin(name, self._span, attributes)

    def link(self) -> Link:
        """To be shown with a span of another trace."""
        return Link(self._span.get_span_context())

    def note(self, attributes: _Attributes) -> None:
        """Set attributes; empty ones are left out."""
        self._has_outcome |= "outcome" in attributes
        self._span.set_attributes(_clean(attributes))

    def leave(self, raised: BaseException, *, is_failure: bool) -> None:
        """An exception leaves it."""
        if not self._has_outcome:
            self.note({"outcome": raised.code if isinstance(raised, JobError) else type(raised).__name__})
        if is_failure:
            self._span.set_status(Status(StatusCode.ERROR))  # without words: they may hold anything

    def end(self) -> None:
        """It is over."""
        self._span.end()


class CloudTracer:
    """Begins spans, and sends what has ended. Safe to share between threads.

    `share` of all calls and of all jobs are recorded, each of them whole. What the caller of a public function says of
    that does not count.
    """

    def __init__(self, share: float, open_exporter: Callable[[], SpanExporter], service: str = "") -> None:
        self._share = share
        self._outbox = SpanOutbox(open_exporter)
        self._resource = Resource(_clean({"service.name": service}))
        provider = TracerProvider(sampler=ALWAYS_ON, resource=self._resource, shutdown_on_exit=False)
        provider.add_span_processor(self._outbox)
        self._tracer = provider.get_tracer("pipeline")

    def begin_call(self, name: str, incoming: TraceContext | None) -> RecordedSpan | None:
        """A call of a function; None when this one is not recorded."""
        if random.random() >= self._share:  # noqa: S311  callers, who may choose the trace, must not choose this
            return None
        parent = NonRecordingSpan(_span_context(incoming)) if incoming and incoming.span_id else None
        return self.begin(name, parent, {}, kind=SpanKind.SERVER)

    def begin_turn(
        self, of_job: TraceContext, by_call: RecordedSpan | None, attributes: _Attributes
    ) -> RecordedSpan | None:
        """A turn of a job, under the job's own span; None when this job is not recorded."""
        if not is_drawn(of_job.trace_id, self._share):
            return None
        links = [by_call.link()] if by_call else []
        return self.begin("turn", NonRecordingSpan(_span_context(of_job)), attributes, links=links)

    def record_job(
        self, of_job: TraceContext, created_at: datetime, ended_at: datetime, attributes: _Attributes
    ) -> None:
        """The whole of a job that has ended."""
        if not is_drawn(of_job.trace_id, self._share):
            return
        span = ReadableSpan(
            name="job",
            context=_span_context(of_job),
            resource=self._resource,
            attributes=_clean(attributes),
            start_time=int(created_at.timestamp() * 1e9),
            end_time=int(ended_at.timestamp() * 1e9),
        )
        self._outbox.on_end(span)

    def begin(
        self,
        name: str,
        parent: Span | None,
        attributes: _Attributes,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        links: list[Link] | None = None,
    ) -> RecordedSpan:
        """A span that begins now, under another one or on its own."""
        context = set_span_in_context(parent) if parent else None
        span = self._tracer.start_span(name, context, kind=kind, attributes=_clean(attributes), links=links)
        return RecordedSpan(self, span)

    def flush(self, seconds: float) -> bool:
        """Send what has ended. Back within the seconds, whatever happens; whether all of it was taken."""
        return self._outbox.flush(seconds)

    def close(self) -> None:
        """Stop sending."""
        self._outbox.shutdown()


def cloud_trace_exporter(project: str, client: TraceServiceClient | None = None) -> SpanExporter:
    """To Cloud Trace of this project, with the function's own rights (`roles/cloudtrace.agent`)."""
    return _CloudTraceExporter(project, client or TraceServiceClient())


class _CloudTraceExporter(SpanExporter):
    """Google's, with an end, where the SDK would try for two minutes. Raises what goes wrong: the original prints it,
    past our log.
    """

    def __init__(self, project: str, client: TraceServiceClient) -> None:
        original: Callable[..., Any] = CloudTraceSpanExporter
        self._written = original(project, client, resource_regex=r"service\.")._translate_to_cloud_trace
        self._name = f"projects/{project}"
        self._client = client

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        request = BatchWriteSpansRequest(name=self._name, spans=self._written(spans))
        self._client.batch_write_spans(request=request, retry=None, timeout=EXPORT_SECONDS)
        return SpanExportResult.SUCCESS


def _clean(attributes: _Attributes) -> dict[str, Any]:
    """As in the log: without secrets, and bounded."""
    cleaned = {name: logger.clean(value) for name, value in attributes.items() if value not in (None, "")}
    return {name: value[:LONGEST_VALUE] if isinstance(value, str) else value for name, value in cleaned.items()}


def _context_of(span: Span) -> TraceContext:
    context = span.get_span_context()
    return TraceContext(f"{context.trace_id:032x}", f"{context.span_id:016x}", is_sampled=True)


def _span_context(context: TraceContext) -> SpanContext:
    sampled = TraceFlags(TraceFlags.SAMPLED)
    return SpanContext(int(context.trace_id, 16), int(context.span_id, 16), is_remote=True, trace_flags=sampled)
