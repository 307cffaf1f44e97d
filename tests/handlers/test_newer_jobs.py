"""A rollback: code of version N meets what version N + 1 has begun, with and without being able to read it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pipeline.domain.jobs import CreatedWake, JobKind, JobRef, SignalWake, TaskWake
from pipeline.domain.predictions import PredictionState
from pipeline.domain.quotas import Limits
from pipeline.domain.schema_versions import CURRENT, NEWER_PATIENCE, SCHEMA_VERSION, Schema
from pipeline.handlers.receive_webhook import receive_webhook
from pipeline.handlers.sweep import Swept, sweep
from tests.handlers.conftest import USER, Workbench
from tests.handlers.test_run_job import LEASE, new_job

NEXT = SCHEMA_VERSION + 1
INCOMPATIBLE = Schema(NEXT, NEXT)
COMPATIBLE = Schema(NEXT, SCHEMA_VERSION)
TEN_MINUTES = timedelta(minutes=10)


def begun(workbench: Workbench, name: str, by: Schema = INCOMPATIBLE, text: str = "A lighthouse") -> JobRef:
    """A job whose first turn is over and whose prediction runs; from now on the code is the current one."""
    ref = new_job(workbench, name, text=text)
    workbench.schema = by
    workbench.wake(ref, CreatedWake())
    workbench.schema = CURRENT
    assert workbench.read(ref.path)["status"] == "processing"
    return ref


def finished_by_newer_code(workbench: Workbench, ref: JobRef) -> dict[str, Any]:
    workbench.schema = INCOMPATIBLE
    workbench.ahead += TEN_MINUTES
    workbench.wake(ref, SignalWake())
    return workbench.finish(ref)


def swept(workbench: Workbench) -> Swept:
    workbench.tasks.signals.clear()
    return sweep(workbench.desk(), workbench.tools, 60.0)


def record_of(workbench: Workbench, ref: JobRef) -> dict[str, Any]:
    return workbench.read(f"predictions/image~{ref.job_id}~predict~1")


def without(fields: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


def test_every_claim_tells_the_version_in_the_commit_that_there_is_anyway(workbench: Workbench):
    job = workbench.run(JobKind.IMAGE, "newer-stamp", {"scene_id": workbench.scene("newer-stamp"), "text": "x"})
    stamp = CURRENT.stamp({})
    assert stamp.items() <= job.items()
    assert stamp.items() <= record_of(workbench, JobRef(JobKind.IMAGE, "newer-stamp")).items()


def test_a_version_that_a_document_comes_with_is_nobodys(workbench: Workbench):
    ref = new_job(workbench, "newer-preset", schema_version=99, min_reader_version=99)
    workbench.wake(ref, CreatedWake())
    job = workbench.finish(ref)
    assert (job["status"], job["schema_version"]) == ("complete", SCHEMA_VERSION)
    assert job["min_reader_version"] == CURRENT.min_reader


def test_a_job_that_takes_newer_code_is_not_touched_and_finished_by_that_code_when_it_is_back(
    workbench: Workbench, capsys: pytest.CaptureFixture[str]
):
    creates = workbench.replicate.creates
    ref = begun(workbench, "newer-left")
    before, record, due = workbench.read(ref.path), record_of(workbench, ref), dict(workbench.tasks.due)
    capsys.readouterr()
    for wake in (CreatedWake(), TaskWake(1), SignalWake()):
        workbench.ahead += TEN_MINUTES
        workbench.wake(ref, wake)
    told = [line for line in capsys.readouterr().out.splitlines() if "is left to newer code" in line]
    assert len(told) == 3
    assert all(f"takes version {NEXT}, this is {SCHEMA_VERSION}" in line and "WARN" in line for line in told)
    assert (workbench.read(ref.path), record_of(workbench, ref), workbench.tasks.due) == (before, record, due)
    assert workbench.replicate.predictions[record["prediction_id"]].ended.wait(20)
    job = finished_by_newer_code(workbench, ref)
    assert (job["status"], job["cost_usd"], workbench.replicate.creates - creates) == ("complete", 0.003, 1)


def test_the_sweeper_finds_it_every_ten_minutes_and_sends_one_task(workbench: Workbench):
    ref = begun(workbench, "newer-swept")
    before = workbench.read(ref.path)
    workbench.tasks.due.clear()  # the task of its first turn came to older code
    signals = []
    for _ in range(6):
        workbench.ahead += timedelta(minutes=5)
        swept(workbench)
        signals.append(workbench.tasks.signals.count(ref))
        workbench.wake(ref, SignalWake())
    assert signals == [1, 0, 1, 0, 1, 0]
    assert without(workbench.read(ref.path), "wake_at") == without(before, "wake_at")
    assert workbench.tasks.due == {}


def test_what_an_older_version_can_read_it_finishes_and_what_it_does_not_know_stays(workbench: Workbench):
    creates = workbench.replicate.creates
    ref = begun(workbench, "newer-compatible", by=COMPATIBLE)
    new = {"steps.prompt.output.mood": "new", "mood": "new", "moods": {"a": [1, 2]}}
    workbench.client.document(ref.path).update(new)
    workbench.client.document(f"predictions/image~{ref.job_id}~predict~1").update({"mood": "new"})
    prompt = workbench.read(ref.path)["steps"]["prompt"]
    job = workbench.finish(ref)
    assert (job["status"], job["cost_usd"], workbench.replicate.creates - creates) == ("complete", 0.003, 1)
    assert (job["mood"], job["moods"], job["steps"]["prompt"]) == ("new", {"a": [1, 2]}, prompt)
    assert (job["schema_version"], job["min_reader_version"]) == (SCHEMA_VERSION, SCHEMA_VERSION)
    assert record_of(workbench, ref)["mood"] == "new"


def test_it_can_be_canceled_and_what_runs_for_it_is_called_off(workbench: Workbench):
    ref = begun(workbench, "newer-cancel", text="A slow one [stub:slow]")
    workbench.client.document(ref.path).update({"cancel_requested": True})
    workbench.ahead += TEN_MINUTES
    swept(workbench)
    assert ref in workbench.tasks.signals
    workbench.wake(ref, SignalWake())
    job, record = workbench.read(ref.path), record_of(workbench, ref)
    assert (job["status"], job["schema_version"], job["min_reader_version"]) == ("canceled", NEXT, NEXT)
    assert ref.path not in workbench.read(f"users/{USER}/usage/active")["job_paths"]
    assert workbench.read("scenes/newer-cancel")["generation_status"]["image"] == "pending"
    assert workbench.api.get_prediction(record["prediction_id"]).status in ("canceled", "aborted")
    assert record["state"] == "submitted"  # for newer code, should it come back, to write down what it cost
    workbench.schema = INCOMPATIBLE
    workbench.ahead += timedelta(hours=2)
    swept(workbench)
    assert (record_of(workbench, ref)["state"], workbench.read(ref.path)["status"]) == ("failed", "canceled")


def test_it_is_not_canceled_while_newer_code_is_at_work_on_it(workbench: Workbench):
    ref = new_job(workbench, "newer-at-work")
    workbench.schema = INCOMPATIBLE
    workbench.desk().jobs.claim(ref, CreatedWake(), workbench.now(), LEASE)
    workbench.schema = CURRENT
    workbench.client.document(ref.path).update({"cancel_requested": True})
    before = workbench.read(ref.path)
    workbench.wake(ref, SignalWake())
    assert workbench.read(ref.path) == before
    workbench.ahead += 2 * LEASE
    workbench.wake(ref, SignalWake())
    assert workbench.read(ref.path)["status"] == "canceled"


def test_when_newer_code_does_not_come_back_it_ends_and_is_never_paid_again(workbench: Workbench):
    workbench.settings = replace(workbench.settings, limits=Limits(0, 0, 100.0, 100.0))
    creates = workbench.replicate.creates
    ref = begun(workbench, "newer-never")
    day = workbench.read(ref.path)["usage_day"]
    reserved = workbench.read(f"users/{USER}/usage/{day}")["reserved_microusd"]
    workbench.ahead += NEWER_PATIENCE - timedelta(minutes=1)
    workbench.wake(ref, SignalWake())
    assert workbench.read(ref.path)["status"] == "processing"
    workbench.ahead += timedelta(minutes=2)
    workbench.wake(ref, SignalWake())
    job = workbench.read(ref.path)
    assert (job["status"], job["error"]["code"], job["error"]["retryable"]) == ("error", "interrupted", True)
    assert "newer version" in job["error_message"]
    assert workbench.read("scenes/newer-never")["generation_status"]["image"] == "error"
    assert reserved - workbench.read(f"users/{USER}/usage/{day}")["reserved_microusd"] == 3000
    assert job["cost_usd"] == 0.003  # as far as anybody can tell it is paid
    workbench.schema = INCOMPATIBLE
    workbench.wake(ref, SignalWake())
    workbench.wake(ref, TaskWake(1))
    assert (workbench.read(ref.path), workbench.replicate.creates - creates) == (job, 1)


def test_a_webhook_of_newer_code_changes_nothing(workbench: Workbench):
    ref = begun(workbench, "newer-hook", text="Newer hook")
    record = record_of(workbench, ref)
    found = workbench.replicate.predictions[record["prediction_id"]]
    assert found.ended.wait(20)
    workbench.tasks.signals.clear()
    receive_webhook(record["op"], workbench.api.get_prediction(found.id), workbench.desk(), workbench.tools())
    assert (record_of(workbench, ref), workbench.tasks.signals) == (record, [])


def test_a_record_in_a_state_of_newer_code_keeps_the_sweeper_from_nothing(workbench: Workbench):
    ours = begun(workbench, "newer-records-a", by=CURRENT, text="Ours [stub:slow]")
    theirs = begun(workbench, "newer-records-b", text="Theirs [stub:slow]")
    for ref, state in ((ours, "submitted"), (theirs, "queued")):
        path = f"predictions/image~{ref.job_id}~predict~1"
        workbench.client.document(path).update({"state": state, "check_at": workbench.now()})
        workbench.client.document(ref.path).delete()
    result = swept(workbench)
    assert (result.failed, result.finished) == (0, True)
    assert record_of(workbench, ours)["state"] == PredictionState.FAILED
    left = record_of(workbench, theirs)
    assert left["state"] == "queued"
    assert timedelta(minutes=59) < left["check_at"] - workbench.now() <= timedelta(hours=1)


def test_a_retry_of_what_newer_code_made_makes_it_anew(workbench: Workbench):
    ref = begun(workbench, "newer-retried", text="Made by newer code")
    assert workbench.replicate.predictions[record_of(workbench, ref)["prediction_id"]].ended.wait(20)
    newer = finished_by_newer_code(workbench, ref)
    workbench.schema = CURRENT
    fields = {"scene_id": newer["scene_id"], "text": newer["text"], "retry_of": ref.job_id}
    creates = workbench.replicate.creates
    job = workbench.run(JobKind.IMAGE, "newer-retry", fields)
    assert (job["status"], job["steps"]["reuse"]["output"], workbench.replicate.creates - creates) == (
        "complete",
        {"steps": 0},
        1,
    )


def prompt_as_scene_words(kind: JobKind, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first versions of image jobs recorded of their words only the prompt: {text, source}."""
    steps = fields.get("steps")
    prompt = steps.get("prompt") if isinstance(steps, dict) else None
    output = prompt.get("output") if isinstance(prompt, dict) else None
    if kind is not JobKind.IMAGE or not isinstance(output, dict) or "text" not in output:
        return fields
    text, title = str(output["text"]), str(fields.get("text") or "")[:60]
    words = {"image_prompt": text, "motion": "", "camera": "", "title": title, "description": title}
    upgraded = {**words, "source": output.get("source") or "template"}
    return {**fields, "steps": {**steps, "prompt": {**prompt, "output": upgraded}}}


