"""Deletes what a report names, if it still is what it was.

    gone        it is not there any more
    changed     another file has taken its place since the report
    named       a document names it by now
    kept        of a kind that was not asked for, or of a user of whom Firestore has nothing at all
    deleted

Between the last look and the deletion lies about a second. A job that is created in that second, and stores the very
same key within it, would lose its file: so what was deleted is looked at once more, and told if a document names it.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import islice

from operations.orphans.naming import Naming
from operations.orphans.report import Deletions, Orphan, Tally
from operations.rate_limits import TokenBucket
from operations.stored_files import FileKind, place_of
from operations.waiting import Patience
from pipeline.adapters.object_storage import ObjectStorage, StoredObject

BATCH = 100
"""Files looked at and deleted together: few, so that little happens between the two."""

LOOKS = 16
"""Files looked at beside each other."""

STRANGER = "kept: Firestore has nothing at all of its user"

LOST = "deleted, but named now"


def delete(
    orphans: Iterator[Orphan],
    storage: ObjectStorage,
    naming: Naming,
    deletions: Deletions,
    limit: TokenBucket,
    patience: Patience,
    *,
    unknown: bool,
    strangers: bool,
    progress: Callable[[Tally], None] = lambda _: None,
) -> Tally:
    """Delete these files, a batch at a time, behind those that are done. Returns what became of them."""
    tally = Tally()
    remaining = islice(orphans, deletions.done, None)
    with ThreadPoolExecutor(LOOKS) as pool:

        def look(orphan: Orphan) -> StoredObject | None:
            return patience.call(lambda: storage.stat(orphan.key))

        while batch := list(islice(remaining, BATCH)):
            limit.take(len(batch))
            present = dict(zip(batch, pool.map(look, batch), strict=True))
            outcomes = {orphan: _before(orphan, stored, unknown=unknown) for orphan, stored in present.items()}
            files = {place_of(one.key): found for one, found in present.items() if found and not outcomes[one]}
            named = naming.named(files)
            doomed = [place for place in files if place not in named]
            if not strangers:
                unheard_of = naming.strangers([place.user_id for place in doomed if place.user_id])
                kept = {place.key for place in doomed if place.user_id in unheard_of}
                outcomes |= {orphan: STRANGER for orphan in batch if orphan.key in kept}
                doomed = [place for place in doomed if place.key not in kept]
            if doomed:
                patience.call(lambda doomed=doomed: storage.delete_objects([place.key for place in doomed]))  # type: ignore[misc]
            lost = naming.named({place: files[place] for place in doomed})
            for orphan in batch:
                place = place_of(orphan.key)
                by = named.get(place) or lost.get(place)
                outcome = outcomes[orphan] or ("named" if place in named else LOST if place in lost else "deleted")
                tally.add(orphan.kind, outcome.partition(":")[0], orphan.size_bytes)
                outcomes[orphan] = outcome if by is None else f"{outcome}: {by}"
            deletions.add({"key": orphan.key, "outcome": outcomes[orphan]} for orphan in batch)
            progress(tally)
    return tally


def _before(orphan: Orphan, stored: StoredObject | None, *, unknown: bool) -> str:
    """What becomes of it without asking any document; "": that is to be asked."""
    if stored is None:
        return "gone"
    if (stored.size_bytes, _second(stored.stored_at)) != (orphan.size_bytes, _second(orphan.stored_at)):
        return "changed"
    return "kept" if orphan.kind is FileKind.UNKNOWN and not unknown else ""


def _second(time: datetime | None) -> datetime | None:
    """Listings of S3 tell milliseconds, a look at one object does not."""
    return time and time.replace(microsecond=0)
