"""A job, watched until it has ended: one line for each change that somebody can see."""

from collections.abc import Callable, Iterator

from google.cloud import firestore

from operations.timeline.exported_jobs import Fields
from pipeline.domain.errors import NotFound
from pipeline.domain.jobs import Job, JobRef
from pipeline.domain.redaction import redacted
from pipeline.repositories.documents import READ
from pipeline.repositories.job_documents import job_of

LOOK_SECONDS = 1.0
"""Each look is one read."""


def follow(client: firestore.Client, ref: JobRef, say: Callable[[str], None], sleep: Callable[[float], None]) -> Fields:
    """Say each change. Returns the job's fields once it has ended. Raises NotFound when it is gone."""
    before: Job | None = None
    while True:
        fields = client.document(ref.path).get(**READ).to_dict()
        if fields is None:
            raise NotFound(f"There is no job {ref.path}: it was deleted, or has expired.")
        job = job_of(ref, fields)
        for line in changes(before, job):
            say(line)
        if job.status.is_terminal:
            return fields
        before = job
        sleep(LOOK_SECONDS)


def changes(before: Job | None, job: Job) -> Iterator[str]:
    """What is new on the job since the last look, without what gives access."""
    return map(redacted, _changes(before, job))


def _changes(before: Job | None, job: Job) -> Iterator[str]:
    is_new = before is None or before.status is not job.status
    if is_new and not job.status.is_terminal:
        yield f"{job.status}"
    if before is not None and job.turn > before.turn:
        yield f"turn {job.turn} began"
    if before is not None and job.interruptions > before.interruptions:
        yield f"turn {job.turn - 1} had been cut short"
    for name, step in job.steps.items():
        earlier = before.steps.get(name) if before else None
        if step.done and not (earlier and earlier.done):
            yield f"step {name} done"
        elif step.failed and not (earlier and earlier.failed):
            yield f"step {name} failed: {step.error_code}: {step.error_message}"
        elif step.retry_at and (earlier is None or earlier.retry_at != step.retry_at):
            yield f"step {name} is tried again at {step.retry_at:%H:%M:%S}: {step.error_code}"
    stage = job.fields.get("stage")
    if not job.status.is_terminal and (
        before is None or (before.fields.get("stage"), before.progress_percent) != (stage, job.progress_percent)
    ):
        yield f"{job.progress_percent} %{f', {stage}' if stage else ''}"
    is_waiting = job.wake_at is not None and job.lease_expires_at is None
    if is_waiting and job.wake_at is not None and (before is None or before.wake_at != job.wake_at):
        yield f"waits until {job.wake_at:%H:%M:%S}"
    if job.cancel_requested and not (before and before.cancel_requested):
        yield "its user wants it canceled"
    if is_new and job.status.is_terminal:
        yield f"{job.status}"
