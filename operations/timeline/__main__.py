"""`make timeline ALIAS=staging JOB=image_generation_jobs/ID`: what happened to a job.

JOB is a path, an id (looked up in the collections of jobs), or a file that `--export` wrote. Only reads.

Exit status: 0 it was found; 1 it was not, or Firestore could not be asked, or the file not written; 2 wrong arguments
or settings; 130 stopped.
"""

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.auth.exceptions import GoogleAuthError
from google.cloud import firestore
from rich.console import Console

from operations.deployment import Deployment, add_alias, open_deployment
from operations.timeline.drawing import draw_list, show
from operations.timeline.exported_jobs import ExportedJob, read_exported_job
from operations.timeline.following import follow
from operations.timeline.job_lookup import find_job, latest_jobs, read_job
from pipeline.config import read_settings
from pipeline.domain.errors import ConfigurationError, InvalidRequest, JobError

STOPPED = 130
LATEST = 20


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Do as the command line says."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    if bool(chosen.job) == bool(chosen.user):
        parser.error("say which job: a path, an id, a file; or --user UID for a user's latest")
    console = Console(highlight=False)
    try:
        if chosen.job.endswith(".json"):
            return _tell(
                read_exported_job(Path(chosen.job)), chosen, console, timedelta(seconds=read_settings({}).lease_seconds)
            )
        return _ask(open_deployment(chosen.alias, environment, chosen.env_file), chosen, console)
    except (ConfigurationError, InvalidRequest, GoogleAuthError) as error:
        print(error, file=sys.stderr)
        return 2
    except (JobError, GoogleAPICallError, RetryError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return STOPPED


def _ask(deployment: Deployment, chosen: argparse.Namespace, console: Console) -> int:
    client: firestore.Client = deployment.client
    lease = timedelta(seconds=read_settings(deployment.environment).lease_seconds)
    if chosen.user:
        jobs = latest_jobs(client, chosen.user, chosen.count)
        for line in draw_list(jobs) if jobs else [f"User {chosen.user} has no jobs."]:
            console.print(line, soft_wrap=True, markup=False)
        return 0
    ref = find_job(client, chosen.job)
    if chosen.follow:
        follow(
            client, ref, lambda line: console.print(f"{datetime.now(UTC):%H:%M:%S}  {line}", markup=False), time.sleep
        )
    return _tell(read_job(client, ref), chosen, console, lease)


def _tell(exported: ExportedJob, chosen: argparse.Namespace, console: Console, lease: timedelta) -> int:
    if chosen.export:
        chosen.export.parent.mkdir(parents=True, exist_ok=True)
        chosen.export.write_text(exported.as_json(with_tokens=chosen.with_tokens), encoding="utf-8")
        chosen.export.chmod(0o600)
    if chosen.json:
        print(exported.as_json(), end="")
        return 0
    show(console, exported, lease)
    if chosen.export:
        console.print(f"\nWritten to {chosen.export}. Run it here: make replay JOB={chosen.export}", markup=False)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make timeline", description=(__doc__ or "").partition("\n\n")[0])
    add_alias(parser)
    parser.add_argument("job", nargs="?", default="", help="collection/ID, an ID, or an exported file (*.json)")
    parser.add_argument("--user", default="", help="list this user's latest jobs instead")
    parser.add_argument("--count", type=int, default=LATEST, help=f"of them, how many ({LATEST})")
    parser.add_argument("--follow", action="store_true", help="tell each change until the job has ended")
    parser.add_argument("--json", action="store_true", help="print the job as JSON, with what it names")
    parser.add_argument(
        "--export", type=Path, metavar="FILE", help="write the same to a file, which `make replay` reads"
    )
    parser.add_argument(
        "--with-tokens",
        action="store_true",
        help="leave in the exported file what gives access to the files that the job names: handle it like a password",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
