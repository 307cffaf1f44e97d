"""`make chaos`: a run, its table, build/chaos.json. Exit status 1 when a check fails."""

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console

from localdev.chaos.report import as_json, show
from localdev.chaos.run import Options, run_chaos

OUTPUT = Path("build/chaos.json")


def main() -> int:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m localdev.chaos", description=__doc__)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--active", type=int, default=Options.active, help="jobs that run at the same time")
    parser.add_argument("--calm", action="store_true", help="without any fault: does the harness itself work?")
    chosen = parser.parse_args()
    options = Options(jobs=chosen.jobs, seed=chosen.seed, active=chosen.active)
    if chosen.calm:
        options = Options(
            jobs=chosen.jobs,
            seed=chosen.seed,
            active=chosen.active,
            kill_every_seconds=0.0,
            boundary_kills=False,
            duplicate_rate=0.0,
            drop_rate=0.0,
            max_delay_seconds=0.0,
            task_lost_rate=0.0,
            task_doubled_rate=0.0,
            storage_fault_rate=0.0,
            touches_per_second=0.0,
            provider={},
        )
    console = Console(highlight=False)
    outcome = run_chaos(options, say=lambda text: console.print(text, style="dim", markup=False))
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(as_json(outcome), indent=2, default=str) + "\n", encoding="utf-8")
    show(outcome, console)
    return 0 if outcome.ok else 1


if __name__ == "__main__":
    sys.exit(main())
