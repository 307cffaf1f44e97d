"""To which trace a call belongs, as whoever made the call says, and which trace is a job's own.

    traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01     hexadecimal; the last is the flags
    X-Cloud-Trace-Context: 105445aa7843bc8bf206b12000100000/1;o=1            the span is decimal

All turns of a job are one trace, hours apart or minutes: its id is made from the job, so nothing has to be handed on.

Source: https://www.w3.org/TR/trace-context/, https://cloud.google.com/trace/docs/trace-context
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_CLOUD_TRACE = re.compile(r"([0-9a-fA-F]{32})(?:/([0-9]{1,20}))?(?:;o=([01]))?")
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


@dataclass(frozen=True)
class TraceContext:
    """A place in a trace."""

    trace_id: str  # 32 hexadecimal digits
    span_id: str = ""  # 16 of them; "": none is known
    is_sampled: bool = False  # whether whoever called records this trace

    def log_fields(self, project: str) -> dict[str, str | bool]:
        """What a log entry needs for Cloud Logging to show it with its request."""
        span = {"logging.googleapis.com/spanId": self.span_id} if self.span_id else {}
        return {
            "logging.googleapis.com/trace": f"projects/{project}/traces/{self.trace_id}",
            **span,
            "logging.googleapis.com/trace_sampled": self.is_sampled,
        }


def read_trace_context(headers: Mapping[str, str]) -> TraceContext | None:
    """What the headers of a request say, names in lower case; None where they say nothing, or nothing that can be read.

    First of all the request's own, which is what the platform's log of requests names; of an event that has none, the
    attribute of the event.
    """
    for name in ("traceparent", "x-cloud-trace-context", "ce-traceparent"):
        value = headers.get(name, "").strip()
        found = _cloud_trace(value) if name == "x-cloud-trace-context" else _traceparent(value)
        if found is not None and found.trace_id != _NO_TRACE:
            return found
    return None


def trace_of_job(path: str, created_at: datetime) -> TraceContext:
    """A job's own trace, and the span that stands for all of the job: the same in every turn.

    The time is part of it, because a job that was deleted may be created again.
    """
    digest = hashlib.sha256(f"{path} {created_at.timestamp():.6f}".encode()).hexdigest()
    return TraceContext(digest[:32], digest[32:48], is_sampled=True)


def is_drawn(trace_id: str, share: float) -> bool:
    """Whether a trace is among the `share` (0 to 1) of all that are recorded: all of it, or none."""
    return int(trace_id[16:], 16) < share * 2**64


def _traceparent(value: str) -> TraceContext | None:
    found = _TRACEPARENT.fullmatch(value)
    if found is None or found[2] == _NO_SPAN:
        return None
    return TraceContext(found[1], found[2], is_sampled=bool(int(found[3], 16) & 1))


def _cloud_trace(value: str) -> TraceContext | None:
    found = _CLOUD_TRACE.fullmatch(value)
    if found is None:
        return None
    span = int(found[2] or 0)
    span_id = f"{span:016x}" if 0 < span < 2**64 else ""
    return TraceContext(found[1].lower(), span_id, is_sampled=found[3] == "1")
