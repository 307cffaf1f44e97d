"""Whether Secret Manager has what the functions bind. Only somebody who is logged in can ask it."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from operations.preflight.findings import Finding, ok, unknown, wrong
from operations.preflight.project import TOOLS, Project

ASK_SECONDS = 30
CREDENTIALS = ("FIREBASE_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS")


def check_secrets(project: Project) -> Iterator[Finding]:
    """Every secret of the manifest has a latest version that is enabled."""
    names = [param["name"] for param in project.manifest["params"] if param["type"] == "secret"]
    ask = _asker(project)
    if ask is None:
        for name in names:
            yield unknown(
                f"{name} must be in Secret Manager of {project.project_id} (neither gcloud nor firebase is logged in).",
                f"npx firebase -P {project.alias} functions:secrets:get {name}",
            )
        return
    with ThreadPoolExecutor(len(names) or 1) as pool:
        yield from pool.map(lambda name: _finding(project, name, ask), names)


def _asker(project: Project) -> list[str] | None:
    """The command that asks for a secret, without its name; None where nobody is logged in."""
    path = project.environ.get("PATH")
    gcloud = shutil.which("gcloud", path=path)
    if gcloud and json.loads(_run(project, [gcloud, "auth", "list", "--format=json"])[1] or "[]"):
        project_id = f"--project={project.project_id}"
        return [gcloud, "secrets", "versions", "describe", "latest", project_id, "--format=value(state)", "--secret"]
    if _is_logged_in(project):
        firebase = str(TOOLS / "node_modules/.bin/firebase")
        return [firebase, "--non-interactive", "--project", project.project_id, "functions:secrets:get"]
    return None


def _is_logged_in(project: Project) -> bool:
    """Whether firebase-tools has somebody's credentials: of `firebase login`, or out of the environment."""
    environ = project.environ
    configs = Path(environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME", "")) / ".config")
    try:
        kept = json.loads((configs / "configstore/firebase-tools.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        kept = {}
    return "tokens" in kept or any(environ.get(name) for name in CREDENTIALS)


def _finding(project: Project, name: str, ask: list[str]) -> Finding:
    code, told, error = _run(project, [*ask, name])
    setting = f"npx firebase -P {project.alias} functions:secrets:set {name}"
    if code == 0:
        if re.search("enabled", told, re.IGNORECASE):
            return ok(f"{name} is set.")
        return wrong(f"The latest version of {name} is {told.strip().lower() or 'missing'}.", setting)
    if re.search(r"not.?found|\b404\b", error + told, re.IGNORECASE):
        return wrong(f"{name} is not in Secret Manager of {project.project_id}.", setting)
    last = ((error or told).strip().splitlines() or ["no answer"])[-1]
    return unknown(f"{name} could not be asked for: {last}", " ".join([*ask, name]))


def _run(project: Project, command: list[str]) -> tuple[int, str, str]:
    try:
        told = subprocess.run(
            command, env=project.environ, capture_output=True, text=True, check=False, timeout=ASK_SECONDS
        )
    except subprocess.TimeoutExpired:
        return 1, "", f"no answer within {ASK_SECONDS} seconds"
    except OSError as error:
        return 1, "", str(error)
    return told.returncode, told.stdout, told.stderr
