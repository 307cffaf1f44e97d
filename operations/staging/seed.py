"""`make seed ALIAS=staging`: a user with storyboards, clips, a film and jobs in every state, for people to look at.

Nothing of it was made by a model, and nothing is paid. A repeat writes only what is missing or has been changed;
`--remove` takes away what was seeded, and nothing else. docs/staging.md tells more.

Exit status: 0 done; 1 it did not come to its end: do it again; 2 wrong arguments or settings; 130 stopped.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.auth.exceptions import GoogleAuthError

from operations.deployment import ROOT, Deployment, add_alias, open_deployment
from operations.frontend import LOCAL_PASSWORD
from operations.staging.seed_media import make_media
from operations.staging.seed_users import SeedUser, SeedUsers
from operations.staging.seeding import remove, seed
from pipeline.adapters.object_storage import ObjectStorage
from pipeline.domain.clips import check_document_id
from pipeline.domain.errors import ConfigurationError, InvalidRequest, JobError

EMAIL = "demo@example.com"
PROD = "prod"
STOPPED = 130


def main(arguments: Sequence[str], environment: Mapping[str, str], root: Path = ROOT) -> int:
    """Do as the command line says."""
    chosen = _parser().parse_args(arguments)
    try:
        deployment = open_deployment(chosen.alias, environment, chosen.env_file, root)
        if not chosen.even_prod:
            _refuse_prod(deployment, root)
        storage = deployment.library.storage  # first what may be missing: no user is made then
        user = _user(chosen, deployment, environment)
        if chosen.remove:
            _remove(user, deployment, storage)
        else:
            _seed(user, deployment, storage)
    except (ConfigurationError, InvalidRequest, GoogleAuthError) as error:
        print(error, file=sys.stderr)
        return 2
    except (JobError, GoogleAPICallError, RetryError) as error:
        print(f"It did not come to its end: {error} Nothing is lost: do it again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. Nothing is lost: do it again.", file=sys.stderr)
        return STOPPED
    return 0


def _seed(user: SeedUser, deployment: Deployment, storage: ObjectStorage) -> None:
    with tempfile.TemporaryDirectory() as folder:
        seeded = seed(user.user_id, deployment.client, storage, make_media(Path(folder)))
    print(f"{_shown(user)} on {deployment.alias} ({deployment.project})")
    print(f"  {seeded.documents} documents: {seeded.created} created, {seeded.changed} set right")
    print(f"  {seeded.files} files: {seeded.stored} stored")


def _remove(user: SeedUser, deployment: Deployment, storage: ObjectStorage) -> None:
    removed = remove(user.user_id, deployment.client, storage)
    print(f"{_shown(user)} on {deployment.alias} ({deployment.project})")
    print(f"  {removed.documents} documents and {removed.files} files removed; the user stays")


def _user(chosen: argparse.Namespace, deployment: Deployment, environment: Mapping[str, str]) -> SeedUser:
    users = SeedUsers(deployment.project, may_make=not chosen.remove)
    if chosen.user:
        return users.by_id(check_document_id("user_id", chosen.user))
    password = environment.get("SEED_PASSWORD") or (LOCAL_PASSWORD if deployment.is_local else "")
    return users.by_email(chosen.email, password)


def _shown(user: SeedUser) -> str:
    made = ", made now" if user.is_new else ""
    return f"{user.email or 'A user without an address'} ({user.user_id}{made})"


def _refuse_prod(deployment: Deployment, root: Path) -> None:
    """By its name, or because it is the project that `prod` stands for. Raises ConfigurationError."""
    if deployment.is_local:
        return
    projects = json.loads((root / ".firebaserc").read_text(encoding="utf-8"))["projects"]
    if deployment.alias == PROD or deployment.project == projects.get(PROD):
        raise ConfigurationError(f"{deployment.alias} ({deployment.project}) is where users are: say --even-prod.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m operations.staging.seed", description="Data of a demo user, which cost nothing."
    )
    add_alias(parser)
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument("--email", default=EMAIL, help=f"whose data it is (default: {EMAIL}); made if missing")
    whose.add_argument("--user", metavar="UID", help="the same by the user's id")
    parser.add_argument("--remove", action="store_true", help="take away what was seeded")
    parser.add_argument("--even-prod", action="store_true", help="also where users are")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
