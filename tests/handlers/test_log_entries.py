"""What the log tells of jobs: for whom every entry is, and each end once, in whatever way it comes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.domain.errors import QuotaExceeded
from pipeline.domain.jobs import CreatedWake, GiveUp, JobKind, JobRef, SignalWake
from pipeline.domain.log_events import JobEnded
from pipeline.handlers.sweep import sweep
from tests.handlers.conftest import USER, Workbench
from tests.handlers.test_generate_image import image_job
from tests.handlers.test_generate_multi_video import scenes
from tests.handlers.test_receive_webhook import deliver, ended, started
from tests.handlers.test_run_job import fill_up
from tests.log_entries import Entry, told, written

Capsys = pytest.CaptureFixture[str]
FIELDS = set(JobEnded.__dataclass_fields__)


def the_end(entries: list[Entry], job_id: str) -> Entry:
    """The one entry that tells how a job has ended."""
    (entry,) = told(entries, "job_ended", job_id=job_id)
    assert entry.keys() >= FIELDS
    return entry


def new_job(workbench: Workbench, name: str, **fields: object) -> JobRef:
    ref = JobRef(JobKind.IMAGE, name)
    workbench.write(ref.path, {"user_id": USER, "status": "pending", **image_job(workbench.scene(name)), **fields})
    return ref


def test_every_entry_of_a_turn_names_its_job_turn_and_attempt(workbench: Workbench, capsys: Capsys):
    job = workbench.run(JobKind.IMAGE, "log-named", image_job(workbench.scene("log-named")))
    entries = written(capsys)
    assert {(entry["job_id"], entry["kind"]) for entry in entries} == {("log-named", "image")}
    of_turns = [entry for entry in entries if not entry["message"].startswith("[Image Generation] Function triggered")]
    assert len(of_turns) < len(entries)
    assert {1, job["turn"]} <= {entry["turn"] for entry in of_turns} <= set(range(1, job["turn"] + 1))
    assert {entry["attempt"] for entry in of_turns} == {1}
    steps = told(entries, "step_ended")
    assert [(entry["step"], entry["step_name"], entry["done"], entry["code"]) for entry in steps] == [
        (name, name, True, "") for name in ("prompt", "predict", "store")
    ]
    (prediction,) = told(entries, "prediction_ended")
    assert (prediction["step"], prediction["op"]) == ("predict", "image~log-named~predict~1")
    end = the_end(entries, "log-named")
    assert "step" not in end
    assert (end["status"], end["code"], end["is_ours"], end["dry_run"]) == ("complete", "", False, False)
    assert (end["turns"], end["cost_usd"], end["turn"]) == (job["turn"], 0.003, job["turn"])
    assert 0 < end["seconds"] < 300


def test_threads_write_for_the_job_and_step_that_they_work_for(workbench: Workbench, picture: Path, capsys: Capsys):
    url = workbench.publish(picture)
    fields = {"scenes": scenes(url, ["A quay", "A pier [stub:fail]", "A mole"])}
    workbench.run(JobKind.MULTI_VIDEO, "log-threads", fields)
    entries = written(capsys)
    assert {entry["job_id"] for entry in entries} == {"log-threads"}
    steps = told(entries, "step_ended")
    assert {(entry["step"], entry["step_name"]) for entry in steps if "_" in entry["step_name"]} == {
        *(("scene_predict", f"scene_{number}_predict") for number in (1, 2, 3)),
        *(("scene_store", f"scene_{number}_store") for number in (1, 3)),
    }
    predictions = told(entries, "prediction_ended")
    assert {(entry["step_name"], entry["state"], entry["code"]) for entry in predictions} == {
        ("scene_1_predict", "succeeded", ""),
        ("scene_2_predict", "failed", "prediction_failed"),
        ("scene_3_predict", "succeeded", ""),
    }
    assert len(predictions) == 3
    end = the_end(entries, "log-threads")
    assert (end["status"], end["code"], end["is_ours"]) == ("error", "partial_failure", False)


@pytest.mark.parametrize(
    ("marker", "code", "http_status", "is_ours"),
    [
        ("402", "insufficient_credit", 402, True),
        ("401", "configuration_error", 401, True),
        ("422", "provider_refused", 422, True),
        ("nsfw", "content_rejected", None, False),
        ("fail", "prediction_failed", None, False),
    ],
)
def test_a_failed_job_says_of_its_end_whether_it_is_ours(
    workbench: Workbench, capsys: Capsys, marker: str, code: str, http_status: int | None, is_ours: bool
):
    name = f"log-{marker}"
    workbench.run(JobKind.IMAGE, name, image_job(workbench.scene(name), f"A pier [stub:{marker}]"))
    entries = written(capsys)
    end = the_end(entries, name)
    assert (end["status"], end["code"], end["is_ours"]) == ("error", code, is_ours)
    refusals = [(entry["provider"], entry["code"], entry["http_status"]) for entry in told(entries, "provider_refused")]
    assert refusals == ([("replicate", code, http_status)] if http_status else [])
    (prediction,) = told(entries, "prediction_ended")
    assert (prediction["state"], prediction["code"]) == ("failed", code)
    assert prediction["cost_usd"] == (0.0 if http_status else 0.003)
    (failed,) = told(entries, "step_ended", done=False)
    assert (failed["step"], failed["code"], failed["severity"]) == ("predict", code, "WARNING")
    alerts = [entry["alert"] for entry in entries if "alert" in entry]
    assert alerts == (["insufficient_credit"] if marker == "402" else [])


def test_a_refusal_that_passes_is_told_each_time_it_happens(workbench: Workbench, capsys: Capsys):
    name = "log-429"
    workbench.run(JobKind.IMAGE, name, image_job(workbench.scene(name), "A pier [stub:429-once]"))
    entries = written(capsys)
    (refusal,) = told(entries, "provider_refused")
    assert (refusal["code"], refusal["http_status"], refusal["step"]) == ("rate_limited", 429, "predict")
    assert the_end(entries, name)["status"] == "complete"


def test_a_partial_failure_is_ours_where_one_of_its_scenes_is(workbench: Workbench, picture: Path, capsys: Capsys):
    texts = ["A quay", "A pier [stub:422]", "A mole [stub:nsfw]"]
    workbench.run(JobKind.MULTI_VIDEO, "log-partial", {"scenes": scenes(workbench.publish(picture), texts)})
    end = the_end(written(capsys), "log-partial")
    assert (end["code"], end["is_ours"]) == ("partial_failure", True)


def test_a_job_that_nobody_may_work_on_ends_once(workbench: Workbench, capsys: Capsys):
    workbench.settings = replace(workbench.settings, limits=replace(workbench.settings.limits, usd_per_day=0.000001))
    ref = new_job(workbench, "log-refused")
    for _ in range(2):
        workbench.wake(ref, SignalWake())
    end = the_end(written(capsys), "log-refused")
    assert (end["code"], end["is_ours"], end["turns"]) == (QuotaExceeded.code, False, 1)


def test_a_job_that_is_given_up_ends_once(workbench: Workbench, capsys: Capsys):
    ref = new_job(workbench, "log-given-up")
    for _ in range(3):
        decision, _ = workbench.desk().jobs.claim(ref, SignalWake(), workbench.now(), timedelta(seconds=180))
        assert not isinstance(decision, GiveUp)
        workbench.ahead += timedelta(minutes=10)
    workbench.wake(ref, SignalWake())
    end = the_end(written(capsys), "log-given-up")
    assert (end["code"], end["is_ours"], end["turns"]) == ("interrupted", True, 4)
    assert end["seconds"] > 1700


def test_a_job_that_is_buried_ends_once(workbench: Workbench, capsys: Capsys):
    ref = new_job(workbench, "log-buried")
    fill_up(workbench, ref)
    for _ in range(2):
        workbench.wake(ref, CreatedWake())
    end = the_end(written(capsys), "log-buried")
    assert (end["code"], end["is_ours"], end["turns"]) == ("database_refused", True, 1)


def test_cancellations_duplicates_and_dry_runs_end_once(workbench: Workbench, capsys: Capsys):
    canceled = new_job(workbench, "log-canceled", cancel_requested=True)
    workbench.wake(canceled, CreatedWake())
    assert the_end(written(capsys), "log-canceled")["status"] == "canceled"
    fields = image_job(workbench.scene("log-same"), request_id="log-click")
    for name, turns in (("log-first", None), ("log-second", 1)):
        workbench.run(JobKind.IMAGE, name, fields)
        end = the_end(written(capsys), name)
        assert (end["status"], turns in (None, end["turns"])) == ("complete", True)
    workbench.run(JobKind.IMAGE, "log-dry", {**image_job(workbench.scene("log-dry")), "dry_run": True})
    end = the_end(written(capsys), "log-dry")
    assert (end["status"], end["dry_run"], end["cost_usd"]) == ("complete", True, 0)


def test_only_the_turn_that_has_written_the_end_tells_it(workbench: Workbench, capsys: Capsys):
    ref = new_job(workbench, "log-lost")
    workbench.wake(ref, CreatedWake())
    written(capsys)

    def overtaken():  # another instance ends the job between the claim and the end of this turn
        workbench.client.document(ref.path).update({"status": "canceled"})
        return workbench.tools()

    workbench.wake(ref, SignalWake(), tools=overtaken)
    entries = written(capsys)
    assert told(entries, "job_ended") == []
    (lost,) = (entry for entry in entries if "Turn lost" in entry["message"])
    assert (lost["job_id"], lost["turn"]) == ("log-lost", 2)


def test_a_prediction_ends_once_whoever_finds_out(workbench: Workbench, capsys: Capsys):
    ref, record = started(workbench, "log-hook", "Logged once")
    prediction = ended(workbench, "Logged once")
    written(capsys)
    for _ in range(2):
        deliver(workbench, record.op, prediction)
    entries = written(capsys)
    (one,) = told(entries, "prediction_ended")
    assert (one["job_id"], one["kind"], one["op"]) == ("log-hook", "image", record.op)
    assert (one["model"], one["state"], one["cost_usd"]) == (record.model, "succeeded", 0.003)
    workbench.finish(ref)
    assert told(written(capsys), "prediction_ended") == []


def test_the_sweeper_tells_of_the_predictions_that_it_settles(workbench: Workbench, capsys: Capsys):
    ref, record = started(workbench, "log-orphan", "Nobody waits [stub:hang]")
    workbench.client.document(ref.path).delete()
    workbench.ahead += timedelta(hours=1)
    written(capsys)
    for _ in range(2):
        sweep(workbench.desk(), workbench.tools, 60.0)
        workbench.ahead += timedelta(hours=1)
    entries = written(capsys)
    (one,) = told(entries, "prediction_ended", op=record.op)
    assert (one["job_id"], one["state"]) == ("log-orphan", "failed")


def test_a_sweep_tells_how_long_the_longest_has_waited(workbench: Workbench, capsys: Capsys):
    lease = timedelta(seconds=workbench.settings.lease_seconds)
    overdue, unclaimed = new_job(workbench, "log-overdue"), new_job(workbench, "log-unclaimed")
    workbench.desk().jobs.claim(overdue, CreatedWake(), workbench.now(), lease)

    def swept(after: timedelta) -> Entry:
        workbench.ahead += after
        sweep(workbench.desk(), workbench.tools, 60.0)
        entries = written(capsys)
        (entry,) = told(entries, "sweep_ended")
        assert entry["finished"]
        return entry

    swept(timedelta())  # whatever other tests have left
    first = swept(timedelta(hours=1))
    assert first["unclaimed"] >= 1
    assert 3600 <= first["oldest_seconds"] < 3700
    workbench.client.document(unclaimed.path).delete()
    second = swept(timedelta(hours=1))  # it was woken, in vain: it has been waiting for all of that time
    assert second["overdue"] >= 1
    assert 2 * 3600 - 500 < second["oldest_seconds"] < 2 * 3600


@pytest.fixture
def failing(workbench: Workbench) -> Callable[[], None]:
    def fail() -> None:
        raise ZeroDivisionError

    return fail


def test_a_fault_of_ours_is_told_with_where_it_happened(workbench: Workbench, failing, capsys: Capsys):
    ref = new_job(workbench, "log-fault")
    workbench.wake(ref, CreatedWake(), tools=failing)
    (unexpected,) = (entry for entry in written(capsys) if "traceback" in entry)
    assert (unexpected["job_id"], unexpected["kind"], unexpected["turn"]) == ("log-fault", "image", 1)
    assert "ZeroDivisionError" in unexpected["traceback"]
