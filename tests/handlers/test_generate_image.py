"""Image jobs, from the created event to the scene that shows the picture."""

import io
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from localdev.stack.object_stores import LocalFirebaseStorage
from localdev.stack.ports import choose_ports
from pipeline.adapters.firebase_storage import FirebaseStorage
from pipeline.domain.jobs import CreatedWake, JobKind, JobRef
from tests.handlers.conftest import USER, Workbench


def image_job(scene_id: str, text: str = "A lighthouse at dusk", **fields: object) -> dict[str, object]:
    return {"scene_id": scene_id, "text": text, "style_prompt": "watercolour", **fields}


def download(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as response:
        return response.read()


def test_an_image_job_ends_with_a_stored_picture(workbench: Workbench):
    scene_id = workbench.scene("image-happy")
    job = workbench.run(JobKind.IMAGE, "image-happy", image_job(scene_id))

    assert (job["status"], job["stage"], job["progress_percent"], job["error"]) == ("complete", "complete", 100, None)
    picture = Image.open(io.BytesIO(download(job["image_url"])))
    assert (picture.width, picture.height) == (job["width"], job["height"])
    assert picture.height > picture.width
    assert max(Image.open(io.BytesIO(download(job["thumbnail_url"]))).size) <= 480
    assert job["image_key"] == f"{USER}/images/{scene_id}/image-happy.png"
    assert job["cost_usd"] == 0.003
    assert job["prompt_source"] == "template"
    assert job["completed_at"] < job["expire_at"]
    assert job["lease_expires_at"] is None


def test_firebase_storage_serves_the_picture_under_its_token(
    workbench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    ports = choose_ports(["storage", "download"])
    server = LocalFirebaseStorage(ports["storage"], ports["download"], "demo.appspot.com")
    server.start()
    try:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.base_url)
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "demo-words-to-video")
        workbench.storage = FirebaseStorage(server.bucket, server.download_base_url)
        job = workbench.run(JobKind.IMAGE, "image-firebase", image_job(workbench.scene("image-firebase")))
        assert job["status"] == "complete"
        assert f"{server.download_base_url}/v0/b/demo.appspot.com/o/" in job["image_url"]
        assert Image.open(io.BytesIO(download(job["image_url"]))).size == (job["width"], job["height"])
        with pytest.raises(urllib.error.HTTPError, match="403"):
            download(job["image_url"].split("token=")[0] + "token=guessed")
    finally:
        server.stop()


def test_the_scene_shows_the_picture(workbench: Workbench):
    scene_id = workbench.scene("image-scene")
    job = workbench.run(JobKind.IMAGE, "image-scene", image_job(scene_id))
    scene = workbench.read(f"scenes/{scene_id}")
    assert scene["image_url"] == job["image_url"]
    assert scene["state"] == "image"
    assert scene["generation_status"] == {"image": "complete", "video": "pending"}


def ordered(workbench: Workbench, kind: JobKind, name: str) -> list[dict[str, Any]]:
    """The inputs of a job's predictions, as they were sent."""
    records = workbench.desk().predictions.of_job(JobRef(kind, name).path)
    return [dict(record.input) for record in sorted(records, key=lambda record: record.op)]


def test_a_picture_has_the_nearest_shape_that_the_model_offers_and_the_job_says_so(workbench: Workbench):
    fields = image_job(workbench.scene("image-wide"), aspect_ratio="2.39:1")
    job = workbench.run(JobKind.IMAGE, "image-wide", fields)
    assert (job["status"], job["width"], job["height"]) == ("complete", 1536, 640)
    (sent,) = ordered(workbench, JobKind.IMAGE, "image-wide")
    assert (sent["aspect_ratio"], sent["seed"]) == ("21:9", job["seed"])
    assert "Horizontal composition" in sent["prompt"]
    (noted,) = job["adjustments"]
    assert (noted["field"], noted["asked"], noted["used"]) == ("aspect_ratio", "2.39:1", "21:9")
    assert "21:9" in noted["reason"]
    assert job["aspect_ratio"] == "2.39:1"  # what was asked stays what was asked: a retry compares it


def test_another_model_takes_edges_of_any_shape(workbench: Workbench):
    workbench.settings = replace(workbench.settings, image_model="black-forest-labs/flux-1.1-pro")
    fields = image_job(workbench.scene("image-pro"), aspect_ratio="1080:1350")
    job = workbench.run(JobKind.IMAGE, "image-pro", fields)
    assert (job["status"], job["width"], job["height"], job["adjustments"]) == ("complete", 1152, 1440, [])
    assert (job["estimated_cost_usd"], job["cost_usd"]) == (0.04, 0.04)


