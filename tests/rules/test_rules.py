"""The security rules, case by case, with Firebase's own client on the real emulator. The cases lie in table.mjs.

Node runs them, all in one process, because the client is a JavaScript library; its JUnit report says how each ended.
"""

import json
import os
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.domain.requests import REQUEST_MODELS

ROOT = Path(__file__).parents[2]
RULES = {"firestore.test.mjs": ROOT / "firestore.rules", "storage.test.mjs": ROOT / "storage.rules"}
LEAST_CASES = {"firestore.test.mjs": 1400, "storage.test.mjs": 300}
"""So that a table that is emptied by mistake does not pass."""
NOT_ASKED_FOR = {"job_id", "status", "created_at", "updated_at"} | {
    *("model", "style", "progress_percent", "clips", "video_url")  # the web page writes these, nobody reads them
}
"""Fields of job documents that are not of a request, or, as `clips`, of one kind only."""
LIMIT_SECONDS = 600


@dataclass(frozen=True)
class Outcome:
    """What became of the cases of one script."""

    names: list[str]
    failures: dict[str, str]
    """What Node says about each case that failed, by its name."""


def node() -> str:
    """The Node.js on PATH."""
    found = shutil.which("node")
    if found is None:
        pytest.fail("Node.js is needed to test the rules: https://nodejs.org", pytrace=False)
    return found


def run_cases(script: str, emulator: str, folder: Path, *, rules: Path, only: str = "") -> Outcome:
    """Run the cases of a script of this folder against `rules`; `only` those whose names the expression matches."""
    report = folder / f"{script}.xml"
    command = [node(), "--test", "--test-reporter=junit", f"--test-reporter-destination={report}"]
    command += [f"--test-name-pattern={only}"] if only else []
    ended = subprocess.run(
        [*command, str(Path(__file__).with_name(script))],
        cwd=ROOT,
        env={**os.environ, "FIRESTORE_EMULATOR_HOST": emulator, "RULES": str(rules)},
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
        [case.attrib["name"] for case in cases],
        {name: failure.attrib.get("message", "") for name, failure in failed.items()},
    )


def assert_right(outcome: Outcome, least: int) -> None:
    """Raises AssertionError with the name of every case that failed."""
    told = "\n".join(f"  {name}\n      {message}" for name, message in outcome.failures.items())
    assert not outcome.failures, f"{len(outcome.failures)} of {len(outcome.names)} cases failed:\n{told}"
    assert len(outcome.names) >= least


def test_the_table_has_every_field_of_every_request():
    print_fields = """
        import { COLLECTIONS } from './table.mjs';
        const fields = Object.entries(COLLECTIONS).map(([name, entry]) => [name, Object.keys(entry.fields ?? {})]);
        console.log(JSON.stringify(Object.fromEntries(fields)));
    """
    command = [node(), "--input-type=module", "--eval", print_fields]
    printed = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True).stdout
    fields = {name: set(found) for name, found in json.loads(printed).items()}
    for kind, model in REQUEST_MODELS.items():
        assert fields[kind.collection] - NOT_ASKED_FOR == set(model.model_fields) - {"clips"}, kind


@pytest.mark.parametrize("script", RULES)
def test_every_case_of_the_table(firestore_emulator: str, tmp_path: Path, script: str):
    assert_right(run_cases(script, firestore_emulator, tmp_path, rules=RULES[script]), LEAST_CASES[script])


@pytest.mark.parametrize(
    ("script", "rule", "noticed_by"),
    [
        (
            "firestore.test.mjs",
            "&& owns('scenes', data.scene_id)",
            "image_generation_jobs: created with scene_id: another user's scene is refused",
        ),
        ("storage.test.mjs", " && uid != 'uploads'", "uploads/u1/pictures: a user called uploads cannot get"),
    ],
)
def test_a_hole_in_the_rules_is_noticed(
    firestore_emulator: str, tmp_path: Path, script: str, rule: str, noticed_by: str
):
    text = RULES[script].read_text()
    assert rule in text
    holed = tmp_path / "holed.rules"
    holed.write_text(text.replace(rule, ""))
    outcome = run_cases(script, firestore_emulator, tmp_path, rules=holed, only=noticed_by)
    assert list(outcome.failures) == [noticed_by]
