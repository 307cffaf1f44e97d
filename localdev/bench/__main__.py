"""`make bench`: every figure, printed and written to build/bench.json."""

import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from localdev.bench import compositions, imports, multi_video, payments, sweeps

OUTPUT = Path("build/bench.json")


def main() -> int:
    """Exit status: 0, whatever was measured; a figure short of its target is a result, not a failure."""
    console = Console(highlight=False)
    figures = []
    for module in (imports, compositions, payments, multi_video, sweeps):
        console.print(f"measuring {module.__name__.rsplit('.', 1)[-1]} ...", style="dim")
        figures += module.measure()
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps([figure.as_json() for figure in figures], indent=2) + "\n")
    table = Table("figure", "value", "", "target", "ok")
    for figure in figures:
        table.add_row(figure.name, f"{figure.value:.3f}", figure.unit, figure.target, "yes" if figure.ok else "no")
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
