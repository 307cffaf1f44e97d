"""A figure, and how alternating runs become one."""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One measured value against its target. `target` reads like `<= 1.1`."""

    name: str
    value: float
    unit: str
    target: str

    @property
    def ok(self) -> bool:
        comparison, _, bound = self.target.partition(" ")
        return self.value <= float(bound) if comparison == "<=" else self.value >= float(bound)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "value": round(self.value, 4), "ok": self.ok}


def seconds_of(work: Callable[[], object]) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def ratio_of(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> float:
    """The median time of `ours` over that of `theirs`, run in turns so that a busy machine meets both."""
    pairs = [(seconds_of(ours), seconds_of(theirs)) for _ in range(rounds)]
    return statistics.median(a for a, _ in pairs) / statistics.median(b for _, b in pairs)
