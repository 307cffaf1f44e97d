"""The stand-in for Replicate, with Replicate's own SDK where it can and plain HTTP where it cannot."""

import io
import json
import time
from pathlib import Path
from typing import Any

import av
import httpx
import pytest
import replicate
from PIL import Image, ImageChops, ImageStat
from replicate.webhook import Webhooks

from localdev.stack.loopback import Exchange, LoopbackServer
from localdev.stub_replicate import StubReplicate
from localdev.stub_replicate.clips import render_clip
from localdev.stub_replicate.models import MODELS, RATIOS
from localdev.stub_replicate.pictures import SIZES
from pipeline.adapters.media_probe import probe_media
from tests.media_samples import MediaSamples

FLUX, SEEDANCE = "black-forest-labs/flux-schnell", "bytedance/seedance-1-lite"
FLUX_PRO = "black-forest-labs/flux-1.1-pro"


def uploaded(http: httpx.Client, picture: Image.Image) -> str:
    """Its URL; PNG."""
    content = io.BytesIO()
    picture.save(content, "PNG")
    answer = http.post("/v1/files", files={"content": ("p.png", content.getvalue(), "image/png")})
    return str(answer.json()["urls"]["get"])


def create(http: httpx.Client, prompt: str, model: str = FLUX, **fields: Any) -> httpx.Response:
    return http.post(f"/v1/models/{model}/predictions", json={"input": {"prompt": prompt, **fields}})


def ended(http: httpx.Client, prediction: dict[str, Any]) -> dict[str, Any]:
    for _ in range(400):
        found = http.get(f"/v1/predictions/{prediction['id']}").json()
        if found["status"] in ("succeeded", "failed", "canceled", "aborted"):
            return found
        time.sleep(0.02)
    raise AssertionError(found)


def test_the_sdk_makes_a_picture(stub: StubReplicate):
    client = replicate.Client(api_token="t", base_url=stub.base_url)
    prediction = client.models.predictions.create(
        FLUX, {"prompt": "a lighthouse", "aspect_ratio": "9:16", "output_format": "png", "seed": 7}
    )
    prediction.wait()
    assert prediction.status == "succeeded"
    again, listed = client.predictions.get(prediction.id), client.predictions.list()
    client._client.close()  # the SDK has no other way
    picture = Image.open(io.BytesIO(httpx.get(prediction.output[0]).content))
    assert (picture.format, picture.size) == ("PNG", (768, 1344))
    assert again.input["seed"] == 7
    assert [one.id for one in listed.results] == [prediction.id]


def test_prompts_make_different_pictures(http: httpx.Client):
    outputs = [ended(http, create(http, words).json())["output"][0] for words in ("a night city", "a green forest")]
    pictures = [Image.open(io.BytesIO(http.get(url).content)).convert("RGB").resize((1, 1)) for url in outputs]
    night, forest = (picture.getpixel((0, 0)) for picture in pictures)
    assert sum(night) < sum(forest)
    assert forest[1] > forest[0]


@pytest.mark.parametrize(
    ("model", "fields", "size"),
    [
        (FLUX, {"aspect_ratio": "16:9"}, (1344, 768)),
        (FLUX, {"aspect_ratio": "9:21"}, (640, 1536)),
        (FLUX_PRO, {"aspect_ratio": "custom", "width": 608, "height": 256}, (608, 256)),
    ],
)
def test_a_picture_has_the_shape_that_is_asked_for(http: httpx.Client, model: str, fields: dict[str, Any], size: Any):
    output = ended(http, create(http, "a boat", model, **fields).json())["output"]
    url = output[0] if isinstance(output, list) else output
    assert Image.open(io.BytesIO(http.get(url).content)).size == size


def test_every_ratio_that_a_flux_model_takes_has_a_size():
    named = [
        RATIOS[model] - {"custom", "match_input_image"} for model, family in MODELS.items() if family != "seedance"
    ]
    assert set().union(*named) == set(SIZES)
    for ratio, (width, height) in SIZES.items():
        wide, high = (int(side) for side in ratio.split(":"))
        assert width / height == pytest.approx(wide / high, rel=0.04)


