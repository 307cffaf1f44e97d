"""Every function through the real emulators: a document is written, the same document tells the rest."""

import json
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import PermissionDenied

from localdev.stack import LocalStack
from operations.frontend import Frontend
from pipeline.adapters.media_probe import probe_media
from pipeline.domain.clips import ClipDocument, VideoDocument
from pipeline.domain.documents import ActiveJobsDocument, SceneDocument, StoryboardDocument, UsageDayDocument
from pipeline.domain.jobs import JobKind
from tests.media_samples import MediaSamples
from tests.typed_documents import check_document, check_job

pytestmark = pytest.mark.e2e

IMAGE, VIDEO, MULTI_VIDEO, COMPOSITION = JobKind.IMAGE, JobKind.VIDEO, JobKind.MULTI_VIDEO, JobKind.COMPOSITION

SECONDS = 60.0
SCENE = {"text": "A lighthouse at dusk", "style_prompt": "watercolour", "video_duration": 2.0}


def storyboard(frontend: Frontend, scenes: int = 1) -> tuple[str, list[str]]:
    return frontend.create_storyboard("A story", "cinematic", [SCENE] * scenes)


def run(frontend: Frontend, collection: str, fields: dict[str, Any], seconds: float = SECONDS) -> dict[str, Any]:
    return frontend.watch_job(collection, frontend.create_job(collection, fields), seconds)


def image_fields(scene_id: str, text: str = "A lighthouse at dusk") -> dict[str, Any]:
    return {"scene_id": scene_id, "text": text, "style_prompt": "watercolour"}


def test_from_words_to_a_final_video(
    frontend: Frontend, stack: LocalStack, media_samples: MediaSamples, saved: Callable[[str, str], Path]
):
    board_id, scene_ids = storyboard(frontend, scenes=3)
    images = [run(frontend, "image_generation_jobs", image_fields(scene_id)) for scene_id in scene_ids[:2]]
    assert [image["status"] for image in images] == ["complete", "complete"]

    wanted = [
        {
            "scene_number": number,
            "scene_id": scene_ids[number - 1],
            "seed_image_url": image["image_url"],
            "duration": 2.0,
            "description": f"scene {number}",
        }
        for number, image in enumerate(images, start=1)
    ]
    multi = run(frontend, "multi_video_jobs", {"storyboard_id": board_id, "scenes": wanted, "clips": []})
    assert (multi["status"], len(multi["clips"])) == ("complete", 2)

    single = {"scene_id": scene_ids[2], "storyboard_id": board_id, "image_url": images[0]["image_url"]}
    video = run(frontend, "video_generation_jobs", {**single, "text": "scene 3", "duration": 2.0})
    assert video["status"] == "complete"

    clips = [{key: clip[key] for key in ("scene_number", "video_url", "duration")} for clip in multi["clips"]]
    clips.append({"scene_number": 3, "video_url": video["video_url"], "duration": video["duration"]})
    final = run(
        frontend,
        "composition_jobs",
        {
            "storyboard_id": board_id,
            "clips": clips,
            "audio_url": stack.publish(media_samples.music()),
            "include_crossfade": True,
            "optimize_size": False,
            "video_url": None,
        },
    )
    assert (final["status"], final["progress_percent"]) == ("complete", 100)
    probe = probe_media(saved(final["video_url"], "final.mp4"))
    assert probe.video is not None
    assert probe.video.frame_count == 3 * 49 - 2 * 12
    assert probe.audio is not None
    assert saved(final["poster_url"], "poster.jpg").read_bytes()[:2] == b"\xff\xd8"

    # what the user may read of it
    user_id = frontend.user.user_id
    shown = frontend.get(f"users/{user_id}/videos/{board_id}")
    assert (shown["status"], shown["video_url"], shown["clips_count"]) == ("completed", final["video_url"], 3)
    listed = frontend.firestore.collection(f"users/{user_id}/videos/{board_id}/clips").order_by("priority").stream()
    assert [clip.get("status") for clip in listed] == ["completed"] * 3
    assert [frontend.get(f"scenes/{scene_id}")["state"] for scene_id in scene_ids] == ["video"] * 3

    # all of it is of the types that frontends are given
    for kind, job in ((IMAGE, images[0]), (MULTI_VIDEO, multi), (VIDEO, video), (COMPOSITION, final)):
        check_job(kind, job)
    check_document(VideoDocument, shown)
    check_document(StoryboardDocument, frontend.get(f"storyboards/{board_id}"))
    for scene_id in scene_ids:
        check_document(SceneDocument, frontend.get(f"scenes/{scene_id}"))
    check_document(ClipDocument, frontend.get(f"users/{user_id}/videos/{board_id}/clips/{video['clip_id']}"))
    check_document(UsageDayDocument, frontend.get(f"users/{user_id}/usage/{final['usage_day']}"))
    check_document(ActiveJobsDocument, frontend.get(f"users/{user_id}/usage/active"))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("A lighthouse [stub:nsfw]", "content_rejected"),
        ("A lighthouse [stub:402]", "insufficient_credit"),
        ("A lighthouse [stub:gone]", "source_unavailable"),
    ],
)
def test_a_provider_error_shows_on_job_and_scene_within_seconds(frontend: Frontend, text: str, code: str):
    _, (scene_id,) = storyboard(frontend)
    job = run(frontend, "image_generation_jobs", image_fields(scene_id, text), seconds=20.0)
    assert (job["status"], job["error"]["code"]) == ("error", code)
    scene = frontend.get(f"scenes/{scene_id}")
    assert (scene["generation_status"]["image"], scene["error_message"]) == ("error", job["error_message"])


