"""From when until when a signed URL is valid.

A URL is signed for its whole lifetime, so two URLs of one file are equal exactly if their lifetimes are. What browsers
should keep in their cache is signed for whole periods; what somebody asks for now, from now.

    |<---- period ---->|<---- period ---->|
    |<---------- seconds of URL 1 ---------->|        asked for anywhere in the first period: valid for at least
                       |<---------- seconds of URL 2 ---------->|                        `least_seconds` from then
"""

from dataclasses import dataclass
from datetime import UTC, datetime

MAX_SECONDS = 7 * 24 * 3600
"""The longest that signature version 4 allows."""


@dataclass(frozen=True)
class UrlLifetime:
    """`start` in UTC, whole seconds."""

    start: datetime
    seconds: int

    @property
    def end(self) -> datetime:
        return datetime.fromtimestamp(self.start.timestamp() + self.seconds, UTC)


def from_now(now: datetime, seconds: int) -> UrlLifetime:
    """Valid from this second on."""
    return UrlLifetime(datetime.fromtimestamp(int(now.timestamp()), UTC), seconds)


def for_period(now: datetime, period_seconds: int, least_seconds: int) -> UrlLifetime:
    """The same all through a period of the clock, and valid for at least `least_seconds` whenever it is asked for."""
    start = int(now.timestamp()) // period_seconds * period_seconds
    return UrlLifetime(datetime.fromtimestamp(start, UTC), period_seconds + least_seconds)
