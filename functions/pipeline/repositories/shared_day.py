"""The sums of all users' day, in one document or in several: `domain.shared_budget` tells why, and how they agree.

    usage/{day}          {day, spent_microusd, reserved_microusd, jobs, shares}
    usage/{day}~{place}  {day, spent_microusd, reserved_microusd, jobs, granted_microusd, granted_of_microusd}

The day's sums are those of all these documents together. `shares` is the most that there have been that day.
"""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.cloud import firestore

from pipeline.domain.quotas import DayUsage, Limits, microusd
from pipeline.domain.shared_budget import BASE, Share, grants_for
from pipeline.repositories.documents import unchanged_since

if TYPE_CHECKING:
    Snapshot = firestore.DocumentSnapshot[Any]


@dataclass(frozen=True)
class Room:
    """Where a job is counted. `committed` is what it must be checked with; `changes` go into the same commit.

    A change whose document was read (`found`) holds only while that stays as it is.
    """

    committed: DayUsage
    changes: tuple[tuple[firestore.DocumentReference, "Snapshot | None", Mapping[str, Any]], ...]


class SharedDay:
    """Reads the sums, and says what has to be written for more."""

    def __init__(self, client: firestore.Client, limits: Limits) -> None:
        self._client = client
        self._limit = microusd(limits.usd_per_day)
        self._count = limits.usage_shards

    def committed(self, day: str) -> DayUsage:
        """All that is counted now."""
        base = self._document(day, BASE).get()
        return _sum([base, *self._shares(day, base)])

    def place_of(self, path: str) -> int:
        """Where a job is counted: always the same share, as long as there are as many."""
        return BASE if self._count == 1 else zlib.crc32(path.encode()) % self._count

    def document_of(self, day: str, path: str) -> firestore.DocumentReference:
        """The document that a job's sums are added to."""
        return self._document(day, self.place_of(path))

    def room_for(self, day: str, path: str, amount: int, added: Mapping[str, Any]) -> Room:
        """Where `amount` more is counted for a job; `added` are the fields that say so.

        There may be none: then `committed` and the amount are more than the limit.
        """
        place = self.place_of(path)
        if not self._limit:  # nothing depends on what is there
            return Room(DayUsage(), ((self._document(day, place), None, added),))
        if place != BASE:
            found = self._document(day, place).get()
            if _share(place, found).has_room(amount, self._limit):
                return Room(DayUsage(), ((found.reference, found, added),))
        return self._room_among_all(day, place, amount, added)

    def _room_among_all(self, day: str, place: int, amount: int, added: Mapping[str, Any]) -> Room:
        base = self._document(day, BASE).get()
        found = {BASE: base, **dict(enumerate(self._shares(day, base)))}
        committed = _sum(found.values())
        if len(found) == 1 and place == BASE:  # one document, as long as nobody has wanted more of them that day
            return Room(committed, ((base.reference, base, added),))
        shares = {at: _share(at, snapshot) for at, snapshot in found.items()}
        others = [share for at, share in shares.items() if at != place]
        grants = grants_for(amount, self._limit, shares[place], others, self._count)
        if grants is None:
            return Room(committed, ())
        changes: dict[int, dict[str, Any]] = {
            at: {"granted_microusd": granted, "granted_of_microusd": self._limit}
            for at, granted in grants.items()
            if at != BASE
        }
        changes[place] = {**changes.get(place, {}), **added}
        # whoever sets money aside writes the base: so nobody else does at the same moment
        changes[BASE] = {
            "day": day,
            "shares": len(found) - 1,
            "grants": firestore.Increment(1),
            **changes.get(BASE, {}),
        }
        changes[BASE]["expire_at"] = added["expire_at"]
        return Room(committed, tuple((found[at].reference, found[at], fields) for at, fields in changes.items()))

    def _shares(self, day: str, base: "Snapshot") -> "list[Snapshot]":
        """All that there are or have been, by their places: what was counted in them counts."""
        most = max(int((base.to_dict() or {}).get("shares", 0)), self._count if self._count > 1 else 0)
        if not most:
            return []
        found = self._client.get_all([self._document(day, place) for place in range(most)])
        return sorted(found, key=lambda snapshot: int(snapshot.id.rpartition("~")[2]))

    def _document(self, day: str, place: int) -> firestore.DocumentReference:
        return self._client.document("usage", day if place == BASE else f"{day}~{place}")


def write_changes(client: firestore.Client, batch: firestore.WriteBatch, room: Room) -> None:
    """Add what makes the room to a commit."""
    for document, found, fields in room.changes:
        if found is None:
            batch.set(document, dict(fields), merge=True)
        elif found.exists:
            batch.update(document, dict(fields), option=unchanged_since(client, found))
        else:
            batch.create(document, dict(fields))


def usage_of(found: "Snapshot | None") -> DayUsage:
    """The sums in one document."""
    fields = (found.to_dict() if found is not None else None) or {}
    return DayUsage(
        spent_microusd=fields.get("spent_microusd", 0),
        reserved_microusd=fields.get("reserved_microusd", 0),
        jobs=fields.get("jobs", 0),
    )


def _sum(found: "Iterable[Snapshot]") -> DayUsage:
    sums = [usage_of(snapshot) for snapshot in found]
    return DayUsage(
        sum(one.spent_microusd for one in sums),
        sum(one.reserved_microusd for one in sums),
        sum(one.jobs for one in sums),
    )


def _share(place: int, found: "Snapshot") -> Share:
    fields = found.to_dict() or {}
    return Share(
        place,
        usage_of(found).committed_microusd,
        fields.get("granted_microusd", 0),
        fields.get("granted_of_microusd", 0),
    )
