"""Deletes all that a user has. Whatever breaks it off, the same command goes on, and ends with nothing left.

    account disabled ──> jobs canceled, and waited for ──> documents ──> files ──> anything left or new? ──> again
                                                                                     └─ no ──> account deleted, recorded

A client that is signed in keeps its ID token for up to an hour, and may create documents with it. So what is there is
looked at again at the end, and the command should be run once more when that hour is over.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from google.api_core.exceptions import NotFound
from google.cloud import firestore

from operations.buckets import Bucket
from operations.rate_limits import TokenBucket
from operations.user_data.accounts import Accounts
from operations.user_data.inventory import JOBS, OWNED, Source, UserData
from pipeline.adapters.object_storage import StoredObject
from pipeline.domain.errors import JobError
from pipeline.domain.jobs import JobStatus

RECORDS = "erasures"
"""A document for each deletion: when, and how much. Nothing in it tells whose it was."""

TOKEN_LIFETIME = timedelta(hours=1)
"""Of a Firebase ID token."""

PASSES = 5
LOOK_SECONDS = 2.0
RUNNING = (JobStatus.PENDING, JobStatus.PROCESSING)

BATCH = 100
"""Files deleted together."""


class StillRunning(JobError):
    """A job or a prediction has not ended in time. Nothing of this pass was deleted."""

    code = "still_processing"


class NewOnesCome(JobError):
    """Whenever all was deleted, there was something new."""

    code = "still_processing"


@dataclass
class Amounts:
    """What there is, or what was deleted."""

    documents: Counter[str] = field(default_factory=Counter)
    files: int = 0
    size_bytes: int = 0
    running: list[str] = field(default_factory=list)
    """Jobs that have not ended: those are not deleted."""

    @property
    def is_nothing(self) -> bool:
        return not self.documents.total() and not self.files and not self.running

    def add(self, other: "Amounts") -> None:
        self.documents.update(other.documents)
        self.files += other.files
        self.size_bytes += other.size_bytes


def survey(user: UserData) -> Amounts:
    """How much there is. Reads counts of documents, and lists files. Predictions without a user are not among them."""
    found = Amounts(running=[job.reference.path for job in user.running_jobs()])
    for source in user.sources():
        if count := user.count(source):
            found.documents[source.name] += count
    for _, stored in user.files():
        found.files += 1
        found.size_bytes += stored.size_bytes
    return found


@dataclass(frozen=True)
class Patient:
    """How long is waited for jobs to end, and by which clock."""

    now: Callable[[], datetime]
    pause: Callable[[float], None]
    seconds: float
    even_if_running: bool = False


def erase(
    user: UserData,
    accounts: Accounts | None,
    wait: Patient,
    writes: TokenBucket,
    *,
    with_account: bool,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Amounts, str]:
    """Delete it. Returns how much there was, and the path of the record. `accounts`: None leaves the account alone.

    Raises StillRunning, NewOnesCome, AccountsUnavailable.
    """
    begun_at, total = wait.now(), Amounts()
    account = "left alone" if accounts is None else "disabled" if accounts.disable(user.user_id) else "none"
    for _ in range(PASSES):
        _end_jobs(user, wait, progress)
        deleted = _delete_all(user, wait, writes, progress)
        total.add(deleted)
        if deleted.is_nothing:
            break
    else:
        raise NewOnesCome(f"Something new was there after each of {PASSES} passes. Stop what writes it, and run again.")
    if accounts is not None and with_account and accounts.delete(user.user_id):
        account = "deleted"
    record = user.client.collection(RECORDS).document()
    record.create(
        {
            "begun_at": begun_at,
            "finished_at": wait.now(),
            "documents": dict(total.documents),
            "files": total.files,
            "size_bytes": total.size_bytes,
            "account": account,
        }
    )
    return total, record.path


def _end_jobs(user: UserData, wait: Patient, progress: Callable[[str], None]) -> None:
    """Cancel what runs, and wait until the functions have called it off: then nothing more is paid."""
    give_up_at = wait.now() + timedelta(seconds=wait.seconds)
    while True:
        running = [job.reference for job in user.running_jobs()]
        for job in running:
            _cancel(job)
        left = [job.path for job in running] or [one.reference.path for one in user.open_predictions()]
        if not left or wait.even_if_running:
            return
        if wait.now() >= give_up_at:
            raise StillRunning(
                f"{len(left)} have not ended after {wait.seconds:.0f} s: {', '.join(left[:5])}. They are canceled; the "
                "sweeper ends what nobody works on. Nothing of theirs was deleted: run the same again in some minutes."
            )
        progress(f"waiting for {len(left)} to end ...")
        wait.pause(LOOK_SECONDS)


def _cancel(job: firestore.DocumentReference) -> None:
    try:
        job.update({"cancel_requested": True})
    except NotFound:
        return


def _delete_all(user: UserData, wait: Patient, writes: TokenBucket, progress: Callable[[str], None]) -> Amounts:
    """Everything but jobs that have begun meanwhile, and what was paid for them: those are left to the next pass."""
    deleted = Amounts()

    def delete(name: str, snapshots: Iterable[Any]) -> None:
        doomed = [snapshot.reference for snapshot in snapshots]
        if doomed:
            writes.take(len(doomed))
            user.patience.call(lambda: _commit(user.client, doomed))
            deleted.documents[name] += len(doomed)
            progress(f"{deleted.documents.total():,} documents ...")

    for source in user.sources():
        for page in user.pages(source, fields=("status", "job_path") if source.name in OWNED else ()):
            left = _left_alone(page, source, user, wait)
            ended = [one for one in page if one.reference.path not in left]
            if source.name in JOBS:
                deleted.running += left
                for predictions in user.predictions_of([job.reference.path for job in ended]):
                    delete("predictions", predictions)
            delete(source.name, ended)
    if (own := user.patience.call(lambda: user.document.get())).exists:
        delete("users/{uid}", [own])
    for bucket, files in _in_batches(user.files()):
        writes.take(len(files))
        user.patience.call(
            lambda bucket=bucket, files=files: bucket.storage.delete_objects([one.key for one in files])  # type: ignore[misc]
        )
        deleted.files += len(files)
        deleted.size_bytes += sum(one.size_bytes for one in files)
        progress(f"{deleted.documents.total():,} documents, {deleted.files:,} files ...")
    return deleted


def _left_alone(page: list[Any], source: Source, user: UserData, wait: Patient) -> list[str]:
    """The paths of jobs that run, and of predictions of such jobs. Without its record a prediction is paid twice."""
    if wait.even_if_running:
        return []
    if source.name in JOBS:
        return [one.reference.path for one in page if (one.to_dict() or {}).get("status") in RUNNING]
    if source.name != "predictions":
        return []
    running = {job.reference.path for job in user.running_jobs()}
    return [one.reference.path for one in page if (one.to_dict() or {}).get("job_path") in running]


def _commit(client: firestore.Client, doomed: list[firestore.DocumentReference]) -> None:
    batch = client.batch()
    for reference in doomed:
        batch.delete(reference)
    batch.commit()


def _in_batches(files: Iterator[tuple[Bucket, StoredObject]]) -> Iterator[tuple[Bucket, list[StoredObject]]]:
    for _, group in groupby(files, key=lambda one: one[0].name):
        bucket_and_files = list[tuple[Bucket, StoredObject]]()
        for one in group:
            bucket_and_files.append(one)
            if len(bucket_and_files) == BATCH:
                yield one[0], [stored for _, stored in bucket_and_files]
                bucket_and_files.clear()
        if bucket_and_files:
            yield bucket_and_files[0][0], [stored for _, stored in bucket_and_files]


def remaining(account: Mapping[str, Any] | None) -> list[str]:
    """What is not deleted, and why: for people."""
    found = [
        "Sums over all users (usage/...): they hold nothing of a person.",
        "Log entries, which name jobs and keys: Cloud Logging deletes them after its retention (30 days by default).",
        "Backups and point-in-time recovery of Firestore, soft-deleted objects of Firebase Storage: until they expire.",
        "What was sent to Replicate: it deletes inputs and results after an hour. OpenAI: as its terms say.",
        "What caches and other people hold of public URLs.",
    ]
    if account is not None:
        found.insert(0, "The account in Firebase Auth, disabled. --auth-user deletes it.")
    return found
