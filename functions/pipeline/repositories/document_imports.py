"""Documents that are written by the thousand, from files that were there before them.

    clips ──300 at a time──> read what is there ── decide ── write what differs, if nobody has written since
                                    ^                                 │ somebody has: this batch anew
                                    └─────────────────────────────────┘

The documents' own writers go on meanwhile, and an import never takes back what they have written: what only files
tell gives way to what a job has said of its own work. A repeated import finds nothing to do.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from google.cloud import firestore

from pipeline.repositories.documents import PAGE, Fields, changed, commit_optimistically, unchanged_since


@dataclass(frozen=True)
class Imported:
    """What became of the documents that were to be there."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: "Imported") -> "Imported":
        return Imported(self.created + other.created, self.changed + other.changed, self.unchanged + other.unchanged)


def import_documents(
    client: firestore.Client,
    documents: Iterable[tuple[firestore.DocumentReference, Fields]],
    merge: Callable[[Fields, Fields], Fields],
    *,
    are_new: bool = False,
) -> Imported:
    """Create those that are missing, and of the others write the fields that `merge(found, imported)` says otherwise.

    With `are_new` a batch is first written without a look at what is there: where nothing is, that saves a read of
    each. Where something is, nothing of the batch was written, and it is looked at after all.
    All that is found wrong while a batch of `documents` is made is raised before anything of that batch is written.
    """
    total = Imported()
    for batch in _in_batches(documents):
        total += _import_batch(client, batch, merge, are_new=are_new)
    return total


def _in_batches(
    documents: Iterable[tuple[firestore.DocumentReference, Fields]],
) -> Iterator[dict[firestore.DocumentReference, Fields]]:
    remaining = iter(documents)
    while batch := dict(islice(remaining, PAGE)):
        yield batch  # of two for one document the later one, as if they had come one after the other


def _import_batch(
    client: firestore.Client,
    wanted: Mapping[firestore.DocumentReference, Fields],
    merge: Callable[[Fields, Fields], Fields],
    *,
    are_new: bool,
) -> Imported:
    is_first = True

    def attempt(batch: firestore.WriteBatch) -> Imported:
        nonlocal is_first
        if is_first and are_new:
            is_first = False
            for document, fields in wanted.items():
                batch.create(document, fields)
            return Imported(created=len(wanted))
        created = updated = 0
        for snapshot in client.get_all(list(wanted)):
            fields, found = wanted[snapshot.reference], snapshot.to_dict()
            if found is None:
                batch.create(snapshot.reference, fields)
                created += 1
            elif changes := changed(found, merge(found, fields)):
                batch.update(snapshot.reference, changes, option=unchanged_since(client, snapshot))
                updated += 1
        return Imported(created, updated, len(wanted) - created - updated)

    return commit_optimistically(client, attempt)
