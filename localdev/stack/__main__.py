"""`python -m localdev.stack`: start the local stack, say where everything is, run until Ctrl-C."""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from rich.console import Console
from rich.table import Table

from localdev.debugger.attaching import (
    DELIVERY,
    choose_debug_ports,
    debug_environment,
    start_processes,
    write_addresses,
)
from localdev.stack.delivery import DeliveryPolicy
from localdev.stack.endpoints import Endpoints
from localdev.stack.foreground import run_until_ctrl_c
from localdev.stack.ports import LOOPBACK
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
    debug_ports = choose_debug_ports() if options.debug else {}
    stack = LocalStack(
        options.project,
        policy=DeliveryPolicy(
            deadline_seconds=DELIVERY.deadline_seconds if options.debug else DeliveryPolicy.deadline_seconds,
            drop_rate=options.drop,
            duplicate_rate=options.duplicate,
            max_delay_seconds=options.delay,
            seed=options.seed,
        ),
        preferred_ports=USUAL_PORTS,
        image_seconds=options.image_seconds,
        video_seconds=options.video_seconds,
        functions_environment=debug_environment(debug_ports) if options.debug else None,
        say=lambda line: console.print(line, highlight=False, markup=False),
    )

    def tell() -> None:
        console.print(_table(stack.urls))
        if options.debug:
            _tell_of_debugger(stack, console, debug_ports)
        console.print(f"Logs are in {stack.functions_log.parent}. Ctrl-C ends everything.")

    return run_until_ctrl_c(stack, console, tell)


def _tell_of_debugger(stack: LocalStack, console: Console, ports: Mapping[str, int]) -> None:
    """Where each function's process accepts a debugger."""
    addresses = stack.functions_log.with_name("debug.json")
    write_addresses(addresses, ports)
    late = start_processes(stack.urls.functions_url)
    table = Table(title=f"attach a debugger to ({addresses.name} has the same)", show_header=False)
    for name, port in ports.items():
        table.add_row(name, f"{LOOPBACK}:{port}", "its process has not started" if name in late else "")
    console.print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localdev.stack", description=main.__doc__)
    parser.add_argument("--project", type=Path, default=PROJECT_ROOT, help="the folder that holds firebase.json")
    parser.add_argument("--duplicate", type=float, default=0.0, help="share of events delivered twice (0..1)")
    parser.add_argument("--drop", type=float, default=0.0, help="share of events lost (0..1)")
    parser.add_argument("--delay", type=float, default=0.0, help="deliver each event up to this many seconds late")
    parser.add_argument("--seed", type=int, default=0, help="which events those are")
    parser.add_argument("--image-seconds", type=float, default=1.0, help="how long the stub's images take")
    parser.add_argument("--video-seconds", type=float, default=3.0, help="how long the stub's clips take")
    parser.add_argument("--debug", action="store_true", help="function processes accept a debugger: docs/debugging.md")
    return parser


def _table(urls: Endpoints) -> Table:
    table = Table(title="local stack", show_header=False)
    for field in fields(urls):
        if field.name != "studio_url" or urls.studio_url:
            table.add_row(field.name.replace("_", " "), getattr(urls, field.name) or "the real service")
    return table


if __name__ == "__main__":
    sys.exit(main())
