"""Kontext puts products into scenes; when it cannot, Pillow does, and the job says so."""

import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from google.cloud import firestore
from PIL import Image

from pipeline.domain.jobs import CreatedWake, JobKind, JobRef, TaskWake
from tests.handlers.conftest import USER, Workbench
from tests.handlers.test_generate_image import download, image_job

SINGLE, MULTI = "black-forest-labs/flux-kontext-pro", "flux-kontext-apps/multi-image-kontext-pro"


@pytest.fixture
def kontext(workbench: Workbench, tmp_path: Path) -> Workbench:
    workbench.settings = replace(workbench.settings, composite_method="kontext", kontext_model=SINGLE)
    photo = tmp_path / "lamp.png"
    Image.new("RGBA", (200, 300), (200, 0, 200, 255)).save(photo)
    workbench.write("products/lamp", {"user_id": USER, "name": "Lamp", "image_url": workbench.publish(photo)})
    return workbench


def product_job(bench: Workbench, name: str, text: str = "A table", **fields: object) -> dict[str, object]:
    return image_job(bench.scene(name), text, use_product_composite=True, product_id="lamp", **fields)


def records(bench: Workbench, name: str) -> list[Any]:
    return list(bench.desk().predictions.of_job(f"image_generation_jobs/{name}"))


@pytest.mark.parametrize("model", [SINGLE, MULTI])
def test_kontext_puts_the_product_into_the_scene(kontext: Workbench, model: str):
    kontext.settings = replace(kontext.settings, kontext_model=model)
    name = f"kontext-{model.rpartition('/')[2]}"
    job = kontext.run(JobKind.IMAGE, name, product_job(kontext, name))
    assert (job["status"], job["composite_method"], job["composite_model"]) == ("complete", "kontext", model)
    assert (job["model"], job["adjustments"]) == ("black-forest-labs/flux-schnell", [])
    assert job["estimated_cost_usd"] == job["cost_usd"] == pytest.approx(0.043)
    shown = Image.open(io.BytesIO(download(job["image_url"])))
    assert shown.size == (job["width"], job["height"])
    (blended,) = [record for record in records(kontext, name) if record.model == model]
    assert "Lamp" in blended.input["prompt"]


@pytest.mark.parametrize(
    "marker", ["kontext-fail", "kontext-429", "kontext-500", "kontext-402", "kontext-interrupt", "kontext-aborted"]
)
def test_when_kontext_fails_pillow_does_it_at_once(kontext: Workbench, marker: str):
    name = f"instead-of-{marker}"
    before = kontext.replicate.creates
    job = kontext.run(JobKind.IMAGE, name, product_job(kontext, name, f"A table [stub:{marker}]"))
    assert (job["status"], job["composite_method"], job["composite_model"]) == ("complete", "pil", None)
    (noted,) = job["adjustments"]
    assert (noted["field"], noted["asked"], noted["used"]) == ("composite_method", "kontext", "pil")
    assert noted["reason"]
    assert kontext.replicate.creates - before <= 2
    assert all(record.state.is_terminal for record in records(kontext, name))


def test_what_kontext_flags_is_not_shown_by_other_means(kontext: Workbench):
    name = "kontext-flagged"
    job = kontext.run(JobKind.IMAGE, name, product_job(kontext, name, "A table [stub:kontext-nsfw]"))
    assert (job["status"], job["error"]["code"], job["error"]["retryable"]) == ("error", "content_rejected", False)


def test_a_picture_waits_for_kontext_no_longer_than_the_setting_says(kontext: Workbench):
    kontext.settings = replace(kontext.settings, kontext_seconds=20)
    name = "kontext-late"
    began = kontext.now()
    job = kontext.run(JobKind.IMAGE, name, product_job(kontext, name, "A table [stub:kontext-hang]"))
    assert (job["status"], job["composite_method"]) == ("complete", "pil")
    assert "20 s" in job["adjustments"][0]["reason"]
    assert kontext.now() - began < timedelta(seconds=60)
    (late,) = [record for record in records(kontext, name) if record.model == SINGLE]
    assert kontext.replicate.predictions[late.prediction_id].status == "canceled"


def test_a_create_without_an_answer_is_not_waited_for_either(kontext: Workbench):
    kontext.settings = replace(kontext.settings, kontext_seconds=5, submission_grace_seconds=600)
    name = "kontext-unanswered"
    before = kontext.replicate.creates
    job = kontext.run(JobKind.IMAGE, name, product_job(kontext, name, "A table [stub:kontext-stuck]"))
    assert (job["status"], job["composite_method"]) == ("complete", "pil")
    assert kontext.replicate.creates == before + 2


def test_a_minutes_worth_of_kontext_is_enough(kontext: Workbench):
    kontext.settings = replace(kontext.settings, kontext_per_minute=2)
    kontext.ahead += timedelta(days=3)  # away from what other tests have ordered
    methods = []
    for n in range(3):
        job = kontext.run(JobKind.IMAGE, f"kontext-rate-{n}", product_job(kontext, f"kontext-rate-{n}"))
        methods.append(job["composite_method"])
    assert methods == ["kontext", "kontext", "pil"]
    assert "limit" in job["adjustments"][0]["reason"]
    kontext.ahead += timedelta(minutes=1)
    job = kontext.run(JobKind.IMAGE, "kontext-rate-later", product_job(kontext, "kontext-rate-later"))
    assert job["composite_method"] == "kontext"


def test_a_job_that_is_killed_after_kontext_pays_it_once(kontext: Workbench):
    ref = JobRef(JobKind.IMAGE, "kontext-killed")
    kontext.write(ref.path, {"user_id": USER, "status": "pending", **product_job(kontext, ref.job_id)})
    before = kontext.replicate.creates
    kontext.wake(ref, CreatedWake())
    while len(records(kontext, ref.job_id)) < 2:
        turn, at = kontext.tasks.due[ref]
        kontext.ahead = max(kontext.ahead, at - kontext.now() + kontext.ahead)
        kontext.wake(ref, TaskWake(turn))
    assert kontext.finish(ref)["composite_method"] == "kontext"
    assert kontext.replicate.creates == before + 2


def test_a_fall_back_is_not_what_the_next_job_gets(kontext: Workbench):
    kontext.settings = replace(kontext.settings, reuse_days=7)
    name = "kontext-remembered"
    jobs = [
        kontext.run(JobKind.IMAGE, f"{name}-{n}", product_job(kontext, name, "Oak table [stub:kontext-interrupt-once]"))
        for n in range(3)
    ]
    assert [(job["composite_method"], job["reused_from"]) for job in jobs] == [
        ("pil", None),
        ("kontext", None),
        ("kontext", f"{name}-1"),
    ]


def test_a_retry_whose_file_could_not_be_stored_does_not_pay_kontext_again(kontext: Workbench):
    asked = product_job(kontext, "blended", "A sideboard")
    kontext.run(JobKind.IMAGE, "blended-1", asked)
    # as it is left when file storage refuses the picture
    kontext.client.document("image_generation_jobs/blended-1").update(
        {"status": "error", "steps.store": {"failed": True, "attempt": 1}, "image_key": firestore.DELETE_FIELD}
    )
    job = kontext.run(JobKind.IMAGE, "blended-2", {**asked, "retry_of": "blended-1"})
    assert job["status"] == "complete"
    assert job["cost_usd"] == pytest.approx(0.0)
