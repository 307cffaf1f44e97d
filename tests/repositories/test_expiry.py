"""Every document that the code lets expire stands in a collection whose TTL is deployed, and the other way round."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from google.cloud import firestore

from operations.user_data.deletion import RECORDS
from operations.user_data.inventory import OWNED
from pipeline.domain.errors import InternalError
from pipeline.domain.jobs import CreatedWake, JobKind, JobRef
from pipeline.domain.outcomes import Canceled
from pipeline.domain.predictions import PredictionOrder
from pipeline.domain.quotas import Application, Limits
from pipeline.repositories.jobs import JobRepository
from pipeline.repositories.predictions import PredictionRepository
from pipeline.repositories.results import ResultRepository, StoredResult
from tests.handlers.conftest import empty_project

ROOT = Path(__file__).parents[2]
RETENTION, LEASE = timedelta(days=30), timedelta(seconds=180)
NOW = datetime(2031, 6, 1, 12, 0, tzinfo=UTC)
WRITERS = {"jobs", "predictions", "results", "shared_day", "usage"}
"""The repositories whose documents expire."""


@pytest.fixture(scope="module")
def written(firestore_emulator: str, firestore_client: firestore.Client) -> Iterator[firestore.Client]:
    """A project with everything that those repositories write."""
    with empty_project() as client:
        jobs = JobRepository(client, RETENTION, Limits(10, 10, 10.0, 10.0))
        for kind in JobKind:
            for number, end in enumerate((_finish, _bury)):
                ref = JobRef(kind, f"{kind}-{number}")
                client.document(ref.path).set({"user_id": "ann", "status": "pending"})
                application = Application("ann", 1000, request_key=f"{kind}-{number}")
                jobs.claim(ref, CreatedWake(), NOW, LEASE, lambda _, asked=application: asked)
                end(jobs, ref)
        order = PredictionOrder(model="some/model", input={}, cost_usd=0.001, cancel_after_seconds=300)
        PredictionRepository(client, RETENTION).open("op", "image_generation_jobs/image-0", "ann", order, NOW)
        result = StoredResult("image-0", "some/model", 7, {"image_key": "ann/images/scene/image-0.png"})
        ResultRepository(client).keep("ann", "a-key", result, NOW + timedelta(days=7))
        yield client


def _finish(jobs: JobRepository, ref: JobRef) -> None:
    jobs.finish(ref, 1, NOW, Canceled(), 0.0)


def _bury(jobs: JobRepository, ref: JobRef) -> None:
    jobs.bury(ref, NOW, InternalError("full"), 0.0)


def test_what_expires_has_a_ttl_and_every_ttl_has_something_that_expires(written: firestore.Client):
    expiring = {path for path, fields in all_documents(written.collections()) if "expire_at" in fields}
    assert {path.split("/")[-2] for path in expiring} == deployed_ttls()
    left = {path for path, _ in all_documents(written.collections())} - expiring
    assert left == {"users/ann/usage/active"}  # one a user, for good


def test_a_time_of_expiry_is_a_time_to_come(written: firestore.Client):
    times = [fields["expire_at"] for _, fields in all_documents(written.collections()) if "expire_at" in fields]
    assert times
    assert all(isinstance(time, datetime) and time > NOW for time in times)


def test_no_other_code_lets_documents_expire():
    pipeline = ROOT / "functions/pipeline"
    writing = re.compile(r"""["']expire_at["']\s*(:|\])""")
    naming = {path.relative_to(pipeline) for path in pipeline.rglob("*.py") if writing.search(path.read_text())}
    assert naming == {Path(f"repositories/{name}.py") for name in WRITERS}


def test_an_expired_field_is_not_indexed():
    """It grows with time: an index over it would be a hot spot, and nothing asks for it."""
    overrides = json.loads((ROOT / "firestore.indexes.json").read_text())["fieldOverrides"]
    assert all(one["indexes"] == [] for one in overrides if one["fieldPath"] == "expire_at")


def test_the_documentation_names_every_collection_and_what_expires(written: firestore.Client):
    rows = documented()
    expiring = {path.split("/")[-1] for path, ended_by in rows.items() if "TTL on `expire_at`" in ended_by}
    expiring |= {"usage"} if "users/{uid}/usage/{day}" in rows else set()
    assert expiring - {"{day}"} == deployed_ttls()
    told = {collection_of(path) for path in rows}
    written_to = {path.rpartition("/")[0] for path, _ in all_documents(written.collections())}
    assert {collection_of(path.replace("users/ann", "users/{uid}")) for path in written_to} <= told
    rules = (ROOT / "firestore.rules").read_text()
    top_level = {name for name in re.findall(r"match /(\w+)/\{", rules) if name not in ("databases", "users", "clips")}
    assert top_level <= told
    assert {*OWNED, RECORDS} <= told


def documented() -> dict[str, str]:
    """What stands in the first column of the first table of docs/data.md, with what ends it."""
    table = (ROOT / "docs/data.md").read_text().partition("## Documents")[2].partition("## Files")[0]
    lines = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| `")]
    return {path: cells[3] for cells in lines for path in re.findall(r"`([^`]+)`", cells[0]) if len(cells) == 5}


def collection_of(path: str) -> str:
    """Of a collection, or of a document in one."""
    parts = path.split("/")
    return "/".join(parts if len(parts) % 2 else parts[:-1])


def deployed_ttls() -> set[str]:
    overrides = json.loads((ROOT / "firestore.indexes.json").read_text())["fieldOverrides"]
    found = [one for one in overrides if one.get("ttl")]
    assert {one["fieldPath"] for one in found} == {"expire_at"}
    return {one["collectionGroup"] for one in found}


def all_documents(
    collections: Iterable[firestore.CollectionReference],
) -> Iterator[tuple[str, dict]]:
    for collection in collections:
        for document in collection.list_documents():  # those too that only have others below them
            snapshot = document.get()
            if snapshot.exists:
                yield document.path, snapshot.to_dict() or {}
            yield from all_documents(document.collections())
