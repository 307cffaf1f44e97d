"""python -m tests.simulation.burst: thousands of jobs created within a minute, simulated on the real queue and limits.

Which bursts: `--only unlimited sharded` and so on, without it all but these two; `--jobs 1000` makes all smaller.
Exit status: 0, 1 when a job was lost, paid twice, or a sum is wrong. Needs `functions/` on PYTHONPATH; ten thousand
jobs take up to a quarter of an hour.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from pipeline.config import read_settings
from tests.simulation.burst_report import Outcome, Waits, backlog, outcome_of
from tests.simulation.burst_world import ROOMY_DAY, BurstWorld, Crowd

JOBS = 10_000
USERS = 200
SMALL_USERS = 50
SMALL_JOBS = 10
GREEDY = "greedy"
FREE = replace(ROOMY_DAY, active_jobs_per_user=0, usd_per_user_per_day=0.0, jobs_per_user_per_day=0)


def even(jobs: int) -> Crowd:
    """As many from each user."""
    users = max(USERS * jobs // JOBS, 2)
    return Crowd("even", {f"user-{number:03}": jobs // users for number in range(users)})


def by_default(jobs: int) -> Crowd:
    """The same, under the limits of a deployment that has set none."""
    return replace(even(jobs), name="default limits", limits=read_settings({}).limits)


def sharded(jobs: int) -> Crowd:
    """The same, with eight documents that count what all users spend."""
    return replace(even(jobs), name="even, 8 usage shards", limits=replace(ROOMY_DAY, usage_shards=8))


def greedy(jobs: int) -> Crowd:
    """One who wants everything at once, and fifty others, under the defaults."""
    small = small_users(jobs)
    return replace(small, name="greedy", jobs={GREEDY: jobs - small.count, **small.jobs})


def greedy_unlimited(jobs: int) -> Crowd:
    """The same, where a user may have any number of jobs running."""
    return replace(greedy(jobs), name="greedy, no limits of users", limits=FREE)


def small_users(jobs: int) -> Crowd:
    """The fifty alone."""
    users = max(SMALL_USERS * jobs // JOBS, 5)
    return Crowd("small users alone", {f"user-{number:03}": SMALL_JOBS for number in range(users)})


def low_credit(jobs: int) -> Crowd:
    """Replicate takes six creates a minute from accounts with little credit: so, 600 jobs in place of 10,000."""
    users = max(jobs * 6 // 100 // 10, 2)
    jobs_of = {f"user-{number:03}": 10 for number in range(users)}
    return Crowd("low credit", jobs_of, per_minute=6.0, at_once=1)


BURSTS: Mapping[str, Callable[[int], Crowd]] = {
    "even": even,
    "sharded": sharded,
    "default": by_default,
    "alone": small_users,
    "greedy": greedy,
    "unlimited": greedy_unlimited,
    "low_credit": low_credit,
}

USUAL = ("even", "default", "alone", "greedy", "low_credit")


def run(crowd: Crowd) -> tuple[BurstWorld, Outcome]:
    """Simulate a burst."""
    world = BurstWorld(crowd)
    world.run()
    return world, outcome_of(world)


def main() -> int:
    """Run, print, and return 1 when something was wrong."""
    arguments = _arguments()
    wrong = 0
    for name in arguments.only or USUAL:
        started = time.monotonic()
        world, outcome = run(replace(BURSTS[name](arguments.jobs), seed=arguments.seed))
        _print(world, outcome, time.monotonic() - started)
        wrong += len(outcome.faults)
    return 1 if wrong else 0


def _print(world: BurstWorld, outcome: Outcome, seconds: float) -> None:
    crowd = world.crowd
    print(f"\n{crowd.name}: {outcome.jobs} jobs of {len(crowd.jobs)} users, {crowd.per_minute:.0f} creates a minute")
    print(backlog(world.samples, outcome.jobs))
    print(f"  ends: {', '.join(f'{count} {end}' for end, count in sorted(outcome.ends.items()))}")
    print(f"  from creation to the end: {outcome.waits}")
    if GREEDY in crowd.jobs:
        small = [
            world.ended[path] - world.created[path]
            for path, owner in world.owners.items()
            if owner != GREEDY and path in world.ended
        ]
        print(f"  of the small users: {Waits.of(small)}")
    print(
        f"  Jain's index of the users' medians: {outcome.fairness:.3f}; {outcome.turns:.2f} turns and "
        f"{outcome.tasks / outcome.jobs:.2f} tasks a job"
    )
    print(
        f"  {outcome.creates_refused} creates were refused with 429, {outcome.events_lost} events found no instance, "
        f"{outcome.commits_refused} commits met another, {world.sweeps} sweeps"
    )
    for name, pool in world.pools.items():
        print(f"  {name}: {pool.calls} calls, {pool.busy_seconds:,.0f} s, {pool.turned_away} turned away")
    print("\n".join(f"  FAULT {fault}" for fault in outcome.faults[:20]) or "  no job lost, each paid once, sums exact")
    print(f"  (simulated in {seconds:.0f} s)", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.burst", description=__doc__)
    parser.add_argument("--jobs", type=int, default=JOBS, help="of the largest bursts")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=list(BURSTS))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
