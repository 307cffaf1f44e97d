"""Every kind of job is known wherever kinds are told apart: what fails here is what a new function still needs.

docs/contributing.md goes through it in ten steps.
"""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from operations.orphans.naming import BY_KEY
from operations.staging import smoke_run
from pipeline.domain.job_fields import Stage
from pipeline.domain.jobs import JobKind
from pipeline.domain.requests import REQUEST_MODELS, JobRequest
from pipeline.domain.results import RESULT_FIELDS
from pipeline.handlers.run_job import ADVANCE
from tests.fuzz.odd_jobs import DOCUMENTS

ROOT = Path(__file__).parents[1]
HANDLERS = ROOT / "functions/pipeline/handlers"
INDEXES = json.loads((ROOT / "firestore.indexes.json").read_text())

AS_WAS_MADE = {"seed", "duration", "title"}
"""Results that take the place of what was asked for, and mean the same."""


def text(path: str) -> str:
    return (ROOT / path).read_text()


def each(kinds: Any = JobKind) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("kind", list(kinds), ids=str)


@each()
def test_1_it_has_a_request(kind: JobKind):
    assert kind in REQUEST_MODELS, "functions/pipeline/domain/requests.py: REQUEST_MODELS"
    assert issubclass(REQUEST_MODELS[kind], JobRequest)


@each()
def test_2_it_has_results_which_do_not_take_the_place_of_what_was_asked_for(kind: JobKind):
    """A finished job's document is read again, by its retries: a result of the same name would then be the request."""
    assert kind in RESULT_FIELDS, "functions/pipeline/domain/results.py: RESULTS"
    assert set(RESULT_FIELDS[kind]) & set(REQUEST_MODELS[kind].model_fields) <= AS_WAS_MADE


@each()
def test_3_somebody_works_on_it(kind: JobKind):
    assert kind in ADVANCE, "functions/pipeline/handlers/run_job.py: ADVANCE"


@each()
def test_4_a_function_is_started_by_it(kind: JobKind):
    main = text("functions/main.py")
    assert f'on_document_created(document="{kind.collection}/{{job_id}}"' in main, "functions/main.py"
    assert f'_run_created("{kind}", ' in main
    assert f"{kind.collection}/{{id}}" in (ast.get_docstring(ast.parse(main)) or ""), "the drawing in functions/main.py"


@each()
def test_5_clients_may_create_it_and_a_test_knows_what_they_may_write(kind: JobKind):
    assert f"match /{kind.collection}/{{id}} {{" in text("firestore.rules"), "firestore.rules"
    assert f"  {kind.collection}: job(" in text("tests/rules/table.mjs"), "tests/rules/table.mjs"


@each()
def test_6_it_can_be_listed_and_it_expires(kind: JobKind):
    own = [one["fields"] for one in INDEXES["indexes"] if one["collectionGroup"] == kind.collection]
    assert ["user_id", "created_at"] in [[field["fieldPath"] for field in fields] for fields in own], (
        "firestore.indexes.json: indexes"
    )
    ttls = [one["collectionGroup"] for one in INDEXES["fieldOverrides"] if one.get("ttl")]
    assert kind.collection in ttls, "firestore.indexes.json: fieldOverrides"


@each()
def test_7_its_files_are_not_taken_for_orphans(kind: JobKind):
    keys = {name for name in RESULT_FIELDS[kind] if name.endswith("_key")}
    asked = {name for _, collection, names in BY_KEY if collection == kind.collection for name in names}
    assert keys <= asked, "operations/orphans/naming.py: BY_KEY"


@each()
def test_8_it_is_tried_on_deployments_and_odd_ones_are_tried_here(kind: JobKind):
    assert f"JobKind.{kind.name}," in Path(smoke_run.__file__).read_text(), "operations/staging/smoke_run.py"
    assert f"JobKind.{kind.name}," in text("operations/staging/seed_jobs.py"), "operations/staging/seed_jobs.py"
    assert kind in DOCUMENTS, "tests/fuzz/odd_jobs.py: DOCUMENTS"
    assert set(DOCUMENTS[kind]) > set(REQUEST_MODELS[kind].model_fields) - set(JobRequest.model_fields)


@each()
def test_9_somebody_is_told_when_it_is_slow(kind: JobKind):
    slow = text("operations/monitoring/policies/slow-jobs.json")
    assert f'metric.labels.kind=\\"{kind}\\"' in slow, "operations/monitoring/policies/slow-jobs.json"


@each()
def test_10_the_pages_tell_of_it(kind: JobKind):
    rows = re.findall(rf"^\| `{kind.collection}` \| (.*?) \| (.*?) \|$", text("README.md"), re.MULTILINE)
    assert rows, "README.md: the table of what you write and get"
    asked, got = (set(re.findall(r"`(\w+)`", cell)) for cell in rows[0])
    own = set(REQUEST_MODELS[kind].model_fields) - set(JobRequest.model_fields)
    assert own - asked == set(), "README.md: what you write"
    urls = {name for name in RESULT_FIELDS[kind] if name.endswith("_url")}
    assert urls - got == set(), "README.md: what you get"


def test_every_stage_that_is_shown_has_its_name_in_the_types():
    calls = (node for path in HANDLERS.glob("*.py") for node in ast.walk(ast.parse(path.read_text())))
    shown = {
        node.args[0].value
        for node in calls
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("report", "report_now")
        if node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
    }
    assert shown - set(Stage.__args__) == set(), "functions/pipeline/domain/job_fields.py: Stage"  # type: ignore[attr-defined]
