from datetime import UTC, datetime, timedelta

import pytest

from pipeline.domain.trace_contexts import TraceContext, is_drawn, read_trace_context, trace_of_job

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CREATED = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"traceparent": f"00-{TRACE}-{SPAN}-01"}, TraceContext(TRACE, SPAN, is_sampled=True)),
        ({"traceparent": f"00-{TRACE}-{SPAN}-00"}, TraceContext(TRACE, SPAN)),
        ({"traceparent": f"01-{TRACE}-{SPAN}-03-later"}, TraceContext(TRACE, SPAN, is_sampled=True)),
        ({"x-cloud-trace-context": f"{TRACE}/255;o=1"}, TraceContext(TRACE, "00000000000000ff", is_sampled=True)),
        ({"x-cloud-trace-context": f"{TRACE.upper()}/0;o=0"}, TraceContext(TRACE)),
        ({"x-cloud-trace-context": TRACE}, TraceContext(TRACE)),
        ({"ce-traceparent": f"00-{TRACE}-{SPAN}-01"}, TraceContext(TRACE, SPAN, is_sampled=True)),
        ({"traceparent": "nonsense", "x-cloud-trace-context": f"{TRACE}/1"}, TraceContext(TRACE, "0" * 15 + "1")),
        ({"traceparent": f"00-{TRACE}-{SPAN}-01", "ce-traceparent": f"00-{'1' * 32}-{SPAN}-01"}, None),
    ],
)
def test_what_callers_say_of_their_trace_is_read(headers: dict[str, str], found: TraceContext | None):
    assert read_trace_context(headers) == (found or TraceContext(TRACE, SPAN, is_sampled=True))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"traceparent": ""},
        {"traceparent": f"00-{'0' * 32}-{SPAN}-01"},
        {"traceparent": f"00-{TRACE}-{'0' * 16}-01"},
        {"traceparent": f"ff-{TRACE}-{SPAN}-01"},
        {"traceparent": f"00-{TRACE}-{SPAN}-01\n{{}}"},
        {"traceparent": f"00-{TRACE.upper()}-{SPAN}-01"},
        {"x-cloud-trace-context": f"{TRACE}/;o=1"},
        {"x-cloud-trace-context": f"{TRACE}x/1"},
        {"x-cloud-trace-context": f"{'0' * 32}/1;o=1"},
    ],
)
def test_what_cannot_be_read_is_no_trace(headers: dict[str, str]):
    assert read_trace_context(headers) is None


def test_a_span_that_no_trace_can_have_is_left_out():
    assert read_trace_context({"x-cloud-trace-context": f"{TRACE}/{2**64}"}) == TraceContext(TRACE)


def test_entries_name_the_trace_as_cloud_logging_wants_it():
    assert TraceContext(TRACE, SPAN, is_sampled=True).log_fields("demo-p") == {
        "logging.googleapis.com/trace": f"projects/demo-p/traces/{TRACE}",
        "logging.googleapis.com/spanId": SPAN,
        "logging.googleapis.com/trace_sampled": True,
    }
    assert "logging.googleapis.com/spanId" not in TraceContext(TRACE).log_fields("demo-p")


def test_a_jobs_trace_is_its_own_and_always_the_same():
    path = "image_generation_jobs/a"
    once = trace_of_job(path, CREATED)
    assert once == trace_of_job(path, CREATED)
    assert once != trace_of_job(path, CREATED + timedelta(microseconds=1))
    assert once != trace_of_job("video_generation_jobs/a", CREATED)
    assert (len(once.trace_id), len(once.span_id)) == (32, 16)


def test_a_share_of_all_traces_is_drawn():
    traces = [trace_of_job(f"image_generation_jobs/{number}", CREATED).trace_id for number in range(2000)]
    assert [sum(is_drawn(trace, share) for trace in traces) for share in (0.0, 1.0)] == [0, 2000]
    assert 120 < sum(is_drawn(trace, 0.1) for trace in traces) < 280
