"""The dry run: the whole bucket, a page at a time. Nothing is deleted here, and memory holds one page.

listing ──> too young? of a kind that is left alone? ──> named? ──> page written down ──> next page
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from operations.buckets import UPLOADS
from operations.orphans.naming import Naming
from operations.orphans.report import Orphan, Report, Tally
from operations.stored_files import FileKind, FilePlace, place_of
from operations.waiting import Patience
from pipeline.adapters.object_storage import ObjectStorage, StoredObject

PAGE = 1000
"""Files judged at once: as many as stores list in one answer."""

STRANGERS = "strangers"
"""How orphans are counted once more whose users Firestore has never heard of."""

LEAST_GRACE = timedelta(days=2)
"""The longest that a job may live: 2,000 turns, which are at most a minute apart while nothing fails, take 34 hours.

What a job has stored is looked at by no other job's documents until it has written its own.
"""


@dataclass(frozen=True)
class Rules:
    """Which files may be told of at all. `grace`: none that was stored later than this ago."""

    grace: timedelta
    uploads: bool = False  # only what users have uploaded; otherwise all but that
    unknown: bool = False  # files of no kind that we know, too

    def leaves_alone(self, kind: FileKind) -> bool:
        if kind is FileKind.UNKNOWN:
            return not self.unknown
        return (kind is FileKind.UPLOAD) != self.uploads


def collect(
    storage: ObjectStorage,
    naming: Naming,
    report: Report,
    rules: Rules,
    now: Callable[[], datetime],
    patience: Patience,
    progress: Callable[[], None] = lambda: None,
    page_size: int = PAGE,
) -> None:
    """List what no document names into the report, behind what it has listed already."""
    prefix = UPLOADS if rules.uploads else ""
    listed = _listed(storage, prefix, report.listed_until, patience)
    while page := list(islice(listed, page_size)):
        tally = Tally()
        orphans = list(_judged(page, naming, rules, now(), tally))
        report.add_page(orphans, page[-1].key, tally)
        progress()
    report.end({"ended_at": now().isoformat(), "reads": naming.asked})


def _listed(storage: ObjectStorage, prefix: str, after: str, patience: Patience) -> Iterator[StoredObject]:
    """All files behind a key; a listing that fails in the middle is taken up behind the last that came."""
    last: dict[str, StoredObject] = {}

    def keys_after(key: str) -> Iterator[str]:
        for stored in storage.list_objects(prefix, key or after):
            last["one"] = stored
            yield stored.key

    for _ in patience.follow(keys_after):
        yield last["one"]


def _judged(page: list[StoredObject], naming: Naming, rules: Rules, now: datetime, tally: Tally) -> Iterator[Orphan]:
    candidates: dict[FilePlace, StoredObject] = {}
    for stored in page:
        place = place_of(stored.key)
        if rules.leaves_alone(place.kind):
            tally.add(place.kind, "left", stored.size_bytes)
        elif stored.stored_at is None or stored.stored_at > now - rules.grace:
            tally.add(place.kind, "young", stored.size_bytes)
        else:
            candidates[place] = stored
    named = naming.named(candidates)
    strangers = naming.strangers([place.user_id for place in candidates if place not in named and place.user_id])
    for place, stored in candidates.items():
        if place not in named and place.user_id in strangers:
            tally.add(place.kind, STRANGERS, stored.size_bytes)
        if place in named:
            tally.add(place.kind, "named", stored.size_bytes)
        else:
            tally.add(place.kind, "orphans", stored.size_bytes)
            yield Orphan(stored.key, place.kind, stored.size_bytes, stored.stored_at)