UPGRADED = Schema(NEXT, NEXT, {SCHEMA_VERSION: prompt_as_scene_words})


def of_the_first_version(workbench: Workbench, name: str) -> JobRef:
    """A job with the words of a prompt as commit ca06874 wrote them, and the prediction still to come."""
    ref = begun(workbench, name, by=CURRENT)
    output = {"text": "A lighthouse, as it was written then.", "source": "template"}
    workbench.client.document(ref.path).update({"steps.prompt.output": output})
    workbench.client.document(f"predictions/image~{name}~predict~1").delete()
    return ref


def test_an_older_job_is_upgraded_where_it_is_read_and_written_down_by_the_claim(workbench: Workbench):
    ref = of_the_first_version(workbench, "newer-upgrade")
    before = workbench.read(ref.path)
    workbench.schema = UPGRADED
    assert workbench.desk().jobs.get(ref).steps["prompt"].output["image_prompt"].startswith("A lighthouse, as")
    assert workbench.read(ref.path) == before
    job = workbench.finish(ref)
    assert (job["status"], job["schema_version"], job["min_reader_version"]) == ("complete", NEXT, NEXT)
    assert job["prompt"].startswith("A lighthouse, as it was written then.")
    assert job["steps"]["prompt"]["ended_at"] == before["steps"]["prompt"]["ended_at"]  # not done again
    again = workbench.desk().jobs.get(ref)
    assert prompt_as_scene_words(ref.kind, again.fields) == again.fields


def test_without_an_upgrade_such_a_step_is_done_again(workbench: Workbench):
    ref = of_the_first_version(workbench, "newer-again")
    before = workbench.read(ref.path)
    job = workbench.finish(ref)
    assert job["status"] == "complete"
    assert not job["prompt"].startswith("A lighthouse, as it was written then.")
    assert job["steps"]["prompt"]["ended_at"] > before["steps"]["prompt"]["ended_at"]
