"""python -m operations.costs: what a deployment costs in a month, in Markdown tables.

    --clips 50000              so many clips a month, beside none of the usual volumes
    --price r2_gb=0.02         another list price (their names: --prices)
    --assume clip_seconds=10   another assumption (their names: --assumptions)
    --bench build/bench.json   the figures of your own `make bench` in place of those in the repository
    --write docs/costs.md      put the tables into that file

Exit status: 0, 2 for wrong arguments.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from operations.costs.model import Assumptions, Measured, month
from operations.costs.prices import PRICES, with_changes
from operations.costs.tables import blocks, filled, month_table, price_table

MEASURED = Path(__file__).with_name("measured.json")


def read_measured(path: Path = MEASURED) -> Measured:
    """The figures about costs in a file that `make bench` wrote. Raises ValueError where there are none."""
    try:
        found = json.loads(path.read_text())
        figures = {str(one["name"]): float(one["value"]) for one in found if str(one["name"]).startswith("cost_")}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} cannot be read as figures of `make bench`: {error}") from error
    if not figures:
        raise ValueError(f"{path} has no figures about costs: run `make bench`.")
    return figures


def main(arguments: Sequence[str]) -> int:
    """Exit status."""
    given = _parser().parse_args(arguments)
    try:
        measured = read_measured(given.bench)
        prices = with_changes(PRICES, {name: float(usd) for name, usd in map(_pair, given.price)})
        assumed = _assumed(dict(map(_pair, given.assume)))
        if given.assumptions:
            print("".join(f"{name} = {value}\n" for name, value in asdict(assumed).items()), end="")
        elif given.prices:
            print(price_table(prices), end="")
        elif given.clips:
            print(month_table(given.clips, month(given.clips, measured, prices, assumed)), end="")
        elif given.write:
            given.write.write_text(filled(given.write.read_text(), blocks(measured, prices, assumed)))
            print(f"The tables of {given.write} are made anew.")
        else:
            made = blocks(measured, prices, assumed)
            print("\n".join(made[name] for name in ("bill", "services")), end="")
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyError as error:
        print(f"The figure {error} is missing: run `make bench` with this version.", file=sys.stderr)
        return 2
    return 0


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found:
        raise ValueError(f"'{text}' must be like name=value.")
    return name, value


def _assumed(changes: Mapping[str, str]) -> Assumptions:
    usual = Assumptions()
    values: dict[str, Any] = {}
    for name, text in changes.items():
        if name not in {field.name for field in fields(Assumptions)}:
            raise ValueError(f"There is no assumption '{name}'; --assumptions lists them.")
        values[name] = type(getattr(usual, name))(text)
    return replace(usual, **values)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m operations.costs", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=float, help="clips a month")
    parser.add_argument("--price", action="append", default=[], metavar="NAME=USD")
    parser.add_argument("--assume", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--bench", type=Path, default=MEASURED, help="figures of make bench")
    parser.add_argument("--write", type=Path, metavar="FILE", help="a document with marks for the tables")
    parser.add_argument("--prices", action="store_true", help="list the prices")
    parser.add_argument("--assumptions", action="store_true", help="list the assumptions")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
