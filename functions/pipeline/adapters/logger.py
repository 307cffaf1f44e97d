"""Structured log entries without secrets: the only way that the pipeline writes to the log.

Everything in an entry, tracebacks of other people's exceptions too, goes through `domain.redaction`; long texts lose
their middle. Entries are written by firebase_functions, in the form that Cloud Logging reads. For which call, job
and step they are stands in all of them: `adapters.log_context`. docs/logs.md lists the fields.
"""

import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from firebase_functions import logger

from pipeline.adapters import log_context
from pipeline.domain.log_events import LogEvent
from pipeline.domain.redaction import redacted

LONGEST_TEXT = 16_000
"""Characters of one text: Cloud Logging takes 256 KB an entry, and pays by the byte."""

LONGEST_READ = 200_000
"""Of longer texts only so much is looked at."""

SHORT_TEXT = 64
"""Characters of names and ids, which stand in one entry after the other: what is left of the latest is remembered."""

_secrets: set[str] = set()


def conceal(secrets: Iterable[str]) -> None:
    """These values never appear in an entry from now on, in whatever text they are."""
    _secrets.update(secrets)


def info(message: str, **facts: Any) -> None:
    """What happened."""
    _write(logger.info, message, facts)


def warn(message: str, **facts: Any) -> None:
    """What went wrong, and was mended or is tried again."""
    _write(logger.warn, message, facts)


def error(message: str, **facts: Any) -> None:
    """What went wrong for good."""
    _write(logger.error, message, facts)


def tell(event: LogEvent, message: str, *, is_warning: bool = False, **facts: Any) -> None:
    """An event that is counted: its fields stand in the entry, under the names that they have."""
    (warn if is_warning else info)(message, **facts, event=event.event, **asdict(event))


def unexpected(message: str, raised: BaseException, **facts: Any) -> None:
    """A fault of ours, with everything that helps to find it."""
    error(message, **facts, traceback="".join(traceback.format_exception(raised)))


def clean(value: Any) -> Any:
    """The same value, every text in it redacted and bounded."""
    match value:
        case str():
            if len(value) <= SHORT_TEXT:
                return _short(value, frozenset(_secrets))
            return _bounded(redacted(value[:LONGEST_READ], _secrets))  # in this order: no half of a secret stays
        case Mapping():
            return {clean(name) if isinstance(name, str) else name: clean(item) for name, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [clean(item) for item in value]
        case bytes():
            return f"{len(value)} bytes"
    return value


def _write(write: Callable[..., None], message: str, facts: Mapping[str, Any]) -> None:
    """What is said here goes before what is said of all entries."""
    write(clean(message), **clean({**log_context.current(), **facts}))


@lru_cache(maxsize=2048)
def _short(text: str, secrets: frozenset[str]) -> str:
    return redacted(text, secrets)


def _bounded(text: str) -> str:
    """Its first and its last part: a traceback says most in them."""
    half = LONGEST_TEXT // 2
    return text if len(text) <= LONGEST_TEXT else f"{text[:half]} … {text[-half:]}"
