"""How a turn can end, and the two signals that end one early."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipeline.domain.errors import JobError


@dataclass(frozen=True)
class DocumentUpdate:
    """Fields to set on a document beside the job, in the same transaction. Dotted names reach into maps.

    A document that is gone by then is skipped: a deleted scene must not keep its job from ending.
    """

    path: str
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Completed:
    """All steps are done."""

    results: Mapping[str, Any]
    updates: Sequence[DocumentUpdate] = ()


@dataclass(frozen=True)
class Failed:
    """A step failed for good."""

    error: JobError
    results: Mapping[str, Any] = field(default_factory=dict)  # what was made before the failure and is kept
    updates: Sequence[DocumentUpdate] = ()


@dataclass(frozen=True)
class Canceled:
    """The user no longer wants it."""

    updates: Sequence[DocumentUpdate] = ()


@dataclass(frozen=True)
class Waiting:
    """Nothing more can be done now."""

    wake_at: datetime


Outcome = Completed | Failed | Canceled | Waiting


class WakeLater(Exception):
    """Raised inside a step that cannot go on before `wake_after_seconds` have passed. Nothing has failed."""

    def __init__(self, wake_after_seconds: float) -> None:
        super().__init__(f"wake in {wake_after_seconds:.1f} s")
        self.wake_after_seconds = wake_after_seconds


class CancelRequested(Exception):
    """Raised at the next write or check after the client set `cancel_requested`."""


class TurnLost(Exception):
    """Another turn has taken over: this one must stop and write nothing more."""
