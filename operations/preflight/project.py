"""What is about to be deployed: a checkout, an alias, and what firebase-tools finds in them, asked once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from operations.preflight.firebase_cli import FirebaseCli, Refused, RefusedBefore

TOOLS = Path(__file__).resolve().parents[2]
"""The checkout that this command is of: its firebase-tools are asked."""
LIB = TOOLS / "node_modules/firebase-tools/lib"


@dataclass(frozen=True)
class Project:
    """A checkout in `root`, for the project behind `alias`."""

    root: Path
    alias: str
    project_id: str
    environ: Mapping[str, str] = field(repr=False)
    """Of the programs that are asked: gcloud, firebase, Python."""

    @property
    def functions(self) -> Path:
        """The folder that is uploaded."""
        return self.root / "functions"

    @property
    def python(self) -> Path:
        """The functions' own Python, as firebase-tools uses it."""
        return self.functions / "venv/bin/python"

    @property
    def settings_file(self) -> str:
        """The dotenv file to write a setting of this alias into, from the root."""
        own = [f".env.{self.alias}", f".env.{self.project_id}"]
        return "functions/" + next((name for name in own if (self.functions / name).is_file()), own[0])

    @cached_property
    def cli(self) -> FirebaseCli:
        return FirebaseCli(self.root, self.project_id, self.alias, LIB, self.environ)

    @cached_property
    def aliases(self) -> dict[str, str]:
        """Of .firebaserc: project ids by alias."""
        return dict(json.loads((self.root / ".firebaserc").read_text(encoding="utf-8"))["projects"])

    @cached_property
    def config(self) -> dict[str, Any]:
        """firebase.json."""
        return dict(json.loads((self.root / "firebase.json").read_text(encoding="utf-8")))

    @cached_property
    def runtime(self) -> str:
        """Of firebase.json: python311, ..."""
        declared = self.config["functions"]
        return str((declared[0] if isinstance(declared, list) else declared).get("runtime", ""))

    @cached_property
    def _dotenv(self) -> dict[str, str] | Refused:
        try:
            return dict(self.cli.ask("dotenv"))
        except Refused as refusal:
            return refusal

    @property
    def settings(self) -> dict[str, str]:
        """The plain settings, as the CLI reads them. Raises RefusedBefore."""
        if isinstance(self._dotenv, Refused):
            raise RefusedBefore(str(self._dotenv))
        return self._dotenv

    @cached_property
    def _manifest(self) -> dict[str, Any] | Refused:
        try:
            return dict(self.cli.ask("functions"))
        except Refused as refusal:
            return refusal

    @property
    def manifest(self) -> dict[str, Any]:
        """What the functions declare; firebase_cli.js says what is in it. Raises RefusedBefore."""
        if isinstance(self._manifest, Refused):
            raise RefusedBefore(str(self._manifest))
        return self._manifest
