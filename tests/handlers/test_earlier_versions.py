"""A deploy: jobs that earlier versions had begun, as those versions wrote them, are finished by this one."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localdev.stub_replicate import StubReplicate
from pipeline.domain.jobs import CreatedWake, JobRef, SignalWake
from pipeline.domain.schema_versions import SCHEMA_VERSION
from tests.handlers.conftest import USER, Workbench, empty_project
from tests.media_samples import MediaSamples
from tests.versions.mid_flight import FOLDER, Place, put_back

COSTS = {"waiting": 0.003, "died": 0.003, "clip": 0.036, "clips": 0.072, "composed": 0.0, "unclaimed": 0.003}
FILES: dict[str, Path] = {path.stem: path for path in sorted(FOLDER.glob("*.json"))}
WITHOUT_MARK = {"6272195"}
"""Before a5b2f35 a claim left no mark. Whether functions had claimed such a job, or somebody made it up, nobody can
tell: it begins anew, finds its predictions by their ids, and pays nothing again."""


@pytest.mark.parametrize("commit", FILES)
def test_what_an_earlier_version_had_begun_is_finished_and_paid_once(
    commit: str, workbench: Workbench, picture: Path, media_samples: MediaSamples
):
    outputs = {".png": picture, ".mp4": media_samples.moving(seconds=2.0)}
    with empty_project() as client, StubReplicate(image_seconds=0.1, video_seconds=0.3) as replicate:
        hosts = workbench.settings.allowed_http_hosts | {replicate.base_url.removeprefix("http://")}
        bench = Workbench(client, replicate, workbench.r2, replace(workbench.settings, allowed_http_hosts=hosts))
        paths = put_back(FILES[commit], Place(client, replicate, workbench.r2), outputs)
        before = {name: bench.read(path) for name, path in paths.items()}
        assert {name: job["status"] for name, job in before.items()} == {
            **dict.fromkeys(COSTS, "processing"),
            "unclaimed": "pending",
        }
        after = {name: finished(bench, JobRef.of_path(path)) for name, path in paths.items()}
        bench.api.close()
        assert {name: (job["status"], job.get("cost_usd")) for name, job in after.items()} == {
            name: ("complete", pytest.approx(cost)) for name, cost in COSTS.items()
        }
        assert {job["schema_version"] for job in after.values()} == {SCHEMA_VERSION}
        records = [one.to_dict() for one in client.collection("predictions").stream()]
        assert replicate.creates == len(records) == 6
        assert bench.read(f"users/{USER}/usage/active")["job_paths"] == []
        if commit not in WITHOUT_MARK:
            check_that_they_went_on(bench, before, after)


def check_that_they_went_on(bench: Workbench, before: dict[str, Any], after: dict[str, Any]) -> None:
    """No finished step was done again, and of the limits nothing is left reserved."""
    for name, job in before.items():
        assert after[name]["turn"] > job.get("turn", 0)
        done = {step: found["output"] for step, found in job.get("steps", {}).items() if found.get("done")}
        assert {step: after[name]["steps"][step]["output"] for step in done} == done
    days = {job["usage_day"] for job in after.values()}
    usage = [bench.read(f"users/{USER}/usage/{day}") for day in days]
    assert sum(day["reserved_microusd"] for day in usage) == 0
    assert sum(day["spent_microusd"] for day in usage) == round(sum(COSTS.values()) * 1e6)


def finished(bench: Workbench, ref: JobRef) -> dict[str, Any]:
    """The job, seen through from where it is: its next task is due when it said; else the sweeper finds it."""
    job = bench.read(ref.path)
    if job["status"] == "pending":
        bench.wake(ref, CreatedWake())
    elif "document_created_at" not in job:
        bench.wake(ref, SignalWake())
    else:
        bench.tasks.due[ref] = (job["turn"], job["wake_at"])
    return bench.finish(ref)


def test_the_kept_jobs_are_in_the_middle_of_their_work():
    assert "9385c8f" in FILES  # the last one before there were versions
    for path in FILES.values():
        documents = json.loads(path.read_text())["documents"]
        assert documents["image_generation_jobs/rolled-died"]["lease_expires_at"] is not None
        clips = documents["multi_video_jobs/rolled-clips"]["steps"]
        assert [clips.get(f"scene_{number}_store", {}).get("done", False) for number in (1, 2)] == [True, False]
        composed = documents["composition_jobs/rolled-composed"]["steps"]
        assert any(name.startswith("segment_") and step["done"] for name, step in composed.items())
        assert not composed.get("compose", {}).get("done", False)