def test_a_fixed_camera_stands_still(media_samples: MediaSamples, tmp_path: Path):
    spread = {}
    for camera_fixed in (False, True):
        content = media_samples.picture().read_bytes()
        clip = tmp_path / f"{camera_fixed}.mp4"
        clip.write_bytes(render_clip(content, "zoom", 1, 2, "480p", camera_fixed=camera_fixed))
        first, last = (frame.to_image().convert("L").resize((48, 84)) for frame in first_and_last(clip))
        spread[camera_fixed] = ImageStat.Stat(ImageChops.difference(first, last)).mean[0]
    assert spread[True] < 1 < spread[False]


def first_and_last(clip: Path) -> tuple[Any, Any]:
    with av.open(clip) as container:
        frames = list(container.decode(video=0))
    return frames[0], frames[-1]


def test_a_picture_becomes_a_moving_clip(http: httpx.Client, media_samples: MediaSamples, tmp_path: Path):
    with media_samples.picture().open("rb") as content:
        uploaded = http.post("/v1/files", files={"content": ("p.png", content, "image/png")}).json()
    answer = create(http, "zoom", SEEDANCE, image=uploaded["urls"]["get"], duration=2, resolution="480p", seed=1)
    done = ended(http, answer.json())
    assert done["status"] == "succeeded"
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(http.get(done["output"]).content)
    video = probe_media(clip).video
    assert video is not None
    assert (video.frame_count, float(video.frame_rate), video.pixel_format) == (49, 24.0, "yuv420p")
    assert (video.width, video.height) == (480, 848)


@pytest.mark.parametrize(
    ("prompt", "status", "error"),
    [
        ("x [stub:nsfw]", "failed", "E005"),
        ("x [stub:fail]", "failed", "RuntimeError"),
        ("x [stub:interrupt]", "failed", "code: PA"),
        ("x [stub:empty]", "succeeded", None),
    ],
)
def test_faults_of_the_model_can_be_ordered(http: httpx.Client, prompt: str, status: str, error: str | None):
    done = ended(http, create(http, prompt).json())
    assert done["status"] == status
    assert done["output"] is None
    assert (error in done["error"]) if error else done["error"] is None


@pytest.mark.parametrize(
    ("marker", "status"), [("402", 402), ("401", 401), ("422", 422), ("500", 500), ("429-once", 429)]
)
def test_refusals_can_be_ordered_and_start_nothing(http: httpx.Client, stub: StubReplicate, marker: str, status: int):
    answer = create(http, f"x [stub:{marker}]")
    assert answer.status_code == status
    assert stub.creates == 0
    if marker.endswith("-once"):
        assert answer.json()["retry_after"] == 1
        assert create(http, f"x [stub:{marker}]").status_code == 202


def test_an_answer_can_get_lost_after_the_create(http: httpx.Client, stub: StubReplicate):
    with pytest.raises(httpx.TransportError):
        create(http, "x [stub:reset-after-create-once]")
    with pytest.raises(httpx.TransportError):
        create(http, "y [stub:reset-once]")
    assert stub.creates == 1


@pytest.mark.parametrize(
    ("model", "fields", "status"),
    [
        ("no/such-model", {}, 404),
        (SEEDANCE, {}, 422),
        (SEEDANCE, {"image": "https://x", "duration": 1}, 422),
        (SEEDANCE, {"image": "https://x", "resolution": "4k"}, 422),
        (FLUX, {"output_format": "tiff"}, 422),
        (FLUX, {"seed": "x"}, 422),
        (FLUX, {"aspect_ratio": "2:1"}, 422),
        (FLUX, {"aspect_ratio": "custom", "width": 512, "height": 512}, 422),
        (FLUX, {"num_outputs": 5}, 422),
        (FLUX_PRO, {"aspect_ratio": "21:9"}, 422),
        (FLUX_PRO, {"aspect_ratio": "custom", "width": 800}, 422),
        (FLUX_PRO, {"aspect_ratio": "custom", "width": 810, "height": 1440}, 422),
        (FLUX_PRO, {"aspect_ratio": "custom", "width": 224, "height": 1440}, 422),
        (FLUX_PRO, {"aspect_ratio": "custom", "width": 1472, "height": 256}, 422),
        (FLUX_PRO, {"aspect_ratio": "custom", "width": 800.0, "height": 1440}, 422),
        (FLUX_PRO, {"aspect_ratio": "custom", "width": 800, "height": 1440}, 202),
        (SEEDANCE, {"image": "https://x", "duration": 13}, 422),
        (SEEDANCE, {"image": "https://x", "duration": 5.0}, 422),
        (SEEDANCE, {"image": "https://x", "camera_fixed": "true"}, 422),
        (SEEDANCE, {"image": "https://x", "aspect_ratio": "4:5"}, 422),
    ],
)
def test_wrong_inputs_are_refused(http: httpx.Client, model: str, fields: dict[str, Any], status: int):
    assert create(http, "x", model, **fields).status_code == status


