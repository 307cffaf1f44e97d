"""A second model takes over when the first is down, and only then."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.adapters.openai_api import OpenAiApi, WordsUnavailable
from pipeline.domain.errors import Fault, UnknownModel
from pipeline.domain.jobs import CreatedWake, JobKind, JobRef, TaskWake
from tests.handlers.conftest import USER, Workbench
from tests.handlers.test_generate_image import image_job, ordered
from tests.handlers.test_generate_video import video_job

DEV, SCHNELL = "black-forest-labs/flux-dev", "black-forest-labs/flux-schnell"
FLUX_PRO = "black-forest-labs/flux-1.1-pro"
LITE, PRO = "bytedance/seedance-1-lite", "bytedance/seedance-1-pro"


@pytest.fixture
def two_models(workbench: Workbench) -> Workbench:
    workbench.settings = replace(workbench.settings, image_model_fallback=DEV, video_model_fallback=PRO)
    return workbench


@pytest.mark.parametrize(
    ("marker", "tries", "cost_usd"),
    [
        ("[stub:model-down]", 1, 0.003 + 0.025),  # failed, and paid
        ("[stub:model-404]", 1, 0.025),
        ("[stub:model-aborted]", 3, 0.025),  # never started: free
        ("[stub:model-interrupt]", 3, 3 * 0.003 + 0.025),
    ],
)
def test_a_picture_is_made_by_the_second_model(two_models: Workbench, marker: str, tries: int, cost_usd: float):
    name = f"fallback-{marker[6:-1]}"
    job = two_models.run(JobKind.IMAGE, name, image_job(two_models.scene(name), f"A lighthouse {marker}"))
    assert (job["status"], job["model"]) == ("complete", DEV)
    (noted,) = job["adjustments"]
    assert (noted["field"], noted["asked"], noted["used"]) == ("model", SCHNELL, DEV)
    assert noted["reason"]
    assert job["cost_usd"] == pytest.approx(cost_usd)
    models = [record.model for record in two_models.desk().predictions.of_job(f"image_generation_jobs/{name}")]
    assert (models.count(SCHNELL), models.count(DEV)) == (tries, 1)


@pytest.mark.parametrize("marker", ["[stub:nsfw]", "[stub:402]", "[stub:422]", "[stub:401]"])
def test_what_another_model_would_not_mend_is_left_at_that(two_models: Workbench, marker: str):
    name = f"no-fallback-{marker[6:-1]}"
    before = two_models.replicate.creates
    job = two_models.run(JobKind.IMAGE, name, image_job(two_models.scene(name), f"A lighthouse {marker}"))
    assert (job["status"], job["adjustments"]) == ("error", [])
    assert two_models.replicate.creates - before <= 1


def test_when_both_are_down_the_job_says_why_and_ends(two_models: Workbench):
    name = "fallback-both"
    before = two_models.replicate.creates
    job = two_models.run(JobKind.IMAGE, name, image_job(two_models.scene(name), "A lighthouse [stub:fail]"))
    assert (job["status"], job["error"]["code"]) == ("error", "prediction_failed")
    assert two_models.replicate.creates == before + 2


def test_a_model_that_replicate_does_not_have_is_the_operators_fault(workbench: Workbench):
    """The log counts it as ours, so that somebody is told; the user's own documents are all there."""
    scene = workbench.scene("no-such-model")
    job = workbench.run(JobKind.IMAGE, "no-such-model", image_job(scene, "A lighthouse [stub:model-404]"))
    assert (job["error"]["code"], job["error"]["retryable"]) == ("unknown_model", False)
    assert SCHNELL in job["error"]["message"]
    assert UnknownModel("").fault is Fault.OURS


def test_the_second_model_counts_against_the_limit(two_models: Workbench):
    limits = replace(two_models.settings.limits, usd_per_user_per_day=0.01)
    two_models.settings = replace(two_models.settings, limits=limits)
    two_models.write("scenes/fallback-poor", {"user_id": "poor"})
    fields = {**image_job("fallback-poor", "A lighthouse [stub:model-404]"), "user_id": "poor"}
    job = two_models.run(JobKind.IMAGE, "fallback-poor", fields)
    assert (job["status"], job["error"]["code"], job["cost_usd"]) == ("error", "quota_exceeded", 0.0)


def test_without_a_second_model_the_first_ones_failure_is_the_jobs(workbench: Workbench):
    job = workbench.run(
        JobKind.IMAGE, "fallback-none", image_job(workbench.scene("fallback-none"), "[stub:model-down]")
    )
    assert (job["status"], job["error"]["code"]) == ("error", "prediction_failed")


