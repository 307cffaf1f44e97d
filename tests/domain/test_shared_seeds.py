"""Predictions of one model and one seed: whose are they?"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.domain.predictions import PredictionRecord, PredictionState, ProviderPrediction
from pipeline.domain.shared_seeds import recognise

MODEL = "black-forest-labs/flux-schnell"
MINE = {"prompt": "a lighthouse", "aspect_ratio": "9:16", "seed": 7}
OTHERS = {"prompt": "a harbour", "aspect_ratio": "9:16", "seed": 7}


def record(op: str, model_input: Mapping[str, Any], state: str = "submitting", **fields: Any) -> PredictionRecord:
    return PredictionRecord(
        op=op,
        state=PredictionState(state),
        job_path=f"image_generation_jobs/{op}",
        model=MODEL,
        input=model_input,
        cost_usd=0.003,
        cancel_after_seconds=60,
        submitting_at=datetime(2026, 11, 21, tzinfo=UTC),
        seed_is_clients=True,
        **fields,
    )


def listed(id_: str, model_input: Mapping[str, Any], **fields: Any) -> ProviderPrediction:
    return ProviderPrediction(id_, "processing", MODEL, model_input, created_at=id_, **fields)


def ids(record: PredictionRecord, predictions: list[ProviderPrediction], *others: PredictionRecord) -> tuple[str, str]:
    """The ids of ours, and of those in doubt."""
    found = recognise(record, predictions, others)
    return "".join(one.id for one in found.ours), "".join(one.id for one in found.in_doubt)


ME = record("me", MINE)
TWIN, RIVAL = record("twin", MINE), record("rival", OTHERS)


def test_what_nobody_else_can_have_sent_is_ours():
    assert ids(ME, [listed("b", MINE), listed("a", MINE)]) == ("ab", "")
    assert ids(ME, [listed("a", MINE)], replace(TWIN, state=PredictionState.INTENT)) == ("a", "")
    assert ids(ME, [listed("a", MINE)], replace(TWIN, state=PredictionState.FAILED)) == ("a", "")


def test_what_another_record_holds_is_not_ours():
    holder = record("twin", MINE, "submitted", prediction_id="a")
    assert ids(ME, [listed("a", MINE)], holder) == ("", "")
    assert ids(ME, [listed("a", MINE), listed("b", MINE)], holder) == ("b", "")


@pytest.mark.parametrize("state", ["submitting", "held"])
def test_what_a_twin_may_have_sent_is_in_doubt(state: str):
    twin = record("twin", MINE, state)
    assert ids(ME, [listed("a", MINE)], twin) == ("", "a")
    assert ids(ME, [listed("a", MINE), listed("b", MINE)], twin) == ("", "ab")
    assert ids(ME, [], twin) == ("", "")


def test_a_rival_is_told_by_its_words():
    assert ids(ME, [listed("a", OTHERS), listed("b", MINE)], RIVAL) == ("b", "")
    assert ids(RIVAL, [listed("a", OTHERS), listed("b", MINE)], ME) == ("a", "")
    assert ids(ME, [listed("b", MINE)], RIVAL, TWIN) == ("", "b")


def test_a_rival_is_told_by_its_picture_unless_the_provider_moves_pictures():
    mine, others = {**MINE, "image": "https://x/1"}, {**MINE, "image": "https://x/2"}
    me, rival = record("me", mine), record("rival", others)
    assert ids(me, [listed("a", mine), listed("b", others)], rival) == ("a", "")
    moved = {**MINE, "image": "https://elsewhere/1"}
    assert ids(me, [listed("a", moved)], rival) == ("", "a")
    assert ids(me, [listed("a", moved)]) == ("a", "")


def test_what_the_provider_leaves_out_tells_nothing():
    fixed = record("rival", {**MINE, "camera_fixed": True})
    assert ids(ME, [listed("a", MINE)], fixed) == ("", "a")
    square = record("rival", {**MINE, "aspect_ratio": "1:1"})
    bare = {"prompt": "a lighthouse", "seed": 7}
    assert ids(ME, [listed("a", bare)], square) == ("", "a")


def test_a_strangers_prediction_is_never_ours_but_keeps_us_from_sending():
    """Of a person at the provider's own page, or of another deployment: nobody here has a record of it."""
    assert ids(ME, [listed("a", {**MINE, "prompt": "by hand"})]) == ("", "a")
    assert ids(ME, [listed("a", {**MINE, "prompt": "by hand"}), listed("b", MINE)]) == ("b", "a")


def test_a_webhook_settles_it():
    named = listed("a", MINE, webhook="https://x/hook?op=me")
    twins = listed("b", MINE, webhook="https://x/hook?op=twin")
    assert ids(ME, [named, twins], TWIN) == ("a", "")
    assert ids(TWIN, [named, twins], ME) == ("b", "")


def test_other_models_and_seeds_are_others_business():
    rival = replace(TWIN, model="black-forest-labs/flux-dev")
    assert ids(ME, [listed("a", MINE), replace(listed("b", MINE), model="black-forest-labs/flux-dev")], rival) == (
        "a",
        "",
    )
    assert ids(ME, [listed("a", {**MINE, "seed": 8})]) == ("", "")
