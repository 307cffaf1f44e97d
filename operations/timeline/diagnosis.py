"""How a job stands, in sentences: what it waits for, who looks at it next and when, what comes if nobody does.

wake_at passed ── lease / 6 ──> the next sweep (every five minutes) queues a task for it
pending        ── lease * 2 / 3 ──> the same
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from operations.timeline.exported_jobs import ExportedJob
from operations.timeline.spans import DEFAULT_LEASE, Story
from pipeline.domain.jobs import MAX_ATTEMPTS, Job, JobStatus
from pipeline.domain.predictions import PredictionState
from pipeline.repositories.job_documents import CLAIMED

SWEEP_EVERY = timedelta(minutes=5)
LATE = timedelta(seconds=30)
"""So late a task may be without anything being wrong."""


def diagnose(exported: ExportedJob, story: Story, lease: timedelta = DEFAULT_LEASE) -> list[str]:
    """What somebody should know who asks what happened to this job. The first sentence is the most important."""
    job, now = exported.job, exported.exported_at
    if job.status.is_terminal:
        return [*_ended(exported, job, story), *_cut_short(story)]
    sentences = list(_unclaimed(exported, now, lease) if job.turn == 0 else _underway(exported, job, now, lease))
    if job.cancel_requested:
        sentences.append("Its user does not want it any more: the next look at it ends it.")
    return [*sentences, *_cut_short(story)]


def time_of_day(time: datetime, now: datetime) -> str:
    """`14:03:09`, with the day in front where it is another than that of `now`."""
    return f"{time:%H:%M:%S}" if time.date() == now.date() else f"{time:%Y-%m-%d %H:%M:%S}"


def _ended(exported: ExportedJob, job: Job, story: Story) -> Iterator[str]:
    match job.status:
        case JobStatus.COMPLETE if job.dry_run:
            yield "A dry run: it was checked and estimated, nothing was made."
        case JobStatus.COMPLETE:
            yield "It is complete." + (f" {_largest_share(story)}" if story.seconds >= 1 else "")
        case JobStatus.CANCELED:
            yield "It was canceled by its user."
        case _:
            yield from _why_failed(exported, job)
    for record in exported.predictions:
        if not _state(record).is_terminal:
            at = _time(record, "check_at")
            yield f"Its prediction {record.get('op')} has not ended: the sweeper settles it" + (
                f" after {time_of_day(at, exported.exported_at)}." if at else "."
            )


def _why_failed(exported: ExportedJob, job: Job) -> Iterator[str]:
    error = exported.fields.get("error")
    error = error if isinstance(error, dict) else {}
    failed = [name for name, step in job.steps.items() if step.failed]
    where = f" in step {', '.join(failed)}" if failed else " before its first step" if not job.steps else ""
    yield f"It failed{where} with {error.get('code') or 'no code'}: {error.get('message') or 'nobody said why'}"
    done = sum(step.done for step in job.steps.values())
    if error.get("retryable") is True:
        yield f"The same may succeed later: a new job with retry_of '{job.ref.job_id}' keeps its {done} finished steps."
    elif done:
        yield f"A new job with retry_of '{job.ref.job_id}' that asks for the same would keep its {done} finished steps."


def _largest_share(story: Story) -> str:
    ours, theirs = story.seconds_of("functions"), story.seconds_of("Replicate")
    nobody = story.seconds_of("nobody")
    if max(ours, theirs, nobody) == nobody:
        return "Most of its time nobody worked on it: see the gaps."
    return f"Most of its time {'the functions' if ours >= theirs else 'Replicate'} worked."


def _cut_short(story: Story) -> list[str]:
    lost = story.instances_lost
    return (
        [f"{lost} of its turns {'was' if lost == 1 else 'were'} cut short: an instance died or ran out of time."]
        if lost
        else []
    )


def _unclaimed(exported: ExportedJob, now: datetime, lease: timedelta) -> Iterator[str]:
    created = _time(exported.fields, CLAIMED) or _time(exported.fields, "created_at")
    if created is None:
        yield "No function has claimed it yet, and it does not say since when it waits."
        return
    due = created + lease * 2 / 3
    yield f"No function has claimed it yet: it waits for its created event, since {_since(created, now)}."
    yield _swept(due, now)


def _underway(exported: ExportedJob, job: Job, now: datetime, lease: timedelta) -> Iterator[str]:
    if job.lease_expires_at is not None:
        yield from _in_a_turn(exported, job, now, lease)
        return
    yield f"Nobody works on it now; it waits {_waited_for(exported, job, now)}."
    if job.wake_at is None:
        yield "It has no wake_at, which no function writes: nobody will look at it. Set wake_at to now for the sweeper."
        return
    at = time_of_day(job.wake_at, now)
    if job.wake_at + LATE < now:
        yield f"It should have been looked at again at {at}: that task is late, or was lost."
    else:
        yield f"It is looked at again at {at} (turn {job.turn + 1})" + (
            ", or when Replicate's webhook comes." if _with_provider(exported) else "."
        )
    yield _swept(job.wake_at + lease / 6, now)


def _in_a_turn(exported: ExportedJob, job: Job, now: datetime, lease: timedelta) -> Iterator[str]:
    until = job.lease_expires_at or now
    begun = [name for name, step in job.steps.items() if step.started_at and not step.ended_at and not step.retry_at]
    where = f", in step {', '.join(begun)}" if begun else ""
    if until > now:
        written = _time(exported.fields, "updated_at")
        wrote = f"; it last wrote {_since(written, now)} ago" if written else ""
        yield f"Turn {job.turn} works on it now{where}{wrote}."
        yield f"Its lease runs until {time_of_day(until, now)} and is renewed with every write."
        return
    ago = _since(until, now)
    yield f"The instance that had turn {job.turn} has died or was stopped{where}: its lease ran out {ago} ago."
    left = MAX_ATTEMPTS - job.interruptions - 1
    yield f"The task that began the turn comes again by itself. {_swept(until + lease / 6, now)}"
    if left <= 0:
        yield "It is the third in a row: whoever looks at it next ends it with 'interrupted'."


def _waited_for(exported: ExportedJob, job: Job, now: datetime) -> str:
    """`for prediction ...`: what its next turn hopes to find."""
    if job.duplicate_of:
        return f"for {job.duplicate_of}, which has the same request_id and does the work"
    for name, step in job.steps.items():
        if not step.done and step.retry_at is not None and step.retry_at > now:
            number, until = step.attempt + step.rate_limited + 1, time_of_day(step.retry_at, now)
            return f"before try {number} of step {name} ({step.error_code}), until {until}"
    for record in exported.predictions:
        sent = _time(record, "submitting_at")
        since = f", since {_since(sent, now)}" if sent else ""
        match _state(record):
            case PredictionState.SUBMITTED:
                return f"for prediction {record.get('prediction_id')} ({record.get('model')}){since}"
            case PredictionState.SUBMITTING:
                return f"to learn whether Replicate got {record.get('op')}, to which it gave no answer{since}"
            case PredictionState.SUCCEEDED if not _seen(exported, job, record):
                return f"for a look at {record.get('op')}, which has succeeded"
            case PredictionState.INTENT:
                return f"to send {record.get('op')}"
    return "for its next turn"


def _seen(exported: ExportedJob, job: Job, record: Mapping[str, Any]) -> bool:
    """Whether the step of a prediction is done."""
    step = str(record.get("op", "")).removeprefix(f"{exported.ref.kind}~{exported.ref.job_id}~").rpartition("~")[0]
    return step in job.steps and job.steps[step].done


def _with_provider(exported: ExportedJob) -> bool:
    return any(_state(record) is PredictionState.SUBMITTED for record in exported.predictions)


def _swept(due: datetime, now: datetime) -> str:
    """When the sweeper takes it at the latest."""
    last = due + SWEEP_EVERY
    if last < now:
        return (
            f"The sweeper should have taken it by {time_of_day(last, now)}: see that sweep_jobs runs, "
            "and that the functions are deployed."
        )
    return f"The sweeper takes it between {time_of_day(due, now)} and {time_of_day(last, now)} if nobody else does."


def _since(time: datetime, now: datetime) -> str:
    seconds = max((now - time).total_seconds(), 0.0)
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _state(record: Mapping[str, Any]) -> PredictionState:
    try:
        return PredictionState(str(record.get("state")))
    except ValueError:
        return PredictionState.HELD


def _time(fields: Mapping[str, Any], name: str) -> datetime | None:
    value = fields.get(name)
    return value if isinstance(value, datetime) else None
