"""Webhooks as they come in the wild: once, twice, late, out of order, about another's prediction or a lost one."""

from dataclasses import replace
from datetime import timedelta

from pipeline.domain.jobs import CreatedWake, JobKind, JobRef, SignalWake
from pipeline.domain.outcomes import Canceled
from pipeline.domain.predictions import PredictionRecord, PredictionState, ProviderPrediction
from pipeline.handlers.receive_webhook import receive_webhook
from tests.handlers.conftest import USER, Workbench


def started(workbench: Workbench, name: str, text: str) -> tuple[JobRef, PredictionRecord]:
    """A job whose prediction has been sent, and its record."""
    ref = JobRef(JobKind.IMAGE, name)
    fields = {"user_id": USER, "status": "pending", "scene_id": workbench.scene(name), "text": text}
    workbench.write(ref.path, fields)
    workbench.wake(ref, CreatedWake())
    return ref, record_of(workbench, ref)


def record_of(workbench: Workbench, ref: JobRef) -> PredictionRecord:
    (record,) = workbench.tools().predictions.of_job(ref.path)
    return record


def ended(workbench: Workbench, text: str) -> ProviderPrediction:
    """What the provider has to tell of the prediction with this text, once it has ended."""
    found = next(p for p in workbench.replicate.predictions.values() if text in p.prompt)
    assert found.ended.wait(20)
    return workbench.api.get_prediction(found.id)


def deliver(workbench: Workbench, op: str, prediction: ProviderPrediction) -> None:
    receive_webhook(op, prediction, workbench.desk(), workbench.tools())


def test_a_webhook_wakes_its_job_which_asks_nobody(workbench: Workbench):
    ref, record = started(workbench, "hook-happy", "Told, not asked")
    deliver(workbench, record.op, ended(workbench, "Told, not asked"))
    assert record_of(workbench, ref).state is PredictionState.SUCCEEDED
    assert workbench.tasks.signals == [ref]
    workbench.wake(ref, SignalWake())
    assert workbench.read(ref.path)["status"] == "complete"
    assert record_of(workbench, ref).polls == record.polls


def test_the_create_names_the_webhook_and_polls_grow_sparse(workbench: Workbench):
    workbench.settings = replace(workbench.settings, webhook_url="http://127.0.0.1:9/hook")
    began = workbench.now()
    ref, record = started(workbench, "hook-named é&1", "Named")
    assert ended(workbench, "Named").webhook == f"http://127.0.0.1:9/hook?op={record.op}".replace(
        "é", "%C3%A9"
    ).replace("&", "%26").replace(" ", "%20")
    _, at = workbench.tasks.due[ref]
    assert (at - began).total_seconds() > 4 * workbench.settings.poll_first_seconds


def test_twice_and_late_changes_nothing(workbench: Workbench):
    ref, record = started(workbench, "hook-twice", "Told twice")
    prediction = ended(workbench, "Told twice")
    running = replace(prediction, status="processing", outputs=())
    for told in (prediction, running, prediction):
        deliver(workbench, record.op, told)
    job = workbench.finish(ref)
    settled = record_of(workbench, ref)
    for told in (running, prediction, replace(prediction, status="failed", outputs=(), error="late")):
        deliver(workbench, record.op, told)
    assert record_of(workbench, ref) == settled
    assert workbench.read(ref.path) == job


def test_a_prediction_whose_answer_was_lost_is_adopted_through_its_op(workbench: Workbench):
    text = "Lost answer"
    ref, record = started(workbench, "hook-lost", text)
    workbench.client.document(f"predictions/{record.op}").update({"state": "submitting", "prediction_id": None})
    before = workbench.replicate.creates
    prediction = ended(workbench, text)
    deliver(workbench, record.op, prediction)
    assert record_of(workbench, ref).prediction_id == prediction.id
    workbench.wake(ref, SignalWake())
    assert workbench.read(ref.path)["status"] == "complete"
    assert workbench.replicate.creates == before


def test_one_that_comes_before_the_answer_of_the_create_is_adopted_too(workbench: Workbench):
    text = "Faster than its answer"
    ref, record = started(workbench, "hook-fast", text)
    workbench.client.document(f"predictions/{record.op}").update({"state": "intent", "prediction_id": None})
    before = workbench.replicate.creates
    deliver(workbench, record.op, ended(workbench, text))
    assert workbench.finish(ref)["status"] == "complete"
    assert workbench.replicate.creates == before


def test_the_op_in_the_url_is_not_signed_so_it_must_fit(workbench: Workbench):
    _, mine = started(workbench, "hook-mine", "Mine [stub:slow]")
    ref, _ = started(workbench, "hook-other", "Another's")
    others = ended(workbench, "Another's")
    for op in (mine.op, "image~no-such~predict~1", "", "a/b", "../x", "x" * 3000):
        deliver(workbench, op, others)
    assert record_of(workbench, JobRef(JobKind.IMAGE, "hook-mine")) == mine
    assert record_of(workbench, ref).state is PredictionState.SUBMITTED
    assert workbench.tasks.signals == []


def test_a_second_prediction_for_one_operation_is_called_off(workbench: Workbench):
    _, record = started(workbench, "hook-extra", "Extra [stub:slow]")
    twin = workbench.api.create_prediction(record.model, record.input, 60)
    deliver(workbench, record.op, twin)
    assert workbench.api.get_prediction(twin.id).status in ("canceled", "aborted")
    assert record_of(workbench, JobRef(JobKind.IMAGE, "hook-extra")) == record


def test_what_ends_after_its_job_corrects_the_cost(workbench: Workbench):
    ref, record = started(workbench, "hook-after", "After the end [stub:stuck]")
    jobs = workbench.desk().jobs
    _, job = jobs.claim(ref, SignalWake(), workbench.now(), timedelta(seconds=180))
    jobs.finish(ref, job.turn, workbench.now(), Canceled(), record.paid_usd)
    assert workbench.read(ref.path)["cost_usd"] == 0.003
    workbench.api.cancel_prediction(record.prediction_id or "")
    deliver(workbench, record.op, workbench.api.get_prediction(record.prediction_id or ""))
    assert workbench.read(ref.path)["cost_usd"] == 0.0
    assert workbench.tasks.signals == []
