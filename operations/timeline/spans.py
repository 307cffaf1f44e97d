"""Who worked on a job when, worked out of what the job and its predictions remember.

    created ······ place ██ prompt ███ predict ██▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒······██ store ████ complete
            nobody                       ours  │ Replicate's  │nobody  │
                                               sent           ready    seen

Turns are only counted on a job, so a span is not a turn: it is what is known to have been worked in one. What nothing
covers is a gap, in which the job waited.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from operations.timeline.exported_jobs import ExportedJob
from pipeline.domain.jobs import Job, StepRecord, backoff_seconds
from pipeline.repositories.job_documents import CLAIMED

Who = Literal["functions", "Replicate", "nobody"]

SMALLEST_GAP = timedelta(seconds=0.5)
"""Less is no waiting: a write, a task on its way."""

DEFAULT_LEASE = timedelta(seconds=180)
CLOCKS_DIFFER = timedelta(seconds=5)
LONGEST_SENDING = timedelta(seconds=45)
"""From the intent to the provider's answer, where nothing had to be tried again."""


@dataclass(frozen=True)
class Span:
    """A stretch of time. `until` is the end of the story where it has not ended."""

    name: str
    who: Who
    since: datetime
    until: datetime
    state: str = ""
    notes: tuple[str, ...] = ()
    is_part: bool = False  # of the step before it

    @property
    def seconds(self) -> float:
        return (self.until - self.since).total_seconds()


@dataclass(frozen=True)
class Story:
    """All spans in their order, and the steps of which no times are known."""

    since: datetime
    until: datetime
    spans: Sequence[Span]
    timeless: Sequence[str] = ()  # recorded by an earlier version
    inherited: Sequence[str] = ()  # done before there was this job: taken over from one that it retries
    instances_lost: int = 0

    def seconds_of(self, who: Who) -> float:
        """How long it was on them, each moment counted once: ours before Replicate's."""
        ours = _merged([span for span in self.spans if span.who == "functions"])
        if who == "functions":
            return _total(ours)
        both = _merged([span for span in self.spans if span.who != "nobody"])
        return _total(both) - _total(ours) if who == "Replicate" else self.seconds - _total(both)

    @property
    def seconds(self) -> float:
        return (self.until - self.since).total_seconds()


def tell_story(exported: ExportedJob, lease: timedelta = DEFAULT_LEASE) -> Story:
    """The story of a job, from its creation to its end, or to the moment at which it was looked at."""
    job = exported.job
    begun = _first(exported.fields, CLAIMED, "created_at", "started_at", "updated_at") or exported.exported_at
    ended = _first(exported.fields, "completed_at", "updated_at") if job.status.is_terminal else None
    until = max(ended or exported.exported_at, begun)
    teller = _Teller(exported, job, begun, until)
    groups = sorted((found for item in job.steps.items() if (found := list(teller.step(*item)))), key=_begin)
    steps = [span for group in groups for span in group]
    known = [*steps, *teller.turn_at_work(steps)]
    gaps = list(_gaps(exported, job, known, begun, until, lease))
    inherited = [name for name, step in job.steps.items() if _is_inherited(step, begun)]
    return Story(
        since=begun,
        until=until,
        spans=_with_gaps(known, gaps),
        timeless=[name for name, step in job.steps.items() if step.started_at is None],
        inherited=inherited,
        instances_lost=_instances_lost(job, inherited),
    )


def predictions_of(exported: ExportedJob, step: str) -> list[Mapping[str, Any]]:
    """The predictions of one step, in their order."""
    start = f"{exported.ref.kind}~{exported.ref.job_id}~{step}~"
    numbered = [
        (int(number), record)
        for record in exported.predictions
        if (op := str(record.get("op", ""))).startswith(start) and (number := op.removeprefix(start)).isdigit()
    ]
    return [record for _, record in sorted(numbered, key=lambda pair: pair[0])]


def provider_interval(record: Mapping[str, Any]) -> tuple[datetime, datetime | None] | None:
    """When it was Replicate's: from the moment it was sent, as far as anybody knows. None: it never was.

    Of one that failed it is not recorded when; it ends with our learning of it.
    """
    sent = _time(record, "submitting_at")
    if sent is None or record.get("prediction_id") is None:
        return None
    if record.get("state") == "succeeded":
        return sent, _time(record, "ended_at")
    return sent, _time(record, "updated_at") if record.get("state") in ("failed", "held") else None


