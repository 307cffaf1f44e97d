"""Jobs that come with fields that are the functions' own: finished steps, a share of the limits, another job to answer
for. Rules forbid that to clients; a backend that passes on what it gets, or copies a finished job, may well do it.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.domain.jobs import CreatedWake, JobKind, JobRef
from pipeline.domain.quotas import usage_day
from tests.handlers.conftest import USER, Workbench

IMAGE, COMPOSITION = JobKind.IMAGE, JobKind.COMPOSITION
THEIRS = "user-b/secret/theirs.png"
TAKEN_PREDICTION = {"url": "", "model": "theirs", "seed": 1, "reused_from": "theirs"}
TAKEN_PICTURE = {
    "image_url": "https://theirs.test/x",
    "image_key": THEIRS,
    "thumbnail_url": "",
    "thumbnail_key": THEIRS,
    "width": 1,
    "height": 1,
    "size_bytes": 1,
    "composited": False,
}


def done(output: dict[str, Any]) -> dict[str, Any]:
    return {"done": True, "output": output}


def image(workbench: Workbench, name: str, **fields: Any) -> dict[str, Any]:
    return {"scene_id": workbench.scene(name), "text": "A lighthouse", **fields}


def test_no_share_of_the_limits_is_taken_from_a_document(workbench: Workbench):
    day = usage_day(workbench.now())
    paths = (f"users/{USER}/usage/{day}", f"usage/{day}")
    before = [workbench.read(path) for path in paths]
    preset = {"usage_day": "2020-01-01", "reserved_microusd": 10**12, "cost_usd": -5.0, "estimated_cost_usd": -5.0}
    job = workbench.run(IMAGE, "preset-share", image(workbench, "preset-share", **preset))
    assert (job["status"], job["usage_day"], job["cost_usd"], job["reserved_microusd"]) == (
        "complete",
        day,
        0.003,
        3000,
    )
    for path, found in zip(paths, before, strict=True):
        used = workbench.read(path)
        assert used["spent_microusd"] == found.get("spent_microusd", 0) + 3000
        assert used["reserved_microusd"] == found.get("reserved_microusd", 0)
    assert workbench.read(f"users/{USER}/usage/2020-01-01") == {}


@pytest.mark.parametrize("day", ["no day", "2020-13-01", "a/b", "..", "__x__"])
def test_nor_does_a_day_that_is_none_keep_a_job_from_its_end(workbench: Workbench, day: str):
    name = f"preset-day-{abs(hash(day))}"
    job = workbench.run(IMAGE, name, {"scene_id": "no-such-scene", "text": "x", "usage_day": day})
    assert (job["status"], job["error"]["code"]) == ("error", "not_found")


def test_another_users_job_is_not_answered_with(workbench: Workbench):
    secret = {"user_id": "user-b", "status": "complete", "image_url": "https://theirs.test/secret", "prompt": "secret"}
    workbench.write_claimed("image_generation_jobs/theirs-done", secret)
    preset = {"duplicate_of": "image_generation_jobs/theirs-done"}
    job = workbench.run(IMAGE, "preset-duplicate", image(workbench, "preset-duplicate", **preset))
    assert (job["status"], job["cost_usd"]) == ("complete", 0.003)
    assert job["image_key"].startswith(f"{USER}/")
    assert "duplicate_of" not in job
    assert "secret" not in str(job)


def stored_theirs(workbench: Workbench, picture: Path) -> bytes:
    workbench.storage.upload_file(THEIRS, picture, "image/png")
    return workbench.storage.read_bytes(THEIRS)


def test_no_file_is_taken_from_steps_that_nobody_did(workbench: Workbench, picture: Path):
    theirs = stored_theirs(workbench, picture)
    steps = {"predict": done({**TAKEN_PREDICTION, "stored": TAKEN_PICTURE}), "store": done(TAKEN_PICTURE)}
    for name, preset in (("preset-both", steps), ("preset-predict", {"predict": steps["predict"]})):
        job = workbench.run(IMAGE, name, image(workbench, name, steps=preset, attempt=9, turn=7))
        assert (job["status"], job["cost_usd"], job["reused_from"]) == ("complete", 0.003, None)
        assert job["image_key"].startswith(f"{USER}/")
        assert workbench.storage.read_bytes(job["image_key"]) != theirs


def test_nor_is_one_deleted_for_them(workbench: Workbench, picture: Path):
    theirs = stored_theirs(workbench, picture)
    final = dict.fromkeys(
        ("video_url", "video_key", "poster_url", "poster_key", "thumbnail_url", "thumbnail_key"), THEIRS
    )
    final |= {"warnings": [], "duration": 1.0, "width": 1, "height": 1, "size_bytes": 1}
    # of a video that does not exist: its files would be left behind, so that they are deleted
    steps = {"place": done({"video_id": "preset-gone", "title": "x"}), "compose": done(final)}
    clips = [{"scene_number": 1, "video_url": "http://127.0.0.1:1/x.mp4"}]
    job = workbench.run(COMPOSITION, "preset-composed", {"clips": clips, "steps": steps})
    assert (job["status"], job["error"]["code"]) == ("error", "unsafe_url")
    assert workbench.storage.read_bytes(THEIRS) == theirs


def test_a_retry_uses_no_steps_of_a_job_that_nobody_did(workbench: Workbench, picture: Path):
    stored_theirs(workbench, picture)
    fields = image(workbench, "preset-retry")
    steps = {"predict": done({**TAKEN_PREDICTION, "stored": TAKEN_PICTURE}), "store": done(TAKEN_PICTURE)}
    forged = {"user_id": USER, "status": "error", "steps": steps, "origin_job_id": "x", **fields}
    workbench.write("image_generation_jobs/preset-forged", forged)
    job = workbench.run(IMAGE, "preset-retry", {**fields, "retry_of": "preset-forged"})
    assert (job["status"], job["cost_usd"]) == ("complete", 0.003)
    assert job["image_key"].startswith(f"{USER}/")


def test_a_copy_of_a_finished_job_is_a_job_of_its_own(workbench: Workbench):
    first = workbench.run(IMAGE, "preset-original", image(workbench, "preset-original"))
    copy = {**first, "job_id": "preset-copy", "status": "pending"}
    before = workbench.replicate.creates
    job = workbench.run(IMAGE, "preset-copy", copy)
    assert workbench.replicate.creates == before + 1
    assert (job["status"], job["cost_usd"], job["seed"]) == ("complete", 0.003, first["seed"])
    assert job["image_key"] != first["image_key"]


@pytest.mark.parametrize("status", ["processing", "odd", 7, None])
def test_one_that_says_it_is_running_is_run(workbench: Workbench, status: Any):
    ref = JobRef(IMAGE, f"preset-status-{status}")
    lease = workbench.now() + timedelta(days=900)
    fields = {"user_id": USER, "status": status, "turn": 2**63 - 1, "lease_expires_at": lease, "wake_at": lease}
    workbench.write(ref.path, {**fields, **image(workbench, ref.job_id)})
    workbench.wake(ref, CreatedWake())
    assert workbench.finish(ref)["status"] == "complete"


def test_one_that_says_it_is_over_is_left_alone(workbench: Workbench):
    ref = JobRef(IMAGE, "preset-over")
    fields = {"user_id": USER, "status": "complete", "image_url": "https://restored.test/x"}
    workbench.write(ref.path, {**fields, **image(workbench, ref.job_id)})
    before = workbench.read(ref.path)
    workbench.wake(ref, CreatedWake())
    assert workbench.read(ref.path) == before
