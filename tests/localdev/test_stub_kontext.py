"""The stand-ins for Kontext models, and the faults that are aimed at some models only."""

import io
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image, ImageDraw

from localdev.stub_replicate import StubReplicate
from tests.localdev.test_stub_replicate import create, ended, uploaded

KONTEXT = "black-forest-labs/flux-kontext-pro"
TWO_PICTURES = "flux-kontext-apps/multi-image-kontext-pro"
FLUX, OTHER_FLUX = "black-forest-labs/flux-schnell", "black-forest-labs/flux-dev"
SEEDANCE, OTHER_SEEDANCE = "bytedance/seedance-1-lite", "bytedance/seedance-1-pro-fast"
IMAGE = "https://example.com/a.png"


def made(http: httpx.Client, model: str, **fields: Any) -> tuple[str | None, np.ndarray]:
    """(format, pixels) of what a prediction delivers."""
    done = ended(http, create(http, "put it in", model, **fields).json())
    assert done["status"] == "succeeded", done["error"]
    picture = Image.open(io.BytesIO(http.get(done["output"]).content))
    return picture.format, np.asarray(picture.convert("RGB")).astype(int)


def mug(background: tuple[int, ...], mode: str) -> Image.Image:
    """Blue, 100 wide and 200 high, in the middle of a picture."""
    picture = Image.new(mode, (300, 400), background)
    ImageDraw.Draw(picture).rectangle((100, 100, 199, 299), fill=(20, 40, 200, 255)[: len(mode)])
    return picture


def test_a_composite_comes_back_warmer_darker_in_its_corners_and_in_its_size(http: httpx.Client):
    composite = Image.new("RGB", (600, 900), (120, 120, 120))
    composite.paste((20, 40, 200), (250, 400, 350, 600))
    fields = {"input_image": uploaded(http, composite), "aspect_ratio": "match_input_image"}
    image_format, pixels = made(http, KONTEXT, output_format="png", seed=7, **fields)
    assert (image_format, pixels.shape) == ("PNG", (900, 600, 3))
    red, _, blue = pixels[200, 300]
    assert red > blue + 8  # warmer
    assert pixels[5, 5].sum() < 0.85 * pixels[200, 300].sum()  # darker in the corner
    product = pixels[500, 300]
    assert product[2] > product[1] + 80 > product[0] + 80  # what was in it still is, where it was
    again = made(http, KONTEXT, **fields, output_format="jpg")
    assert again[0] == "JPEG"
    assert np.abs(again[1] - pixels).mean() < 3


@pytest.mark.parametrize(
    ("product", "background"), [("transparent", (0, 0, 0, 0)), ("on white", (250, 250, 250))], ids=str
)
def test_a_product_is_set_into_the_scene(http: httpx.Client, product: str, background: tuple[int, ...]):
    mode = "RGBA" if product == "transparent" else "RGB"
    scene = Image.new("RGB", (768, 1344), (90, 150, 90))
    pictures = {"input_image_1": uploaded(http, scene), "input_image_2": uploaded(http, mug(background, mode))}
    image_format, pixels = made(http, TWO_PICTURES, aspect_ratio="9:16", **pictures)
    assert (image_format, pixels.shape) == ("PNG", (1344, 768, 3))
    blue = (pixels[..., 2] > pixels[..., 1] + 60) & (pixels[..., 2] > pixels[..., 0] + 60)
    rows, columns = np.where(blue)
    assert columns.min() + columns.max() == pytest.approx(768, abs=12)
    assert (rows.max() - rows.min()) / (columns.max() - columns.min()) == pytest.approx(2, abs=0.1)
    assert 0.8 * 1344 < rows.max() < 0.92 * 1344
    beside = pixels[int(rows.mean()), columns.min() - 20]
    assert beside[1] > beside[0] + 30  # nothing of the product's own background came along
    assert beside[1] > beside[2] + 30


