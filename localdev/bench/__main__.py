"""`make bench`: every figure, printed and written to build/bench.json.

`python -m localdev.bench compositions` measures those only, and prints them.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from localdev.bench import (
    claims,
    compositions,
    imports,
    job_costs,
    migrations,
    multi_video,
    payments,
    presigning,
    sweeps,
    video_info,
)

OUTPUT = Path("build/bench.json")
MODULES = (imports, compositions, payments, claims, multi_video, job_costs, sweeps, presigning, video_info, migrations)


def main(only: Sequence[str]) -> int:
    """Exit status: 0, whatever was measured; a figure short of its target is a result, not a failure."""
    console = Console(highlight=False)
    figures = []
    for module in MODULES:
        name = module.__name__.rsplit(".", 1)[-1]
        if only and name not in only:
            continue
        console.print(f"measuring {name} ...", style="dim")
        figures += module.measure()
    if not only:
        OUTPUT.parent.mkdir(exist_ok=True)
        OUTPUT.write_text(json.dumps([figure.as_json() for figure in figures], indent=2) + "\n")
    table = Table("figure", "value", "", "target", "ok")
    for figure in figures:
        table.add_row(figure.name, f"{figure.value:.3f}", figure.unit, figure.target, "yes" if figure.ok else "no")
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
