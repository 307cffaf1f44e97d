"""Paying once: what we remember of a prediction, and how we recognise our own.

    intent ──claim──> submitting ──201──> submitted ──> succeeded | failed
       ▲                  │  │                ▲
       └── never sent ────┘  └── no answer ───┤ found in the provider's listing, or a webhook names it
                                              └ neither, and an hour has passed: held, for a person to look at

The record is created with a deterministic id before anything is sent, and is moved to `submitting` before the POST.
The POST is sent once. The provider has no idempotency key, but echoes `input.seed`: a 31-bit number made from the id,
which marks a listed prediction as ours. A seed that a client chose marks it less well: `domain.shared_seeds`.

Before it is sent again, whoever was sending must be known to have stopped: `submitting_until` is when the claimer's own
function call is over, or the moment at which its POST failed without an answer; then a grace follows in which a request
that is still under way would show in the listing.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from pipeline.domain.errors import (
    ContentRejected,
    JobError,
    PredictionFailed,
    PredictionInterrupted,
    PredictionTimedOut,
)
from pipeline.domain.jobs import JobRef
from pipeline.domain.redaction import redacted

PURGE_AFTER = timedelta(minutes=55)
"""The provider deletes inputs after an hour: past this age a listing proves nothing any more."""

MAX_UNANSWERED = 5
"""How often one prediction is ordered while no answer comes and the provider's listing does not show it: for some
twenty minutes."""

LISTING_MARGIN = timedelta(seconds=60)
"""How far before our own clock's time of submission the listing is read."""


class PredictionState(StrEnum):
    INTENT = "intent"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    HELD = "held"  # nobody can tell any more whether it was started; never sent again

    @property
    def is_terminal(self) -> bool:
        return self in (PredictionState.SUCCEEDED, PredictionState.FAILED, PredictionState.HELD)


@dataclass(frozen=True)
class PredictionOrder:
    """What is to be predicted. Times in seconds, cost in US dollars."""

    model: str
    input: Mapping[str, Any]
    cost_usd: float
    cancel_after_seconds: int  # the provider stops it after this long
    inline_wait_seconds: float = 0.0  # how long a turn may stay awake for it
    units: float = 1.0  # what the price is for: pictures, or seconds of video
    seed: int | None = None  # the client's own; None: one that marks the prediction as ours
    content_key: str = ""  # names what comes of it: `domain.content_keys`; "": it is not to be used again


@dataclass(frozen=True)
class PredictionRecord:
    """One paid (or about to be paid) call."""

    op: str  # the document's id
    state: PredictionState
    job_path: str
    model: str
    input: Mapping[str, Any]
    cost_usd: float
    cancel_after_seconds: int
    inline_wait_seconds: float = 0.0
    units: float = 1.0
    user_id: str = ""
    unanswered: int = 0  # how often it was sent, got no answer, and did not arrive
    submitting_at: datetime | None = None
    submitting_until: datetime | None = None  # nobody sends it after this
    deadline_at: datetime | None = None
    prediction_id: str | None = None
    polls: int = 0
    ended_at: datetime | None = None  # when the provider had it ready
    outputs: tuple[str, ...] = ()
    error: str | None = None  # the provider's own words
    error_code: str | None = None
    retryable: bool = False
    charged: bool = False  # of one that failed
    content_key: str = ""
    seed_is_clients: bool = False  # others may have the same
    is_newer: bool = False  # written by code that this one cannot read: `held`, as far as this one can tell

    @property
    def is_unanswered(self) -> bool:
        """Whether it may have been sent, and nobody knows which prediction came of it."""
        unknown = (PredictionState.SUBMITTING, PredictionState.HELD)
        return self.state in unknown and self.prediction_id is None

    @property
    def paid_usd(self) -> float:
        """What it costs as far as we know: from the moment it is the provider's."""
        paid = (PredictionState.SUBMITTED, PredictionState.SUCCEEDED, PredictionState.HELD)
        return self.cost_usd if self.charged or self.state in paid else 0.0


@dataclass(frozen=True)
class ProviderPrediction:
    """A prediction as the provider reports it."""

    id: str
    status: str  # starting | processing | succeeded | failed | canceled | aborted
    model: str
    input: Mapping[str, Any] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    error: str | None = None
    created_at: str = ""
    completed_at: datetime | None = None
    webhook: str | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_terminal(self) -> bool:
        return self.status in {"succeeded", "failed", "canceled", "aborted"}


def operation_id(ref: JobRef, step: str, number: int) -> str:
    """The id of the `number`-th prediction of a step, from 1."""
    return f"{ref.kind}~{ref.job_id}~{step}~{number}"


def operation_seed(op: str) -> int:
    """The 31-bit seed that marks a prediction as this operation's."""
    return int.from_bytes(hashlib.sha256(op.encode()).digest()[:4], "big") & 0x7FFFFFFF


def webhook_query(op: str) -> str:
    """What a webhook's URL ends in, so that its prediction is known even if its id never reached us."""
    return f"op={quote(op, safe='')}"


LONGEST_REASON = 10_000
"""Characters of a provider's own words that are looked at."""

_UNITS = ("video_output_duration_seconds", "image_count", "image_output_count")


def actual_cost_usd(record: PredictionRecord, prediction: ProviderPrediction) -> float:
    """What a finished prediction cost: the ordered price, for as many pictures or seconds as the provider counted.

    Where its metrics count neither, it delivered what was ordered.
    """
    counted = next((prediction.metrics[name] for name in _UNITS if name in prediction.metrics), None)
    if not isinstance(counted, int | float) or isinstance(counted, bool) or counted <= 0:
        return record.cost_usd
    return round(record.cost_usd * counted / record.units, 6)


def find_ours(record: PredictionRecord, listed: Iterable[ProviderPrediction]) -> list[ProviderPrediction]:
    """The listed predictions that this record's POST started, oldest first. More than one must not happen."""
    ours = [prediction for prediction in listed if prediction.model == record.model and _is_marked(record, prediction)]
    return sorted(ours, key=lambda prediction: prediction.created_at)


def _is_marked(record: PredictionRecord, prediction: ProviderPrediction) -> bool:
    """Its webhook names the operation; only where it has none, the seed, which somebody else's may equal, decides."""
    if "op=" in (prediction.webhook or ""):
        return (prediction.webhook or "").endswith(webhook_query(record.op))
    return bool(prediction.input.get("seed") == record.input.get("seed"))


_SENSITIVE = ("E005", "NSFW", "flagged as sensitive", "content policy")
_INTERRUPTED = ("(code: PA)", "Prediction interrupted", "E6716", "E8765", "E9828")


def provider_failure(prediction: ProviderPrediction) -> JobError:
    """The error of a prediction that ended without success."""
    text = redacted((prediction.error or "")[:LONGEST_REASON]).strip()
    if prediction.status == "succeeded":
        return PredictionFailed(f"{prediction.model} finished without an output.")
    if prediction.status == "aborted":
        return PredictionInterrupted(f"{prediction.model} did not start in time and was called off, free of charge.")
    if prediction.status == "canceled":
        return PredictionTimedOut(f"{prediction.model} did not finish in the time it is given and was stopped.")
    if any(mark.lower() in text.lower() for mark in _SENSITIVE):
        return ContentRejected(
            f"{prediction.model} flagged the text or picture as sensitive. Change the wording or the picture."
        )
    if any(mark in text for mark in _INTERRUPTED):
        return PredictionInterrupted(f"{prediction.model} was interrupted by the provider: {_short(text)}")
    return PredictionFailed(f"{prediction.model} failed: {_short(text) or 'no reason given'}")


def _short(text: str, limit: int = 300) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
