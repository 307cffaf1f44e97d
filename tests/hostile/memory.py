"""How much memory reading a file takes, measured in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pipeline

PROGRAM = """
import json, resource, sys
from pathlib import Path
from pipeline.domain.errors import JobError
from tests.hostile.readers import READERS

def peak_mb():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024

read = READERS[sys.argv[1]]
read(Path(sys.argv[2]))
for path in sys.argv[3:]:
    before = peak_mb()
    try:
        read(Path(path))
        outcome = "read"
    except JobError as error:
        outcome = error.code
    children_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(json.dumps([outcome, peak_mb() - before, children_mb]))
"""


@dataclass(frozen=True)
class Reading:
    """What became of one file."""

    outcome: str
    """The code of the error, or "read"."""
    grown_mb: int
    """By how much the most memory that the process has ever had grew."""
    children_mb: int
    """The most that a process which it started has ever had, this file's or an earlier one's."""


def read_apart(reader: str, ordinary: Path, paths: Sequence[Path]) -> list[Reading]:
    """Have `reader`, a name in READERS, read the files; `ordinary` comes first, so that what every file takes does not
    count.
    """
    functions = Path(pipeline.__path__[0]).parent
    environment = {**os.environ, "PYTHONPATH": f"{functions}{os.pathsep}{functions.parent}"}
    command = [sys.executable, "-c", PROGRAM, reader, str(ordinary), *map(str, paths)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return [Reading(*json.loads(line)) for line in done.stdout.splitlines()]
