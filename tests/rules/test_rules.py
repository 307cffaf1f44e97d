"""The security rules, case by case, with Firebase's own client on the real emulator. The cases lie in table.mjs.

Node runs them, all in one process, because the client is a JavaScript library; its JUnit report says how each ended.
"""

import json
import subprocess
from pathlib import Path

import pytest

from pipeline.domain.requests import REQUEST_MODELS
from tests.node_cases import Outcome, assert_right, node, run_cases

ROOT = Path(__file__).parents[2]
RULES = {"firestore.test.mjs": ROOT / "firestore.rules", "storage.test.mjs": ROOT / "storage.rules"}
LEAST_CASES = {"firestore.test.mjs": 1400, "storage.test.mjs": 300}
"""So that a table that is emptied by mistake does not pass."""
NOT_ASKED_FOR = {"job_id", "status", "created_at", "updated_at"} | {
    *("model", "style", "progress_percent", "clips", "video_url")  # the web page writes these, nobody reads them
}
"""Fields of job documents that are not of a request, or, as `clips`, of one kind only."""


def run_table(script: str, emulator: str, folder: Path, *, rules: Path, only: str = "") -> Outcome:
    """Run the cases of a script of this folder against `rules`; `only` those whose names the expression matches."""
    environment = {"FIRESTORE_EMULATOR_HOST": emulator, "RULES": str(rules)}
    return run_cases(Path(__file__).with_name(script), folder, environment, only=only)


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
    assert_right(run_table(script, firestore_emulator, tmp_path, rules=RULES[script]), LEAST_CASES[script])


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
    outcome = run_table(script, firestore_emulator, tmp_path, rules=holed, only=noticed_by)
    assert list(outcome.failures) == [noticed_by]
