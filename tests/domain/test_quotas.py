from datetime import UTC, datetime

import pytest

from pipeline.domain.errors import QuotaExceeded
from pipeline.domain.quotas import UNLIMITED, DayUsage, Limits, check_limits, microusd, resets_at, usage_day

NOW = datetime(2026, 11, 21, 23, 59, 59, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)
NONE = DayUsage()


@pytest.mark.parametrize(
    ("limits", "active", "mine", "everybody", "estimate", "resets"),
    [
        (Limits(2, 0, 0.0, 0.0), ("a", "b"), NONE, NONE, 0, None),
        (Limits(0, 3, 0.0, 0.0), (), DayUsage(jobs=3), NONE, 0, MIDNIGHT),
        (Limits(0, 0, 1.0, 0.0), (), DayUsage(spent_microusd=999_999), NONE, 2, MIDNIGHT),
        (Limits(0, 0, 1.0, 0.0), (), DayUsage(reserved_microusd=999_999), NONE, 2, MIDNIGHT),
        (Limits(0, 0, 0.0, 1.0), (), NONE, DayUsage(500_000, 499_999), 2, MIDNIGHT),
        (Limits(0, 0, 1.0, 0.0), (), NONE, NONE, 1_000_001, MIDNIGHT),
    ],
    ids=["active jobs", "jobs a day", "spent", "reserved", "everybody", "one job alone"],
)
def test_one_more_than_the_limit_is_refused(limits, active, mine, everybody, estimate, resets):
    with pytest.raises(QuotaExceeded) as refused:
        check_limits(limits, active, mine, everybody, estimate, NOW)
    assert refused.value.resets_at == resets
    assert refused.value.as_fields()["resets_at"] == resets


@pytest.mark.parametrize(
    ("limits", "active", "mine", "everybody", "estimate"),
    [
        (UNLIMITED, ("a",) * 1000, DayUsage(10**12, 10**12, 10**6), DayUsage(10**12), 10**9),
        (Limits(2, 3, 1.0, 1.0), ("a",), DayUsage(400_000, 500_000, 2), DayUsage(400_000, 500_000), 100_000),
        (Limits(0, 0, 1.0, 1.0), (), DayUsage(10**9), DayUsage(10**9), 0),
    ],
    ids=["no limits", "exactly the limit", "costs nothing"],
)
def test_up_to_the_limit_it_is_taken(limits, active, mine, everybody, estimate):
    check_limits(limits, active, mine, everybody, estimate, NOW)


def test_days_are_utc_days():
    assert usage_day(NOW) == "2026-11-21"
    assert resets_at(NOW) == MIDNIGHT
    assert usage_day(MIDNIGHT) == "2026-11-22"


def test_money_is_whole_micro_dollars():
    assert sum(microusd(0.003) for _ in range(1000)) == microusd(3.0)
