"""Who may spend: only the turn that holds the job, only within the limits, and nobody once the job is canceled."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pipeline.domain.jobs import CreatedWake, JobKind, JobRef, SignalWake
from pipeline.domain.outcomes import TurnLost
from pipeline.domain.predictions import PredictionOrder, PredictionRecord, PredictionState
from pipeline.domain.quotas import Limits
from pipeline.handlers.prediction_ends import find_again
from pipeline.handlers.predictions import obtain_prediction
from pipeline.handlers.turns import Turn
from tests.handlers.conftest import USER, Workbench

LEASE = timedelta(seconds=180)
ORDER = PredictionOrder("black-forest-labs/flux-schnell", {"prompt": "x"}, 0.003, 60)


def new_job(workbench: Workbench, name: str, **fields: Any) -> JobRef:
    ref = JobRef(JobKind.IMAGE, name)
    scene_id = workbench.scene(name)
    workbench.write(ref.path, {"user_id": USER, "status": "pending", "scene_id": scene_id, "text": name, **fields})
    return ref


def records(workbench: Workbench, ref: JobRef) -> list[PredictionRecord]:
    return workbench.desk().predictions.of_job(ref.path)


def test_a_turn_that_was_taken_over_cannot_spend(workbench: Workbench):
    ref = new_job(workbench, "spend-late")
    desk = workbench.desk()
    _, job = desk.jobs.claim(ref, CreatedWake(), workbench.now(), LEASE)
    late = Turn(desk, job, 500.0)
    desk.jobs.claim(ref, SignalWake(), workbench.now() + 2 * LEASE, LEASE)
    before = workbench.replicate.creates
    with pytest.raises(TurnLost):
        obtain_prediction(late, "predict", lambda: ORDER, workbench.tools())
    assert workbench.replicate.creates == before


def test_an_unanswered_create_is_not_sent_again_while_its_sender_may_live(workbench: Workbench):
    ref = new_job(workbench, "spend-frozen")
    workbench.wake(ref, CreatedWake())
    (record,) = records(workbench, ref)
    workbench.api.cancel_prediction(record.prediction_id or "")
    # as if the sender had been stopped between its claim and its POST, with 500 s of its function's time left
    changes = {"state": "submitting", "prediction_id": None, "submitting_at": workbench.now()}
    changes["submitting_until"] = workbench.now() + timedelta(seconds=500)
    document = workbench.client.document(f"predictions/{record.op}")
    document.update({**changes, "input.seed": 1})  # so that the listing does not show it
    before = workbench.replicate.creates
    workbench.ahead += timedelta(seconds=450)
    workbench.wake(ref, SignalWake())
    assert workbench.replicate.creates == before
    workbench.ahead += timedelta(seconds=60 + workbench.settings.submission_grace_seconds)
    assert workbench.finish(ref)["status"] == "complete"
    assert workbench.replicate.creates == before + 1


@pytest.mark.parametrize("state", ["intent", "submitting"])
def test_canceling_reaches_a_prediction_in_every_state(workbench: Workbench, state: str):
    ref = new_job(workbench, f"spend-cancel-{state}", text="Not wanted any more [stub:slow]")
    workbench.wake(ref, CreatedWake())
    (record,) = records(workbench, ref)
    if state == "intent":
        workbench.api.cancel_prediction(record.prediction_id or "")
    changes = {"state": state, "prediction_id": None, "submitting_at": workbench.now()}
    workbench.client.document(f"predictions/{record.op}").update(changes)
    workbench.client.document(ref.path).update({"cancel_requested": True})
    before = workbench.replicate.creates
    workbench.wake(ref, SignalWake())
    assert workbench.read(ref.path)["status"] == "canceled"
    (settled,) = records(workbench, ref)
    assert settled.state is PredictionState.FAILED
    assert workbench.api.get_prediction(record.prediction_id or "").status in ("canceled", "aborted")
    assert workbench.replicate.creates == before


def test_past_the_limit_a_job_is_refused_and_says_when_it_may_come_again(workbench: Workbench):
    workbench.settings = replace(workbench.settings, limits=Limits(0, 0, 0.004, 0.0))
    user = "user-with-little"
    for name in ("spend-limit-1", "spend-limit-2"):
        workbench.write(f"scenes/{name}", {"user_id": user})
    before = workbench.replicate.creates
    fields = {"user_id": user, "text": "x"}
    first = workbench.run(JobKind.IMAGE, "spend-limit-1", {**fields, "scene_id": "spend-limit-1"})
    second = workbench.run(JobKind.IMAGE, "spend-limit-2", {**fields, "scene_id": "spend-limit-2"})
    assert (first["status"], first["estimated_cost_usd"], first["cost_usd"]) == ("complete", 0.003, 0.003)
    assert (second["status"], second["error"]["code"]) == ("error", "quota_exceeded")
    assert second["error"]["resets_at"] > workbench.now()
    assert "resets at" in second["error_message"]
    assert workbench.replicate.creates == before + 1
    day = workbench.read(f"users/{user}/usage/{workbench.now().date()}")
    assert (day["spent_microusd"], day["reserved_microusd"]) == (3000, 0)


def test_a_second_try_that_would_pass_the_limit_is_not_paid(workbench: Workbench):
    workbench.settings = replace(workbench.settings, limits=Limits(0, 0, 0.005, 0.0))
    user = "user-with-one-try"
    workbench.write("scenes/spend-again", {"user_id": user})
    before = workbench.replicate.creates
    fields = {"user_id": user, "scene_id": "spend-again", "text": "Again [stub:interrupt]"}
    job = workbench.run(JobKind.IMAGE, "spend-again", fields)
    assert (job["status"], job["error"]["code"], job["cost_usd"]) == ("error", "quota_exceeded", 0.003)
    assert workbench.replicate.creates == before + 1


def test_a_recursive_handler_is_stopped_by_the_limits(workbench: Workbench):
    """Every job that is begun creates the next one, as a handler that listens to its own writes would."""
    workbench.settings = replace(workbench.settings, limits=Limits(0, 5, 0.0, 0.0))
    user = "user-runaway"
    workbench.write("scenes/runaway", {"user_id": user})
    before = workbench.replicate.creates
    begun = 0
    for number in range(50):
        name = f"runaway-{number}"
        fields = {"user_id": user, "scene_id": "runaway", "text": name}
        if workbench.run(JobKind.IMAGE, name, fields)["status"] != "complete":
            break
        begun += 1
    assert begun == 5
    assert workbench.replicate.creates == before + 5


def test_who_was_held_up_does_not_undo_the_next_submission(workbench: Workbench):
    """Found by the simulation: the listing was read for one submission, the verdict written down during the next."""
    ref = new_job(workbench, "spend-held-up")
    workbench.wake(ref, CreatedWake())
    (record,) = records(workbench, ref)
    long_ago = workbench.now() - timedelta(minutes=30)
    submitting = {"state": "submitting", "prediction_id": None, "input.seed": 2}  # which no listing shows
    document = workbench.client.document(f"predictions/{record.op}")
    document.update({**submitting, "submitting_at": long_ago, "submitting_until": long_ago})
    (stale,) = records(workbench, ref)
    document.update({"submitting_at": workbench.now(), "submitting_until": workbench.now()})
    found = find_again(stale, workbench.tools())
    assert (found, found.state) == (records(workbench, ref)[0], PredictionState.SUBMITTING)
    assert (
        find_again(replace(stale, submitting_at=found.submitting_at), workbench.tools()).state is PredictionState.INTENT
    )
