"""firebase-tools' own eyes: firebase_cli.js asks the installed CLI's code, offline, what it would do."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).with_name("firebase_cli.js")
ANSWER_SECONDS = 60
ADVICE_OF_TOOLS = ("ExperimentalWarning", "--trace-warnings")


class Refused(Exception):
    """A deploy would be refused; the CLI's words."""


class RefusedBefore(Refused):
    """The same refusal for everybody who asks again: one check tells it, the others wait until it is mended."""


@dataclass(frozen=True)
class FirebaseCli:
    """The CLI of this checkout, for one project in `project_dir`."""

    project_dir: Path
    project_id: str
    alias: str
    """ "" for a project that is named by its id."""
    lib: Path
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)

    def ask(self, question: str, **more: str) -> Any:
        """The answer to one of firebase_cli.js' questions. Raises Refused."""
        about = {"projectDir": str(self.project_dir), "projectId": self.project_id, "projectAlias": self.alias, **more}
        command = ["node", str(SCRIPT), str(self.lib), question, json.dumps(about)]
        try:
            told = subprocess.run(
                command,
                cwd=self.project_dir,
                env=self.environ,
                capture_output=True,
                text=True,
                check=False,
                timeout=ANSWER_SECONDS,
            )
        except FileNotFoundError:
            raise Refused("Node is not installed, and firebase-tools needs it.") from None
        except subprocess.TimeoutExpired:
            raise Refused(f"firebase-tools gave no answer within {ANSWER_SECONDS} seconds.") from None
        if told.returncode:
            lines = [line for line in told.stderr.splitlines() if not any(word in line for word in ADVICE_OF_TOOLS)]
            raise Refused("\n".join(lines).strip() or told.stdout.strip())
        return json.loads(told.stdout.splitlines()[-1])
