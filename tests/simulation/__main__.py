"""python -m tests.simulation --schedules 5000 --seed 1: run many schedules and print those that went wrong.

With one schedule, --trace prints everything that happened in it. Needs `functions/` on PYTHONPATH.
"""

import argparse
import sys
import time
from collections import Counter

from tests.simulation.runner import replay

PROGRESS_EVERY = 500


def main() -> int:
    """Run, print, and return 1 when a schedule went wrong."""
    arguments = _arguments()
    started = time.monotonic()
    wrong: list[int] = []
    statuses: Counter[str] = Counter()
    for number, seed in enumerate(range(arguments.seed, arguments.seed + arguments.schedules), 1):
        verdict = replay(seed)
        statuses.update(verdict.statuses)
        if verdict.faults:
            wrong.append(seed)
        if arguments.trace:
            print(verdict)
        elif verdict.faults:
            print(f"seed {seed}: {'; '.join(verdict.faults)}")
        if number % PROGRESS_EVERY == 0:
            print(f"{number} schedules, {len(wrong)} wrong, {number / (time.monotonic() - started):.0f} a second")
    elapsed = time.monotonic() - started
    print(
        f"{arguments.schedules} schedules in {elapsed:.1f} s ({arguments.schedules / elapsed:.0f} a second), "
        f"jobs: {dict(statuses)}, wrong: {len(wrong)}"
    )
    return 1 if wrong else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--schedules", type=int, default=1, help="how many seeds, from --seed on")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trace", action="store_true", help="print everything that happened")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
