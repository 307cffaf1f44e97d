"""Runs gcloud. What it answers is JSON; what it does not like becomes a sentence.

It is never asked to prompt: without a terminal it says no by itself, to enabling an API for example.
"""

import json
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

TIMEOUT_SECONDS = 180
NO_ACCOUNT = ("do not currently have an active account", "gcloud auth login", "Reauthentication")
TOO_NEW = "Cannot find metric"  # "... If a metric was created recently, it could take up to 10 minutes ..."
NO_SUCH_GROUP = "Invalid choice"


class GcloudError(Exception):
    """It did not do what it was asked for; `str()` says why."""


class GcloudUnusable(GcloudError):
    """Nothing that is asked of it can succeed: it is missing, or nobody is logged in."""


class MetricTooNew(GcloudError):
    """A policy names a metric that was made only now. Minutes later the same works."""


class UnknownCommand(GcloudError):
    """This version of gcloud does not have it."""


class Gcloud:
    """gcloud, for one project."""

    def __init__(self, project: str) -> None:
        self.project = project
        self._policies: Sequence[str] = ()

    def command(self, *arguments: str) -> list[str]:
        """What a person would type."""
        return ["gcloud", *arguments, f"--project={self.project}"]

    def ask(self, *arguments: str) -> Any:
        """Its answer, as JSON. Raises GcloudError."""
        answer = self.run([*self.command(*arguments), "--format=json"])
        try:
            return json.loads(answer or "null")
        except ValueError as error:
            raise GcloudError(f"gcloud {' '.join(arguments)} answered with something that is not JSON.") from error

    def run(self, command: Sequence[str]) -> str:
        """What it prints. Raises GcloudError."""
        if not shutil.which(command[0]):
            raise GcloudUnusable("gcloud is not installed, or not on PATH: https://cloud.google.com/sdk/docs/install")
        try:
            ended = subprocess.run(
                command,
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise GcloudError(f"gcloud did not answer in {TIMEOUT_SECONDS} s.") from error
        if ended.returncode:
            raise _error(ended.stderr)
        return ended.stdout

    def policies_group(self) -> Sequence[str]:
        """The words of alert policies: `monitoring policies`, which versions until 2025 have in `alpha` only."""
        if not self._policies:
            for words in (("monitoring", "policies"), ("alpha", "monitoring", "policies")):
                try:
                    self.ask(*words, "list", "--limit=1")
                except UnknownCommand:
                    continue
                self._policies = words
                break
            else:
                raise GcloudError("This gcloud knows no alert policies: run `gcloud components update`.")
        return self._policies


def _error(stderr: str) -> GcloudError:
    text = " ".join(stderr.split())
    if any(sign in text for sign in NO_ACCOUNT):
        return GcloudUnusable("gcloud has no account to work with: run `gcloud auth login`.")
    if TOO_NEW in text:
        return MetricTooNew("its metric was made only now: run this again in ten minutes.")
    if NO_SUCH_GROUP in text:
        return UnknownCommand(text)
    return GcloudError(text.partition("ERROR: ")[2] or text or "gcloud failed, and did not say why.")
