"""`make orphans ALIAS=staging`. Lists the files that no document names, and deletes nothing; docs/data.md.

With `--delete` it deletes what the report of that listing names, if it is still so. It does not where nearly all would
go, nor files of users of whom Firestore knows nothing: then the bucket may be another project's.

Exit status: 0 all is well; 1 something failed, or a file was deleted that a document names now; 2 wrong settings or
arguments; 130 stopped (the same command goes on).
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from rich.console import Console
from rich.table import Table

from operations.buckets import Bucket, media_bucket, uploads_bucket, usd_a_month
from operations.deployment import Deployment, add_alias, open_deployment
from operations.orphans.collection import LEAST_GRACE, STRANGERS, Rules, collect
from operations.orphans.deletion import LOST, delete
from operations.orphans.naming import METADATA, UNFINISHED, Naming
from operations.orphans.report import Deletions, Report, Tally
from operations.rate_limits import TokenBucket
from operations.stored_files import FileKind
from operations.waiting import Patience, Stop, Stopped
from pipeline.domain.errors import ConfigurationError, JobError

STOPPED = 130
MOST_GRACE_DAYS = 36_500
FINISHED = tuple(kind for kind in FileKind if kind not in (*UNFINISHED, FileKind.UNKNOWN))
"""Kinds of which most files are named in a bucket that is this project's."""

