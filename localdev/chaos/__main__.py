"""`make chaos`: a run, its table, build/chaos.json. Exit status 1 when a check fails, 2 for no start."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from localdev.chaos.report import as_json, show
from localdev.chaos.run import Options, run_chaos
from localdev.stack import StackError

SMALL: dict[str, Any] = {"every_boundary": False, "max_delay_seconds": 1.5, "lease_seconds": 20}
CALM: dict[str, Any] = {
    "kill_every_seconds": 0.0,
    "boundary_kills": False,
    "every_boundary": False,
    "duplicate_rate": 0.0,
    "drop_rate": 0.0,
    "max_delay_seconds": 0.0,
    "task_lost_rate": 0.0,
    "task_doubled_rate": 0.0,
    "storage_fault_rate": 0.0,
    "touches_per_second": 0.0,
    "provider": {},
}


def main() -> int:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m localdev.chaos", description=__doc__)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--active", type=int, default=Options.active, help="jobs that run at the same time")
    parser.add_argument(
        "--kill-every", type=float, default=Options.kill_every_seconds, help="seconds between random kills, 0: none"
    )
    parser.add_argument("--name", default=Options.name, help="runs beside each other need different ones")
    parser.add_argument("--small", action="store_true", help="a few kills a job, without the aim to hit every boundary")
    parser.add_argument("--calm", action="store_true", help="without any fault: does the harness itself work?")
    chosen = parser.parse_args()
    options = Options(
        jobs=chosen.jobs,
        seed=chosen.seed,
        active=chosen.active,
        kill_every_seconds=chosen.kill_every,
        name=chosen.name,
    )
    if chosen.small:
        options = replace(options, **SMALL)
    if chosen.calm:
        options = replace(options, **CALM)
    output = Path("build") / f"{chosen.name}.json"
    console = Console(highlight=False)
    try:
        outcome = run_chaos(options, say=lambda text: console.print(text, style="dim", markup=False))
    except StackError as error:
        console.print(str(error), style="red", markup=False)
        return 2
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps(as_json(outcome), indent=2, default=str) + "\n", encoding="utf-8")
    show(outcome, console)
    return 0 if outcome.ok else 1


if __name__ == "__main__":
    sys.exit(main())