@pytest.mark.parametrize(
    ("collection", "fields", "code"),
    [
        ("image_generation_jobs", {"text": "x", "aspect_ratio": "0:9"}, "invalid_argument"),
        ("video_generation_jobs", {"image_url": "https://127.0.0.1/a.png", "text": "x"}, "unsafe_url"),
        ("multi_video_jobs", {"scenes": [{"scene_number": 1}]}, "invalid_argument"),
        ("composition_jobs", {"clips": [{"scene_number": 1, "video_url": "https://127.0.0.1/a.mp4"}]}, "unsafe_url"),
        ("composition_jobs", {"clips": [{"scene_number": 1, "video_url": "nonsense"}]}, "invalid_argument"),
    ],
)
def test_a_bad_job_of_every_kind_ends_within_seconds(frontend: Frontend, collection: str, fields: dict, code: str):
    _, (scene_id,) = storyboard(frontend)
    named = {"scene_id": scene_id} if collection in ("image_generation_jobs", "video_generation_jobs") else {}
    job = run(frontend, collection, {**named, **fields}, seconds=20.0)
    assert (job["status"], job["error"]["code"]) == ("error", code)
    assert job["error"]["message"]


def test_an_interrupted_model_is_tried_again(frontend: Frontend):
    _, (scene_id,) = storyboard(frontend)
    job = run(frontend, "image_generation_jobs", image_fields(scene_id, f"{time.time()} [stub:interrupt-once]"))
    assert (job["status"], job["attempt"]) == ("complete", 2)


def test_an_answer_that_is_lost_is_not_paid_twice(frontend: Frontend, stack: LocalStack):
    _, (scene_id,) = storyboard(frontend)
    words = f"Lost at {time.time()}"
    job = run(frontend, "image_generation_jobs", image_fields(scene_id, f"{words} [stub:reset-after-create-once]"))
    assert (job["status"], job["cost_usd"]) == ("complete", 0.003)
    with urllib.request.urlopen(f"{stack.urls.replicate_url}/_control/state", timeout=10) as response:
        state = json.load(response)
    assert len([p for p in state["predictions"] if words in p["prompt"]]) == 1


def test_events_that_come_twice_change_nothing(frontend: Frontend, stack: LocalStack):
    from localdev.stack import DeliveryPolicy

    stack.relay.policy = DeliveryPolicy(duplicate_rate=1.0)
    try:
        _, (scene_id,) = storyboard(frontend)
        text = f"Twice {time.time()}"
        job = run(frontend, "image_generation_jobs", image_fields(scene_id, text))
        assert stack.relay.wait_until_idle(20.0)
    finally:
        stack.relay.policy = DeliveryPolicy()
    assert job["status"] == "complete"
    with urllib.request.urlopen(f"{stack.urls.replicate_url}/_control/state", timeout=10) as response:
        state = json.load(response)
    assert len([p for p in state["predictions"] if text in p["prompt"]]) == 1


def test_many_jobs_are_worked_on_at_once(frontend: Frontend, stack: LocalStack):
    _, scene_ids = storyboard(frontend, scenes=4)
    slow = [image_fields(scene_id, "A slow model [stub:slow]") for scene_id in scene_ids]  # 20 times 0.3 s
    jobs = [frontend.create_job("image_generation_jobs", fields) for fields in slow]
    ended = [frontend.watch_job("image_generation_jobs", job_id, SECONDS) for job_id in jobs]
    assert [job["status"] for job in ended] == ["complete"] * 4
    latest_start, first_end = max(job["started_at"] for job in ended), min(job["completed_at"] for job in ended)
    assert latest_start < first_end


def test_a_client_may_cancel_and_nothing_else(frontend: Frontend):
    _, (scene_id,) = storyboard(frontend)
    job_id = frontend.create_job("image_generation_jobs", image_fields(scene_id, "Slow [stub:stuck]"))
    frontend.cancel_job("image_generation_jobs", job_id)
    job = frontend.watch_job("image_generation_jobs", job_id, SECONDS)
    assert job["status"] == "canceled"
    with pytest.raises(PermissionDenied):
        frontend.firestore.document(f"image_generation_jobs/{job_id}").update({"status": "complete"})
    with pytest.raises(PermissionDenied):
        frontend.create_job("image_generation_jobs", {**image_fields(scene_id), "user_id": "somebody-else"})
