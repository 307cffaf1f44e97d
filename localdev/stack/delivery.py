"""How the relay delivers events: what may go wrong on order, how often it tries, and the record it keeps."""

import random
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from threading import Lock
from typing import Any, Self


@dataclass(frozen=True)
class DeliveryPolicy:
    """What the relay does with an event. Rates are between 0 and 1.

    The chances of an event are drawn from `seed`, the document and the function, so that the same documents meet
    the same fate in every run, in whatever order they come.
    """

    drop_rate: float = 0.0
    """Acknowledged and never delivered."""
    duplicate_rate: float = 0.0
    """Delivered twice, with the same ce-id and at the same time unless `max_delay_seconds` parts them."""
    max_delay_seconds: float = 0.0
    """Each delivery waits between 0 and this long: later events overtake earlier ones."""
    max_attempts: int = 5
    """How often an event is sent before it is given up."""
    backoff_seconds: float = 0.2
    """The wait before the second attempt; it doubles with each, up to `max_backoff_seconds`."""
    max_backoff_seconds: float = 10.0
    deadline_seconds: float = 600.0
    """How long an attempt may take; production's push deadline."""
    max_in_flight: int = 8
    """Deliveries to one function at the same time; the functions emulator starts a process for each."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("drop_rate", "duplicate_rate"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1")
        for name in ("max_attempts", "max_in_flight"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name in ("max_delay_seconds", "backoff_seconds", "max_backoff_seconds", "deadline_seconds"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")

    def changed(self, settings: Mapping[str, Any]) -> Self:
        """A copy with some settings replaced; ValueError names a setting that does not exist or a wrong value."""
        known = {field.name: field.type for field in fields(self)}
        for name, value in settings.items():
            if name not in known:
                raise ValueError(f"unknown setting {name}; there are {', '.join(known)}")
            wanted = (int,) if known[name] is int else (int, float)
            if not isinstance(value, wanted) or isinstance(value, bool):
                raise ValueError(f"{name} must be a number, not {value!r}")  # noqa: TRY004 - one error for all settings
        return replace(self, **settings)

    def fate(self, document: str, function: str) -> tuple[float, ...]:
        """Seconds to wait before each delivery of this event: none when it is dropped, two when it is duplicated."""
        chance = random.Random(f"{self.seed}/{document}/{function}")  # noqa: S311 - repeatable on purpose
        if chance.random() < self.drop_rate:
            return ()
        copies = 2 if chance.random() < self.duplicate_rate else 1
        return tuple(chance.random() * self.max_delay_seconds for _ in range(copies))

    def backoff_before(self, attempt: int) -> float:
        """Seconds to wait before attempt 2, 3, ..."""
        return min(self.backoff_seconds * 2.0 ** (attempt - 2), self.max_backoff_seconds)


@dataclass(frozen=True)
class Event:
    """A request of the Firestore emulator, as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers.get("ce-id", "")

    @property
    def document(self) -> str:
        return self.headers.get("ce-document", "")

    @property
    def function(self) -> str:
        """The functions emulator's key: region-name-generation."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Delivery:
    """One attempt to deliver one event, or its end without an attempt ("dropped")."""

    id: str
    document: str
    function: str
    attempt: int
    status: int | str
    """HTTP status, the sentence of a failed connection, or "dropped"."""
    started_at: float
    """Unix time, seconds."""
    seconds: float


class DeliveryLog:
    """The last deliveries, oldest first, and the events they were of."""

    def __init__(self, size: int = 10_000) -> None:
        self._lock = Lock()
        self._deliveries: deque[Delivery] = deque(maxlen=size)
        self._events: deque[Event] = deque(maxlen=1_000)

    def remember(self, event: Event) -> None:
        with self._lock:
            self._events.append(event)

    def record(self, delivery: Delivery) -> None:
        with self._lock:
            self._deliveries.append(delivery)

    def deliveries(self) -> list[Delivery]:
        with self._lock:
            return list(self._deliveries)

    def event(self, event_id: str) -> Event | None:
        with self._lock:
            return next((event for event in self._events if event.id == event_id), None)

    def as_json(self) -> list[dict[str, Any]]:
        return [asdict(delivery) for delivery in self.deliveries()]
