from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipeline.domain.errors import ContentRejected, PredictionFailed, PredictionInterrupted, PredictionTimedOut
from pipeline.domain.jobs import JobKind, JobRef
from pipeline.domain.predictions import (
    PredictionRecord,
    PredictionState,
    ProviderPrediction,
    actual_cost_usd,
    find_ours,
    operation_id,
    operation_seed,
    provider_failure,
    webhook_query,
)

MODEL = "bytedance/seedance-1-lite"
OP = operation_id(JobRef(JobKind.VIDEO, "j1"), "predict", 1)
RECORD = PredictionRecord(
    op=OP,
    state=PredictionState.SUBMITTING,
    job_path="video_generation_jobs/j1",
    model=MODEL,
    input={"seed": operation_seed(OP)},
    cost_usd=0.18,
    cancel_after_seconds=900,
    submitting_at=datetime(2026, 11, 21, tzinfo=UTC),
)


def listed(id_: str, created_at: str = "1", **fields: object) -> ProviderPrediction:
    return ProviderPrediction(**{"id": id_, "status": "processing", "model": MODEL, "created_at": created_at} | fields)  # type: ignore[arg-type]


def test_operations_differ_by_job_step_and_number():
    ref = JobRef(JobKind.VIDEO, "j1")
    ops = {
        operation_id(ref, "predict", 1),
        operation_id(ref, "predict", 2),
        operation_id(ref, "scene_1_predict", 1),
        operation_id(JobRef(JobKind.IMAGE, "j1"), "predict", 1),
    }
    assert len(ops) == 4
    assert len({operation_seed(op) for op in ops}) == 4
    assert all("/" not in op for op in ops)


def test_seeds_fit_in_31_bits():
    assert all(0 <= operation_seed(str(number)) < 2**31 for number in range(1000))


def test_ours_are_found_by_seed_or_webhook_and_model():
    by_seed = listed("a", input={"seed": operation_seed(OP)})
    by_webhook = listed("b", webhook=f"https://example.com/hook?op={OP}")
    others = [
        listed("c", input={"seed": 7}),
        listed("d", model="other/model", input={"seed": operation_seed(OP)}),
        listed("e", webhook=f"https://example.com/hook?op={OP}0"),
    ]
    assert find_ours(RECORD, [*others, by_seed]) == [by_seed]
    assert find_ours(RECORD, [by_webhook, *others]) == [by_webhook]
    assert find_ours(RECORD, others) == []


def test_the_oldest_comes_first():
    seed = {"seed": operation_seed(OP)}
    found = find_ours(RECORD, [listed("b", "2026-02", input=seed), listed("a", "2026-01", input=seed)])
    assert [prediction.id for prediction in found] == ["a", "b"]


@pytest.mark.parametrize(
    ("status", "text", "error"),
    [
        ("failed", "The input or output was flagged as sensitive. Please try again. (E005)", ContentRejected),
        ("failed", "NSFW content detected", ContentRejected),
        ("failed", "Prediction interrupted; please retry (code: PA)", PredictionInterrupted),
        ("failed", "Director: unexpected error handling prediction (E9828)", PredictionInterrupted),
        ("failed", "CUDA out of memory", PredictionFailed),
        ("failed", None, PredictionFailed),
        ("succeeded", None, PredictionFailed),
        ("canceled", None, PredictionTimedOut),
        ("aborted", None, PredictionInterrupted),
    ],
)
def test_every_way_to_end_badly_has_its_error(status, text, error):
    assert type(provider_failure(listed("a", status=status, error=text))) is error


def test_a_long_reason_is_cut():
    assert len(provider_failure(listed("a", status="failed", error="x" * 5000)).message) < 500


@pytest.mark.parametrize(
    ("state", "charged", "paid"),
    [
        (PredictionState.INTENT, False, 0.0),
        (PredictionState.SUBMITTED, False, 0.18),
        (PredictionState.SUCCEEDED, True, 0.18),
        (PredictionState.FAILED, True, 0.18),
        (PredictionState.FAILED, False, 0.0),
    ],
)
def test_what_was_paid(state, charged, paid):
    record = PredictionRecord(**{**RECORD.__dict__, "state": state, "charged": charged})
    assert record.paid_usd == paid


@pytest.mark.parametrize(
    ("metrics", "usd"),
    [
        ({}, 0.18),
        ({"predict_time": 31.5}, 0.18),
        ({"video_output_duration_seconds": 4.0}, 0.144),
        ({"video_output_duration_seconds": 5.0, "predict_time": 31.5}, 0.18),
        ({"video_output_duration_seconds": None}, 0.18),
        ({"video_output_duration_seconds": True}, 0.18),
        ({"image_count": -1}, 0.18),
    ],
)
def test_the_provider_counts_what_it_delivered(metrics: dict[str, object], usd: float):
    finished = replace(listed("p1"), metrics=metrics)
    assert actual_cost_usd(replace(RECORD, units=5.0), finished) == pytest.approx(usd)


@pytest.mark.parametrize(
    ("state", "charged", "usd"),
    [
        (PredictionState.INTENT, False, 0.0),
        (PredictionState.SUBMITTING, False, 0.0),
        (PredictionState.SUBMITTED, False, 0.18),
        (PredictionState.SUCCEEDED, True, 0.18),
        (PredictionState.FAILED, True, 0.18),
        (PredictionState.FAILED, False, 0.0),
        (PredictionState.HELD, False, 0.18),  # it may have been paid
    ],
)
def test_what_is_paid_as_far_as_we_know(state: PredictionState, charged: bool, usd: float):
    assert replace(RECORD, state=state, charged=charged).paid_usd == usd


def test_an_id_of_any_letters_survives_the_webhooks_address():
    record = replace(RECORD, op="video~ä&b=c #1~predict~1")
    assert "&" not in webhook_query(record.op)
    told = replace(listed("p1"), webhook=f"https://x.example/hook?{webhook_query(record.op)}")
    assert find_ours(record, [told]) == [told]
    assert find_ours(RECORD, [told]) == []