def test_a_clip_is_made_by_the_second_model_on_its_own_terms(two_models: Workbench, picture: Path):
    fields = video_job(two_models.scene("fallback-clip"), two_models.publish(picture), "A boat [stub:model-down]")
    job = two_models.run(JobKind.VIDEO, "fallback-clip", fields)
    assert (job["status"], job["model"]) == ("complete", PRO)
    assert [(one["asked"], one["used"]) for one in job["adjustments"]] == [(LITE, PRO)]
    assert [one["duration"] for one in ordered(two_models, JobKind.VIDEO, "fallback-clip")] == [2, 2]


def test_of_many_scenes_only_the_one_whose_model_is_down_changes(two_models: Workbench, picture: Path):
    url = two_models.publish(picture)
    scenes = [
        {"scene_number": 1, "seed_image_url": url, "duration": 2.0, "description": "A boat leaves"},
        {"scene_number": 2, "seed_image_url": url, "duration": 2.0, "description": "A gull lands [stub:model-down]"},
    ]
    job = two_models.run(JobKind.MULTI_VIDEO, "fallback-multi", {"scenes": scenes})
    assert job["status"] == "complete"
    assert [clip["model"] for clip in job["clips"]] == [LITE, PRO]
    assert [one["field"] for one in job["adjustments"]] == ["scenes.1.model"]


class Flapping(OpenAiApi):
    """An account whose first three requests fail."""

    def moderate(self, texts: Sequence[str], picture: bytes | None, seconds: float) -> Sequence[str]:
        self.asked = getattr(self, "asked", 0) + 1
        if self.asked <= 3:
            raise WordsUnavailable("rate_limited")
        return ()


def test_that_nobody_could_moderate_is_no_model_that_is_down(workbench: Workbench, picture: Path):
    """Each try ends before the first model is asked: the second one is none of its business."""
    workbench.settings = replace(workbench.settings, video_model_fallback=PRO, moderation="required")
    workbench.openai = Flapping("sk-test", "gpt")
    fields = video_job(workbench.scene("fallback-back"), workbench.publish(picture))
    job = workbench.run(JobKind.VIDEO, "fallback-back", fields)
    workbench.openai.close()
    assert (job["status"], job["error"]["code"], job["cost_usd"]) == ("error", "provider_unavailable", 0.0)
    assert workbench.desk().predictions.of_job("video_generation_jobs/fallback-back") == []


def test_the_first_model_is_not_asked_again_once_the_second_was(workbench: Workbench, picture: Path):
    """The second waits for its answer while the first has come back."""
    workbench.settings = replace(workbench.settings, video_model_fallback=PRO)
    fields = video_job(workbench.scene("fallback-came-back"), workbench.publish(picture), "A pier [stub:model-404]")
    job = workbench.run(JobKind.VIDEO, "fallback-came-back", fields)
    assert (job["status"], job["model"]) == ("complete", PRO)
    ordered = workbench.desk().predictions.of_job("video_generation_jobs/fallback-came-back")
    assert [record.model for record in ordered if record.prediction_id] == [PRO]


def test_the_shape_that_the_second_model_gives_is_the_one_that_is_noted(workbench: Workbench):
    """The first would have made it as it was asked for."""
    workbench.settings = replace(workbench.settings, image_model=SCHNELL, image_model_fallback=FLUX_PRO)
    fields = image_job(workbench.scene("fallback-shape"), "A wide sea [stub:model-404]", aspect_ratio="2:1")
    job = workbench.run(JobKind.IMAGE, "fallback-shape", fields)
    assert (job["status"], job["model"]) == ("complete", FLUX_PRO)
    assert 1.9 < job["width"] / job["height"] < 2.1
    assert [one["field"] for one in job["adjustments"]] == ["model"]


def test_the_second_model_takes_over_where_the_first_answers_orders_with_500(workbench: Workbench):
    """Nothing is paid, and yet nothing ends: a hundred turns are more than half an hour here."""
    workbench.settings = replace(
        workbench.settings, image_model_fallback=DEV, submission_grace_seconds=180, poll_first_seconds=5.0
    )
    ref = JobRef(JobKind.IMAGE, "fallback-500")
    fields = image_job(workbench.scene("fallback-500"), "A lighthouse [stub:model-500]")
    workbench.write(ref.path, {"job_id": ref.job_id, "user_id": USER, "status": "pending", **fields})
    began = workbench.now()
    workbench.wake(ref, CreatedWake())
    for _ in range(100):
        if workbench.read(ref.path)["status"] in ("complete", "error"):
            break
        turn, at = workbench.tasks.due[ref]
        workbench.ahead = max(workbench.ahead, at - datetime.now(UTC))
        workbench.wake(ref, TaskWake(turn))
    assert workbench.read(ref.path)["status"] == "complete", f"not after {workbench.now() - began}"
    assert workbench.read(ref.path)["model"] == DEV
