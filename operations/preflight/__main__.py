"""What would make a deploy fail, found before it: `make preflight ALIAS=staging`.

    python -m operations.preflight --alias staging [--quiet] [--check NAME ...]

Every check is run, however many fail; each says ok, wrong, or that it could not be checked here, with the command that
mends it or finds it out. Nothing is changed, and nothing is sent, but that Secret Manager is asked whether it has the
secrets when gcloud or firebase is logged in.

Exit statuses: 0 nothing is wrong; 1 something is; 2 the arguments or .firebaserc are; 130 stopped.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from operations.deployment import LOCAL, project_of
from operations.preflight.checks import CHECKS, Report, run_checks
from operations.preflight.findings import Verdict
from operations.preflight.project import TOOLS, Project
from pipeline.domain.errors import ConfigurationError

STOPPED = 130
STYLES = {Verdict.OK: "green", Verdict.WRONG: "bold red", Verdict.UNKNOWN: "yellow"}
MARKS = {Verdict.OK: "ok", Verdict.WRONG: "WRONG", Verdict.UNKNOWN: "?"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="operations.preflight", description="What would make a deploy fail.")
    parser.add_argument("--alias", required=True, help="of .firebaserc: dev, staging, prod")
    parser.add_argument("--root", type=Path, default=TOOLS, help="another checkout than this one")
    parser.add_argument("--check", action="append", choices=CHECKS, default=[], metavar="NAME", help="only this one")
    parser.add_argument("--quiet", action="store_true", help="say nothing of what is well")
    given = parser.parse_args(arguments)
    try:
        if given.alias == LOCAL:
            raise ConfigurationError(  # noqa: TRY301  one place says what is wrong with the arguments
                "Nothing is deployed to the local stack: name an alias of .firebaserc, like ALIAS=staging."
            )
        project_id = project_of(given.alias, given.root)
    except (ConfigurationError, OSError, ValueError, KeyError) as error:
        print(error, file=sys.stderr)
        return 2
    project = Project(given.root.resolve(), given.alias, project_id, dict(os.environ))
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"A deploy of {given.alias}, the project {project_id}: {len(given.check or CHECKS)} checks")
    reports = []
    try:
        for report in run_checks(project, given.check):
            reports.append(report)
            _tell(console, report, quiet=given.quiet)
    except KeyboardInterrupt:
        print(f"Stopped after {len(reports)} checks.", file=sys.stderr)
        return STOPPED
    verdicts = [report.verdict for report in reports]
    counts = {verdict: verdicts.count(verdict) for verdict in Verdict}
    console.print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()) + ".")
    return 1 if counts[Verdict.WRONG] else 0


def _tell(console: Console, report: Report, *, quiet: bool) -> None:
    for finding in report.findings:
        if quiet and finding.verdict is Verdict.OK:
            continue
        line = Text(f"{MARKS[finding.verdict]:>6}  ", STYLES[finding.verdict])
        line.append(f"{report.name:<16}", "bold").append(finding.text, "default")
        console.print(line)
        if finding.command:
            console.print(Text(f"{'':24}$ {finding.command}", "cyan"))


if __name__ == "__main__":
    sys.exit(main())
