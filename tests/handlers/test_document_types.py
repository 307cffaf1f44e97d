"""What functions write is what the types say, field by field: jobs at every turn, and all documents beside them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from localdev.stub_openai import StubOpenAI
from pipeline.domain.clips import ClipDocument, VideoDocument
from pipeline.domain.documents import (
    ActiveJobsDocument,
    ProductDocument,
    SceneDocument,
    StoryboardDocument,
    UsageDayDocument,
)
from pipeline.domain.errors import DatabaseRefused
from pipeline.domain.jobs import CreatedWake, JobKind, JobRef
from pipeline.domain.quotas import Limits
from tests.handlers.composition_jobs import ONE_PIECE, CompositionJob
from tests.handlers.conftest import USER, Workbench
from tests.handlers.test_generate_multi_video import scenes
from tests.media_samples import MediaSamples
from tests.typed_documents import check_document, check_job

IMAGE, VIDEO, MULTI_VIDEO, COMPOSITION = JobKind.IMAGE, JobKind.VIDEO, JobKind.MULTI_VIDEO, JobKind.COMPOSITION


@pytest.fixture
def bench(workbench: Workbench, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    """A workbench that checks each job's document whenever it is read: so at every turn, and in the end."""
    read = workbench.read

    def read_and_check(path: str) -> dict[str, Any]:
        document = read(path)
        kinds = [kind for kind in JobKind if path.startswith(f"{kind.collection}/")]
        for kind in kinds:
            check_job(kind, document)
        return document

    monkeypatch.setattr(workbench, "read", read_and_check)
    return workbench


def run(bench: Workbench, kind: JobKind, name: str, **fields: Any) -> dict[str, Any]:
    """A job of a client that writes times and ids, too."""
    ref, now = JobRef(kind, name), bench.now()
    bench.write(ref.path, {"job_id": name, "user_id": USER, "status": "pending", "created_at": now, **fields})
    assert bench.read(ref.path)["status"] == "pending"
    bench.wake(ref, CreatedWake())
    return bench.finish(ref)


def image(bench: Workbench, name: str, text: str = "A lighthouse", **fields: Any) -> dict[str, Any]:
    return run(bench, IMAGE, name, scene_id=bench.scene(name), text=text, **fields)


def usage(bench: Workbench, job: Mapping[str, Any]) -> None:
    for path in (f"users/{USER}/usage/{job['usage_day']}", f"usage/{job['usage_day']}"):
        check_document(UsageDayDocument, bench.read(path))
    check_document(ActiveJobsDocument, bench.read(f"users/{USER}/usage/active"))


def test_a_story_and_all_that_is_written_for_it(bench: Workbench, openai_account: StubOpenAI, tmp_path: Path):
    bench.settings = replace(bench.settings, prompt_writer="openai")
    photo = tmp_path / "types-lamp.png"
    Image.new("RGB", (60, 90), (200, 0, 0)).save(photo)
    lamp = {"user_id": USER, "name": "Lamp", "image_url": bench.publish(photo), "created_at": bench.now()}
    board = {"user_id": USER, "title": "A story", "style": "cinematic", "aspect_ratio": "9:16", "total_duration": 5}
    bench.write("products/types-lamp", lamp)
    bench.write("storyboards/types", {**board, "scene_order": ["types"], "updated_at": bench.now()})
    told = {"text": "A table", "style_prompt": "", "video_duration": 2.5, "use_product_composite": True}
    scene_id = bench.scene("types", storyboard_id="types", product_id="types-lamp", created_at=bench.now(), **told)
    named = {"scene_id": scene_id, "storyboard_id": "types", "text": "A table"}
    product = {"use_product_composite": True, "product_id": "types-lamp", "composite_scale": 0.5}
    picture = run(bench, IMAGE, "types", **named, **product, aspect_ratio="2.4:1", seed=None, request_id="types")
    assert (picture["status"], picture["composite_method"], picture["prompt_source"]) == ("complete", "pil", "openai")
    assert [one["field"] for one in picture["adjustments"]] == ["aspect_ratio"]
    again = run(bench, IMAGE, "types-2", **named, **product, aspect_ratio="2.4:1", seed=None, request_id="types")
    assert (again["duplicate_of"], again["image_url"]) == ("image_generation_jobs/types", picture["image_url"])
    clip = run(bench, VIDEO, "types", **named, image_url=picture["image_url"], duration=2.5, resolution="360p")
    assert (clip["status"], len(clip["adjustments"])) == ("complete", 2)

    scene, storyboard = bench.read("scenes/types"), bench.read("storyboards/types")
    assert "prompts" in scene
    assert "look" in storyboard
    check_document(SceneDocument, scene)
    check_document(StoryboardDocument, storyboard)
    check_document(ProductDocument, bench.read("products/types-lamp"))
    check_document(VideoDocument, bench.read(f"users/{USER}/videos/types"))
    check_document(ClipDocument, bench.read(f"users/{USER}/videos/types/clips/{clip['clip_id']}"))
    usage(bench, clip)