def test_a_retry_of_another_shape_is_made_anew(workbench: Workbench):
    fields = image_job(workbench.scene("image-reshaped"))
    workbench.run(JobKind.IMAGE, "image-reshaped-1", fields)
    before = workbench.replicate.creates
    again = {**fields, "retry_of": "image-reshaped-1", "aspect_ratio": "16:9"}
    job = workbench.run(JobKind.IMAGE, "image-reshaped-2", again)
    assert (job["status"], job["width"] > job["height"]) == ("complete", True)
    assert workbench.replicate.creates == before + 1


def test_a_seed_of_the_clients_own_is_the_one_that_is_sent(workbench: Workbench):
    job = workbench.run(JobKind.IMAGE, "image-seed", image_job(workbench.scene("image-seed"), seed=7))
    (sent,) = ordered(workbench, JobKind.IMAGE, "image-seed")
    assert (job["status"], job["seed"], sent["seed"]) == ("complete", 7, 7)


def test_an_event_that_comes_twice_is_paid_once(workbench: Workbench):
    scene_id = workbench.scene("image-twice")
    before = workbench.replicate.creates
    workbench.run(JobKind.IMAGE, "image-twice", image_job(scene_id, "Twice delivered"))
    done = workbench.read("image_generation_jobs/image-twice")
    workbench.wake(JobRef(JobKind.IMAGE, "image-twice"), CreatedWake())
    assert workbench.replicate.creates == before + 1
    assert workbench.read("image_generation_jobs/image-twice") == done


def test_a_product_stands_in_the_picture(workbench: Workbench, tmp_path: Path):
    photo = tmp_path / "lamp.png"
    Image.new("RGBA", (200, 300), (200, 0, 200, 120)).save(photo)
    scene_id = workbench.scene("image-product")
    workbench.write("products/product-1", {"user_id": USER, "name": "Lamp", "image_url": workbench.publish(photo)})
    fields = image_job(scene_id, use_product_composite=True, product_id="product-1")
    job = workbench.run(JobKind.IMAGE, "image-product", fields)
    assert job["status"] == "complete"
    assert (job["composite_method"], job["composite_cutout"]) == ("pil", False)


def test_a_product_on_white_stands_where_the_job_says(workbench: Workbench, tmp_path: Path):
    photo = tmp_path / "lamp.png"
    picture = Image.new("RGB", (400, 400), "white")
    picture.paste((200, 0, 200), (100, 50, 300, 350))
    picture.save(photo)
    scene_id = workbench.scene("image-placed")
    workbench.write("products/product-2", {"user_id": USER, "name": "Lamp", "image_url": workbench.publish(photo)})
    placed = {"composite_scale": 0.2, "composite_x": 0.25, "composite_y": 0.5, "composite_match": False}
    fields = image_job(scene_id, use_product_composite=True, product_id="product-2", **placed)
    job = workbench.run(JobKind.IMAGE, "image-placed", fields)
    assert (job["status"], job["composite_method"], job["composite_cutout"]) == ("complete", "pil", True)
    shown = Image.open(io.BytesIO(download(job["image_url"]))).convert("RGB")
    width, height = shown.size
    # 0.2 of the width, in the product's proportions of 2 to 3, standing with its foot at half the height
    tall = width * 0.2 * 1.5
    assert shown.getpixel((round(width * 0.25), round(height * 0.5 - tall / 2))) == (200, 0, 200)
    assert shown.getpixel((round(width * 0.25), round(height * 0.5 - tall * 1.05))) != (200, 0, 200)
    assert shown.getpixel((round(width * 0.37), round(height * 0.5 - tall / 2))) != (200, 0, 200)


def test_a_picture_without_a_product_has_no_method(workbench: Workbench):
    job = workbench.run(JobKind.IMAGE, "image-plain", image_job(workbench.scene("image-plain")))
    assert (job["composite_method"], job["composite_cutout"]) == (None, None)


@pytest.mark.parametrize(
    ("marker", "code"),
    [
        ("[stub:nsfw]", "content_rejected"),
        ("[stub:fail]", "prediction_failed"),
        ("[stub:402]", "insufficient_credit"),
        ("[stub:401]", "configuration_error"),
        ("[stub:422]", "provider_refused"),
        ("[stub:empty]", "prediction_failed"),
        ("[stub:html]", "unsupported_media"),
        ("[stub:gone]", "source_unavailable"),
    ],
)
def test_what_cannot_succeed_is_not_retried_and_the_scene_says_why(workbench: Workbench, marker: str, code: str):
    name = f"image-{marker.strip('[]').replace(':', '-')}"
    scene_id = workbench.scene(name)
    before = workbench.replicate.creates
    job = workbench.run(JobKind.IMAGE, name, image_job(scene_id, f"A lighthouse {marker}"))
    assert (job["status"], job["error"]["code"], job["error"]["retryable"]) == ("error", code, False)
    assert job["error_message"] == job["error"]["message"]
    assert job["attempt"] == 1
    assert workbench.replicate.creates - before <= 1
    scene = workbench.read(f"scenes/{scene_id}")
    assert scene["generation_status"]["image"] == "error"
    assert scene["error_message"] == job["error_message"]


