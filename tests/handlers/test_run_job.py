"""The life of a job: claims, fences, crashes, cancels, settings."""

from datetime import timedelta

import pytest
from google.api_core.exceptions import InvalidArgument

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


def full(size: int = 1_048_300) -> str:
    """Text that leaves a document no room for what the functions write."""
    return "x" * size


def fill_up(workbench: Workbench, ref: JobRef) -> None:
    """Leave the document a few bytes."""
    for size in range(1_048_500, 1_040_000, -50):
        try:
            workbench.client.document(ref.path).update({"odd": full(size)})
        except InvalidArgument:
            continue
        return


def test_a_document_that_is_full_ends_with_a_small_one_that_says_so(workbench: Workbench):
    ref = new_job(workbench, "life-full", odd=full(), **{"a.b`c d": 1})
    workbench.wake(ref, CreatedWake())
    job = workbench.read(ref.path)
    assert (job["status"], job["error"]["code"], job["user_id"]) == ("error", "database_refused", USER)
    assert not {"odd", "a.b`c d"} & set(job)


def test_a_document_that_fills_up_on_the_way_ends_as_well(workbench: Workbench):
    ref = new_job(workbench, "life-filling")
    workbench.wake(ref, CreatedWake())
    fill_up(workbench, ref)
    job = workbench.finish(ref)
    assert (job["status"], job["error"]["code"], job["cost_usd"]) == ("error", "database_refused", 0.003)
    day = workbench.read(f"users/{USER}/usage/{job['usage_day']}")
    assert day["reserved_microusd"] >= 0
    assert ref.path not in workbench.read(f"users/{USER}/usage/active")["job_paths"]


def test_a_step_that_failed_waits_however_often_its_job_is_woken(workbench: Workbench):
    ref = new_job(workbench, "life-woken", text="Slowly [stub:429-once]")
    workbench.wake(ref, CreatedWake())
    for _ in range(5):
        workbench.wake(ref, SignalWake())
    step = workbench.desk().jobs.get(ref).steps["predict"]
    assert (step.attempt, step.rate_limited, step.failed) == (0, 1, False)
    assert workbench.finish(ref)["status"] == "complete"


def test_what_another_version_has_recorded_is_done_again_and_not_paid_again(workbench: Workbench):
    ref = new_job(workbench, "life-version")
    workbench.wake(ref, CreatedWake())
    other = {"done": True, "attempt": 0, "output": {"address": "https://x", "words": 3}}
    before = workbench.replicate.creates
    workbench.client.document(ref.path).update({"steps.predict": other})
    assert workbench.finish(ref)["status"] == "complete"
    assert workbench.replicate.creates == before


def test_a_job_under_a_deleted_ones_id_gets_nothing_of_anothers(workbench: Workbench):
    ref = new_job(workbench, "life-again")
    workbench.wake(ref, CreatedWake())
    workbench.finish(ref)
    workbench.write("scenes/life-again-b", {"user_id": "user-b"})
    fields = {"user_id": "user-b", "status": "pending", "scene_id": "life-again-b", "text": "mine"}
    workbench.write(ref.path, fields)
    workbench.wake(ref, CreatedWake())
    job = workbench.read(ref.path)
    assert (job["status"], job["error"]["code"]) == ("error", "invalid_argument")
    assert "image_url" not in job


def test_the_video_of_a_job_that_failed_is_not_left_in_the_making(workbench: Workbench):
    fields = {"clips": [{"scene_number": 1, "video_url": "https://127.0.0.1/a.mp4"}]}
    job = workbench.run(JobKind.COMPOSITION, "life-video", fields)
    assert job["status"] == "error"
    assert workbench.read(f"users/{USER}/videos/life-video")["status"] == "failed"