def test_a_picture_in_whose_corners_is_no_plain_colour_is_shown_whole(http: httpx.Client):
    busy = Image.new("RGB", (300, 300))
    for column in range(300):
        busy.paste((column * 255 // 299, 30, 255 - column * 255 // 299), (column, 0, column + 1, 300))
    scene = Image.new("RGB", (512, 512), (90, 150, 90))
    _, pixels = made(http, TWO_PICTURES, input_image_1=uploaded(http, scene), input_image_2=uploaded(http, busy))
    is_scene = (pixels[..., 1] > pixels[..., 0]) & (pixels[..., 1] > pixels[..., 2])
    rows, columns = np.where(~is_scene[:440])
    assert columns.max() - columns.min() == pytest.approx(0.42 * 512, abs=6)
    assert rows.max() - rows.min() == pytest.approx(0.42 * 512, abs=16)


def test_an_input_that_is_no_picture_or_too_large_fails(http: httpx.Client):
    page = http.post("/v1/files", files={"content": ("p.png", b"<html>", "image/png")}).json()["urls"]["get"]
    large = uploaded(http, Image.new("L", (5000, 4100)))
    for url in (page, large):
        done = ended(http, create(http, "x", KONTEXT, input_image=url).json())
        assert (done["status"], done["error"].split(":")[0]) == ("failed", "The input image could not be used")


@pytest.mark.parametrize(
    ("model", "fields", "named"),
    [
        (KONTEXT, {}, "input_image"),
        (KONTEXT, {"input_image": ["https://example.com/a.png"]}, "input_image"),
        (KONTEXT, {"input_image": "/a.png"}, "input_image"),
        (KONTEXT, {"input_image_1": IMAGE, "input_image_2": IMAGE}, "input_image"),
        (KONTEXT, {"input_image": IMAGE, "image": IMAGE}, "image"),
        (KONTEXT, {"input_image": IMAGE, "num_outputs": 1}, "num_outputs"),
        (KONTEXT, {"input_image": IMAGE, "output_format": "webp"}, "output_format"),
        (KONTEXT, {"input_image": IMAGE, "aspect_ratio": "custom"}, "aspect_ratio"),
        (KONTEXT, {"input_image": IMAGE, "safety_tolerance": 6}, "safety_tolerance"),
        (KONTEXT, {"input_image": IMAGE, "seed": 1.5}, "seed"),
        (KONTEXT, {"input_image": IMAGE, "prompt_upsampling": 1}, "prompt_upsampling"),
        (TWO_PICTURES, {"input_image_1": IMAGE}, "input_image_2"),
        (TWO_PICTURES, {"input_image_2": IMAGE}, "input_image_1"),
        (
            TWO_PICTURES,
            {"input_image_1": IMAGE, "input_image_2": IMAGE, "prompt_upsampling": True},
            "prompt_upsampling",
        ),
    ],
)
def test_wrong_inputs_are_refused_by_their_names(http: httpx.Client, model: str, fields: dict[str, Any], named: str):
    answer = create(http, "x", model, **fields)
    assert answer.status_code == 422
    assert any(problem.startswith(f"input.{named}:") for problem in answer.json()["invalid_fields"])


def test_all_that_a_model_takes_is_taken(http: httpx.Client):
    every = {"aspect_ratio": "2:1", "output_format": "jpg", "safety_tolerance": 0, "seed": 1}
    assert create(http, "x", KONTEXT, input_image=IMAGE, prompt_upsampling=True, **every).status_code == 202
    assert create(http, "x", TWO_PICTURES, input_image_1=IMAGE, input_image_2=IMAGE, **every).status_code == 202


@pytest.mark.parametrize(("marker", "error"), [("fail", "RuntimeError"), ("nsfw", "E005"), ("interrupt", "code: PA")])
def test_a_marker_for_kontext_leaves_the_scenes_own_picture_alone(http: httpx.Client, marker: str, error: str):
    prompt = f"A beach [stub:kontext-{marker}]"
    url = uploaded(http, Image.new("RGB", (64, 64)))
    assert ended(http, create(http, prompt).json())["status"] == "succeeded"
    done = ended(http, create(http, prompt, KONTEXT, input_image=url).json())
    assert (done["status"], error in done["error"]) == ("failed", True)


def test_kontext_can_be_throttled_while_others_are_not(http: httpx.Client, stub: StubReplicate):
    prompt = "A beach [stub:kontext-429]"
    for _ in range(2):
        answer = create(http, prompt, KONTEXT, input_image=IMAGE)
        assert (answer.status_code, answer.json()["retry_after"]) == (429, 1)
    assert stub.creates == 0
    assert create(http, prompt).status_code == 202


def test_a_kontext_that_hangs_ends_when_it_is_canceled(http: httpx.Client, stub: StubReplicate):
    url = uploaded(http, Image.new("RGB", (64, 64)))
    hanging = create(http, "A beach [stub:kontext-hang]", KONTEXT, input_image=url).json()
    prediction = stub.predictions[hanging["id"]]
    assert not prediction.ended.wait(0.5)  # five times what it takes otherwise
    assert http.get(f"/v1/predictions/{prediction.id}").json()["status"] == "processing"
    http.post(f"/v1/predictions/{prediction.id}/cancel")
    assert ended(http, hanging)["status"] == "canceled"


def test_a_kontext_that_hangs_ends_after_its_cancel_after(http: httpx.Client):
    body = {"input": {"prompt": "x [stub:kontext-hang]", "input_image": uploaded(http, Image.new("RGB", (64, 64)))}}
    answer = http.post(f"/v1/models/{KONTEXT}/predictions", json=body, headers={"Cancel-After": "1s"})
    assert ended(http, answer.json())["status"] == "canceled"


@pytest.mark.parametrize(
    ("marker", "status"), [("model-down", "failed"), ("model-aborted", "aborted"), ("model-fail", "failed")]
)
def test_the_first_models_can_be_down_while_others_work(http: httpx.Client, marker: str, status: str):
    prompt = f"A beach [stub:{marker}]"
    image = uploaded(http, Image.new("RGB", (64, 64)))
    clip = {"image": image, "duration": 2, "resolution": "480p"}
    ends = [
        ended(http, create(http, prompt, model, **fields).json())["status"]
        for model, fields in ((FLUX, {}), (OTHER_FLUX, {}), (SEEDANCE, clip), (OTHER_SEEDANCE, clip))
    ]
    assert ends == [status, "succeeded", status, "succeeded"]
    assert ended(http, create(http, prompt, KONTEXT, input_image=image).json())["status"] == "succeeded"


def test_creates_of_the_first_models_can_be_refused(http: httpx.Client, stub: StubReplicate):
    assert [create(http, "x [stub:model-500]", model).status_code for model in (FLUX, OTHER_FLUX)] == [500, 202]
    assert [create(http, "x [stub:model-404]", model).status_code for model in (FLUX, OTHER_FLUX)] == [404, 202]
    assert stub.creates == 2
