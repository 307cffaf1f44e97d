"""`python -m localdev.stack`: start the local stack, say where everything is, run until Ctrl-C."""

import argparse
import sys
from dataclasses import fields
from pathlib import Path

from rich.console import Console
from rich.table import Table

from localdev.stack.delivery import DeliveryPolicy
from localdev.stack.endpoints import Endpoints
from localdev.stack.foreground import run_until_ctrl_c
from localdev.stack.stack import PROJECT_ROOT, LocalStack

USUAL_PORTS = {
    "firestore": 8080,
    "auth": 9099,
    "functions": 5001,
    "hosting": 5000,
    "storage_download": 9199,
    "tasks": 9499,
    "hub": 4400,
    "relay": 5002,
}
"""Those of firebase-tools, used where they are free."""


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 after Ctrl-C or SIGTERM, 1 when the stack could not start."""
    options = _parser().parse_args(arguments)
    console = Console()
    stack = LocalStack(
        options.project,
        policy=DeliveryPolicy(
            drop_rate=options.drop,
            duplicate_rate=options.duplicate,
            max_delay_seconds=options.delay,
            seed=options.seed,
        ),
        preferred_ports=USUAL_PORTS,
        image_seconds=options.image_seconds,
        video_seconds=options.video_seconds,
        say=lambda line: console.print(line, highlight=False, markup=False),
    )

    def tell() -> None:
        console.print(_table(stack.urls))
        console.print(f"Logs are in {stack.functions_log.parent}. Ctrl-C ends everything.")

    return run_until_ctrl_c(stack, console, tell)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localdev.stack", description=main.__doc__)
    parser.add_argument("--project", type=Path, default=PROJECT_ROOT, help="the folder that holds firebase.json")
    parser.add_argument("--duplicate", type=float, default=0.0, help="share of events delivered twice (0..1)")
    parser.add_argument("--drop", type=float, default=0.0, help="share of events lost (0..1)")
    parser.add_argument("--delay", type=float, default=0.0, help="deliver each event up to this many seconds late")
    parser.add_argument("--seed", type=int, default=0, help="which events those are")
    parser.add_argument("--image-seconds", type=float, default=1.0, help="how long the stub's images take")
    parser.add_argument("--video-seconds", type=float, default=3.0, help="how long the stub's clips take")
    return parser


def _table(urls: Endpoints) -> Table:
    table = Table(title="local stack", show_header=False)
    for field in fields(urls):
        if field.name != "studio_url" or urls.studio_url:
            table.add_row(field.name.replace("_", " "), getattr(urls, field.name) or "the real service")
    return table


if __name__ == "__main__":
    sys.exit(main())
