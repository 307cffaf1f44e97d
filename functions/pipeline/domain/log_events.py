"""The events that the log tells in the same words for years: metrics, alerts and the dashboard are made from them.

An event is one entry: `event` is its name, the rest are its fields. Texts for people, which may change, stand in
`message`; nothing counts those.
"""

import re
from dataclasses import dataclass
from typing import ClassVar

_NUMBER = re.compile(r"_(?:\d+|[0-9a-f]{8,})(?=_|$)")
"""In the name of a step: of a scene or a segment, or the fingerprint of a plan."""


@dataclass(frozen=True)
class JobEnded:
    """A job has come to its end."""

    event: ClassVar[str] = "job_ended"
    kind: str
    status: str  # complete, error, canceled
    code: str  # of the error; "" where there is none
    is_ours: bool  # whether that error is for the operator to look at, not for the user
    seconds: float  # from the creation of its document on
    turns: int
    cost_usd: float
    dry_run: bool


@dataclass(frozen=True)
class PredictionEnded:
    """What one prediction came to: the only thing that spends money. Once each, whoever finds out."""

    event: ClassVar[str] = "prediction_ended"
    model: str
    state: str  # succeeded, failed, held
    code: str  # of the error; "" where it succeeded
    seconds: float  # since it was sent; 0.0: it never was
    cost_usd: float


@dataclass(frozen=True)
class ProviderRefused:
    """A provider answered with an error, or not at all."""

    event: ClassVar[str] = "provider_refused"
    provider: str  # replicate, openai
    code: str  # ours: rate_limited, insufficient_credit, provider_unavailable ...
    http_status: int  # 0: no answer


@dataclass(frozen=True)
class SweepEnded:
    """The sweeper has gone round. No such entry for a quarter of an hour: it is not running."""

    event: ClassVar[str] = "sweep_ended"
    overdue: int
    unclaimed: int
    predictions: int
    deletions: int
    failed: int
    finished: bool
    oldest_seconds: float  # how late the job was that had waited longest; 0.0: none had


@dataclass(frozen=True)
class MetadataFellBack:
    """Firestore had no answer for videos or clips, storage had."""

    event: ClassVar[str] = "metadata_fell_back"
    videos: int


@dataclass(frozen=True)
class StepEnded:
    """A step of a job is done, or one try of it has failed."""

    event: ClassVar[str] = "step_ended"
    kind: str
    step: str  # without the number of a scene or a segment
    done: bool
    code: str  # of the error; "" where it is done
    seconds: float


LogEvent = JobEnded | PredictionEnded | ProviderRefused | SweepEnded | MetadataFellBack | StepEnded
LOG_EVENTS: tuple[type[LogEvent], ...] = (
    JobEnded,
    PredictionEnded,
    ProviderRefused,
    SweepEnded,
    MetadataFellBack,
    StepEnded,
)


def step_without_numbers(name: str) -> str:
    """What steps of many scenes and segments have in common: `scene_3_predict` is a `scene_predict`."""
    return _NUMBER.sub("", name)
