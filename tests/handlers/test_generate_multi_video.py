"""Multi-video jobs: all scenes, limited in number at the provider, each with its own fate."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.domain.jobs import CreatedWake, JobKind, JobRef
from pipeline.repositories.clips import ClipRepository
from tests.handlers.conftest import USER, Workbench
from tests.handlers.test_generate_image import ordered


def scenes(url: str, texts: list[str], **fields: object) -> list[dict[str, object]]:
    return [
        {"scene_number": number, "seed_image_url": url, "duration": 2.0, "description": text, **fields}
        for number, text in enumerate(texts, start=1)
    ]


def test_every_scene_becomes_a_clip_in_order(workbench: Workbench, picture: Path):
    wanted = scenes(workbench.publish(picture), ["one", "two", "three"])
    job = workbench.run(JobKind.MULTI_VIDEO, "multi-happy", {"scenes": wanted, "clips": [], "progress_percent": 0})
    assert (job["status"], job["progress_percent"], job["scene_errors"]) == ("complete", 100, [])
    assert [clip["scene_number"] for clip in job["clips"]] == [1, 2, 3]
    assert len({clip["video_url"] for clip in job["clips"]}) == 3
    assert {len(clip["placeholder"]) for clip in job["clips"]} == {44}
    documents = ClipRepository(USER, "multi-happy", client=workbench.client).list_clips(status="completed")
    assert [document["scene_title"] for document in documents] == ["one", "two", "three"]
    assert [document["start_time"] for document in documents] == ["00:00:00", "00:00:02", "00:00:04"]


def test_scenes_are_made_and_paid_as_the_model_offers_them(workbench: Workbench, picture: Path):
    first, second = scenes(workbench.publish(picture), ["first", "second"])
    wanted = [{**first, "duration": 1.0}, {**second, "camera_fixed": False}]
    fields = {"scenes": wanted, "resolution": "360p", "camera_fixed": True}
    job = workbench.run(JobKind.MULTI_VIDEO, "multi-asked", fields)
    assert job["status"] == "complete"
    sent = ordered(workbench, JobKind.MULTI_VIDEO, "multi-asked")
    assert [(one["resolution"], one["duration"], one.get("camera_fixed")) for one in sent] == [
        ("480p", 2, True),
        ("480p", 2, None),
    ]
    assert [(one["field"], one["used"]) for one in job["adjustments"]] == [
        ("scenes.0.duration", 2),
        ("resolution", "480p"),
    ]
    assert job["estimated_cost_usd"] == job["cost_usd"] == pytest.approx(4 * 0.018)


def test_one_bad_scene_costs_the_others_nothing(workbench: Workbench, picture: Path):
    scene_ids = [workbench.scene(f"multi-partial-{number}") for number in (1, 2, 3)]
    wanted = scenes(workbench.publish(picture), ["fine", "bad [stub:nsfw]", "fine too"])
    wanted = [{**scene, "scene_id": scene_id} for scene, scene_id in zip(wanted, scene_ids, strict=True)]
    job = workbench.run(JobKind.MULTI_VIDEO, "multi-partial", {"scenes": wanted})
    assert (job["status"], job["error"]["code"]) == ("error", "partial_failure")
    assert "scene 2" in job["error_message"]
    assert [clip["scene_number"] for clip in job["clips"]] == [1, 3]
    assert [(error["scene_number"], error["code"]) for error in job["scene_errors"]] == [(2, "content_rejected")]
    states = [workbench.read(f"scenes/{scene_id}")["generation_status"]["video"] for scene_id in scene_ids]
    assert states == ["complete", "error", "complete"]


def test_when_all_fail_alike_the_job_has_their_code(workbench: Workbench, picture: Path):
    wanted = scenes(workbench.publish(picture), ["a [stub:nsfw]", "b [stub:nsfw]"])
    job = workbench.run(JobKind.MULTI_VIDEO, "multi-all-bad", {"scenes": wanted})
    assert (job["status"], job["error"]["code"], job["clips"]) == ("error", "content_rejected", [])


def test_no_more_scenes_than_allowed_are_with_the_provider(workbench: Workbench, picture: Path):
    workbench.settings = replace(workbench.settings, max_parallel_scenes=2)
    ref = JobRef(JobKind.MULTI_VIDEO, "multi-limited")
    before = workbench.replicate.creates
    wanted = scenes(workbench.publish(picture), [f"limited {number}" for number in range(5)])
    workbench.write(ref.path, {"user_id": USER, "status": "pending", "scenes": wanted})
    workbench.wake(ref, CreatedWake())
    assert workbench.replicate.creates - before == 2
    job = workbench.finish(ref)
    assert len(job["clips"]) == 5
    assert workbench.replicate.creates - before == 5


def test_an_interrupted_scene_is_repeated_alone(workbench: Workbench, picture: Path):
    before = workbench.replicate.creates
    wanted = scenes(workbench.publish(picture), ["calm", "again [stub:interrupt-once]"])
    job = workbench.run(JobKind.MULTI_VIDEO, "multi-again", {"scenes": wanted})
    assert (job["status"], len(job["clips"])) == ("complete", 2)
    assert workbench.replicate.creates - before == 3


def test_another_users_scene_is_refused_before_anything_is_paid(workbench: Workbench, picture: Path):
    foreign = {"user_id": "somebody-else", "state": "image", "generation_status": {"video": "generating"}}
    workbench.write("scenes/multi-foreign", foreign)
    own = workbench.scene("multi-own")
    before = workbench.replicate.creates
    first, second = scenes(workbench.publish(picture), ["one", "two"])
    wanted = [{**first, "scene_id": own}, {**second, "scene_id": "multi-foreign"}]
    job = workbench.run(JobKind.MULTI_VIDEO, "multi-foreign", {"scenes": wanted})
    assert (job["status"], job["error"]["code"]) == ("error", "permission_denied")
    assert workbench.replicate.creates == before
    assert workbench.read("scenes/multi-foreign") == foreign


def test_long_scenes_do_not_cost_a_job_its_clips(workbench: Workbench, picture: Path):
    """Twenty scenes of as many letters as a scene may have: a quarter of what a document holds, as they are sent."""
    url = workbench.publish(picture)
    scenes = [
        {"scene_number": n, "seed_image_url": url, "duration": 2.0, "description": "波" * 3990 + f" {n}"}
        for n in range(1, 21)
    ]
    job = workbench.run(JobKind.MULTI_VIDEO, "long-scenes", {"scenes": scenes})
    assert (job["status"], job["error"]) == ("complete", None)
    assert len(job["clips"]) == 20
