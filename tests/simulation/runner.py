"""Runs worlds: one seed, one schedule, one verdict."""

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from random import Random

from pipeline.config import Settings
from tests.simulation.invariants import Watch, faults_at_end
from tests.simulation.weather import Weather, draw_weather
from tests.simulation.world import SETTINGS, World


@dataclass(frozen=True)
class Verdict:
    """What a schedule came to."""

    seed: int
    faults: tuple[str, ...]
    trace: tuple[str, ...]
    seconds: float  # virtual
    statuses: tuple[str, ...]
    paid: int  # predictions that were accepted
    operations: int  # that they were accepted for

    def __str__(self) -> str:
        """The faults, the schedule, and how to see it again."""
        return "\n".join(
            [
                *self.trace,
                "",
                *(f"FAULT {fault}" for fault in self.faults),
                f"Again: PYTHONPATH=functions python -m tests.simulation --seed {self.seed} --trace",
            ]
        )


class _Nowhere(io.TextIOBase):
    def write(self, text: str) -> int:
        return len(text)


def replay(
    seed: int, weather: Weather | None = None, settings: Settings = SETTINGS, world_type: type[World] = World
) -> Verdict:
    """Run the schedule of a seed: the same every time. `weather` is drawn from the seed unless it is given."""
    world = world_type(seed, weather or draw_weather(Random(seed)), settings)  # noqa: S311  no secret
    watch = Watch(world)
    with redirect_stdout(_Nowhere()), redirect_stderr(_Nowhere()):
        world.run()
    return Verdict(
        seed=seed,
        faults=(*watch.faults, *faults_at_end(world)),
        trace=tuple(world.schedule.trace),
        seconds=world.schedule.now,
        statuses=tuple(str((world.job(ref) or {}).get("status")) for ref in world.refs),
        paid=len(world.replicate.accepted),
        operations=len({prediction.op for prediction in world.replicate.accepted}),
    )
