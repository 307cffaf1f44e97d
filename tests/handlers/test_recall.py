"""Who asks for the same again gets the same, at no cost; and nobody gets what is not the same."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipeline.domain.jobs import JobKind
from tests.handlers.conftest import USER, Workbench
from tests.handlers.test_generate_image import download, image_job
from tests.handlers.test_generate_video import video_job


@pytest.fixture
def remembering(workbench: Workbench) -> Workbench:
    workbench.settings = replace(workbench.settings, reuse_days=7)
    return workbench


def run_image(bench: Workbench, name: str, text: str, **fields: object) -> dict[str, Any]:
    """An image job; the scene is named after its text, so that two jobs of one text have one scene."""
    scene_id = bench.scene(f"recall-{text}")
    return bench.run(JobKind.IMAGE, f"recall-{name}", image_job(scene_id, f"A harbour, {text}", **fields))


def test_the_same_picture_is_not_paid_again(remembering: Workbench):
    first = run_image(remembering, "image-1", "same")
    day = f"users/{USER}/usage/{first['usage_day']}"
    before, used = remembering.replicate.creates, remembering.read(day)
    again = run_image(remembering, "image-2", "same")
    assert (again["status"], again["cost_usd"], again["reused_from"]) == ("complete", 0.0, "recall-image-1")
    assert remembering.replicate.creates == before
    assert again["image_key"] != first["image_key"]
    assert download(again["image_url"]) == download(first["image_url"])
    assert download(again["thumbnail_url"]) == download(first["thumbnail_url"])
    same = ("width", "height", "model", "seed", "prompt", "prompt_sha256", "prompt_source", "placeholder", "media_type")
    assert {name: again[name] for name in same} == {name: first[name] for name in same}
    assert first["reused_from"] is None
    usage = remembering.read(day)
    assert [usage[name] for name in ("reserved_microusd", "spent_microusd")] == [
        used[name] for name in ("reserved_microusd", "spent_microusd")
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"force": True},
        {"aspect_ratio": "16:9"},
        {"style_prompt": "oil"},
        {"seed": 7},
    ],
)
def test_what_is_not_quite_the_same_is_made_anew(remembering: Workbench, other: Mapping[str, object]):
    (name,) = other
    run_image(remembering, f"{name}-1", name)
    before = remembering.replicate.creates
    again = run_image(remembering, f"{name}-2", name, **other)
    assert (again["status"], again["reused_from"], remembering.replicate.creates) == ("complete", None, before + 1)


def test_a_seed_of_the_clients_own_is_part_of_what_is_asked(remembering: Workbench):
    jobs = [run_image(remembering, f"seeded-{n}", "seeded", seed=seed) for n, seed in enumerate((7, 7, 8))]
    assert [job["reused_from"] for job in jobs] == [None, "recall-seeded-0", None]
    assert [job["seed"] for job in jobs] == [7, 7, 8]


def test_another_user_pays_for_the_same(remembering: Workbench):
    run_image(remembering, "mine", "of two")
    before = remembering.replicate.creates
    remembering.write("scenes/recall-theirs", {"user_id": "neighbour"})
    fields = {**image_job("recall-theirs", "A harbour, of two"), "user_id": "neighbour"}
    job = remembering.run(JobKind.IMAGE, "recall-theirs", fields)
    assert (job["status"], job["reused_from"], remembering.replicate.creates) == ("complete", None, before + 1)


def test_after_the_days_it_is_made_anew(remembering: Workbench):
    run_image(remembering, "old-1", "old")
    remembering.ahead += timedelta(days=7, seconds=5)
    assert run_image(remembering, "old-2", "old")["reused_from"] is None


def test_zero_days_are_never(workbench: Workbench):
    run_image(workbench, "never-1", "never")
    assert run_image(workbench, "never-2", "never")["reused_from"] is None
    kept = [snapshot.get("job_id") for snapshot in workbench.client.collection(f"users/{USER}/results").stream()]
    assert "recall-never-1" not in kept


def test_a_result_whose_file_is_gone_is_made_anew_and_remembered_again(remembering: Workbench):
    first = run_image(remembering, "gone-1", "gone")
    remembering.storage.delete_objects([first["image_key"]])
    assert run_image(remembering, "gone-2", "gone")["reused_from"] is None
    assert run_image(remembering, "gone-3", "gone")["reused_from"] == "recall-gone-2"


def product(bench: Workbench, folder: Path, name: str, colour: tuple[int, int, int]) -> str:
    photo = folder / f"{name}.png"
    Image.new("RGB", (60, 90), colour).save(photo)
    bench.write(f"products/{name}", {"user_id": USER, "name": "Lamp", "image_url": bench.publish(photo)})
    return name


def test_a_composite_is_the_same_only_with_the_same_product_in_the_same_place(remembering: Workbench, tmp_path: Path):
    lamp = product(remembering, tmp_path, "recall-lamp", (200, 0, 0))
    twin = product(remembering, tmp_path, "recall-twin", (200, 0, 0))  # another document, the same picture
    vase = product(remembering, tmp_path, "recall-vase", (0, 0, 200))
    asked: list[Mapping[str, object]] = [
        {"product_id": lamp},
        {"product_id": lamp},
        {"product_id": twin},
        {"product_id": vase},
        {"product_id": lamp, "composite_scale": 0.3},
    ]
    jobs = [
        run_image(remembering, f"composite-{n}", "composite", use_product_composite=True, **one)
        for n, one in enumerate(asked)
    ]
    assert [job["reused_from"] for job in jobs] == [None, "recall-composite-0", "recall-composite-0", None, None]
    assert (jobs[1]["composite_method"], jobs[1]["composite_cutout"]) == ("pil", jobs[0]["composite_cutout"])
    assert run_image(remembering, "composite-plain", "composite")["reused_from"] is None


def test_the_same_clip_is_copied_into_another_video(remembering: Workbench, picture: Path, tmp_path: Path):
    url = remembering.publish(picture)
    first = remembering.run(JobKind.VIDEO, "recall-clip-1", video_job(remembering.scene("recall-clip"), url, "A ferry"))
    before = remembering.replicate.creates
    moved = tmp_path / "elsewhere.png"
    moved.write_bytes(picture.read_bytes())  # the same picture under another address
    fields = video_job(remembering.scene("recall-clip-b"), remembering.publish(moved), "A ferry")
    again = remembering.run(JobKind.VIDEO, "recall-clip-2", fields)
    assert (again["status"], again["cost_usd"], again["reused_from"]) == ("complete", 0.0, "recall-clip-1")
    assert remembering.replicate.creates == before
    assert again["video_key"] != first["video_key"]
    assert download(again["video_url"]) == download(first["video_url"])
    clip = remembering.read(f"users/{USER}/videos/recall-clip-2/clips/{again['clip_id']}")
    assert (clip["status"], clip["file_size_bytes"]) == ("completed", first["file_size_bytes"])
    assert remembering.read(f"users/{USER}/videos/recall-clip-2")["clips_count"] == 1


def test_a_clip_that_was_overwritten_is_not_taken_for_what_it_was(
    remembering: Workbench, picture: Path, tmp_path: Path
):
    """Keys of clips are made of the scene's number and words: another picture's clip takes the place of the first."""
    other = tmp_path / "other.png"
    Image.open(picture).convert("L").convert("RGB").save(other)
    remembering.write("storyboards/recall-board", {"user_id": USER, "scene_order": ["recall-over"]})
    scene_id = remembering.scene("recall-over")
    urls = [remembering.publish(picture), remembering.publish(other), remembering.publish(picture)]
    jobs = [
        remembering.run(
            JobKind.VIDEO, f"recall-over-{n}", video_job(scene_id, url, "A tide", storyboard_id="recall-board")
        )
        for n, url in enumerate(urls)
    ]
    assert len({job["video_key"] for job in jobs}) == 1
    assert [job["reused_from"] for job in jobs] == [None, None, None]


def test_of_many_scenes_those_that_were_made_before_cost_nothing(remembering: Workbench, picture: Path):
    url = remembering.publish(picture)
    scenes = [
        {"scene_number": n, "seed_image_url": url, "duration": 2.0, "description": f"Wave {n}"} for n in (1, 2, 3)
    ]
    remembering.run(JobKind.MULTI_VIDEO, "recall-multi-1", {"scenes": scenes[:2]})
    before = remembering.replicate.creates
    job = remembering.run(JobKind.MULTI_VIDEO, "recall-multi-2", {"scenes": scenes})
    assert job["status"] == "complete"
    assert [clip["reused_from"] for clip in job["clips"]] == ["recall-multi-1", "recall-multi-1", None]
    assert job["cost_usd"] == pytest.approx(0.036)
    assert remembering.replicate.creates == before + 1


@pytest.mark.parametrize("changed", [{"composite_scale": 0.9}, {"use_product_composite": False}])
def test_a_retry_with_another_composite_is_not_remembered_as_the_first_one(
    remembering: Workbench, tmp_path: Path, changed: Mapping[str, Any]
):
    (name,) = changed
    lamp = product(remembering, tmp_path, f"retry-{name}", (200, 0, 0))
    asked = image_job(remembering.scene(name), f"A desk {name}", use_product_composite=True, product_id=lamp)
    first = remembering.run(JobKind.IMAGE, f"{name}-1", asked)
    retry = remembering.run(JobKind.IMAGE, f"{name}-2", {**asked, **changed, "retry_of": f"{name}-1"})
    assert download(retry["image_url"]) != download(first["image_url"])
    again = remembering.run(JobKind.IMAGE, f"{name}-3", asked)
    assert again["reused_from"] != f"{name}-2"
    assert download(again["image_url"]) == download(first["image_url"])


def test_a_remembered_result_of_another_version_is_none(remembering: Workbench):
    asked = image_job(remembering.scene("newer"), "A newer harbour")
    remembering.run(JobKind.IMAGE, "newer-1", asked)
    for snapshot in remembering.client.collection(f"users/{USER}/results").stream():
        if snapshot.get("job_id") == "newer-1":
            snapshot.reference.update({"output.of_a_newer_version": True})
    job = remembering.run(JobKind.IMAGE, "newer-2", asked)
    assert (job["status"], job["reused_from"]) == ("complete", None)


def test_kontext_is_told_another_name_of_the_product_by_a_picture_of_its_own(remembering: Workbench, tmp_path: Path):
    remembering.settings = replace(remembering.settings, composite_method="kontext")
    lamp = product(remembering, tmp_path, "renamed", (200, 0, 0))
    asked = image_job(remembering.scene("renamed"), "A shelf", use_product_composite=True, product_id=lamp)
    remembering.run(JobKind.IMAGE, "renamed-1", asked)
    remembering.client.document(f"products/{lamp}").update({"name": "Teapot"})
    assert remembering.run(JobKind.IMAGE, "renamed-2", asked)["reused_from"] is None
