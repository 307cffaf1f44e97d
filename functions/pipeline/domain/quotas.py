"""What a user, and all users together, may have and spend: counted when a job is first claimed, settled when it ends.

    claim (first)    active += job      day.reserved += estimate           or: quota_exceeded, nothing is begun
    finish           active -= job      day.reserved -= estimate, day.spent += what it really cost

Money is counted in whole micro-dollars, so that sums do not drift. Days are UTC days. Pure: `repositories.usage` reads
and writes as part of the claim's own commit, which makes the limits exact however many jobs come at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.domain.errors import QuotaExceeded

MICRO = 1_000_000


@dataclass(frozen=True)
class Limits:
    """Of one deployment. 0 means no limit."""

    active_jobs_per_user: int
    jobs_per_user_per_day: int
    usd_per_user_per_day: float
    usd_per_day: float
    usage_shards: int = 1  # documents that the sums of all users are spread over


UNLIMITED = Limits(0, 0, 0.0, 0.0)


@dataclass(frozen=True)
class DayUsage:
    """One day of one user, or of all. `reserved` is what running jobs may still cost."""

    spent_microusd: int = 0
    reserved_microusd: int = 0
    jobs: int = 0

    @property
    def committed_microusd(self) -> int:
        return self.spent_microusd + self.reserved_microusd


@dataclass(frozen=True)
class Application:
    """What a new job asks for when it is first claimed."""

    user_id: str
    estimate_microusd: int
    request_key: str | None = None  # names the user's `request_id`; see `request_key`
    fingerprint: str = ""  # of what the job asks for
    dry_run: bool = False  # is told what it would cost, and admitted uncounted


def microusd(usd: float) -> int:
    """Whole micro-dollars."""
    return round(usd * MICRO)


def usage_day(now: datetime) -> str:
    """The UTC day that a moment belongs to: `2026-11-21`."""
    return now.date().isoformat()


def resets_at(now: datetime) -> datetime:
    """When the day's limits begin anew: the next midnight, UTC."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def check_limits(
    limits: Limits, active: Sequence[str], user_day: DayUsage, all_day: DayUsage, estimate: int, now: datetime
) -> None:
    """Raises QuotaExceeded when one more job, of `estimate` micro-dollars, would pass a limit."""
    tomorrow = resets_at(now)
    until = f"It resets at {tomorrow.isoformat()}."
    if 0 < limits.active_jobs_per_user <= len(active):
        raise QuotaExceeded(
            f"You have {len(active)} jobs running, which is the limit. Create the job again when one of them has ended."
        )
    if 0 < limits.jobs_per_user_per_day <= user_day.jobs:
        raise QuotaExceeded(f"You have started {user_day.jobs} jobs today, which is the limit. {until}", tomorrow)
    if estimate and 0 < microusd(limits.usd_per_user_per_day) < user_day.committed_microusd + estimate:
        raise QuotaExceeded(
            f"This job costs about ${estimate / MICRO:.3f}; of today's ${limits.usd_per_user_per_day:.2f} you have "
            f"used or reserved ${user_day.committed_microusd / MICRO:.3f}. {until}",
            tomorrow,
        )
    if estimate and 0 < microusd(limits.usd_per_day) < all_day.committed_microusd + estimate:
        raise QuotaExceeded(f"This service has reached what it may spend in a day. {until}", tomorrow)
