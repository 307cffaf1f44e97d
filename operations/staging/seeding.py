"""Seeded data written and taken away. What was seeded is written down first, so that exactly that can go again.

    seed:   write down the files' keys ──> store them ──> write down the documents' paths ──> write what differs
    remove: the documents that are written down ──> the files ──> the list itself, users/{uid}/seeds/demo

A document is created whole, in one write: a job is over from the start, so no trigger finds anything to do.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from google.cloud import firestore

from operations.staging.seed_documents import seeded_documents
from operations.staging.seed_files import Places, files_by_key, store_files
from operations.staging.seed_media import Media
from operations.staging.seed_results import Stock
from operations.staging.seed_story import Names
from pipeline.adapters.object_storage import ObjectStorage
from pipeline.domain.jobs import JobKind, JobStatus


@dataclass(frozen=True)
class Seeded:
    """What became of the documents and files that are to be there."""

    documents: int
    created: int
    changed: int
    files: int
    stored: int  # of the files: those that were not there


@dataclass(frozen=True)
class Removed:
    """What was taken away."""

    documents: int
    files: int


def seed(user_id: str, client: firestore.Client, storage: ObjectStorage, media: Media) -> Seeded:
    """Write all that the user is to have. A repeat writes nothing. Raises what Firestore and `storage` raise."""
    places, record = Places(Names(user_id)), _Record(user_id, client)
    files = files_by_key(media, places)
    record.add(files=files)
    stored, new = store_files(files, storage)
    documents = seeded_documents(Stock(places, media, stored))
    _check_all_jobs_are_over(documents)
    record.add(documents=documents)
    created, changed = _write(documents, client)
    return Seeded(len(documents), created, changed, len(files), new)


def remove(user_id: str, client: firestore.Client, storage: ObjectStorage) -> Removed:
    """Take away what was seeded, and nothing else: not the user, nor what the user has made."""
    record = _Record(user_id, client)
    documents, files = record.read()
    references = [client.document(path) for path in documents]
    found = sum(snapshot.exists for snapshot in client.get_all(references)) if references else 0
    batch = client.batch()
    for reference in references:
        batch.delete(reference)
    batch.commit()
    there = [key for key in files if storage.stat(key) is not None]
    storage.delete_objects(there)
    record.delete()
    return Removed(found, len(there))


class _Record:
    """What was seeded for one user: `users/{uid}/seeds/demo`, which no rule lets anybody read."""

    def __init__(self, user_id: str, client: firestore.Client) -> None:
        self._document = client.document(f"users/{user_id}/seeds/demo")

    def add(self, *, documents: Iterable[str] = (), files: Iterable[str] = ()) -> None:
        """Never takes anything off the list: a later version may seed something else."""
        found_documents, found_files = self.read()
        self._document.set(
            {
                "documents": sorted({*found_documents, *documents}),
                "files": sorted({*found_files, *files}),
            }
        )

    def read(self) -> tuple[list[str], list[str]]:
        found = self._document.get().to_dict() or {}
        return list(found.get("documents", ())), list(found.get("files", ()))

    def delete(self) -> None:
        self._document.delete()


def _write(documents: Mapping[str, Mapping[str, Any]], client: firestore.Client) -> tuple[int, int]:
    """How many were created, and how many were different and are as they should be again."""
    created = changed = 0
    batch = client.batch()
    for snapshot in client.get_all([client.document(path) for path in documents]):
        wanted = documents[snapshot.reference.path]
        if not snapshot.exists:
            created += 1
            batch.create(snapshot.reference, dict(wanted))
        elif snapshot.to_dict() != wanted:
            changed += 1
            batch.set(snapshot.reference, dict(wanted))
    batch.commit()
    return created, changed


def _check_all_jobs_are_over(documents: Mapping[str, Mapping[str, Any]]) -> None:
    """The last look before anything is written: one job that is not over would be made, and paid."""
    collections = {kind.collection for kind in JobKind}
    for path, fields in documents.items():
        if path.partition("/")[0] in collections and not JobStatus(fields["status"]).is_terminal:
            raise AssertionError(f"{path} is {fields['status']}: it would be made.")
