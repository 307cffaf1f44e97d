"""`make chaos` in small: jobs of all kinds while their processes die at step boundaries and everything else goes wrong.

In a process of its own, beside the stack of the other tests.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
NAME = "chaos-test"
JOBS = 12


@pytest.mark.slow
def test_jobs_end_right_whatever_is_killed_lost_or_refused():
    report = ROOT / "build" / f"{NAME}.json"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "localdev.chaos", "--name", NAME, "--jobs", str(JOBS), "--seed", "3"]
    command += ["--small", "--active", str(JOBS), "--kill-every", "10"]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'functions'}{os.pathsep}{ROOT}"}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert report.exists(), ended.stdout + ended.stderr
    found = json.loads(report.read_text())
    failed = {check["name"]: check["problems"] for check in found["checks"] if not check["ok"]}
    assert failed == {}, json.dumps(found["documents"], indent=1)
    assert (found["jobs"], found["paid_per_needed"]) == (JOBS, 1.0)
    assert len(found["boundaries_hit"]) >= 5
    assert found["disturbances"]["events delivered"] >= 2 * (JOBS - found["disturbances"]["events lost"])
    assert found["provider_faults"]
    assert found["disturbances"]["storage faults"]
    assert ended.returncode == 0
