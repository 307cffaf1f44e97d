"""The sweeper finds what has been forgotten, whatever was lost, and leaves alone what is only waiting."""

from datetime import timedelta

from pipeline.domain.jobs import CreatedWake, JobKind, JobRef, SignalWake
from pipeline.domain.predictions import PredictionState
from pipeline.handlers.sweep import Swept, sweep
from tests.handlers.conftest import USER, Workbench

MINUTES = timedelta(minutes=10)


def new_job(workbench: Workbench, name: str, text: str = "A lighthouse", kind: JobKind = JobKind.IMAGE) -> JobRef:
    ref = JobRef(kind, name)
    scene_id = workbench.scene(name)
    workbench.write(ref.path, {"user_id": USER, "status": "pending", "scene_id": scene_id, "text": text})
    return ref


def swept(workbench: Workbench, seconds: float = 60.0) -> Swept:
    workbench.tasks.signals.clear()
    return sweep(workbench.desk(), workbench.tools, seconds)


def test_a_job_whose_instance_died_is_woken_when_its_lease_is_over(workbench: Workbench):
    ref = new_job(workbench, "sweep-died")
    workbench.desk().jobs.claim(ref, CreatedWake(), workbench.now(), timedelta(seconds=180))
    swept(workbench)
    assert ref not in workbench.tasks.signals
    workbench.ahead += MINUTES
    swept(workbench)
    assert workbench.tasks.signals.count(ref) == 1
    workbench.wake(ref, SignalWake())
    assert workbench.finish(ref)["status"] == "complete"


def test_a_job_whose_task_got_lost_is_woken(workbench: Workbench):
    ref = new_job(workbench, "sweep-lost-task")
    workbench.wake(ref, CreatedWake())
    workbench.tasks.due.clear()
    workbench.ahead += MINUTES
    swept(workbench)
    assert ref in workbench.tasks.signals


def test_a_job_whose_event_got_lost_is_woken(workbench: Workbench):
    refs = [new_job(workbench, f"sweep-lost-event-{kind}", kind=kind) for kind in JobKind]
    swept(workbench)
    assert not set(refs) & set(workbench.tasks.signals)  # the event may still be on its way
    workbench.ahead += MINUTES
    swept(workbench)
    assert set(refs) <= set(workbench.tasks.signals)


def test_a_sweep_leaves_alone_what_the_one_before_has_woken(workbench: Workbench):
    ref = new_job(workbench, "sweep-once")
    workbench.ahead += MINUTES
    swept(workbench)
    assert ref in workbench.tasks.signals
    swept(workbench)
    assert ref not in workbench.tasks.signals
    workbench.ahead += MINUTES  # the wake-up got lost as well
    swept(workbench)
    assert ref in workbench.tasks.signals


def test_a_finished_job_is_never_woken(workbench: Workbench):
    job = workbench.run(JobKind.IMAGE, "sweep-done", {"scene_id": workbench.scene("sweep-done"), "text": "Done"})
    assert job["status"] == "complete"
    workbench.ahead += 100 * MINUTES
    swept(workbench)
    assert JobRef(JobKind.IMAGE, "sweep-done") not in workbench.tasks.signals


def test_what_does_not_fit_into_the_time_is_found_by_the_next_sweeps(workbench: Workbench):
    batch = workbench.client.batch()
    refs = {JobRef(JobKind.VIDEO, f"sweep-many-{number:04}") for number in range(450)}
    overdue = workbench.now() - MINUTES
    for ref in refs:
        batch.set(workbench.client.document(ref.path), {"user_id": USER, "status": "processing", "wake_at": overdue})
    batch.commit()
    first = swept(workbench, seconds=0.0)
    assert not first.finished
    woken = set(workbench.tasks.signals) & refs
    assert 0 < len(woken) < len(refs)
    for _ in range(3):
        swept(workbench, seconds=0.0)
        again = set(workbench.tasks.signals) & refs
        assert not again & woken
        woken |= again
    assert woken == refs


def test_a_queue_that_is_down_stops_nothing_and_loses_nothing(workbench: Workbench):
    ref = new_job(workbench, "sweep-no-queue")
    workbench.ahead += MINUTES
    workbench.tasks.is_down = True
    assert swept(workbench).failed > 0
    workbench.tasks.is_down = False
    swept(workbench)
    assert ref in workbench.tasks.signals


def test_a_prediction_that_its_job_has_left_behind_is_called_off_and_counted(workbench: Workbench):
    ref = new_job(workbench, "sweep-orphan", "Left behind [stub:stuck]")
    workbench.wake(ref, CreatedWake())
    (record,) = workbench.desk().predictions.of_job(ref.path)
    workbench.client.document(ref.path).update({"status": "error", "cost_usd": 0.003, "turn": 9, "wake_at": None})
    workbench.ahead += timedelta(hours=2)
    swept(workbench)
    (settled,) = workbench.desk().predictions.of_job(ref.path)
    assert (settled.state, settled.charged) == (PredictionState.FAILED, False)  # it had not started
    assert workbench.api.get_prediction(record.prediction_id or "").status == "aborted"
    assert workbench.read(ref.path)["cost_usd"] == 0.0


def test_a_submission_that_nobody_can_explain_any_more_is_held_for_a_person(workbench: Workbench):
    ref = new_job(workbench, "sweep-held")
    workbench.wake(ref, CreatedWake())
    (record,) = workbench.desk().predictions.of_job(ref.path)
    changes = {"state": "submitting", "submitting_at": workbench.now(), "prediction_id": None}
    workbench.client.document(f"predictions/{record.op}").update(changes)
    before = workbench.replicate.creates
    workbench.ahead += timedelta(minutes=56)
    workbench.wake(ref, SignalWake())
    job = workbench.read(ref.path)
    assert (job["status"], job["error"]["code"]) == ("error", "outcome_unknown")
    assert job["cost_usd"] == 0.003  # it may have been paid
    (held,) = workbench.desk().predictions.of_job(ref.path)
    assert held.state is PredictionState.HELD
    assert workbench.replicate.creates == before
