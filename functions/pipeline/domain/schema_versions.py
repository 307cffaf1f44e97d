"""Which version of this code can go on with what another has written: what makes a rollback, and a deploy, safe.

    a job claimed by version 7:  schema_version 7, min_reader_version 6

    version 5    5 < 6      leaves it to a newer one: `decide_newer`
    version 6    6 >= 6     goes on, and does not look at fields that it does not know
    version 8    8 > 7      reads it through the upgrades 7 -> 8, and writes them down with its claim

Both numbers are written by the claim that there is anyway, and with each move of a prediction's record. What has
neither was written before there were versions: that is version 0. What a version reads of documents that are not for it
(status, turn, lease_expires_at, wake_at, updated_at, cancel_requested, cost_usd, usage_day, reserved_microusd; of
predictions job_path, user_id, prediction_id, cost_usd, check_at) keeps its meaning in all versions.

docs/versions.md says when to raise which number.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pipeline.domain.errors import Interrupted
from pipeline.domain.jobs import GiveUp, Ignore, Job, JobKind, LeaveToNewer, Take

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SCHEMA_VERSION = 1
"""Of the documents as this code writes them."""

MIN_READER_VERSION = 0
"""The oldest version of this code that can go on with what this one has begun."""

NEWER_PATIENCE = timedelta(days=3)
"""So long a job is left to newer code, counted from that code's last write: a rollback over a long weekend."""

TAKEN_BACK = Interrupted(
    "This job was begun by a newer version of the service, which has been taken back since. Create it again."
)

Fields = Mapping[str, Any]

Upgrade = Callable[[JobKind, Fields], Fields]
"""From the fields of a claimed job as one version wrote them to those of the next. Pure, for whatever stands there.
What is already as it should be stays so: an older version may have gone on with what a newer one began."""


@dataclass(frozen=True)
class Schema:
    """The documents of one version of the code."""

    version: int
    min_reader: int  # the oldest version that can go on with them
    upgrades: Mapping[int, Upgrade] = field(default_factory=dict)  # by the version that each begins with

    def reads(self, fields: Fields) -> bool:
        """Whether this version can go on with that document."""
        return min_reader_of(fields) <= self.version

    def stamp(self, found: Fields) -> dict[str, int]:
        """What a document says once this version has written to it. What it took to read it, it still takes."""
        return {"schema_version": self.version, "min_reader_version": max(self.min_reader, min_reader_of(found))}

    def upgraded(self, kind: JobKind, fields: Fields) -> Fields:
        """A claimed job's fields as this version would have written them; those of a newer one as they are."""
        for version in range(_whole(fields.get("schema_version")), self.version):
            if upgrade := self.upgrades.get(version):
                fields = upgrade(kind, fields)
        return fields


CURRENT = Schema(SCHEMA_VERSION, MIN_READER_VERSION)
"""Nothing that version 0 wrote has to be changed to be read."""


def min_reader_of(fields: Fields) -> int:
    """The oldest version that can go on with a document. It says so itself."""
    return _whole(fields.get("min_reader_version"))


def decide_newer(job: Job, now: datetime) -> Take | GiveUp | Ignore | LeaveToNewer:
    """What this version does with a job that only newer ones can read. Nothing of what was made is looked at.

    It is taken only to be ended: canceled if its user wants that, given up when no newer code has come for long.
    """
    if job.status.is_terminal:
        return Ignore(f"already {job.status}")
    if job.lease_expires_at is not None and job.lease_expires_at > now:
        return LeaveToNewer(min_reader_of(job.fields))  # newer code is at work: it sees a wish to cancel itself
    if job.cancel_requested:
        return Take(interrupted=job.lease_expires_at is not None)
    if job.updated_at is None or job.updated_at + NEWER_PATIENCE <= now:
        return GiveUp(TAKEN_BACK)
    return LeaveToNewer(min_reader_of(job.fields))


def known(record: "type[DataclassInstance]", fields: Fields) -> dict[str, Any]:
    """Of a dataclass as it was stored, what this version knows: a newer one may have written more."""
    names = {each.name for each in dataclasses.fields(record)}
    return {name: value for name, value in fields.items() if name in names}


def _whole(value: Any) -> int:
    return max(value, 0) if isinstance(value, int) and not isinstance(value, bool) else 0