def test_a_token_is_needed(http: httpx.Client):
    assert http.get("/v1/predictions", headers={"authorization": ""}).status_code == 401
    assert http.get("/v1/predictions", headers={"authorization": "Bearer revoked"}).status_code == 401
    assert http.post(f"/v1/models/{FLUX}/predictions", json={"input": {}, "more": 1}).status_code == 422


def test_canceling_is_free_before_the_start_only(http: httpx.Client):
    before = create(http, "x [stub:stuck]").json()
    http.post(f"/v1/predictions/{before['id']}/cancel")
    assert ended(http, before)["status"] == "aborted"
    running = create(http, "x [stub:slow]").json()
    while http.get(f"/v1/predictions/{running['id']}").json()["status"] == "starting":
        time.sleep(0.02)
    http.post(f"/v1/predictions/{running['id']}/cancel")
    assert ended(http, running)["status"] == "canceled"


def test_cancel_after_is_kept(http: httpx.Client):
    path = f"/v1/models/{FLUX}/predictions"
    answer = http.post(path, json={"input": {"prompt": "x [stub:stuck]"}}, headers={"Cancel-After": "1s"})
    assert ended(http, answer.json())["status"] == "aborted"


def test_prefer_wait_holds_the_answer_back(http: httpx.Client):
    path = f"/v1/models/{FLUX}/predictions"
    answer = http.post(path, json={"input": {"prompt": "x"}}, headers={"Prefer": "wait=10"})
    assert (answer.status_code, answer.json()["status"]) == (201, "succeeded")


def test_the_listing_has_pages(http: httpx.Client):
    for number in range(101):
        create(http, f"{number} [stub:stuck]")
    first = http.get("/v1/predictions").json()
    assert (len(first["results"]), first["results"][0]["input"]["prompt"]) == (100, "100 [stub:stuck]")
    second = http.get(first["next"]).json()
    assert [found["input"]["prompt"] for found in second["results"]] == ["0 [stub:stuck]"]
    later = http.get("/v1/predictions", params={"created_after": first["results"][2]["created_at"]}).json()
    assert len(later["results"]) == 3


def test_an_hour_later_the_data_is_gone(http: httpx.Client, stub: StubReplicate):
    done = ended(http, create(http, "x").json())
    stub.expire_after_seconds = 0.0
    gone = http.get(f"/v1/predictions/{done['id']}").json()
    assert (gone["data_removed"], gone["output"], gone["input"]) == (True, None, {})


def test_webhooks_are_signed_as_the_sdk_expects(http: httpx.Client, stub: StubReplicate):
    got: list[tuple[dict[str, str], bytes]] = []

    class Receiver(Exchange):
        def do_POST(self) -> None:
            got.append((dict(self.headers), self.body()))
            self.answer(200)

    with LoopbackServer(Receiver) as receiver:
        body = {
            "input": {"prompt": "x"},
            "webhook": f"{receiver.base_url}/hook?op=1",
            "webhook_events_filter": ["completed"],
        }
        prediction = http.post(f"/v1/models/{FLUX}/predictions", json=body).json()
        ended(http, prediction)
        for _ in range(200):
            if got:
                break
            time.sleep(0.02)
    headers, content = got[0]
    secret = replicate.webhook.WebhookSigningSecret(key=http.get("/v1/webhooks/default/secret").json()["key"])
    lower = {name.lower(): value for name, value in headers.items()}
    Webhooks.validate(headers=lower, body=content.decode(), secret=secret, tolerance=300)
    assert (json.loads(content)["id"], json.loads(content)["status"]) == (prediction["id"], "succeeded")
