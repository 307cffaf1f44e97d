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


def medians_of(*works: Callable[[], object], rounds: int) -> list[float]:
    """How long each work takes, in the median of its runs; they run in turns, so that a busy machine meets all."""
    runs = [[seconds_of(work) for work in works] for _ in range(rounds)]
    return [statistics.median(times) for times in zip(*runs, strict=True)]


def ratio_of(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> float:
    """The time of `ours` over that of `theirs`."""
    ours_seconds, theirs_seconds = medians_of(ours, theirs, rounds=rounds)
    return ours_seconds / theirs_seconds
