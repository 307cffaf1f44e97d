"""A job in Firestore: found by its path, by its id alone, or as one of a user's latest."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from operations.timeline.exported_jobs import ExportedJob, Fields
from pipeline.domain.clips import can_be_document_id
from pipeline.domain.errors import InvalidRequest, NotFound
from pipeline.domain.jobs import JobKind, JobRef
from pipeline.repositories.predictions import COLLECTION as PREDICTIONS


def find_job(client: firestore.Client, name: str) -> JobRef:
    """The job that `image_generation_jobs/ID`, or ID, names. Raises NotFound, InvalidRequest for an id of several."""
    collection, slash, job_id = name.rpartition("/")
    kinds = [kind for kind in JobKind if not slash or kind.collection == collection]
    if not kinds:
        raise NotFound(f"'{collection}' is no collection of jobs: {_collections()}.")
    if not can_be_document_id(job_id):
        raise InvalidRequest(f"'{job_id}' cannot be the id of a job.")
    refs = [JobRef(kind, job_id) for kind in kinds]
    found = [ref for ref in refs if client.document(ref.path).get(["status"]).exists]
    if not found:
        raise NotFound(f"There is no job {name} in {collection or _collections()}.")
    if len(found) > 1:
        raise InvalidRequest(f"There are several: {', '.join(ref.path for ref in found)}. Name one by its path.")
    return found[0]


def read_job(client: firestore.Client, ref: JobRef) -> ExportedJob:
    """The job, its predictions, and what it names. Raises NotFound."""
    fields = client.document(ref.path).get().to_dict()
    if fields is None:
        raise NotFound(f"There is no job {ref.path}.")
    of_job = client.collection(PREDICTIONS).where(filter=FieldFilter("job_path", "==", ref.path))
    predictions = [{"op": found.id, **(found.to_dict() or {})} for found in of_job.stream()]
    references = [client.document(path) for path in named_paths(ref, fields)]
    documents = {found.reference.path: found.to_dict() for found in client.get_all(references)} if references else {}
    return ExportedJob(ref, fields, datetime.now(UTC), predictions, documents, has_documents=True)


def latest_jobs(client: firestore.Client, user_id: str, count: int) -> list[tuple[JobRef, Fields]]:
    """A user's latest jobs of all kinds, the newest first."""
    found: list[tuple[JobRef, Fields]] = []
    for kind in JobKind:
        jobs = client.collection(kind.collection).where(filter=FieldFilter("user_id", "==", user_id))
        newest = jobs.order_by("created_at", direction=firestore.Query.DESCENDING).limit(count)
        found += [(JobRef(kind, job.id), job.to_dict() or {}) for job in newest.stream()]
    return sorted(found, key=lambda job: _created(job[1]), reverse=True)[:count]


def named_paths(ref: JobRef, fields: Fields) -> list[str]:
    """The documents that a job names: scenes, storyboard, product, the jobs that it retries or is a double of."""
    return list(dict.fromkeys(_named(ref, fields)))


def _named(ref: JobRef, fields: Fields) -> Iterator[str]:
    scenes = fields.get("scenes")
    for holder in (fields, *(scenes if isinstance(scenes, list) else [])):
        if isinstance(holder, dict) and _is_id(holder.get("scene_id")):
            yield f"scenes/{holder['scene_id']}"
    for name, collection in (
        ("storyboard_id", "storyboards"),
        ("product_id", "products"),
        ("retry_of", ref.kind.collection),
    ):
        if _is_id(fields.get(name)):
            yield f"{collection}/{fields[name]}"
    double_of = fields.get("duplicate_of")
    if isinstance(double_of, str) and double_of.count("/") == 1 and all(map(_is_id, double_of.split("/"))):
        yield double_of


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and can_be_document_id(value)


def _created(fields: Fields) -> datetime:
    created_at = fields.get("created_at")
    return created_at if isinstance(created_at, datetime) else datetime.min.replace(tzinfo=UTC)


def _collections() -> str:
    return ", ".join(kind.collection for kind in JobKind)
