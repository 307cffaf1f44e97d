"""The life of a job: claims, fences, crashes, cancels, settings."""

from datetime import timedelta

import pytest

from pipeline.domain.errors import ConfigurationError
from pipeline.domain.jobs import CreatedWake, JobKind, JobRef, SignalWake, Take, TaskWake
from pipeline.domain.outcomes import Completed, TurnLost
from pipeline.handlers.run_job import DeliverAgain
from pipeline.handlers.tools import Tools
from tests.handlers.conftest import USER, Workbench

LEASE = timedelta(seconds=180)


def new_job(workbench: Workbench, name: str, **fields: object) -> JobRef:
    scene_id = workbench.scene(name)
    ref = JobRef(JobKind.IMAGE, name)
    workbench.write(ref.path, {"user_id": USER, "status": "pending", "scene_id": scene_id, "text": name, **fields})
    return ref


def test_a_missing_secret_ends_up_on_the_job_with_its_name(workbench: Workbench):
    def no_tools() -> Tools:
        raise ConfigurationError("REPLICATE_API_TOKEN is not set.")

    ref = new_job(workbench, "life-no-secret")
    workbench.wake(ref, CreatedWake(), tools=no_tools)
    job = workbench.read(ref.path)
    assert (job["status"], job["error"]["code"]) == ("error", "configuration_error")
    assert "REPLICATE_API_TOKEN" in job["error_message"]
    assert workbench.read("scenes/life-no-secret")["generation_status"]["image"] == "error"


def test_a_fault_of_ours_ends_after_three_tries_with_a_sentence(workbench: Workbench):
    def broken_tools() -> Tools:
        raise KeyError("a bug")

    ref = new_job(workbench, "life-bug")
    workbench.wake(ref, CreatedWake(), tools=broken_tools)
    for _ in range(2):
        turn, at = workbench.tasks.due[ref]
        workbench.ahead += at - workbench.now()
        workbench.wake(ref, TaskWake(turn), tools=broken_tools)
    job = workbench.read(ref.path)
    assert (job["status"], job["error"]["code"], job["attempt"]) == ("error", "internal", 3)
    assert "a bug" not in job["error_message"]


def test_an_early_task_is_to_be_delivered_again(workbench: Workbench):
    ref = new_job(workbench, "life-early")
    workbench.wake(ref, CreatedWake())
    turn, _ = workbench.tasks.due[ref]
    workbench.client.document(ref.path).update({"wake_at": workbench.now() + timedelta(seconds=60)})
    with pytest.raises(DeliverAgain):
        workbench.wake(ref, TaskWake(turn))


def test_of_two_claims_at_once_one_wins(workbench: Workbench):
    ref = new_job(workbench, "life-race")
    jobs = workbench.desk().jobs
    first, _ = jobs.claim(ref, CreatedWake(), workbench.now(), LEASE)
    second, _ = jobs.claim(ref, CreatedWake(), workbench.now(), LEASE)
    assert isinstance(first, Take)
    assert not isinstance(second, Take)


def test_who_was_asked_to_look_again_does_not_let_go(workbench: Workbench):
    ref = new_job(workbench, "life-signal")
    jobs = workbench.desk().jobs
    _, job = jobs.claim(ref, CreatedWake(), workbench.now(), LEASE)
    jobs.claim(ref, SignalWake(), workbench.now(), LEASE)
    later = workbench.now() + timedelta(seconds=60)
    assert not jobs.release(ref, job.turn, workbench.now(), later, even_if_woken=False)
    assert jobs.release(ref, job.turn, workbench.now(), later, even_if_woken=False)


def test_a_turn_that_was_taken_over_can_write_nothing_more(workbench: Workbench):
    ref = new_job(workbench, "life-fence")
    jobs = workbench.desk().jobs
    _, old = jobs.claim(ref, CreatedWake(), workbench.now(), LEASE)
    decision, new = jobs.claim(ref, SignalWake(), workbench.now() + 2 * LEASE, LEASE)
    assert decision == Take(interrupted=True)
    assert (new.turn, new.attempt) == (old.turn + 1, 2)
    with pytest.raises(TurnLost):
        jobs.write(ref, old.turn, workbench.now(), LEASE, {"stage": "late"})
    with pytest.raises(TurnLost):
        jobs.finish(ref, old.turn, workbench.now(), Completed({"image_url": "late"}), 0.0)
    assert "image_url" not in workbench.read(ref.path)


def test_a_job_whose_instance_died_is_finished_by_the_next(workbench: Workbench):
    ref = new_job(workbench, "life-died")
    workbench.desk().jobs.claim(ref, CreatedWake(), workbench.now(), LEASE)
    workbench.ahead += 2 * LEASE
    workbench.wake(ref, SignalWake())
    job = workbench.finish(ref)
    assert (job["status"], job["attempt"]) == ("complete", 2)


def test_a_job_that_kills_every_instance_is_given_up(workbench: Workbench):
    ref = new_job(workbench, "life-poison")
    workbench.desk().jobs.claim(ref, CreatedWake(), workbench.now(), LEASE)
    for _ in range(2):
        workbench.ahead += 2 * LEASE
        workbench.desk().jobs.claim(ref, SignalWake(), workbench.now(), LEASE)
    workbench.ahead += 2 * LEASE
    workbench.wake(ref, SignalWake())
    job = workbench.read(ref.path)
    assert (job["status"], job["error"]["code"]) == ("error", "interrupted")
    assert workbench.read("scenes/life-poison")["generation_status"]["image"] == "error"


def test_a_job_canceled_before_it_began_costs_nothing(workbench: Workbench):
    ref = new_job(workbench, "life-cancel-early", cancel_requested=True)
    before = workbench.replicate.creates
    workbench.wake(ref, CreatedWake())
    assert workbench.read(ref.path)["status"] == "canceled"
    assert workbench.replicate.creates == before


def test_a_running_prediction_is_canceled_with_its_job(workbench: Workbench):
    ref = new_job(workbench, "life-cancel", text="A slow one [stub:slow]")
    workbench.wake(ref, CreatedWake())
    workbench.client.document(ref.path).update({"cancel_requested": True})
    job = workbench.finish(ref)
    assert job["status"] == "canceled"
    assert workbench.read("scenes/life-cancel")["generation_status"]["image"] == "pending"
    (record,) = workbench.tools().predictions.of_job(ref.path)
    assert workbench.tools().replicate.get_prediction(record.prediction_id or "").status in ("canceled", "aborted")


def test_a_deleted_job_is_no_error(workbench: Workbench):
    workbench.wake(JobRef(JobKind.IMAGE, "life-never-was"), CreatedWake())


def test_progress_never_runs_backwards(workbench: Workbench):
    ref = new_job(workbench, "life-progress")
    seen: list[int] = []
    watch = workbench.client.document(ref.path).on_snapshot(
        lambda documents, _changes, _time: seen.extend(d.to_dict().get("progress_percent", 0) for d in documents)
    )
    try:
        workbench.wake(ref, CreatedWake())
        workbench.finish(ref)
    finally:
        watch.unsubscribe()
    assert seen == sorted(seen)
