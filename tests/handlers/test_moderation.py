"""What is flagged costs nothing; what cannot be asked about is let through, or not, as the setting says."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from localdev.stub_openai import StubOpenAI
from pipeline.domain.jobs import JobKind
from tests.handlers.conftest import USER, Workbench
from tests.handlers.test_generate_image import image_job
from tests.handlers.test_generate_video import video_job


@pytest.fixture
def moderated(workbench: Workbench, openai_account: StubOpenAI) -> Workbench:
    workbench.settings = replace(workbench.settings, moderation="on")
    return workbench


@pytest.fixture
def required(workbench: Workbench, openai_account: StubOpenAI) -> tuple[Workbench, StubOpenAI]:
    workbench.settings = replace(workbench.settings, moderation="required")
    return workbench, openai_account


@pytest.fixture
def flagged_picture(tmp_path: Path) -> Path:
    """What the stand-in flags: a picture that is red all over."""
    path = tmp_path / "red.png"
    Image.new("RGB", (400, 600), (250, 0, 0)).save(path)
    return path


@pytest.mark.parametrize("field", ["text", "style_prompt"])
def test_flagged_words_end_the_job_before_anything_is_ordered(moderated: Workbench, field: str):
    before = moderated.replicate.creates
    fields = {**image_job(moderated.scene("flagged")), field: "A quarrel [stub:flagged]"}
    job = moderated.run(JobKind.IMAGE, f"flagged-{field}", fields)
    assert (job["status"], job["error"]["code"], job["error"]["retryable"]) == ("error", "content_rejected", False)
    assert job["error"]["categories"] == ["illicit/violent", "self-harm", "violence"]
    assert "violence" in job["error"]["message"]
    assert (moderated.replicate.creates, job["cost_usd"], job["attempt"]) == (before, 0.0, 1)
    assert moderated.read("scenes/flagged")["error_message"] == job["error_message"]


def test_a_flagged_product_is_not_put_into_a_picture(moderated: Workbench, flagged_picture: Path):
    url = moderated.publish(flagged_picture)
    moderated.write("products/flagged", {"user_id": USER, "name": "Lamp", "image_url": url})
    before = moderated.replicate.creates
    fields = image_job(moderated.scene("flagged-lamp"), use_product_composite=True, product_id="flagged")
    job = moderated.run(JobKind.IMAGE, "flagged-product", fields)
    assert (job["error"]["code"], moderated.replicate.creates) == ("content_rejected", before)
    assert job["error"]["categories"]


def test_a_flagged_picture_is_not_set_in_motion(moderated: Workbench, flagged_picture: Path):
    before = moderated.replicate.creates
    fields = video_job(moderated.scene("flagged-motion"), moderated.publish(flagged_picture))
    job = moderated.run(JobKind.VIDEO, "flagged-motion", fields)
    assert (job["error"]["code"], moderated.replicate.creates) == ("content_rejected", before)


def test_of_many_scenes_the_flagged_ones_fail_and_keep_their_categories(moderated: Workbench, picture: Path):
    """The last scene fails in a first turn, the others end later: what was recorded says as much as what was raised."""
    url = moderated.publish(picture)
    scenes = [
        {"scene_number": 1, "seed_image_url": url, "duration": 2.0, "description": "A parade"},
        {"scene_number": 2, "seed_image_url": url, "duration": 2.0, "description": "A brawl [stub:flagged]"},
    ]
    job = moderated.run(JobKind.MULTI_VIDEO, "flagged-multi", {"scenes": scenes})
    assert (job["status"], job["error"]["code"]) == ("error", "partial_failure")
    (error,) = job["scene_errors"]
    assert (error["scene_number"], error["code"]) == (2, "content_rejected")
    assert "violence" in error["categories"]
    assert len(job["clips"]) == 1


def test_what_cannot_be_asked_about_is_let_through_and_noted(moderated: Workbench):
    job = moderated.run(JobKind.IMAGE, "unasked", image_job(moderated.scene("unasked"), "A gate [stub:openai-500]"))
    assert job["status"] == "complete"
    (noted,) = job["adjustments"]
    assert (noted["field"], noted["asked"], noted["used"]) == ("moderation", "on", "off")


def test_where_it_is_required_nothing_is_made_unmoderated(moderated: Workbench):
    moderated.settings = replace(moderated.settings, moderation="required")
    before = moderated.replicate.creates
    job = moderated.run(JobKind.IMAGE, "required", image_job(moderated.scene("required"), "A gate [stub:openai-500]"))
    assert (job["status"], job["error"]["code"]) == ("error", "provider_unavailable")
    assert (job["attempt"], moderated.replicate.creates) == (3, before)


def test_where_it_is_required_a_missing_key_is_a_fault_of_the_deployment(workbench: Workbench):
    workbench.settings = replace(workbench.settings, moderation="required")
    job = workbench.run(JobKind.IMAGE, "required-keyless", image_job(workbench.scene("keyless")))
    assert (job["status"], job["error"]["code"]) == ("error", "configuration_error")
    assert "OPENAI_API_KEY" in job["error_message"]


@pytest.mark.parametrize("setting", ["on", "off"])
def test_without_a_key_a_job_goes_on(workbench: Workbench, setting: str):
    workbench.settings = replace(workbench.settings, moderation=setting)
    job = workbench.run(JobKind.IMAGE, f"keyless-{setting}", image_job(workbench.scene("keyless")))
    assert (job["status"], [one["field"] for one in job["adjustments"]]) == (
        "complete",
        ["moderation"] if setting == "on" else [],
    )


def _video(bench: Workbench, url: str) -> tuple[JobKind, dict[str, Any]]:
    return JobKind.VIDEO, video_job(bench.scene("written-v"), url, "A brawl [stub:flagged]")


def _multi_video(bench: Workbench, url: str) -> tuple[JobKind, dict[str, Any]]:
    scene = {"scene_number": 1, "seed_image_url": url, "duration": 2.0, "description": "A brawl [stub:flagged]"}
    return JobKind.MULTI_VIDEO, {"scenes": [scene]}


@pytest.mark.parametrize("asked", [_video, _multi_video])
def test_what_a_clips_user_wrote_is_moderated_before_it_goes_to_a_writer(
    required: tuple[Workbench, StubOpenAI], picture: Path, asked: Any
):
    bench, openai = required
    bench.settings = replace(bench.settings, prompt_writer="openai")
    kind, fields = asked(bench, bench.publish(picture))
    job = bench.run(kind, f"written-{kind}", fields)
    assert job["error"]["code"] == "content_rejected"
    assert openai.requests[0] == "/v1/moderations"
    assert "/v1/responses" not in openai.requests


def test_the_other_scenes_that_a_writer_is_told_are_moderated(required: tuple[Workbench, StubOpenAI]):
    bench, openai = required
    bench.settings = replace(bench.settings, prompt_writer="openai")
    scene_ids = [bench.scene("told-1", text="A calm sea"), bench.scene("told-2", text="A brawl [stub:flagged]")]
    bench.write("storyboards/told", {"user_id": USER, "title": "Told", "style": "oil", "scene_order": scene_ids})
    bench.run(JobKind.IMAGE, "told", image_job(scene_ids[0], "A calm sea", storyboard_id="told"))
    written = [body for path, body in zip(openai.requests, openai.bodies, strict=True) if path == "/v1/responses"]
    assert not [body for body in written if "[stub:flagged]" in str(body["input"])]


def product(bench: Workbench, folder: Path, name: str, colour: tuple[int, int, int], title: str = "Lamp") -> str:
    photo = folder / f"{name}.png"
    Image.new("RGB", (400, 600), colour).save(photo)
    bench.write(f"products/{name}", {"user_id": USER, "name": title, "image_url": bench.publish(photo)})
    return name


def test_a_retry_with_another_product_has_it_moderated(required: tuple[Workbench, StubOpenAI], tmp_path: Path):
    bench, _ = required
    plain = product(bench, tmp_path, "plain-lamp", (20, 90, 160))
    red = product(bench, tmp_path, "red-lamp", (250, 0, 0))
    asked = image_job(bench.scene("retry-red"), use_product_composite=True, product_id=plain)
    assert bench.run(JobKind.IMAGE, "retry-red-1", asked)["status"] == "complete"
    job = bench.run(JobKind.IMAGE, "retry-red-2", {**asked, "product_id": red, "retry_of": "retry-red-1"})
    assert (job["status"], (job["error"] or {}).get("code")) == ("error", "content_rejected")


def test_when_all_scenes_are_flagged_the_job_says_for_what(required: tuple[Workbench, StubOpenAI], picture: Path):
    bench, _ = required
    kind, fields = _multi_video(bench, bench.publish(picture))
    job = bench.run(kind, "flagged-all", fields)
    assert job["error"]["code"] == "content_rejected"
    assert job["error"]["categories"] == job["scene_errors"][0]["categories"] != []


def test_the_name_of_a_product_is_moderated_before_kontext_is_told_it(
    required: tuple[Workbench, StubOpenAI], tmp_path: Path
):
    bench, _ = required
    bench.settings = replace(bench.settings, composite_method="kontext")
    named = product(bench, tmp_path, "named-lamp", (20, 90, 160), "A brawl [stub:flagged]")
    job = bench.run(
        JobKind.IMAGE, "named", image_job(bench.scene("named"), use_product_composite=True, product_id=named)
    )
    assert (job["status"], (job["error"] or {}).get("code")) == ("error", "content_rejected")
