"""A copy of what is deployed, to be changed and looked at with the CLI's own code."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from operations.preflight.firebase_cli import FirebaseCli, Refused

ROOT = Path(__file__).parents[2]
LIB = ROOT / "node_modules/firebase-tools/lib"
PROJECT_ID = "words-to-video-dev"
EXAMPLE = (
    "STORAGE_BACKEND=r2\nR2_ENDPOINT_URL=https://0a1b.r2.cloudflarestorage.com\nR2_BUCKET=films-media\n"
    "R2_PUBLIC_BASE_URL=https://media.films.dev\nPROMPT_WRITER=openai\nMODERATION=on\n"
)


def copied_project(folder: Path, settings: str = EXAMPLE) -> Path:
    """A project in `folder`: functions/ as it would be uploaded, these settings, and the installed packages."""
    functions = folder / "functions"
    shutil.copytree(
        ROOT / "functions", functions, ignore=shutil.ignore_patterns("venv", "__pycache__", ".env", "*.local")
    )
    (functions / "venv").symlink_to(ROOT / "functions" / "venv")
    if settings:
        (functions / ".env").write_text(settings)
    for name in ("firebase.json", ".firebaserc", "firestore.rules", "firestore.indexes.json", "storage.rules"):
        shutil.copy(ROOT / name, folder)
    return folder


def runtime_of(functions: Path) -> str:
    """The runtime that the installed Python is: python311, ..."""
    config = (functions / "venv" / "pyvenv.cfg").read_text()
    version = next(line.split("=")[1].strip() for line in config.splitlines() if line.startswith("version"))
    return "python" + "".join(version.split(".")[:2])


def validate(project: Path) -> dict[str, Any]:
    """What the CLI found. Raises AssertionError with its words when it refuses."""
    try:
        return FirebaseCli(project, PROJECT_ID, "", LIB).ask("functions", runtime=runtime_of(project / "functions"))
    except Refused as refusal:
        raise AssertionError(str(refusal)) from refusal


def deploys(project: Path, *, alias: str = "", interactive: bool = True, times: int = 1) -> list[dict[str, Any]]:
    """What so many deploys in a row ask for, up to where Google is asked."""
    script = Path(__file__).with_name("first_deploy.js")
    command = ["node", str(script), str(LIB), str(project), PROJECT_ID, alias, runtime_of(project / "functions")]
    command += ["yes" if interactive else "no", str(times)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd=project, timeout=120)
    assert answer.returncode == 0, answer.stderr + answer.stdout
    return json.loads(answer.stdout.splitlines()[-1])
