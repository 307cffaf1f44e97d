"""Rules and indexes: whether a deploy would take them."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

from operations.preflight.findings import Finding, ok, unknown, wrong
from operations.preflight.firebase_cli import Refused
from operations.preflight.project import TOOLS, Project

COMPILER = "localdev.rules_compiler"  # another process: these commands use nothing of local development
COMPILE_SECONDS = 90


def check_rules(project: Project) -> Iterator[Finding]:
    """firestore.rules and storage.rules, by the compiler in the Firestore emulator."""
    files = [project.config["firestore"]["rules"], project.config["storage"]["rules"]]
    missing = [name for name in files if not (project.root / name).is_file()]
    for name in missing:
        yield wrong(f"{name} is missing, and firebase.json names it.")
    present = [name for name in files if name not in missing]
    command = [sys.executable, "-m", COMPILER, *(str(project.root / name) for name in present)]
    by_hand = f"npx firebase deploy -P {project.alias} --only firestore:rules,storage --dry-run"
    try:
        told = subprocess.run(
            command,
            cwd=TOOLS,
            env=project.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMPILE_SECONDS,
        )
        problems: list[list[str]] = json.loads(told.stdout.splitlines()[-1])
    except (subprocess.TimeoutExpired, IndexError, ValueError):
        yield unknown("No Firestore emulator could be started to compile the rules.", by_hand)
        return
    for name, found in zip(present, problems, strict=True):
        for problem in found:
            yield wrong(f"{name}: {problem}")
        if not found:
            yield ok(f"{name} compiles.")


def check_indexes(project: Project) -> Iterator[Finding]:
    """By the CLI's validator; and what Firestore would refuse afterwards: an index twice, or of one field."""
    name = project.config["firestore"]["indexes"]
    try:
        count = project.cli.ask("indexes")
    except Refused as refusal:
        yield wrong(f"{name}: {refusal}")
        return
    spec = json.loads((project.root / name).read_text(encoding="utf-8"))
    twice = Counter(json.dumps(index, sort_keys=True) for index in spec["indexes"])
    problems = [wrong(f"{name} has an index twice: {index}.") for index, times in twice.items() if times > 1] + [
        wrong(f"{name}: an index of {index['collectionGroup']} has one field; Firestore makes those by itself.")
        for index in spec["indexes"]
        if len([field for field in index["fields"] if field["fieldPath"] != "__name__"]) < 2
    ]
    expiring = [field["collectionGroup"] for field in spec.get("fieldOverrides", []) if field.get("ttl")]
    if not expiring:
        problems.append(wrong(f"{name} has no field with a TTL: finished jobs would stay for ever."))
    yield from problems or [
        ok(f"{count['indexes']} indexes; documents of {', '.join(sorted(expiring))} expire by themselves.")
    ]
