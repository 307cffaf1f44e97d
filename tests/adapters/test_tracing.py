"""Spans: recorded in the right traces, sent to something that speaks Cloud Trace, and never waited for long."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from pipeline.adapters import log_context, logger, tracing
from pipeline.adapters.cloud_trace import CloudTracer, cloud_trace_exporter
from pipeline.adapters.span_outbox import MAX_WAITING, REST_SECONDS, SpanOutbox
from pipeline.adapters.threads import Threads
from pipeline.config import secret_values
from pipeline.domain.errors import RateLimited
from pipeline.domain.outcomes import WakeLater
from pipeline.domain.trace_contexts import TraceContext, trace_of_job
from tests.canaries import SECRETS, found_in
from tests.cloud_trace_server import CloudTraceServer
from tests.log_entries import written

CREATED = datetime(2026, 3, 1, 12, tzinfo=UTC)
INCOMING = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
JOB = "image_generation_jobs/job-1"
OF_JOB = trace_of_job(JOB, CREATED)

GOOGLES_OWN = pytest.mark.filterwarnings("ignore:CloudTraceSpanExporter is deprecated", "ignore:Deprecated since")
"""The exporter warns of itself, and of what it uses of the SDK."""


class Recorded:
    """A tracer, and what it has recorded, by the names of the spans."""

    def __init__(self, share: float = 1.0) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracer = CloudTracer(share, lambda: self.exporter, "advancejob")

    def spans(self) -> dict[str, ReadableSpan]:
        assert self.tracer.flush(10.0)
        return {span.name: span for span in self.exporter.get_finished_spans()}


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    recorded = Recorded()
    yield recorded
    recorded.tracer.close()


def ids(span: ReadableSpan) -> tuple[str, str]:
    context = span.get_span_context()
    assert context is not None
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"


def parent_of(span: ReadableSpan) -> str | None:
    return f"{span.parent.span_id:016x}" if span.parent else None


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_call_belongs_to_its_request_and_a_turn_to_its_job(recorded: Recorded):
    with tracing.call(recorded.tracer, "task", INCOMING) as trace:
        with tracing.turn(JOB, CREATED, job_id="job-1", turn=2):
            assert log_context.current()["job_trace"] == OF_JOB.trace_id
            with tracing.span("step", step="predict"):
                with tracing.span("replicate.create_prediction"):
                    pass
                tracing.note(outcome="done")
        assert "job_trace" not in log_context.current()
        tracing.job_ended(JOB, CREATED, CREATED + timedelta(minutes=3), outcome="complete")
    spans = recorded.spans()
    call, turn, step = spans["task"], spans["turn"], spans["step"]
    assert trace is not None
    assert ids(call) == (INCOMING.trace_id, trace.span_id)
    assert (parent_of(call), trace.is_sampled) == (INCOMING.span_id, True)
    assert (ids(turn)[0], parent_of(turn)) == (OF_JOB.trace_id, OF_JOB.span_id)
    assert [link.context.span_id for link in turn.links] == [call.context.span_id]
    assert (ids(step)[0], parent_of(step)) == (OF_JOB.trace_id, ids(turn)[1])
    assert parent_of(spans["replicate.create_prediction"]) == ids(step)[1]
    assert dict(step.attributes or {}) == {"step": "predict", "outcome": "done"}
    job = spans["job"]
    assert (ids(job), parent_of(job)) == ((OF_JOB.trace_id, OF_JOB.span_id), None)
    assert job.end_time - job.start_time == 180 * 10**9


def test_turns_of_one_job_are_one_trace_on_whatever_instance():
    traces = set()
    for _ in range(2):
        recorded = Recorded()
        with tracing.call(recorded.tracer, "task", None), tracing.turn(JOB, CREATED):
            pass
        traces.add(ids(recorded.spans()["turn"])[0])
        recorded.tracer.close()
    assert traces == {OF_JOB.trace_id}


def test_work_in_threads_belongs_to_the_span_that_has_begun_it(recorded: Recorded):
    def work(name: str) -> None:
        with tracing.span(name):
            pass

    with tracing.call(recorded.tracer, "task", None), tracing.span("step"), Threads(2) as pool:
        list(pool.map(work, ("a", "b")))
    spans = recorded.spans()
    assert {parent_of(spans[name]) for name in "ab"} == {ids(spans["step"])[1]}


def test_failures_are_marked_and_waiting_is_none(recorded: Recorded):
    for name, raised in (("limited", RateLimited("Slowly.")), ("waits", WakeLater(3.0)), ("broken", KeyError("x"))):
        with (
            pytest.raises(type(raised)),
            tracing.call(recorded.tracer, "task", None),
            tracing.span(name),
        ):
            raise raised
    spans = recorded.spans()
    outcomes = {name: (spans[name].attributes or {})["outcome"] for name in ("limited", "waits", "broken")}
    assert outcomes == {"limited": "rate_limited", "waits": "WakeLater", "broken": "KeyError"}
    statuses = {name: spans[name].status.status_code for name in outcomes}
    assert statuses == {"limited": StatusCode.ERROR, "waits": StatusCode.UNSET, "broken": StatusCode.ERROR}
    assert all(span.status.description is None and not span.events for span in spans.values())


def test_what_a_call_answers_with_is_no_failure(recorded: Recorded):
    for name, answers in (("answered", (KeyError,)), ("failed", ())):
        with pytest.raises(KeyError), tracing.call(recorded.tracer, name, None, answers):
            raise KeyError
    statuses = {name: span.status.status_code for name, span in recorded.spans().items()}
    assert statuses == {"answered": StatusCode.UNSET, "failed": StatusCode.ERROR}


def test_spans_hold_no_secrets_and_no_long_texts(recorded: Recorded, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(logger, "_secrets", set())
    logger.conceal(secret_values(SECRETS))  # as every call does
    secrets = "https://h/a?X-Amz-Signature=0 token=0123abcd-0 Authorization: Bearer " + " ".join(SECRETS.values())
    with (
        pytest.raises(KeyError),
        tracing.call(recorded.tracer, "api", None),
        tracing.span("step", words=f"{SECRETS['OPENAI_API_KEY']} {'x' * 1000}", path=secrets),
    ):
        raise KeyError(secrets)
    spans = recorded.spans()
    assert found_in(" ".join(span.to_json() for span in spans.values())) == []
    assert len(str((spans["step"].attributes or {})["words"])) <= 256


@pytest.mark.parametrize(("share", "jobs"), [(0.0, 0), (0.25, 50), (1.0, 200)])
def test_a_share_of_the_jobs_is_recorded_each_of_them_whole(share: float, jobs: int):
    recorded = Recorded(share)
    paths = [f"image_generation_jobs/{number}" for number in range(200)]
    for path in paths * 2:
        with tracing.call(recorded.tracer, "task", None), tracing.turn(path, CREATED), tracing.span("step"):
            pass
        tracing.job_ended(path, CREATED, CREATED)  # outside of a call: nothing records it
    recorded.spans()
    names = [span.name for span in recorded.exporter.get_finished_spans()]
    recorded.tracer.close()
    assert names.count("turn") == names.count("step")
    assert abs(names.count("turn") - 2 * jobs) <= (30 if jobs == 50 else 0)
    traces = [ids(span)[0] for span in recorded.exporter.get_finished_spans() if span.name == "turn"]
    assert {traces.count(trace) for trace in traces} <= {2}


def test_where_nothing_records_nothing_happens():
    with tracing.call(None, "task", INCOMING) as trace, tracing.turn(JOB, CREATED):
        assert trace is INCOMING
        assert tracing.span("step", step="a") is tracing.span("step", step="b")
        tracing.note(outcome="done")
        tracing.job_ended(JOB, CREATED, CREATED)
        assert "job_trace" not in log_context.current()


class Shelf:
    size = 3

    def take(self, number: int) -> int:
        return number * 2

    def drop(self) -> None:
        raise RateLimited("Slowly.")

    def all(self) -> Iterator[int]:
        yield from range(self.size)


def test_a_traced_thing_is_the_same_with_a_span_for_every_call(recorded: Recorded):
    shelf = tracing.traced(Shelf(), "shelf")
    with tracing.call(recorded.tracer, "task", None):
        assert (shelf.take(2), shelf.size, list(shelf.all())) == (4, 3, [0, 1, 2])
        with pytest.raises(RateLimited):
            shelf.drop()
    spans = recorded.spans()
    assert set(spans) == {"task", "shelf.take", "shelf.drop"}
    assert dict(spans["shelf.drop"].attributes or {}) == {"outcome": "rate_limited"}
    assert not spans["shelf.take"].attributes


class Exporter(SpanExporter):
    """Takes spans, refuses them, raises, or hangs."""

    def __init__(self) -> None:
        self.taken: list[ReadableSpan] = []
        self.asked = 0
        self.behaviour: Callable[[], SpanExportResult] = lambda: SpanExportResult.SUCCESS

    def export(self, spans: Any) -> SpanExportResult:
        self.asked += 1
        result = self.behaviour()
        self.taken += spans
        return result


def span_named(name: str) -> ReadableSpan:
    return ReadableSpan(name)


@pytest.mark.parametrize("fails", ["refuses", "raises", "cannot be opened"])
def test_an_exporter_that_fails_is_left_alone_for_a_minute(fails: str, capsys: pytest.CaptureFixture[str]):
    exporter, clock = Exporter(), Clock()

    def fail() -> SpanExportResult:
        if fails == "refuses":
            return SpanExportResult.FAILURE
        raise ConnectionError(f"https://h/a?token={SECRETS['REPLICATE_API_TOKEN']}")

    def opened() -> Exporter:
        if fails == "cannot be opened" and clock.now == 0:
            fail()
        return exporter

    exporter.behaviour = fail
    outbox = SpanOutbox(opened, clock)
    for name in ("a", "b"):
        outbox.on_end(span_named(name))
        assert not outbox.flush(10.0)
    assert exporter.asked == (0 if fails == "cannot be opened" else 1)
    (entry,) = written(capsys)
    assert entry["message"].startswith("Spans could not be sent, and are not for 60 s: ")
    assert found_in(str(entry)) == []
    exporter.behaviour = lambda: SpanExportResult.SUCCESS
    clock.now = REST_SECONDS
    assert outbox.flush(10.0)
    assert [span.name for span in exporter.taken][-1] == "b"
    outbox.shutdown()


def test_an_exporter_that_hangs_is_waited_for_once_a_minute_and_no_longer_than_allowed(
    capsys: pytest.CaptureFixture[str],
):
    exporter, clock, goes_on = Exporter(), Clock(), threading.Event()

    def hang() -> SpanExportResult:
        goes_on.wait(30)
        return SpanExportResult.SUCCESS

    exporter.behaviour = hang
    outbox = SpanOutbox(lambda: exporter, clock)
    began = time.monotonic()
    for number in range(20):
        outbox.on_end(span_named(str(number)))
        assert not outbox.flush(0.2)
    clock.now = REST_SECONDS
    assert not outbox.flush(0.2)  # still the first batch
    assert time.monotonic() - began < 2.0
    assert exporter.asked == 1
    assert len(written(capsys)) == 2
    goes_on.set()
    clock.now = 2 * REST_SECONDS
    assert outbox.flush(10.0)
    assert [span.name for span in exporter.taken] == [str(number) for number in range(20)]
    outbox.shutdown()


def test_what_waits_is_bounded():
    exporter = Exporter()
    outbox = SpanOutbox(lambda: exporter)
    for _ in range(MAX_WAITING + 10):
        outbox.on_end(span_named("a"))
    assert outbox.flush(10.0)
    assert len(exporter.taken) == MAX_WAITING
    assert exporter.asked == MAX_WAITING / 500
    outbox.shutdown()


@pytest.fixture
def cloud_trace() -> Iterator[CloudTraceServer]:
    server = CloudTraceServer()
    yield server
    server.stop()


def work(tracer: CloudTracer) -> None:
    with tracing.call(tracer, "task", INCOMING), tracing.turn(JOB, CREATED, job_id="job-1", attempt=1):
        with pytest.raises(RateLimited), tracing.span("step", step="predict"):
            raise RateLimited("Slowly.")
        tracing.job_ended(JOB, CREATED, CREATED + timedelta(seconds=1), outcome="complete")


@GOOGLES_OWN
def test_the_real_exporter_writes_them_to_a_server_that_speaks_cloud_trace(cloud_trace: CloudTraceServer):
    with cloud_trace.client() as client:
        tracer = CloudTracer(1.0, lambda: cloud_trace_exporter("demo-p", client), "advancejob")
        work(tracer)
        assert tracer.flush(10.0)
        tracer.close()
    (request,) = cloud_trace.requests
    assert request.name == "projects/demo-p"
    spans = {span.display_name.value: span for span in request.spans}
    assert set(spans) == {"task", "turn", "step", "job"}
    step, job = spans["step"], spans["job"]
    assert job.name == f"projects/demo-p/traces/{OF_JOB.trace_id}/spans/{OF_JOB.span_id}"
    assert (spans["turn"].parent_span_id, step.parent_span_id) == (OF_JOB.span_id, spans["turn"].span_id)
    assert [(link.trace_id, link.span_id) for link in spans["turn"].links.link] == [
        (INCOMING.trace_id, spans["task"].span_id)
    ]
    attributes = step.attributes.attribute_map
    assert attributes["outcome"].string_value.value == "rate_limited"
    assert attributes["service.name"].string_value.value == "advancejob"
    assert (step.status.code, step.status.message) == (2, "")
    assert spans["turn"].attributes.attribute_map["attempt"].int_value == 1
    assert (job.end_time - job.start_time).total_seconds() == 1.0


@GOOGLES_OWN
@pytest.mark.parametrize("refuses", [True, False])
def test_a_cloud_trace_that_refuses_or_hangs_costs_a_call_no_more_than_its_bound(
    cloud_trace: CloudTraceServer, refuses: bool, capfd: pytest.CaptureFixture[str]
):
    cloud_trace.refuses = refuses
    if not refuses:
        cloud_trace.goes_on.clear()
    with cloud_trace.client() as client:
        tracer = CloudTracer(1.0, lambda: cloud_trace_exporter("demo-p", client))
        work(tracer)
        began = time.monotonic()
        assert not tracer.flush(10.0 if refuses else 0.5)
        work(tracer)
        assert not tracer.flush(10.0)  # it rests
        assert time.monotonic() - began < 3.0
        cloud_trace.goes_on.set()
        tracer.close()
    printed = capfd.readouterr()
    assert printed.err == ""  # neither the exporter nor gRPC writes past our log
    assert printed.out.count("Spans could not be sent") == 1
