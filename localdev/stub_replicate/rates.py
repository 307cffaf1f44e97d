"""Faults by rate: what share of requests and webhooks goes wrong, drawn from a seed.

A draw depends on the seed, on what the request is about and on how often that was asked before, never on the order in
which different requests come: the same jobs meet the same faults in every run.
"""

import random
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self


@dataclass(frozen=True)
class FaultRates:
    """Rates are between 0 and 1; those of one group add up to at most 1. Times in seconds."""

    seed: int = 0
    create_429: float = 0.0
    create_500: float = 0.0
    """Refused with a 500: nothing was started."""
    create_500_after: float = 0.0
    """Answered with a 500 although the prediction was started, and is paid."""
    create_reset: float = 0.0
    create_reset_after: float = 0.0
    create_slow: float = 0.0
    slow_seconds: float = 2.0
    read_429: float = 0.0
    read_500: float = 0.0
    webhook_lost: float = 0.0
    webhook_doubled: float = 0.0
    webhook_late: float = 0.0
    late_seconds: float = 5.0
    """Late ones wait between 0 and this long: later webhooks overtake them."""
    webhook_forged: float = 0.0
    """Followed by forgeries, one of each kind (see webhooks.py)."""

    def changed(self, settings: Mapping[str, Any]) -> Self:
        """A copy with some settings replaced; ValueError names one that does not exist."""
        known = {field.name for field in fields(self)}
        if unknown := sorted(set(settings) - known):
            raise ValueError(f"unknown setting {unknown[0]}; there are {', '.join(sorted(known))}")
        return replace(self, **settings)


CREATE_FAULTS = {
    "create_429": "status:429",
    "create_500": "status:500",
    "create_500_after": "500_after_create",
    "create_reset": "reset",
    "create_reset_after": "reset_after_create",
    "create_slow": "slow",
}
"""The rates of creates, and the faults of /_control/faults that they stand for."""

READ_FAULTS = {"read_429": 429, "read_500": 500}


class Dice:
    """Draws faults and counts them. Used by several threads."""

    def __init__(self) -> None:
        self.rates = FaultRates()
        self.drawn: Counter[str] = Counter()
        self._asked: Counter[str] = Counter()
        self._lock = threading.Lock()

    def create_fault(self, mark: object) -> str:
        """The fault of a create whose input is marked by `mark`, "" for none."""
        return CREATE_FAULTS.get(self._one_of(CREATE_FAULTS, f"create/{mark}"), "")

    def read_fault(self, path: str) -> int | None:
        """The HTTP status with which a GET is refused."""
        return READ_FAULTS.get(self._one_of(READ_FAULTS, f"read/{path}"))

    def webhook(self, name: str, mark: object) -> bool:
        """Whether the webhook about `mark` has this fault: lost, doubled, late or forged."""
        return self._one_of((f"webhook_{name}",), f"webhook/{name}/{mark}") != ""

    def share(self, mark: object) -> float:
        """A number in [0, 1) of this seed's."""
        return self._random(f"share/{mark}").random()

    def _one_of(self, names: Mapping[str, object] | tuple[str, ...], about: str) -> str:
        rates = self.rates
        if not any(getattr(rates, name) for name in names):
            return ""
        with self._lock:
            self._asked[about] += 1
            at = self._random(f"{about}/{self._asked[about]}").random()
            for name in names:
                at -= getattr(rates, name)
                if at < 0:
                    self.drawn[name] += 1
                    return name
        return ""

    def _random(self, about: str) -> random.Random:
        return random.Random(f"{self.rates.seed}/{about}")  # noqa: S311 - repeatable on purpose
