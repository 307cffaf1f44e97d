"""Jobs whose clients choose the seed: it is the one that is used, shown, and compared by a retry."""

from pathlib import Path
from typing import Any

from pipeline.domain.jobs import JobKind
from pipeline.domain.predictions import operation_seed
from tests.handlers.conftest import Workbench

LOST = "[stub:reset-after-create-once]"


def image(workbench: Workbench, name: str, **fields: Any) -> dict[str, Any]:
    return {"scene_id": workbench.scene(name), "text": f"A lighthouse {name}", **fields}


def test_two_pictures_have_the_seed_that_both_ask_for(workbench: Workbench):
    before = workbench.replicate.creates
    jobs = [
        workbench.run(JobKind.IMAGE, f"seeded-{n}", {**image(workbench, f"seeded-{n}"), "seed": 201}) for n in (1, 2)
    ]
    assert [(job["status"], job["seed"], job["cost_usd"]) for job in jobs] == [("complete", 201, 0.003)] * 2
    assert workbench.replicate.creates == before + 2


def test_pictures_with_one_seed_and_lost_answers_are_each_paid_once(workbench: Workbench):
    before = workbench.replicate.creates
    for name in ("lost-1", "lost-2"):
        fields = image(workbench, name, seed=202)
        job = workbench.run(JobKind.IMAGE, name, {**fields, "text": f"{fields['text']} {LOST}"})
        assert (job["status"], job["seed"], job["cost_usd"]) == ("complete", 202, 0.003)
        assert f"A lighthouse {name}" in job["prompt"]
    assert workbench.replicate.creates == before + 2


def test_a_retry_with_the_seed_that_is_shown_costs_nothing_and_one_with_another_is_made(workbench: Workbench):
    fields = image(workbench, "seed-shown")
    first = workbench.run(JobKind.IMAGE, "seed-shown-1", fields)
    assert first["seed"] == operation_seed("image~seed-shown-1~predict~1")
    again = {**fields, "retry_of": "seed-shown-1"}
    costs = [
        workbench.run(JobKind.IMAGE, f"seed-shown-{number}", {**again, **seed})["cost_usd"]
        for number, seed in ((2, {}), (3, {"seed": first["seed"]}), (4, {"seed": 203}))
    ]
    assert costs == [0.0, 0.0, 0.003]


def test_a_clip_has_its_seed_and_a_retry_without_one_does_not_take_it(workbench: Workbench, picture: Path):
    fields = {"scene_id": workbench.scene("seed-clip"), "image_url": workbench.publish(picture), "text": "Waves"}
    first = workbench.run(JobKind.VIDEO, "seed-clip-1", {**fields, "duration": 2.0, "seed": 204})
    assert (first["status"], first["seed"]) == ("complete", 204)
    again = {**fields, "duration": 2.0, "retry_of": "seed-clip-1"}
    same = workbench.run(JobKind.VIDEO, "seed-clip-2", {**again, "seed": 204})
    other = workbench.run(JobKind.VIDEO, "seed-clip-3", again)
    assert (same["cost_usd"], same["seed"]) == (0.0, 204)
    assert other["cost_usd"] > 0
    assert other["seed"] == operation_seed("video~seed-clip-3~predict~1")


def test_the_scenes_of_a_job_have_seeds_that_count_up(workbench: Workbench, picture: Path):
    url = workbench.publish(picture)
    scenes = [
        {"scene_number": number, "seed_image_url": url, "duration": 2.0, "description": f"Scene {number}"}
        for number in (8, 3)
    ]
    job = workbench.run(JobKind.MULTI_VIDEO, "seed-scenes", {"scenes": scenes, "seed": 2**31 - 1})
    assert (job["status"], len(job["clips"]), job["seed"]) == ("complete", 2, 2**31 - 1)
    records = workbench.tools().predictions.of_job("multi_video_jobs/seed-scenes")
    assert {record.op.split("~")[2]: record.input["seed"] for record in records} == {
        "scene_8_predict": 2**31 - 1,
        "scene_3_predict": 0,
    }
