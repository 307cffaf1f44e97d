"""Jobs that follow an earlier one: the same request again, and a retry that pays only for what is missing."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.domain.jobs import CreatedWake, Job, JobKind, JobRef, TaskWake
from pipeline.domain.results import RESULT_FIELDS, results_of
from pipeline.repositories.job_documents import CLAIMED
from tests.handlers.conftest import USER, Workbench
from tests.handlers.test_generate_multi_video import scenes

MACHINERY = {
    *(
        "job_id",
        "user_id",
        "status",
        "stage",
        "progress_percent",
        "attempt",
        "turn",
        "interruptions",
        "steps",
        "claim_id",
        "schema_version",
        "min_reader_version",
        CLAIMED,
    ),
    *("lease_expires_at", "wake_at", "wake_requested", "started_at", "updated_at", "completed_at", "expire_at"),
    *("error", "error_message", "cost_usd", "estimated_cost_usd", "usage_day", "reserved_microusd"),
}


def job_at(workbench: Workbench, kind: JobKind, job_id: str) -> Job:
    return workbench.desk().jobs.get(JobRef(kind, job_id))


def image(workbench: Workbench, scene: str, text: str = "A lighthouse", **fields: Any) -> dict[str, Any]:
    return {"scene_id": workbench.scene(scene), "text": text, **fields}


def test_the_same_request_again_gets_the_first_ones_result(workbench: Workbench):
    fields = image(workbench, "same", "Only once", request_id="click-1")
    first = workbench.run(JobKind.IMAGE, "same-1", fields)
    before = workbench.replicate.creates
    second = workbench.run(JobKind.IMAGE, "same-2", fields)
    assert workbench.replicate.creates == before
    assert (second["status"], second["cost_usd"]) == ("complete", 0.0)
    for name in ("image_url", "image_key", "thumbnail_url", "width", "height", "seed", "model"):
        assert second[name] == first[name]


def test_every_result_is_handed_on(workbench: Workbench, picture: Path):
    """What the kinds hand over is what `results_of` copies."""
    url = workbench.publish(picture)
    jobs = {
        JobKind.IMAGE: image(workbench, "results", request_id="r-i"),
        JobKind.VIDEO: {**image(workbench, "results-v", request_id="r-v"), "image_url": url, "duration": 2.0},
        JobKind.MULTI_VIDEO: {"scenes": scenes(url, ["one"]), "request_id": "r-m"},
    }
    made = {kind: workbench.run(kind, "results-1", fields) for kind, fields in jobs.items()}
    clip = {"scene_number": 1, "video_url": made[JobKind.VIDEO]["video_url"]}
    jobs[JobKind.COMPOSITION] = {"clips": [clip], "request_id": "r-c"}
    made[JobKind.COMPOSITION] = workbench.run(JobKind.COMPOSITION, "results-1", jobs[JobKind.COMPOSITION])
    for kind, fields in jobs.items():
        assert made[kind]["status"] == "complete"
        asked = set(fields) - {"duration"}  # which is asked for, and then told
        assert set(made[kind]) - asked - MACHINERY == set(RESULT_FIELDS[kind])
        again = workbench.run(kind, "results-2", fields)
        assert results_of(job_at(workbench, kind, "results-2")) == results_of(job_at(workbench, kind, "results-1"))
        assert again["cost_usd"] == 0.0


def test_a_duplicate_waits_for_the_first_to_end(workbench: Workbench):
    fields = image(workbench, "waits", "Still at work [stub:nsfw]", request_id="click-2")
    one, two = JobRef(JobKind.IMAGE, "waits-1"), JobRef(JobKind.IMAGE, "waits-2")
    for ref in (one, two):
        workbench.write(ref.path, {"user_id": USER, "status": "pending", **fields})
        workbench.wake(ref, CreatedWake())
    turn, at = workbench.tasks.due[two]
    workbench.ahead += at - workbench.now()
    workbench.wake(two, TaskWake(turn))
    assert workbench.read(two.path)["status"] == "processing"
    first, second = workbench.finish(one), workbench.finish(two)
    assert (second["status"], second["error"]["code"]) == ("error", "content_rejected")
    assert second["error_message"] == first["error_message"]


def test_a_request_id_that_is_used_for_something_else_is_refused(workbench: Workbench):
    workbench.run(JobKind.IMAGE, "other-1", image(workbench, "other", "This", request_id="click-3"))
    job = workbench.run(JobKind.IMAGE, "other-2", image(workbench, "other", "That", request_id="click-3"))
    assert (job["status"], job["error"]["code"]) == ("error", "invalid_argument")
    assert "request_id" in job["error_message"]


def test_another_user_may_use_the_same_request_id(workbench: Workbench):
    fields = image(workbench, "users", request_id="click-4")
    workbench.run(JobKind.IMAGE, "users-1", fields)
    workbench.write("scenes/users-b", {"user_id": "user-b"})
    job = workbench.run(JobKind.IMAGE, "users-2", {**fields, "user_id": "user-b", "scene_id": "users-b"})
    assert (job["status"], job["cost_usd"]) == ("complete", 0.003)


def test_a_retry_makes_only_the_scenes_that_failed(workbench: Workbench, picture: Path):
    url = workbench.publish(picture)
    first = workbench.run(
        JobKind.MULTI_VIDEO, "retry-1", {"scenes": scenes(url, ["fine", "bad [stub:nsfw]", "fine as well"])}
    )
    assert first["error"]["code"] == "partial_failure"
    before = workbench.replicate.creates
    again = scenes(url, ["fine", "now it is good", "fine as well"])
    second = workbench.run(JobKind.MULTI_VIDEO, "retry-2", {"scenes": again, "retry_of": "retry-1"})
    assert (second["status"], [clip["scene_number"] for clip in second["clips"]]) == ("complete", [1, 2, 3])
    assert workbench.replicate.creates == before + 1
    assert second["cost_usd"] == pytest.approx(first["cost_usd"] / 3)
    assert [second["clips"][0], second["clips"][2]] == first["clips"]
    assert {clip["video_id"] for clip in second["clips"]} == {"retry-1"}  # all clips of one video
    # and of a retry's retry
    third = workbench.run(JobKind.MULTI_VIDEO, "retry-3", {"scenes": again, "retry_of": "retry-2"})
    assert (third["clips"], third["cost_usd"]) == (second["clips"], 0.0)


def test_what_has_changed_or_is_gone_is_made_anew(workbench: Workbench, picture: Path):
    url = workbench.publish(picture)
    first = workbench.run(JobKind.MULTI_VIDEO, "changed-1", {"scenes": scenes(url, ["one", "two", "three"])})
    workbench.storage.delete_objects([first["clips"][2]["video_key"]])
    before = workbench.replicate.creates
    second = workbench.run(
        JobKind.MULTI_VIDEO,
        "changed-2",
        {"scenes": scenes(url, ["one", "two, but differently", "three"]), "retry_of": "changed-1"},
    )
    assert (second["status"], workbench.replicate.creates - before) == ("complete", 1)
    assert workbench.storage.stat(second["clips"][2]["video_key"]) is not None


def test_a_paid_picture_that_could_not_be_stored_is_not_paid_again(workbench: Workbench):
    storage = workbench.storage

    class NoRoom:
        def __getattr__(self, name: str) -> Any:
            raise MemoryError

    fields = image(workbench, "unstored", "Paid, not stored")
    workbench.storage = NoRoom()  # type: ignore[assignment]
    first = workbench.run(JobKind.IMAGE, "unstored-1", fields)
    assert (first["status"], first["error"]["code"], first["cost_usd"]) == ("error", "out_of_space", 0.003)
    workbench.storage = storage
    before = workbench.replicate.creates
    second = workbench.run(JobKind.IMAGE, "unstored-2", {**fields, "retry_of": "unstored-1"})
    assert (second["status"], second["cost_usd"]) == ("complete", 0.0)
    assert workbench.replicate.creates == before


@pytest.mark.parametrize("retry_of", ["no-such-job", "somebody-elses", "still-running", "..", 7])
def test_a_retry_of_what_cannot_be_retried_says_so(workbench: Workbench, retry_of: object):
    workbench.write("image_generation_jobs/somebody-elses", {"user_id": "user-b", "status": "error"})
    workbench.write("image_generation_jobs/still-running", {"user_id": USER, "status": "processing"})
    before = workbench.replicate.creates
    job = workbench.run(JobKind.IMAGE, f"retry-bad-{retry_of}", image(workbench, "retry-bad", retry_of=retry_of))
    assert (job["status"], job["error"]["code"]) == ("error", "invalid_argument")
    assert "retry_of" in job["error_message"]
    assert workbench.replicate.creates == before
