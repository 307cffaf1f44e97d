"""What is paid against what is needed, over simulated schedules with crashes, freezes, lost answers and webhooks.

The simulation runs the real protocol on a virtual clock (`tests.simulation`); an operation is one prediction that a job
needs, or needs once more because the provider lost it.
"""

from localdev.bench.figures import Figure
from tests.simulation.runner import replay

OPERATIONS = 400


def measure() -> list[Figure]:
    paid = operations = seed = 0
    while operations < OPERATIONS:
        seed += 1
        verdict = replay(seed)
        if verdict.faults:
            raise RuntimeError(str(verdict))
        paid += verdict.paid
        operations += verdict.operations
    return [Figure("paid_per_needed", paid / operations, f"x, {operations} operations, {seed} schedules", "<= 1")]
