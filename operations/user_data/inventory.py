"""Where the documents and files of one user are.

    jobs of every kind, scenes, storyboards, products, predictions, requests             by their field user_id
    predictions of their jobs                                                            by job_path (old ones)
    users/{uid} and all below it, whatever it is called                                  by where it stands
    {uid}/... where functions store, uploads/{uid}/... where clients do                  by where it lies

`usage/{day}`, the sums of all users, holds nothing of a person.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter
from google.cloud.firestore_v1.field_path import FieldPath

from operations.buckets import UPLOADS, Bucket
from operations.waiting import Patience
from pipeline.adapters.object_storage import StoredObject
from pipeline.domain.clips import check_document_id
from pipeline.domain.jobs import JobKind, JobStatus
from pipeline.domain.object_keys import video_prefix
from pipeline.domain.predictions import PredictionState
from pipeline.repositories.documents import PAGE

JOBS = tuple(kind.collection for kind in JobKind)
OWNED = (*JOBS, "predictions", "requests", "scenes", "storyboards", "products")
"""Collections whose documents say whose they are, in the order in which they are deleted."""

VALUES = 30
"""Of one `in`."""

Page = list[Any]
"""Of snapshots."""


@dataclass(frozen=True)
class Source:
    """Some of a user's documents: those that a query finds. `name` is for people."""

    name: str
    query: Any
    is_recursive: bool = False


class UserData:
    """One user. Raises InvalidRequest for what is no user's id."""

    def __init__(
        self, user_id: str, client: firestore.Client, media: Bucket, uploads: Bucket, patience: Patience
    ) -> None:
        self.user_id = check_document_id("user_id", user_id)
        video_prefix(user_id, "any")  # neither could it be part of a key
        self.client = client
        self.media = media
        self.uploads = uploads
        self.patience = patience

    @property
    def document(self) -> firestore.DocumentReference:
        """users/{uid}: there may be none, and documents below it all the same."""
        return self.client.document("users", self.user_id)

    def sources(self) -> Iterator[Source]:
        """All documents but users/{uid} itself, and predictions that only their job knows."""
        for collection in OWNED:
            yield Source(collection, self._owned(collection))
        below = self.patience.call(lambda: list(self.document.collections()))
        for found in below:
            yield Source(f"users/{{uid}}/{found.id}", found.recursive(), is_recursive=True)

    def pages(self, source: Source, *, fields: Sequence[str] | None = None) -> Iterator[Page]:
        """Its documents, page by page, each tried again by itself. `fields`: only these; () for none."""
        query = source.query if fields is None else source.query.select(list(fields))
        rest = (query if source.is_recursive else query.order_by("__name__")).limit(PAGE)
        while page := self.patience.call(lambda rest=rest: list(rest.stream())):  # type: ignore[misc]
            yield page
            if len(page) < PAGE:
                return
            last = page[-1]
            rest = rest.start_after({FieldPath.document_id(): last.reference} if source.is_recursive else last)

    def predictions_of(self, job_paths: Sequence[str]) -> Iterator[Page]:
        """The predictions of these jobs, also those that do not say whose they are."""
        for first in range(0, len(job_paths), VALUES):
            some = list(job_paths[first : first + VALUES])
            query = self.client.collection("predictions").where(filter=FieldFilter("job_path", "in", some))
            yield from self.pages(Source("predictions", query))

    def count(self, source: Source) -> int:
        """How many documents it has."""
        counting: Any = source.query.count()
        return int(self.patience.call(lambda: counting.get())[0][0].value)

    def running_jobs(self) -> Iterator[Any]:
        """Snapshots of jobs that have not ended, without their fields."""
        for collection in JOBS:
            for status in (JobStatus.PENDING, JobStatus.PROCESSING):
                query = self._owned(collection).where(filter=FieldFilter("status", "==", status))
                for page in self.pages(Source(collection, query), fields=()):
                    yield from page

    def open_predictions(self) -> Iterator[Any]:
        """Snapshots of predictions that the provider may be at work on, without their fields."""
        for state in (PredictionState.SUBMITTING, PredictionState.SUBMITTED):
            query = self._owned("predictions").where(filter=FieldFilter("state", "==", state))
            for page in self.pages(Source("predictions", query), fields=()):
                yield from page

    def places(self) -> Sequence[tuple[Bucket, str]]:
        """Buckets, and how the keys of the user's files in them begin. "ann/" is not how those of "ann2" do."""
        places = [(self.media, f"{self.user_id}/"), (self.media, f"{UPLOADS}{self.user_id}/")]
        if self.uploads.name != self.media.name:
            places.append((self.uploads, f"{UPLOADS}{self.user_id}/"))
        return places

    def files(self) -> Iterator[tuple[Bucket, StoredObject]]:
        """All files, in the order of keys of each place. A listing that fails is taken up where it was."""
        for bucket, prefix in self.places():
            found: dict[str, StoredObject] = {}

            def keys_after(
                last: str, bucket: Bucket = bucket, prefix: str = prefix, found: dict[str, StoredObject] = found
            ) -> Iterator[str]:
                for stored in bucket.storage.list_objects(prefix, last):
                    found["one"] = stored
                    yield stored.key

            for _ in self.patience.follow(keys_after):
                yield bucket, found["one"]

    def _owned(self, collection: str) -> Any:
        return self.client.collection(collection).where(filter=FieldFilter("user_id", "==", self.user_id))
