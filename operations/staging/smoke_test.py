"""`make smoke ALIAS=staging`: whether a deployment works, tried as a user, with one tiny job of each kind.

It signs in, writes a storyboard, has a picture, two clips and a film made of it, and looks at what came;
docs/staging.md tells all that is checked. It costs some cents: it says how many, and asks, before it begins.

Exit status: 0 all is well; 1 something is wrong, or it costs too much, or somebody said no; 2 wrong arguments or
settings; 130 stopped.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from operations.deployment import ROOT, add_alias, open_deployment
from operations.staging.findings import Report, show_report, write_report
from operations.staging.smoke_orders import TEXT
from operations.staging.smoke_run import Declined, SmokeRun
from operations.staging.smoke_target import Target, target_of
from pipeline.domain.errors import ConfigurationError

JOB_SECONDS = 900.0
"""More than a cold deployment takes for any of the tiny jobs; less than the token of a user holds."""

STOPPED = 130
LOG_WIDTH = 160
"""Characters, where nobody's window says how many."""


def main(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    root: Path = ROOT,
    ask: Callable[[str], str] | None = None,
) -> int:
    """Do as the command line says. `ask` puts a question to somebody; None: there is nobody."""
    chosen = _parser().parse_args(arguments)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else LOG_WIDTH)
    try:
        target = target_of(open_deployment(chosen.alias, environment, chosen.env_file, root), environment)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    if not chosen.yes and ask is None:
        print("Nobody can be asked here whether that much may be spent: say --yes.", file=sys.stderr)
        return 2
    run = SmokeRun(
        target=target,
        text=chosen.text,
        job_seconds=chosen.seconds,
        agree=lambda price: _agree(price, chosen.max_usd, None if chosen.yes else ask, target),
        say=lambda line: console.print(line, style="dim", markup=False, soft_wrap=True),
        keep=chosen.keep,
    )
    return _tested(run, console, chosen.json)


def _tested(run: SmokeRun, console: Console, json: Path | None) -> int:
    started_at, began, declined = datetime.now(UTC), time.monotonic(), ""
    status = None
    try:
        run.run()
    except Declined as error:
        declined, status = str(error), 1
    except KeyboardInterrupt:
        declined, status = "Stopped.", STOPPED
    report = Report(
        alias=run.target.alias,
        project=run.target.project,
        user_id=run.user_id,
        started_at=started_at.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - began, 1),
        estimated_usd=run.estimated_usd,
        findings=tuple(run.findings),
    )
    show_report(report, console)
    if declined:
        print(declined, file=sys.stderr)
    if json is not None:
        write_report(json, report)
        console.print(f"Report: {json}")
    return status or (0 if report.is_well else 1)


def _agree(price_usd: float, max_usd: float, ask: Callable[[str], str] | None, target: Target) -> None:
    if price_usd > max_usd:
        raise Declined(f"It would cost up to ${price_usd:.3f}, more than --max-usd {max_usd:g}. Nothing was begun.")
    if ask is None:
        return
    answer = ask(f"This costs up to ${price_usd:.3f} on {target.alias} ({target.project}). Go on? [y/N] ")
    if answer.strip().lower() not in ("y", "yes"):
        raise Declined("Nothing was begun.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m operations.staging.smoke_test", description="One tiny job of each kind on a deployment."
    )
    add_alias(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask whether that much may be spent")
    parser.add_argument("--max-usd", type=float, default=0.5, help="do not begin what may cost more (default: 0.5)")
    parser.add_argument("--seconds", type=_positive, default=JOB_SECONDS, help="the longest that one job may take")
    parser.add_argument("--text", default=TEXT, help="what is to be seen")
    parser.add_argument("--keep", action="store_true", help="leave the storyboard, the video and their files")
    parser.add_argument("--json", type=Path, help="a file for what was found")
    return parser


def _positive(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError("it must be above 0")
    return number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ, ask=input if sys.stdin.isatty() else None))