class _Teller:
    """Cuts steps into what is ours, what is Replicate's, and what is left between."""

    def __init__(self, exported: ExportedJob, job: Job, begun: datetime, until: datetime) -> None:
        self._exported, self._job = exported, job
        self._begun, self._until = begun, until

    def step(self, name: str, step: StepRecord) -> Iterator[Span]:
        if step.started_at is None or _is_inherited(step, self._begun):
            return
        end = min(step.ended_at or self._last_work(), self._until)
        worked = Span(name, "functions", step.started_at, max(end, step.started_at), _state(step), tuple(_notes(step)))
        records = predictions_of(self._exported, name)
        if not records:
            yield worked
            return
        yield from self._predicted(worked, records)

    def turn_at_work(self, steps: Sequence[Span]) -> list[Span]:
        """The turn that has the job now, since its last write, where no step shows it."""
        since = _time(self._exported.fields, "updated_at")
        if not self._is_held or since is None or any(step.until >= self._until for step in steps):
            return []
        return [Span(f"(turn {self._job.turn})", "functions", max(since, self._begun), self._until, "works")]

    def _predicted(self, worked: Span, records: Sequence[Mapping[str, Any]]) -> Iterator[Span]:
        """The step up to where it is sent, each prediction, and what the step made of the last one's result."""
        since = worked.since
        for number, record in enumerate(records, start=1):
            interval = provider_interval(record)
            opened = max(_time(record, "created_at") or since, since)
            moved = interval[0] if interval else _time(record, "updated_at") or opened
            # what was not sent at once was sent after one or more backoffs
            sent = moved if moved - opened < LONGEST_SENDING else opened
            if number == 1:
                yield replace(worked, until=max(sent, worked.since))
            else:  # nobody worked before its record was made
                yield Span(worked.name, "functions", opened, max(sent, opened), f"try {number}", is_part=True)
            if interval:
                ready = interval[1] or self._until
                model = str(record.get("model", "")).rpartition("/")[2]
                yield Span(model, "Replicate", moved, max(ready, moved), str(record.get("state")), is_part=True)
                since = max(ready, moved)
            else:
                since = max(moved, opened)
        if not worked.name.endswith("predict") and worked.state == "done" and worked.until > since:
            yield Span(worked.name, "functions", since, worked.until, "goes on", is_part=True)

    def _last_work(self) -> datetime:
        """Where a step that has not ended was last known to be worked on."""
        if self._job.status.is_terminal:
            return self._until
        return self._until if self._is_held else _time(self._exported.fields, "updated_at") or self._until

    @property
    def _is_held(self) -> bool:
        lease = self._job.lease_expires_at
        return not self._job.status.is_terminal and lease is not None and lease > self._exported.exported_at


def _gaps(
    exported: ExportedJob, job: Job, known: Sequence[Span], begun: datetime, until: datetime, lease: timedelta
) -> Iterator[Span]:
    covered = _merged([span for span in known if span.who != "nobody"])
    edges = [begun, *(edge for pair in covered for edge in pair), until]
    for since, till in zip(edges[::2], edges[1::2], strict=True):
        if till - since >= SMALLEST_GAP:
            why = _why_nobody(exported, job, known, since, till, lease)
            yield Span(why, "nobody", since, till)


def _why_nobody(
    exported: ExportedJob, job: Job, known: Sequence[Span], since: datetime, until: datetime, lease: timedelta
) -> str:
    """What a gap was waited for, as far as it shows."""
    if job.turn == 0 or not any(span.since < until for span in known):
        is_late = until - since > lease * 2 / 3
        return "created event late or lost: taken by the sweeper" if is_late and job.turn else "its created event"
    if until == exported.exported_at and not job.status.is_terminal:
        return "its next turn"
    last = max((span for span in known if span.until <= since), key=lambda span: span.until, default=None)
    after = min((span for span in known if span.since >= until), key=lambda span: span.since, default=None)
    if after is not None and after.is_part:
        return "backoff, then the next try"
    if last is not None and last.who == "Replicate":
        return "the news of Replicate's result" if last.state == "succeeded" else "the news of the failure"
    if until - since >= lease / 2 and _instances_lost(job, ()):
        return "an instance had died: its lease had to run out"
    return "the next turn"


def _instances_lost(job: Job, inherited: Sequence[str]) -> int:
    """`attempt` counts every retry; what the steps do not account for were turns that were cut short."""
    counted = sum(step.attempt + step.rate_limited for name, step in job.steps.items() if name not in inherited)
    failed_for_good = sum(step.failed for step in job.steps.values())
    return max(job.attempt - 1 - counted + failed_for_good, 0)


def _is_inherited(step: StepRecord, begun: datetime) -> bool:
    """Whether it was done before there was this job; clocks differ a little."""
    return step.done and step.started_at is not None and step.started_at < begun - CLOCKS_DIFFER


def _state(step: StepRecord) -> str:
    return "done" if step.done else "failed" if step.failed else "waits" if step.retry_at else "begun"


def _notes(step: StepRecord) -> Iterator[str]:
    if step.attempt or step.rate_limited:
        tries = [f"{step.attempt} failed"] if step.attempt else []
        tries += [f"{step.rate_limited} told to come later"] if step.rate_limited else []
        least = sum(backoff_seconds(n, 0.0) for n in range(1, step.attempt + (step.done or step.retry_at is not None)))
        waited = f", with {least:.0f} s of backoff or more" if least else ""
        yield f"tries: {', '.join(tries)}{waited}"
    if step.error_code:
        yield f"{'last error' if not step.failed else 'error'} {step.error_code}: {step.error_message or ''}".rstrip(
            ": "
        )


def _begin(group: Sequence[Span]) -> datetime:
    return group[0].since


def _with_gaps(known: Sequence[Span], gaps: Sequence[Span]) -> list[Span]:
    """Steps stay together with their parts; a gap stands behind all that had begun before it."""
    places = [_place_behind(known, gap.since) for gap in gaps]
    spans = list(known)
    for place, gap in reversed(list(zip(places, gaps, strict=True))):
        spans.insert(place, gap)
    return spans


def _place_behind(known: Sequence[Span], time: datetime) -> int:
    return max((place for place, span in enumerate(known, start=1) if span.since < time), default=0)


def _merged(spans: Sequence[Span]) -> list[tuple[datetime, datetime]]:
    """The times that spans cover, without overlaps, in their order."""
    found: list[tuple[datetime, datetime]] = []
    for since, until in sorted((span.since, span.until) for span in spans):
        if found and since <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], until))
        else:
            found.append((since, until))
    return found


def _total(times: Sequence[tuple[datetime, datetime]]) -> float:
    return sum((until - since).total_seconds() for since, until in times)


def _first(fields: Mapping[str, Any], *names: str) -> datetime | None:
    return next((time for name in names if (time := _time(fields, name)) is not None), None)


def _time(fields: Mapping[str, Any], name: str) -> datetime | None:
    value = fields.get(name)
    return value if isinstance(value, datetime) else None
