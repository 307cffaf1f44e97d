"""`make migrate ARGS="..."`. docs/migration.md tells what to do when.

Exit status: 0 all is well; 1 something failed or is different; 2 wrong settings or arguments; 130 stopped.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from google.auth.exceptions import GoogleAuthError

from migration.report import (
    run_report,
    show_phases,
    show_run,
    show_switch,
    show_verify,
    switch_report,
    verify_report,
    write_report,
)
from migration.running import RunOptions, run, totals
from migration.state_file import StateFile
from migration.switching import phases, switch
from migration.tools import Tools, open_tools
from migration.verification import possible_users, verify
from operations.environment import read_environment
from operations.waiting import Stopped
from pipeline.domain.errors import ConfigurationError, JobError
from pipeline.domain.metadata_modes import MetadataMode

STOPPED = 130


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Do as the command line says."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    if getattr(chosen, "video", None) is not None and len(chosen.user) != 1:
        parser.error("--video is a video of one --user")
    try:
        tools = open_tools(
            read_environment(chosen.env_file, environment),
            chosen.project,
            threads=chosen.parallel,
            writes_per_second=chosen.writes_per_second,
            dry=getattr(chosen, "dry_run", False),
        )
        status: int = chosen.command(chosen, tools)
    except (ConfigurationError, GoogleAuthError) as error:
        print(error, file=sys.stderr)
        return 2
    except JobError as error:
        print(error, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, Stopped):
        print("Stopped.", file=sys.stderr)
        return STOPPED
    return status


def _run(chosen: argparse.Namespace, tools: Tools) -> int:
    options = RunOptions(chosen.user, chosen.video, chosen.dry_run, chosen.again)
    path = chosen.state.with_suffix(".dry-run") if chosen.dry_run else chosen.state
    with StateFile(path, tools.origin, anew=chosen.dry_run) as state:
        figures = run(options, state, tools)
        report = run_report(figures, *totals(state), tools, dry=chosen.dry_run)
    write_report(chosen.report, report)
    show_run(report, tools.console)
    tools.console.print(f"Report: {chosen.report}")
    if not figures.is_whole:
        return STOPPED
    return 1 if figures.failed else 0


def _verify(chosen: argparse.Namespace, tools: Tools) -> int:
    findings = verify(chosen.user, tools)
    report = verify_report(findings, tools)
    write_report(chosen.report, report)
    show_verify(report, tools.console)
    tools.console.print(f"Report: {chosen.report}")
    return 0 if findings.is_clean else 1


def _switch(chosen: argparse.Namespace, tools: Tools) -> int:
    users = possible_users(tools) if chosen.all_users else chosen.user
    switched = [switch(user_id, MetadataMode(chosen.to), tools) for user_id in users]
    write_report(chosen.report, switch_report(switched, tools))
    show_switch(switched, tools)
    tools.console.print(f"Report: {chosen.report}")
    return 0 if all(one.is_done for one in switched) else 1


def _status(chosen: argparse.Namespace, tools: Tools) -> int:
    show_phases(list(phases(chosen.user, tools)), tools.library.settings.metadata_mode, tools.console)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m migration", description="Metadata of clips: from files to Firestore."
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, text: str, does: Callable[[argparse.Namespace, Tools], int]) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text)
        one.set_defaults(command=does)
        one.add_argument("--env-file", type=Path, action="append", default=[], help="settings; of several, later wins")
        one.add_argument("--project", help="the Google Cloud project of Firestore, if not the credentials' own")
        one.add_argument("--parallel", type=_positive(int), default=8, help="videos at once")
        one.add_argument("--writes-per-second", type=_positive(float), default=400.0, help="documents, at most")
        one.add_argument("--report", type=Path, default=Path(f"kept/migration-{name}.json"), help="as JSON")
        return one

    running = command("run", "write documents for what is in storage", _run)
    running.add_argument("--user", action="append", default=[], help="only this one; may be repeated")
    running.add_argument("--video", help="only this video, of the one user")
    running.add_argument("--dry-run", action="store_true", help="write nothing, only say what would be written")
    running.add_argument("--state", type=Path, default=Path("kept/migration.state"), help="which videos are done")
    running.add_argument("--again", action="store_true", help="videos that are done too")
    verifying = command("verify", "compare storage and Firestore", _verify)
    verifying.add_argument("--user", action="append", default=[], help="only this one; may be repeated")
    switching = command("switch", "put users into a mode; to a later one only when verify is clean", _switch)
    who = switching.add_mutually_exclusive_group(required=True)
    who.add_argument("--user", action="append", default=[], help="may be repeated")
    who.add_argument("--all-users", action="store_true")
    switching.add_argument("--to", required=True, choices=[mode.value for mode in MetadataMode])
    status = command("status", "which mode users are in, and how often storage had to answer", _status)
    status.add_argument("--user", action="append", default=[], help="only this one; may be repeated")
    return parser


def _positive(kind: Callable[[str], float]) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"{text} is not more than 0")
        return value

    return read


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as cleanly as Ctrl-C
    sys.exit(main(sys.argv[1:], os.environ))
