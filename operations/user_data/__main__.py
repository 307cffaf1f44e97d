"""`make user ALIAS=staging ARGS="export UID"`, or `ARGS="delete UID"`. docs/data.md tells what it takes.

`delete` only counts; `delete UID --yes` deletes.

Exit status: 0 all is well; 1 something failed, or nothing was there to export, or jobs do not end (nothing of theirs
was deleted); 2 wrong settings or arguments; 130 stopped (the same command goes on).
"""

import argparse
import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from rich.console import Console
from rich.table import Table

from operations.buckets import media_bucket, uploads_bucket
from operations.deployment import Deployment, add_alias, open_deployment
from operations.rate_limits import TokenBucket
from operations.user_data.accounts import Accounts, AccountsUnavailable
from operations.user_data.deletion import TOKEN_LIFETIME, Amounts, Patient, erase, remaining, survey
from operations.user_data.export import export
from operations.user_data.file_names import file_name
from operations.user_data.inventory import UserData
from operations.waiting import Patience, Stop, Stopped
from pipeline.domain.errors import ConfigurationError, InvalidRequest, JobError

STOPPED = 130


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Do as the command line says."""
    chosen = parser().parse_args(arguments)
    try:
        deployment = open_deployment(chosen.alias, environment, chosen.env_file)
        return run(chosen, deployment, Console(highlight=False, file=sys.stdout))
    except (ConfigurationError, InvalidRequest, GoogleAuthError) as error:
        print(error, file=sys.stderr)
        return 2
    except (JobError, GoogleAPIError, AccountsUnavailable, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, Stopped):
        print("Stopped. The same command goes on.", file=sys.stderr)
        return STOPPED


def run(
    chosen: argparse.Namespace,
    deployment: Deployment,
    console: Console,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    pause: Callable[[float], None] | None = None,
) -> int:
    """Export or delete. Raises what `main` turns into sentences."""
    stop = Stop()
    user = UserData(
        chosen.user_id,
        deployment.client,
        media_bucket(deployment),
        uploads_bucket(deployment, chosen.uploads_bucket),
        Patience(stop.pause),
    )
    accounts = None if chosen.no_account else Accounts(deployment.project)
    if chosen.command == "export":
        return _export(chosen, user, accounts, deployment, console, now)
    writes = TokenBucket(chosen.writes_per_second, chosen.writes_per_second, pause=stop.pause)
    wait = Patient(now, pause or stop.pause, chosen.wait_seconds, chosen.even_if_running)
    return _delete(chosen, user, accounts, wait, writes, console)


def _export(
    chosen: argparse.Namespace,
    user: UserData,
    accounts: Accounts | None,
    deployment: Deployment,
    console: Console,
    now: Callable[[], datetime],
) -> int:
    folder = chosen.to or Path("kept") / file_name(f"user-{user.user_id}")
    account = accounts.find(user.user_id) if accounts else None
    with console.status("Exporting ...") as status:
        made = export(user, account, folder, deployment.project, now, status.update)
        archive = shutil.make_archive(str(folder), "zip", folder) if chosen.zip else None
    documents = sum(made["documents"].values())
    console.print(f"{documents:,} documents, {made['files']:,} files of {made['size_bytes'] / 1e6:,.1f} MB: {folder}")
    if archive:
        console.print(f"The same as one file: {archive}")
    if accounts and account is None:
        console.print("There is no such user in Firebase Auth.")
    console.print(f"What is left out, and why, stands in {folder / 'index.html'}.")
    if not documents and not made["files"] and account is None:
        console.print(f"Nothing at all was found of '{user.user_id}': is that the user's id?", markup=False)
        return 1
    return 0


def _delete(
    chosen: argparse.Namespace,
    user: UserData,
    accounts: Accounts | None,
    wait: Patient,
    writes: TokenBucket,
    console: Console,
) -> int:
    account = accounts.find(user.user_id) if accounts else None
    if not chosen.yes:
        with console.status("Counting ..."):
            found = survey(user)
        console.print(_table(found, "there are"))
        for path in found.running:
            console.print(f"Running, and would be canceled: {path}")
        if accounts:
            console.print(f"Account in Firebase Auth: {_account(account)}")
        console.print("Nothing was changed. To delete all of this for good: the same with --yes.")
        return 0
    with console.status("Deleting ...") as status:
        deleted, record = erase(user, accounts, wait, writes, with_account=chosen.auth_user, progress=status.update)
    console.print(_table(deleted, "deleted"))
    console.print(f"Record, which does not say whose it was: {record}")
    console.print("What remains:")
    for text in remaining(None if account is None or chosen.auth_user else account):
        console.print(f"  {text}")
    if account is not None:
        again = f"{wait.now() + TOKEN_LIFETIME:%H:%M} UTC"
        console.print(
            f"A client that is still signed in can write until its token expires: run the same after {again}."
        )
    return 0


def _table(amounts: Amounts, what: str) -> Table:
    table = Table("documents", what)
    for name, count in sorted(amounts.documents.items()):
        table.add_row(name, f"{count:,}")
    table.add_section()
    table.add_row("files", f"{amounts.files:,}")
    table.add_row("their size", f"{amounts.size_bytes / 1e6:,.1f} MB")
    return table


def _account(account: Mapping[str, object] | None) -> str:
    if account is None:
        return "there is none."
    return "disabled." if account["disabled"] else "active; it would be disabled first."


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = argparse.ArgumentParser(
        prog="python -m operations.user_data", description=(__doc__ or "").split("\n\n")[0]
    )
    add_alias(parser)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    exporting = commands.add_parser("export", help="a folder with all that a user has")
    deleting = commands.add_parser("delete", help="count all that a user has; with --yes delete it")
    for one in (exporting, deleting):
        one.add_argument("user_id", metavar="UID")
        one.add_argument("--uploads-bucket", help="where uploads lie, with STORAGE_BACKEND=r2 and no STORAGE_BUCKET")
        one.add_argument("--no-account", action="store_true", help="leave Firebase Auth alone")
    exporting.add_argument("--to", type=Path, help="the folder (kept/user-UID)")
    exporting.add_argument("--zip", action="store_true", help="one file of it, too, beside the folder")
    deleting.add_argument("--yes", action="store_true", help="do it; without, it is only counted")
    deleting.add_argument(
        "--auth-user", action="store_true", help="delete the account, too, which is only disabled else"
    )
    deleting.add_argument("--wait-seconds", type=float, default=1200.0, help="for jobs to end (1200)")
    deleting.add_argument("--even-if-running", action="store_true", help="do not wait: the functions are gone")
    deleting.add_argument("--writes-per-second", type=float, default=400.0, help="documents or files, at most (400)")
    return parser


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as cleanly as Ctrl-C
    sys.exit(main(sys.argv[1:], os.environ))