def test_of_many_scenes_some_fail_and_are_tried_again(bench: Workbench, picture: Path):
    url, scene_ids = bench.publish(picture), [bench.scene("types-one"), bench.scene("types-two")]
    first, second = scenes(url, ["fine", "bad [stub:nsfw]"])
    wanted = [{**first, "scene_id": scene_ids[0]}, {**second, "scene_id": scene_ids[1]}]
    failed = run(bench, MULTI_VIDEO, "types-some", scenes=wanted, clips=[], progress_percent=0, audio_url=None)
    assert (failed["error"]["code"], len(failed["clips"])) == ("partial_failure", 1)
    assert failed["scene_errors"][0]["categories"] == []
    for scene_id in scene_ids:
        check_document(SceneDocument, bench.read(f"scenes/{scene_id}"))
    wanted[1]["description"] = "better"
    retry = run(bench, MULTI_VIDEO, "types-retry", scenes=wanted, retry_of="types-some", seed=None)
    assert (retry["status"], retry["origin_job_id"], retry["scene_errors"]) == ("complete", "types-some", [])
    check_document(VideoDocument, bench.read(f"users/{USER}/videos/types-some"))


def test_a_composition_of_several_turns_and_its_warnings(bench: Workbench, media_samples: MediaSamples):
    sources = [media_samples.solid(color, seconds=2.0) for color in ("black", "red")]
    job = CompositionJob(bench, "types-parts", sources, title="A story", transition="dissolve", audio_url=None)
    job.create(ONE_PIECE)
    *_, last = job.finish()
    assert (last["status"], last["turn"] > 1) == ("complete", True)
    assert {one["code"] for one in last["warnings"]} == {"black", "frozen"}
    check_document(VideoDocument, bench.read(f"users/{USER}/videos/types-parts"))


def test_what_was_made_before_is_used_again(bench: Workbench):
    bench.settings = replace(bench.settings, reuse_days=1)
    assert image(bench, "types-made", "A types test")["reused_from"] is None
    assert image(bench, "types-again", "A types test")["reused_from"] == "types-made"


@pytest.mark.parametrize(
    ("text", "code"),
    [("[stub:nsfw]", "content_rejected"), ("[stub:interrupt]", "prediction_interrupted"), ("[stub:422]", None)],
)
def test_a_picture_that_fails(bench: Workbench, text: str, code: str | None):
    job = image(bench, f"types-{code}", text)
    assert job["error"]["code"] == (code or "provider_refused")
    check_document(SceneDocument, bench.read(f"scenes/types-{code}"))


def test_a_job_that_is_canceled_while_it_runs(bench: Workbench):
    ref = JobRef(IMAGE, "types-cancel")
    slow = {"scene_id": bench.scene("types-cancel"), "text": "A slow one [stub:slow]"}
    bench.write(ref.path, {"user_id": USER, "status": "pending", **slow})
    bench.wake(ref, CreatedWake())
    bench.client.document(ref.path).update({"cancel_requested": True})
    assert bench.finish(ref)["status"] == "canceled"


def test_jobs_that_a_limit_refuses_and_that_ask_for_it_before(bench: Workbench):
    bench.settings = replace(bench.settings, limits=Limits(0, 0, 0.0001, 0.0))
    refused = image(bench, "types-refused")
    assert refused["error"]["resets_at"] > refused["started_at"]
    asked = image(bench, "types-asked", dry_run=True)
    assert asked["would_exceed"] == refused["error"]


@pytest.mark.parametrize("kind", JobKind)
def test_a_dry_run_of_every_kind(bench: Workbench, kind: JobKind):
    url = "https://pictures.example/a.png"
    bench.settings = replace(bench.settings, allowed_http_hosts=frozenset())
    scene = {"scene_id": bench.scene("types-dry"), "text": "A lighthouse"}
    fields: Mapping[JobKind, Mapping[str, Any]] = {
        IMAGE: {**scene, "aspect_ratio": "2.4:1"},
        VIDEO: {**scene, "image_url": url, "duration": 2.5},
        MULTI_VIDEO: {"scenes": scenes(url, ["one"])},
        COMPOSITION: {"clips": [{"scene_number": 1, "video_url": url}]},
    }
    job = run(bench, kind, "types-dry", dry_run=True, **fields[kind])
    assert (job["status"], job["would_exceed"]) == ("complete", None)


def test_of_a_job_whose_document_is_full_what_is_left_is_as_the_types_say(workbench: Workbench):
    ref, asked = JobRef(IMAGE, "types-full"), {"scene_id": workbench.scene("types-full"), "text": "[stub:slow]"}
    workbench.write(ref.path, {"job_id": "types-full", "user_id": USER, "status": "pending", **asked})
    workbench.wake(ref, CreatedWake())
    workbench.desk().jobs.bury(ref, workbench.now(), DatabaseRefused("Too large."), 0.0)
    left = workbench.read(ref.path)
    assert not asked.keys() & left
    check_job(IMAGE, {**asked, **left})
