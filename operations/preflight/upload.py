"""What would be packed and sent: all that is needed, nothing that is secret or only local, and not too much."""

import re
from collections.abc import Iterator
from fnmatch import fnmatch

from operations.preflight.findings import Finding, ok, wrong
from operations.preflight.project import Project

MOST_BYTES = 100_000_000
"""Of compressed sources, in the first generation (https://firebase.google.com/docs/functions/quotas). For the second no
limit is documented; our sources are far from this one."""
LOCAL = (
    "venv", ".venv", "node_modules", "__pycache__", "*.pyc", "*_cache", ".git", ".firebase", ".idea", ".vscode",
    ".DS_Store", "*.local", ".secret*", "*.log", "build", "dist",
)  # fmt: skip
SECRET_FILES = ("*.pem", "*.key", "*.p12", "*.pfx", "*credential*.json", "*service*account*.json", "*adminsdk*.json")
SECRETS = {
    "a private key": re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a token of Replicate": re.compile(rb"\br8_[A-Za-z0-9]{30,}"),
    "a key of OpenAI": re.compile(rb"\bsk-[A-Za-z0-9_-]{30,}"),
    "a key of AWS": re.compile(rb"\bAKIA[0-9A-Z]{16}\b"),
    "a key of Google": re.compile(rb"\bAIza[0-9A-Za-z_-]{35}\b"),
}


def check_upload(project: Project, most_bytes: int = MOST_BYTES) -> Iterator[Finding]:
    """By the CLI's own packing."""
    packed = project.cli.ask("upload")
    files: list[str] = packed["files"]
    problems = [*_missing(project, files), *_local(files), *_secret(project, files)]
    size = packed["bytes"] / 1e6
    if packed["bytes"] > most_bytes:
        problems.append(wrong(f"The upload is {size:.1f} MB, more than the {most_bytes / 1e6:.1f} MB that are taken."))
    yield from problems or [ok(f"{len(files)} files, {size:.1f} MB packed; nothing secret or local among them.")]


def _missing(project: Project, files: list[str]) -> Iterator[Finding]:
    sources = (path.relative_to(project.functions) for path in (project.functions / "pipeline").rglob("*.py"))
    needed = ["main.py", "requirements.txt", *sorted(str(path) for path in sources)]
    for name in [name for name in needed if name not in files][:5]:
        yield wrong(f"functions/{name} would not be uploaded: 'ignore' in firebase.json leaves it out, or it is gone.")


def _local(files: list[str]) -> Iterator[Finding]:
    told = set()
    for name in files:
        parts = name.split("/")
        for depth, part in enumerate(parts, 1):
            if any(fnmatch(part, pattern) for pattern in LOCAL):
                told.add("/".join(parts[:depth]))
                break
    for name in sorted(told)[:10]:
        yield wrong(
            f"functions/{name} would be uploaded and is only for this machine: add it to 'ignore' in firebase.json."
        )


def _secret(project: Project, files: list[str]) -> Iterator[Finding]:
    for name in files:
        if any(fnmatch(name.rpartition("/")[2].lower(), pattern) for pattern in SECRET_FILES):
            yield wrong(f"functions/{name} looks like a key, and would be uploaded.")
            continue
        content = (project.functions / name).read_bytes()[:1_000_000]
        for what, pattern in SECRETS.items():
            if pattern.search(content):
                yield wrong(f"functions/{name} has {what} in it, and would be uploaded.")
