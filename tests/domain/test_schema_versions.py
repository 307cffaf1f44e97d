"""Which code goes on with what, and what it makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.domain.jobs import GiveUp, Ignore, Job, JobKind, JobRef, JobStatus, LeaveToNewer, Take
from pipeline.domain.schema_versions import (
    CURRENT,
    MIN_READER_VERSION,
    NEWER_PATIENCE,
    SCHEMA_VERSION,
    Schema,
    decide_newer,
    known,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NEWER = Job(
    JobRef(JobKind.IMAGE, "job-1"),
    JobStatus.PROCESSING,
    "user-1",
    {"min_reader_version": 9},
    turn=3,
    wake_at=NOW,
    updated_at=NOW - timedelta(minutes=5),
    is_newer=True,
)


def test_a_version_can_at_least_read_itself():
    assert 0 <= MIN_READER_VERSION <= SCHEMA_VERSION
    assert CURRENT.reads(CURRENT.stamp({}))


@pytest.mark.parametrize(
    ("min_reader", "is_read"), [(None, True), (0, True), (6, True), (7, False), ("7", True), (True, True), (-1, True)]
)
def test_a_document_says_itself_which_version_it_takes(min_reader: Any, is_read: bool):
    assert Schema(6, 5).reads({"schema_version": 7, "min_reader_version": min_reader}) is is_read


def test_what_once_took_a_version_takes_it_ever_after():
    assert Schema(6, 5).stamp({}) == {"schema_version": 6, "min_reader_version": 5}
    assert Schema(6, 5).stamp({"schema_version": 7, "min_reader_version": 6}) == {
        "schema_version": 6,
        "min_reader_version": 6,
    }


def _appended(letter: str) -> Any:
    def upgrade(kind: JobKind, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**fields, "way": f"{fields.get('way', '')}{letter}"}

    return upgrade


@pytest.mark.parametrize(
    ("version", "way"), [(None, "ac"), (0, "ac"), (1, "c"), (2, "c"), (3, ""), (4, ""), (-(10**18), "ac"), ("1", "ac")]
)
def test_upgrades_are_gone_through_in_order_from_the_version_that_stands_there(version: Any, way: str):
    schema = Schema(3, 0, {0: _appended("a"), 2: _appended("c"), 3: _appended("d")})
    fields = {"schema_version": version, "text": "kept"}
    upgraded = schema.upgraded(JobKind.IMAGE, fields)
    assert (upgraded.get("way", ""), upgraded["text"]) == (way, "kept")
    assert fields == {"schema_version": version, "text": "kept"}


@pytest.mark.parametrize("status", [JobStatus.COMPLETE, JobStatus.ERROR, JobStatus.CANCELED])
def test_of_what_is_over_nothing_is_left_to_do(status: JobStatus):
    assert isinstance(decide_newer(replace(NEWER, status=status, cancel_requested=True), NOW), Ignore)


def test_a_job_of_newer_code_is_left_to_it_for_some_days():
    assert decide_newer(NEWER, NOW) == LeaveToNewer(9)
    last = NOW - NEWER_PATIENCE
    assert decide_newer(replace(NEWER, updated_at=last + timedelta(seconds=1)), NOW) == LeaveToNewer(9)
    decision = decide_newer(replace(NEWER, updated_at=last), NOW)
    assert isinstance(decision, GiveUp)
    assert (decision.error.code, decision.error.retryable, decision.refused) == ("interrupted", True, False)


def test_one_that_does_not_say_when_it_was_written_is_not_left_for_ever():
    assert isinstance(decide_newer(replace(NEWER, updated_at=None), NOW), GiveUp)


def test_a_wish_to_cancel_is_granted_unless_newer_code_is_at_work():
    unwanted = replace(NEWER, cancel_requested=True)
    assert decide_newer(unwanted, NOW) == Take(interrupted=False)
    held = replace(unwanted, lease_expires_at=NOW + timedelta(seconds=1))
    assert decide_newer(held, NOW) == LeaveToNewer(9)
    assert decide_newer(replace(unwanted, lease_expires_at=NOW), NOW) == Take(interrupted=True)


@dataclass(frozen=True)
class Stored:
    key: str
    size: int = 0


def test_fields_that_only_newer_code_knows_are_not_looked_at():
    assert Stored(**known(Stored, {"key": "a", "colour": "red"})) == Stored("a")
    with pytest.raises(TypeError):
        Stored(**known(Stored, {"size": 1}))
