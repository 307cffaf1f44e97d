"""How many examples: few and always the same ones in `make test`, many and new ones in `make fuzz`."""

import os

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("FUZZ") or 1)
"""So many times as many examples; above 1 they differ from run to run."""


def fuzzing(examples: int) -> settings:
    """The settings of a test that makes so many examples in `make test`."""
    return settings(
        max_examples=examples * TIMES,
        derandomize=TIMES == 1,
        print_blob=TIMES > 1,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
