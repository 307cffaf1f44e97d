"""Cases that are written in JavaScript: Node runs the script they lie in, its JUnit report says how each ended."""

import os
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIMIT_SECONDS = 600


@dataclass(frozen=True)
class Outcome:
    """What became of the cases of one script."""

    seconds: dict[str, float]
    """How long each case took, by its name."""
    failures: dict[str, str]
    """What Node says about each case that failed, by its name."""


def node() -> str:
    """The Node.js on PATH."""
    found = shutil.which("node")
    if found is None:
        pytest.fail("Node.js is needed for these tests: https://nodejs.org", pytrace=False)
    return found


def run_cases(script: Path, folder: Path, environment: Mapping[str, str], *, only: str = "") -> Outcome:
    """Run the cases of `script`; `only` those whose names the expression matches. The report is left in `folder`."""
    report = folder / f"{script.name}.xml"
    command = [node(), "--test", "--test-reporter=junit", f"--test-reporter-destination={report}"]
    command += [f"--test-name-pattern={only}"] if only else []
    ended = subprocess.run(
        [*command, str(script)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    # the report is our own
    cases = list(ElementTree.parse(report).iter("testcase")) if report.exists() else []  # noqa: S314
    cases = [case for case in cases if case.find("skipped") is None]
    failed = {case.attrib["name"]: failure for case in cases if (failure := case.find("failure")) is not None}
    if not cases or (ended.returncode != 0 and not failed):
        pytest.fail(f"The cases did not run.\n{ended.stdout}{ended.stderr}", pytrace=False)
    return Outcome(
        {case.attrib["name"]: float(case.attrib["time"]) for case in cases},
        {name: failure.text or failure.attrib.get("message", "") for name, failure in failed.items()},
    )


def assert_right(outcome: Outcome, least: int) -> None:
    """Raises AssertionError with the name of every case that failed, or where there were fewer than `least`."""
    told = "\n".join(f"  {name}\n      {message}" for name, message in outcome.failures.items())
    assert not outcome.failures, f"{len(outcome.failures)} of {len(outcome.seconds)} cases failed:\n{told}"
    assert len(outcome.seconds) >= least
