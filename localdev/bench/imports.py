"""What importing main.py costs over the bare modules of the decorators: a cold start is waited for."""

import subprocess
from pathlib import Path

from localdev.bench.figures import Figure, ratio_of

FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"
BARE = "from firebase_functions import firestore_fn, options, tasks_fn, https_fn"


def measure() -> list[Figure]:
    def importing(statement: str) -> None:
        subprocess.run([FUNCTIONS / "venv/bin/python", "-c", statement], cwd=FUNCTIONS, check=True)

    ratio = ratio_of(lambda: importing("import main"), lambda: importing(BARE), rounds=9)
    return [Figure("import_ratio", ratio, "x", "<= 1.1")]
