"""Which deployment a command means: an alias of .firebaserc, or `local` for the stack that `make up` runs here."""

import argparse
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from google.cloud import firestore

from operations.environment import read_environment
from pipeline.domain.errors import ConfigurationError
from pipeline.handlers.tools import Library
from pipeline.wiring import open_library

ROOT = Path(__file__).resolve().parents[1]
LOCAL = "local"
SECONDS_TO_CONNECT = 2.0
LOCAL_SETTINGS = Path("build/local/stack.env")
EMULATORS = (
    "FIRESTORE_EMULATOR_HOST",
    "FIREBASE_AUTH_EMULATOR_HOST",
    "STORAGE_EMULATOR_HOST",
    "CLOUD_TASKS_EMULATOR_HOST",
)
"""Where Google's SDKs look for emulators: in the process' own environment, nowhere else."""


@dataclass(frozen=True)
class Deployment:
    """One project and the settings that its functions are deployed with."""

    alias: str
    project: str
    environment: Mapping[str, str]

    @property
    def is_local(self) -> bool:
        """Whether it is made of emulators."""
        return "FIRESTORE_EMULATOR_HOST" in self.environment

    @cached_property
    def client(self) -> firestore.Client:
        """Its Firestore, with an administrator's rights."""
        return firestore.Client(project=self.project)

    @cached_property
    def library(self) -> Library:
        """Its documents and files. Raises ConfigurationError with the name of the setting that is missing."""
        return open_library(self.environment, self.client)


def add_alias(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which deployment is meant."""
    parser.add_argument(
        "--alias", required=True, help="of .firebaserc: dev, staging, prod; or local, while `make up` runs"
    )
    parser.add_argument("--env-file", type=Path, action="append", default=[], help="settings; of several, later wins")


def open_deployment(
    alias: str, environment: Mapping[str, str], env_files: list[Path] | None = None, root: Path = ROOT
) -> Deployment:
    """The deployment of that alias, by the dotenv files that `firebase deploy -P alias` would read and `environment`.

    Of a local one the addresses of the emulators go into this process' environment, and `environment` changes nothing
    that the stack has set. Documents of an emulator beside the files of a real bucket would make orphans of all files:
    neither is ever mixed. Raises ConfigurationError with a sentence, also for an alias or a file that is not there.
    """
    if alias == LOCAL:
        if env_files:
            raise ConfigurationError("The local stack has settings of its own: --env-file is for deployments.")
        settings = root / LOCAL_SETTINGS
        if not settings.is_file():
            raise ConfigurationError("No local stack is running: start one with `make up`.")
        found = {**environment, **read_environment([settings], {})}
        if not _answers(found.get("FIRESTORE_EMULATOR_HOST", "")):
            raise ConfigurationError(f"The local stack of {settings} is gone: start one with `make up`.")
        os.environ.update({name: found[name] for name in EMULATORS if name in found})
        return Deployment(alias, found["GCLOUD_PROJECT"], found)
    project = project_of(alias, root)
    usual = [root / "functions" / name for name in (".env", f".env.{project}", f".env.{alias}", ".secret.local")]
    files = env_files or [file for file in usual if file.is_file()]
    found = read_environment(files, environment) if files else dict(environment)
    if emulators := [name for name in EMULATORS if found.get(name)]:
        raise ConfigurationError(
            f"{', '.join(emulators)} leads to an emulator, and {alias} is none: unset it, or say --alias {LOCAL}."
        )
    return Deployment(alias, project, {**found, "GCLOUD_PROJECT": project})


def _answers(address: str) -> bool:
    """Whether somebody listens at `host:port`: a stack that was killed leaves its settings behind."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), SECONDS_TO_CONNECT).close()
    except (OSError, ValueError):
        return False
    return True


def project_of(alias: str, root: Path = ROOT) -> str:
    """The project id behind an alias. Raises ConfigurationError."""
    projects = json.loads((root / ".firebaserc").read_text(encoding="utf-8"))["projects"]
    if alias not in projects:
        raise ConfigurationError(f"'{alias}' is none of the aliases in .firebaserc: {', '.join(projects)}, {LOCAL}.")
    return str(projects[alias])
