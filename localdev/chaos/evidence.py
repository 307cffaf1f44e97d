"""What is there when all jobs have ended: documents, files, and what the stand-in for Replicate was asked to do."""

import json
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.cloud import firestore

from localdev.chaos.cases import ChaosJob
from localdev.chaos.watch import JobHistory
from localdev.chaos.world import MEDIA_PREFIX, World
from localdev.stack import LocalStack
from pipeline.domain.jobs import JobKind


@dataclass(frozen=True)
class Evidence:
    """Everything that the checks look at. Documents by their path."""

    jobs: Sequence[ChaosJob]
    world: World
    histories: Mapping[str, JobHistory]
    documents: Mapping[str, Mapping[str, Any]]
    """Jobs, scenes, videos, clips."""
    records: Mapping[str, Mapping[str, Any]]
    """Prediction records by operation."""
    accepted: Mapping[int, Sequence[str]]
    """Ids of the predictions that the provider started, by their seed: each is paid."""
    files: Mapping[str, int]
    """Sizes in bytes by key, without what the users published themselves."""
    usage: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What users have running and have spent, by path."""
    unfinished_uploads: int = 0
    forged: Sequence[tuple[str, int | str]] = ()
    provider_faults: Mapping[str, int] = field(default_factory=dict)
    webhooks_sent: int = 0

    def job(self, job: ChaosJob) -> Mapping[str, Any]:
        """The job's document, empty when it is not there."""
        return self.documents.get(job.path, {})

    def operations(self, job: ChaosJob) -> Sequence[str]:
        """The job's prediction records."""
        return [op for op, record in self.records.items() if record["job_path"] == job.path]

    def paid(self, job: ChaosJob) -> Sequence[Sequence[str]]:
        """Ids of the started predictions of each of the job's operations that started any."""
        found = [self.accepted.get(self.records[op]["input"]["seed"], ()) for op in self.operations(job)]
        return [ids for ids in found if ids]


def gather(
    stack: LocalStack,
    client: firestore.Client,
    jobs: Sequence[ChaosJob],
    world: World,
    histories: Mapping[str, JobHistory],
) -> Evidence:
    """Read everything, once."""
    documents: dict[str, Mapping[str, Any]] = {}
    for query in (
        *(client.collection(kind.collection) for kind in JobKind),
        client.collection("scenes"),
        client.collection_group("videos"),
        client.collection_group("clips"),
    ):
        documents |= {snapshot.reference.path: snapshot.to_dict() or {} for snapshot in query.stream()}
    with urllib.request.urlopen(f"{stack.urls.replicate_url}/_control/state", timeout=30) as response:
        state = json.load(response)
    accepted: dict[int, list[str]] = {}
    for prediction in state["predictions"]:
        accepted.setdefault(prediction["seed"], []).append(prediction["id"])
    uploads = stack.r2.client.list_multipart_uploads(Bucket=stack.r2.bucket).get("Uploads", [])
    return Evidence(
        jobs=jobs,
        world=world,
        histories=histories,
        documents=documents,
        records={record.id: record.to_dict() or {} for record in client.collection("predictions").stream()},
        accepted=accepted,
        files={key: size for key, size in _files(stack) if not key.startswith(MEDIA_PREFIX)},
        usage={
            snapshot.reference.path: snapshot.to_dict() or {} for snapshot in client.collection_group("usage").stream()
        },
        unfinished_uploads=len(uploads),
        forged=[(kind, answer) for kind, answer in state["forged"]],
        provider_faults=state["faults"],
        webhooks_sent=len(state["webhooks"]),
    )


def _files(stack: LocalStack) -> Iterator[tuple[str, int]]:
    for page in stack.r2.client.get_paginator("list_objects_v2").paginate(Bucket=stack.r2.bucket):
        for entry in page.get("Contents", ()):
            yield entry["Key"], entry["Size"]