WHAT = ("named", "young", "left", "orphans")


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Do as the command line says."""
    chosen = parser().parse_args(arguments)
    console = Console(highlight=False, file=sys.stdout)
    try:
        deployment = open_deployment(chosen.alias, environment, chosen.env_file)
        return run(chosen, deployment, console)
    except (ConfigurationError, GoogleAuthError) as error:
        print(error, file=sys.stderr)
        return 2
    except (JobError, GoogleAPIError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, Stopped):
        print("Stopped. The same command goes on where it was.", file=sys.stderr)
        return STOPPED


def run(
    chosen: argparse.Namespace,
    deployment: Deployment,
    console: Console,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> int:
    """List, or delete. Raises what `main` turns into sentences."""
    bucket = uploads_bucket(deployment, chosen.uploads_bucket) if chosen.uploads else media_bucket(deployment)
    path = chosen.report or Path(f"kept/orphans-{chosen.alias}{'-uploads' if chosen.uploads else ''}.jsonl")
    if chosen.delete and not path.is_file():
        raise ConfigurationError(f"There is no report {path}: list first, without --delete, and look at it.")
    stop = Stop()
    patience = Patience(stop.pause)
    reads = TokenBucket(chosen.reads_per_second, chosen.reads_per_second, pause=stop.pause)
    naming = Naming(deployment.client, deployment.library, reads, patience)
    report = Report(path, {"project": deployment.project, "bucket": bucket.name})
    if not chosen.delete:
        return _list(chosen, report, bucket, naming, patience, console, now)
    limit = TokenBucket(chosen.deletes_per_second, chosen.deletes_per_second, pause=stop.pause)
    return _delete(chosen, report, bucket, naming, limit, patience, console)


def _list(
    chosen: argparse.Namespace,
    report: Report,
    bucket: Bucket,
    naming: Naming,
    patience: Patience,
    console: Console,
    now: Callable[[], datetime],
) -> int:
    rules = Rules(timedelta(days=chosen.grace_days), uploads=chosen.uploads, unknown=chosen.unknown)
    facts = {"grace_days": chosen.grace_days, "uploads": chosen.uploads, "unknown": chosen.unknown}
    with report, console.status("Listing ...") as status:

        def progress() -> None:
            files = sum(report.tally.of(what)[0] for what in WHAT)
            status.update(f"{files:,} files, {report.tally.of('orphans')[0]:,} orphans ...")

        if report.begin(facts):
            console.print(f"Goes on behind {report.listed_until}")
        else:
            Deletions(report.path).forget()
        collect(bucket.storage, naming, report, rules, now, patience, progress)
    console.print(_counts(report.tally, bucket))
    files, size_bytes = report.tally.of("orphans")
    console.print(
        f"{files:,} files of {_shown(size_bytes)} are named by no document: ${usd_a_month(bucket, size_bytes):,.2f} a "
        f"month.\nAbout {naming.asked:,} reads of Firestore. Nothing was deleted.\nReport: {report.path}"
    )
    unknown, _ = report.tally.of("left", FileKind.UNKNOWN)
    if unknown:
        console.print(f"{unknown:,} files are of no kind that is known here: left alone, unless you say --unknown.")
    strangers, _ = report.tally.of(STRANGERS)
    if strangers:
        console.print(
            f"{strangers:,} of them are of users of whom {report.origin['project']} has no document at all: is the "
            "bucket another project's, too? They are kept, unless you say --strangers."
        )
    if files:
        if doubt := _doubt(report.tally):
            console.print(f"{doubt} Is this the bucket of {report.origin['project']}?")
        console.print("To delete what the report names, as far as it is still so: the same with --delete.")
    return 0


def _delete(
    chosen: argparse.Namespace,
    report: Report,
    bucket: Bucket,
    naming: Naming,
    limit: TokenBucket,
    patience: Patience,
    console: Console,
) -> int:
    with report:
        if (doubt := _doubt(report.tally)) and not chosen.most:
            raise ConfigurationError(
                f"{doubt} Is {report.origin['bucket']} the bucket of {report.origin['project']}, and of no other "
                "project? Nothing was deleted. If you are sure: --most."
            )
    with report, Deletions(report.path) as deletions, console.status("Deleting ...") as status:
        if not report.is_whole:
            console.print("The listing was broken off: the report does not name all.")
        tally = delete(
            report.orphans(),
            bucket.storage,
            naming,
            deletions,
            limit,
            patience,
            unknown=chosen.unknown,
            strangers=chosen.strangers,
            progress=lambda tally: status.update(f"{tally.of('deleted')[0]:,} deleted ..."),
        )
    table = Table("outcome", "files", "size")
    for outcome in ("deleted", "gone", "changed", "named", "kept", LOST):
        files, size_bytes = tally.of(outcome)
        table.add_row(outcome, f"{files:,}", _shown(size_bytes))
    console.print(table)
    lost, _ = tally.of(LOST)
    if kept := tally.of("kept")[0]:
        console.print(
            f"{kept:,} files were kept, for want of --unknown or --strangers. To delete them: list anew first."
        )
    console.print(f"What became of each: {deletions.path}")
    if lost:
        console.print(
            f"{lost} files were stored anew while they were deleted: see '{LOST}' there, and make them again."
        )
    return 1 if lost else 0


def _doubt(tally: Tally) -> str:
    """A sentence, where so much would go that the documents are hardly those of these files; "": nothing is odd.

    Clips live as long as their documents. Of pictures nine of ten may have been replaced.
    """
    for what, kinds, share in (("clips", METADATA, 1 / 2), ("files", FINISHED, 0.95)):
        orphans, named = (sum(tally.of(one, kind)[0] for kind in kinds) for one in ("orphans", "named"))
        if orphans > share * (orphans + named):
            return f"{orphans:,} of {orphans + named:,} {what} that are no longer young would go."
    return ""


def _counts(tally: Tally, bucket: Bucket) -> Table:
    table = Table("kind of file", "named", "too young", "left alone", "orphans", "size of orphans", "$ a month")
    for kind in FileKind:
        numbers = [tally.of(what, kind)[0] for what in WHAT]
        _, size_bytes = tally.of("orphans", kind)
        if any(numbers):
            money = f"{usd_a_month(bucket, size_bytes):,.2f}"
            table.add_row(kind, *(f"{number:,}" for number in numbers), _shown(size_bytes), money)
    return table


def _shown(size_bytes: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= size:
            return f"{size_bytes / size:,.1f} {unit}"
    return f"{size_bytes} B"


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = argparse.ArgumentParser(prog="python -m operations.orphans", description=(__doc__ or "").split("\n\n")[0])
    add_alias(parser)
    parser.add_argument("--delete", action="store_true", help="what the report names, as far as it is still so")
    parser.add_argument("--report", type=Path, help="JSON lines (kept/orphans-ALIAS.jsonl)")
    parser.add_argument("--grace-days", type=_grace, default=7.0, help="younger files are left alone (7)")
    parser.add_argument("--uploads", action="store_true", help="what users have uploaded, and only that")
    parser.add_argument("--uploads-bucket", help="where uploads lie, with STORAGE_BACKEND=r2 and no STORAGE_BUCKET")
    parser.add_argument("--unknown", action="store_true", help="files of no known kind, too")
    parser.add_argument("--strangers", action="store_true", help="files of users without a document, too")
    parser.add_argument("--most", action="store_true", help="delete even if that is nearly all that there is")
    parser.add_argument("--reads-per-second", type=_positive, default=1000.0, help="of Firestore, at most (1000)")
    parser.add_argument("--deletes-per-second", type=_positive, default=200.0, help="files, at most (200)")
    return parser


def _grace(text: str) -> float:
    days = _number(text)
    if not days >= LEAST_GRACE.days:
        raise argparse.ArgumentTypeError(f"a job may live for {LEAST_GRACE.days} days: {text} is less")
    if days > MOST_GRACE_DAYS:
        raise argparse.ArgumentTypeError(f"{text} is more than {MOST_GRACE_DAYS} days")
    return days


def _positive(text: str) -> float:
    value = _number(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text} is not more than 0")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is no number") from error


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as cleanly as Ctrl-C
    sys.exit(main(sys.argv[1:], os.environ))