def test_an_interrupted_prediction_is_tried_again_and_both_are_paid(workbench: Workbench):
    scene_id = workbench.scene("image-interrupted")
    job = workbench.run(JobKind.IMAGE, "image-interrupted", image_job(scene_id, "Once more [stub:interrupt-once]"))
    assert (job["status"], job["attempt"]) == ("complete", 2)
    assert job["cost_usd"] == 0.006


def test_three_interruptions_are_enough(workbench: Workbench):
    scene_id = workbench.scene("image-interrupted-always")
    before = workbench.replicate.creates
    job = workbench.run(JobKind.IMAGE, "image-interrupted-always", image_job(scene_id, "Never [stub:interrupt]"))
    assert (job["status"], job["error"]["code"]) == ("error", "prediction_interrupted")
    assert workbench.replicate.creates == before + 3
    assert job["cost_usd"] == 0.009


def test_a_provider_that_asks_to_wait_is_waited_for(workbench: Workbench):
    scene_id = workbench.scene("image-limited")
    job = workbench.run(JobKind.IMAGE, "image-limited", image_job(scene_id, "Slowly [stub:429-once]"))
    assert (job["status"], job["attempt"], job["cost_usd"]) == ("complete", 2, 0.003)


@pytest.mark.parametrize("marker", ["[stub:reset-after-create-once]", "[stub:reset-once]"])
def test_a_create_without_an_answer_is_never_paid_twice(workbench: Workbench, marker: str):
    name = f"image-{marker.strip('[]').replace(':', '-')}"
    scene_id = workbench.scene(name)
    before = workbench.replicate.creates
    job = workbench.run(JobKind.IMAGE, name, image_job(scene_id, f"Unclear {marker}"))
    assert job["status"] == "complete"
    assert workbench.replicate.creates == before + 1
    assert job["cost_usd"] == 0.003


def test_another_users_scene_is_refused_and_not_touched(workbench: Workbench):
    foreign = {"user_id": "somebody-else", "state": "text", "generation_status": {"image": "pending"}}
    workbench.write("scenes/foreign", foreign)
    job = workbench.run(JobKind.IMAGE, "image-foreign", image_job("foreign"))
    assert (job["status"], job["error"]["code"]) == ("error", "permission_denied")
    assert workbench.read("scenes/foreign") == foreign


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"scene_id": "no-such-scene", "text": "x"}, "not_found"),
        ({"scene_id": "__reserved__", "text": "x"}, "invalid_argument"),
        ({"scene_id": "..", "text": "x"}, "invalid_argument"),
        ({"scene_id": "a/b", "text": "x"}, "invalid_argument"),
        ({"scene_id": "x" * 2000, "text": "x"}, "invalid_argument"),
        ({"scene_id": "nul\x00", "text": "x"}, "invalid_argument"),
        ({"scene_id": {"a": [1, {"b": float("nan")}]}, "text": "x"}, "invalid_argument"),
        ({"text": "x"}, "invalid_argument"),
        ({"scene_id": "image-bad", "text": 7}, "invalid_argument"),
        ({"scene_id": "image-bad"}, "invalid_argument"),
        ({"scene_id": "image-bad", "text": "x", "aspect_ratio": "wide"}, "invalid_argument"),
        ({"scene_id": "image-bad", "text": "x", "aspect_ratio": "0:9"}, "invalid_argument"),
        ({"scene_id": "image-bad", "text": "x", "storyboard_id": "none"}, "not_found"),
        ({"scene_id": "image-bad", "text": "x", "use_product_composite": True}, "invalid_argument"),
        ({"scene_id": "image-bad", "text": "x", "use_product_composite": True, "product_id": "none"}, "not_found"),
        ({"scene_id": "image-bad", "text": "x", "user_id": None}, "invalid_argument"),
    ],
)
def test_a_bad_job_costs_nothing_and_says_what_is_wrong(workbench: Workbench, fields: dict, code: str):
    workbench.scene("image-bad")
    before = workbench.replicate.creates
    job = workbench.run(JobKind.IMAGE, f"image-bad-{abs(hash(str(fields)))}", fields)
    assert (job["status"], job["error"]["code"]) == ("error", code)
    assert workbench.replicate.creates == before
    if fields.get("scene_id") == "image-bad" and fields.get("user_id", USER) == USER:
        assert workbench.read("scenes/image-bad")["error_message"] == job["error_message"]


def test_a_scene_that_is_deleted_meanwhile_does_not_keep_the_job(workbench: Workbench):
    scene_id = workbench.scene("image-deleted")
    ref = JobRef(JobKind.IMAGE, "image-deleted")
    workbench.write(ref.path, {"user_id": USER, "status": "pending", **image_job(scene_id)})
    workbench.wake(ref, CreatedWake())
    workbench.client.document(f"scenes/{scene_id}").delete()
    assert workbench.finish(ref)["status"] == "complete"
    assert workbench.read(f"scenes/{scene_id}") == {}
