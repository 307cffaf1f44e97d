"""What every log entry holds while something is being done: said once, where it begins.

    a call (call, trace) ──> a turn (job_id, kind, turn, attempt) ──> a step (step, step_name)

It travels with the flow of control (`contextvars`), and so into threads that `adapters.threads` starts, and into what
`adapters.timed_calls` runs.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

_fields: ContextVar[Mapping[str, Any]] = ContextVar("log_fields", default=MappingProxyType({}))


def current() -> Mapping[str, Any]:
    """What entries hold here."""
    return _fields.get()


@contextmanager
def bound(**fields: Any) -> Iterator[None]:
    """Entries that are written inside hold these fields too."""
    before = _fields.set({**_fields.get(), **fields})
    try:
        yield
    finally:
        _fields.reset(before)


def note(**fields: Any) -> None:
    """Something has become known: entries hold it until the innermost `bound` ends."""
    _fields.set({**_fields.get(), **fields})
