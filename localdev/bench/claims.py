"""Claims of paid jobs a second, all of them at once: with one document for what all users spend, and with eight.

On the Firestore emulator, one process on this machine: it is not Firestore, where one document takes about one
sustained write a second. What can be compared is how often a claim meets another one and is made again.
"""

import os
import tempfile
import time
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from google.cloud import firestore

from localdev.bench.figures import Figure
from localdev.bench.round_trips import RoundTrips, count_firestore_calls
from localdev.stack.firestore_emulator import FirestoreEmulator
from pipeline.domain.jobs import CreatedWake, Job, JobKind, JobRef, Take
from pipeline.domain.quotas import Application, Limits
from pipeline.repositories.jobs import JobRepository

CLAIMS = 240
THREADS = 16
ESTIMATE = 180_000
SHARDS = 8
NOW = datetime(2031, 6, 1, 12, 0, tzinfo=UTC)


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder, FirestoreEmulator(Path(folder)) as emulator:
        os.environ["FIRESTORE_EMULATOR_HOST"] = emulator.address
        _claim_all(SHARDS)  # the emulator is warm from here on
        one, one_commits = _claim_all(1)
        many, many_commits = _claim_all(SHARDS)
    return [
        Figure("claims_ratio_of_8_usage_shards", many / one, f"x of {one:.0f} claims a second, 16 threads", ">= 1.5"),
        Figure("commits_per_claim_1_usage_shard", one_commits, "commits", "<= 20"),
        Figure("commits_per_claim_8_usage_shards", many_commits, "commits", "<= 4"),
    ]


def _claim_all(shards: int) -> tuple[float, float]:
    """Claims a second, and commits for each."""
    client, trips = firestore.Client(project=f"demo-{uuid.uuid4().hex[:8]}"), RoundTrips()
    jobs = JobRepository(client, timedelta(days=30), Limits(0, 0, 0.0, 1000.0, shards))
    refs = [JobRef(JobKind.VIDEO, uuid.uuid4().hex) for _ in range(CLAIMS)]
    _create(client, refs)
    count_firestore_calls(client, trips)

    def claim(ref: JobRef) -> None:
        def applying(job: Job) -> Application:
            return Application(job.user_id, ESTIMATE)

        decision, _ = jobs.claim(ref, CreatedWake(), NOW, timedelta(minutes=3), applying)
        if decision != Take(interrupted=False):
            raise RuntimeError(f"{ref.path}: {decision}")

    started = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(claim, refs))
    seconds = time.monotonic() - started
    reserved = sum(found.get("reserved_microusd") or 0 for found in _days(client))
    client.close()
    if reserved != CLAIMS * ESTIMATE:
        raise RuntimeError(f"{CLAIMS} claims have reserved {reserved} micro-dollars.")
    return CLAIMS / seconds, trips.count("commit") / CLAIMS


def _create(client: firestore.Client, refs: Iterable[JobRef]) -> None:
    batch = client.batch()
    for ref in refs:
        batch.set(client.document(ref.path), {"user_id": f"user-of-{ref.job_id}", "status": "pending"})
    batch.commit()


def _days(client: firestore.Client) -> list[dict[str, int]]:
    return [snapshot.to_dict() or {} for snapshot in client.collection("usage").stream()]
