"""Video jobs, from the created event to the clip document."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.adapters.media_probe import probe_media
from pipeline.adapters.placeholders import placeholder_of
from pipeline.adapters.replicate_api import ReplicateApi
from pipeline.domain.jobs import CreatedWake, JobKind, JobRef, TaskWake
from pipeline.domain.quotas import Limits
from pipeline.repositories.clips import ClipRepository
from pipeline.repositories.videos import VideoRepository
from tests.handlers.conftest import USER, Workbench
from tests.handlers.test_generate_image import ordered


def video_job(scene_id: str, image_url: str, text: str = "A lighthouse at dusk", **fields: object) -> dict[str, object]:
    return {"scene_id": scene_id, "image_url": image_url, "text": text, "duration": 2.0, **fields}


def test_a_video_job_ends_with_a_stored_clip(workbench: Workbench, picture: Path, tmp_path: Path):
    scene_id = workbench.scene("video-happy")
    job = workbench.run(JobKind.VIDEO, "video-happy", video_job(scene_id, workbench.publish(picture)))

    assert (job["status"], job["progress_percent"]) == ("complete", 100)
    clip = tmp_path / "clip.mp4"
    workbench.tools().storage.download_file(job["video_key"], clip)
    probe = probe_media(clip)
    assert probe.video is not None
    assert (probe.video.frame_count, float(probe.video.frame_rate)) == (49, 24.0)
    assert job["duration"] == pytest.approx(2.04, abs=0.03)
    assert job["file_size_bytes"] == clip.stat().st_size
    assert job["cost_usd"] == pytest.approx(0.036)
    thumbnail = tmp_path / "thumbnail.jpg"
    workbench.tools().storage.download_file(job["thumbnail_key"], thumbnail)
    assert job["placeholder"] == placeholder_of(thumbnail.read_bytes())
    scene = workbench.read(f"scenes/{scene_id}")
    assert (scene["state"], scene["video_url"]) == ("video", job["video_url"])


def test_a_clip_is_made_and_paid_as_the_model_offers_it(workbench: Workbench, picture: Path):
    """480p is what the deployment makes when nobody asks."""
    asked = {"duration": 2.4, "resolution": "800p", "camera_fixed": True}
    fields = video_job(workbench.scene("video-asked"), workbench.publish(picture), **asked)
    job = workbench.run(JobKind.VIDEO, "video-asked", fields)
    assert (job["status"], min(job["width"], job["height"])) == ("complete", 704)
    (sent,) = ordered(workbench, JobKind.VIDEO, "video-asked")
    assert (sent["duration"], sent["resolution"], sent["camera_fixed"]) == (2, "720p", True)
    assert "camera movement" not in sent["prompt"]
    assert [(one["field"], one["asked"], one["used"]) for one in job["adjustments"]] == [
        ("duration", 2.4, 2),
        ("resolution", "800p", "720p"),
    ]
    assert job["estimated_cost_usd"] == job["cost_usd"] == pytest.approx(2 * 0.036)


def test_a_dearer_resolution_counts_against_the_limit_before_it_is_ordered(workbench: Workbench, picture: Path):
    workbench.settings = replace(workbench.settings, limits=Limits(0, 0, 0.05, 0.0))
    user = "user-with-480p"
    before = workbench.replicate.creates
    outcomes = {}
    for resolution in ("720p", "480p"):  # 0.072 and 0.036 dollars
        workbench.write(f"scenes/video-limit-{resolution}", {"user_id": user})
        fields = video_job(f"video-limit-{resolution}", workbench.publish(picture), resolution=resolution)
        job = workbench.run(JobKind.VIDEO, f"video-limit-{resolution}", {**fields, "user_id": user})
        outcomes[resolution] = job["status"]
    assert outcomes == {"720p": "error", "480p": "complete"}
    assert workbench.replicate.creates == before + 1


def test_a_retry_in_another_resolution_is_made_anew(workbench: Workbench, picture: Path):
    fields = video_job(workbench.scene("video-sharper"), workbench.publish(picture))
    first = workbench.run(JobKind.VIDEO, "video-sharper-1", fields)
    before = workbench.replicate.creates
    again = workbench.run(JobKind.VIDEO, "video-sharper-2", {**fields, "retry_of": "video-sharper-1"})
    assert (again["cost_usd"], workbench.replicate.creates) == (0.0, before)
    sharper = {**fields, "retry_of": "video-sharper-1", "resolution": "720p"}
    third = workbench.run(JobKind.VIDEO, "video-sharper-3", sharper)
    assert (third["status"], third["height"] > first["height"]) == ("complete", True)
    assert workbench.replicate.creates == before + 1


@pytest.mark.parametrize("wrong", [{"resolution": "hd"}, {"camera_fixed": "yes"}])
def test_a_wish_that_is_none_is_refused_unpaid(workbench: Workbench, picture: Path, wrong: dict[str, object]):
    (name,) = wrong
    before = workbench.replicate.creates
    fields = video_job(workbench.scene(f"video-{name}"), workbench.publish(picture), **wrong)
    job = workbench.run(JobKind.VIDEO, f"video-{name}", fields)
    assert (job["status"], job["error"]["code"]) == ("error", "invalid_argument")
    assert f"'{name}'" in job["error_message"]
    assert workbench.replicate.creates == before


def test_the_clip_becomes_a_clip_document_of_its_storyboard(workbench: Workbench, picture: Path):
    workbench.scene("video-board-a")
    scene_id = workbench.scene("video-board-b")
    workbench.write(
        "storyboards/board-1",
        {"user_id": USER, "title": "Story", "style": "Film noir", "scene_order": ["video-board-a", scene_id]},
    )
    fields = video_job(scene_id, workbench.publish(picture), storyboard_id="board-1")
    job = workbench.run(JobKind.VIDEO, "video-board", fields)

    clip = ClipRepository(USER, "board-1", client=workbench.client).get_clip(job["clip_id"])
    assert clip is not None
    assert clip["filename"] == "clip_02_02_a-lighthouse-at-dusk_film_noir.mp4"
    assert (clip["status"], clip["has_thumbnail"], clip["style"]) == ("completed", True, "film_noir")
    assert clip["r2_key"] == f"{USER}/board-1/clips/{clip['filename']}"
    assert clip["file_size_bytes"] == job["file_size_bytes"]
    assert (clip["start_time"], clip["end_time"]) == ("00:00:00", "00:00:02")
    video = VideoRepository(USER, client=workbench.client).get_video("board-1")
    assert video is not None
    assert (video["clips_count"], video["clips_by_style"]) == (1, {"film_noir": 1})
    assert video["video_title"] == "Story"


def test_no_instance_waits_while_the_model_works(workbench: Workbench, picture: Path):
    scene_id = workbench.scene("video-waits")
    ref = JobRef(JobKind.VIDEO, "video-waits")
    workbench.write(ref.path, {"user_id": USER, "status": "pending", **video_job(scene_id, workbench.publish(picture))})
    workbench.wake(ref, CreatedWake())
    job = workbench.read(ref.path)
    assert (job["status"], job["lease_expires_at"]) == ("processing", None)
    assert ref in workbench.tasks.due
    assert workbench.finish(ref)["status"] == "complete"


def test_a_provider_that_is_silent_for_a_while_loses_no_paid_clip(workbench: Workbench, picture: Path):
    ref = JobRef(JobKind.VIDEO, "video-silence")
    fields = video_job(workbench.scene("video-silence"), workbench.publish(picture))
    workbench.write(ref.path, {"user_id": USER, "status": "pending", **fields})
    before = workbench.replicate.creates
    workbench.wake(ref, CreatedWake())
    answering, silent = workbench.api, ReplicateApi("token", "http://127.0.0.1:1")
    workbench.api = silent
    for _ in range(6):
        turn, at = workbench.tasks.due[ref]
        workbench.ahead += at - workbench.now()
        workbench.wake(ref, TaskWake(turn))
    assert (workbench.read(ref.path)["status"], workbench.read(ref.path)["attempt"]) == ("processing", 1)
    workbench.api = answering
    silent.close()
    assert workbench.finish(ref)["status"] == "complete"
    assert workbench.replicate.creates == before + 1


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://127.0.0.1:1/x.png", "unsafe_url"),
        ("http://example.com/x.png", "unsafe_url"),
        ("https://169.254.169.254/latest/meta-data", "unsafe_url"),
        ("https://[::1]/x.png", "unsafe_url"),
    ],
)
def test_a_picture_from_a_private_address_is_refused_unpaid(workbench: Workbench, url: str, code: str):
    scene_id = workbench.scene("video-unsafe")
    before = workbench.replicate.creates
    job = workbench.run(JobKind.VIDEO, f"video-unsafe-{abs(hash(url))}", video_job(scene_id, url))
    assert (job["status"], job["error"]["code"]) == ("error", code)
    assert workbench.replicate.creates == before


def test_a_missing_picture_is_refused_unpaid(workbench: Workbench):
    scene_id = workbench.scene("video-missing")
    before = workbench.replicate.creates
    url = f"{workbench.r2.public_base_url}/no/such.png"
    job = workbench.run(JobKind.VIDEO, "video-missing", video_job(scene_id, url))
    assert (job["status"], job["error"]["code"]) == ("error", "source_unavailable")
    assert workbench.replicate.creates == before
    assert workbench.read(f"scenes/{scene_id}")["generation_status"]["video"] == "error"


def test_a_picture_that_is_none_is_refused_unpaid(workbench: Workbench, tmp_path: Path):
    page = tmp_path / "page.png"
    page.write_text("<html><body>not a picture</body></html>")
    scene_id = workbench.scene("video-html")
    before = workbench.replicate.creates
    job = workbench.run(JobKind.VIDEO, "video-html", video_job(scene_id, workbench.publish(page)))
    assert (job["status"], job["error"]["code"]) == ("error", "unsupported_media")
    assert workbench.replicate.creates == before


def test_that_a_clip_was_not_moderated_is_noted_though_its_model_takes_long(workbench: Workbench, picture: Path):
    workbench.settings = replace(workbench.settings, moderation="on")
    job = workbench.run(
        JobKind.VIDEO, "unasked-clip", video_job(workbench.scene("unasked-clip"), workbench.publish(picture))
    )
    assert (job["status"], [one["field"] for one in job["adjustments"]]) == ("complete", ["moderation"])


def test_a_clip_that_is_only_to_be_stored_shows_so_much_progress(workbench: Workbench, picture: Path):
    """A job that fails keeps the progress it had come to."""
    fields = video_job(workbench.scene("video-gone"), workbench.publish(picture), "A quay [stub:gone]")
    job = workbench.run(JobKind.VIDEO, "video-gone", fields)
    assert (job["status"], job["error"]["code"], job["progress_percent"]) == ("error", "source_unavailable", 80)
