"""What an image job keeps of the model's file, whatever it is: the very bytes, and facts that agree with them."""

import hashlib
import io
import urllib.request
from pathlib import Path
from typing import Any

import blurhash
import pytest
from PIL import Image

from localdev.chaos.written import RESULTS
from pipeline.domain.jobs import CreatedWake, JobKind, JobRef
from tests.handlers.conftest import USER, Workbench

ORIENTATION = 0x0112


def encoded(image: Image.Image, image_format: str, orientation: int | None = None) -> bytes:
    written = io.BytesIO()
    exif = Image.Exif()
    if orientation is not None:
        exif[ORIENTATION] = orientation
    image.save(written, image_format, quality=90, exif=exif)
    return written.getvalue()


def landscape(size: tuple[int, int] = (90, 160), mode: str = "RGB") -> Image.Image:
    """Blue above, green below."""
    image = Image.new(mode, size, (40, 90, 200))
    image.paste((30, 120, 40), (0, size[1] // 2, *size))
    return image


def run_delivered(workbench: Workbench, name: str, content: bytes, said: str = "image/png") -> dict[str, Any]:
    """An image job whose model delivers this file, and says that it is of that type."""
    ref = JobRef(JobKind.IMAGE, name)
    fields = {"scene_id": workbench.scene(name), "text": f"A picture of {name}"}
    workbench.write(ref.path, {"user_id": USER, "status": "pending", **fields})
    workbench.wake(ref, CreatedWake())
    (prediction,) = (p for p in workbench.replicate.predictions.values() if f"A picture of {name}." in p.prompt)
    assert prediction.ended.wait(10)
    (delivered,) = (path for path in workbench.replicate.files if path.startswith(f"{prediction.id}/"))
    workbench.replicate.files[delivered] = (said, content)
    return workbench.finish(ref)


def stored(workbench: Workbench, key: str, folder: Path) -> bytes:
    target = folder / key.rpartition("/")[2]
    workbench.storage.download_file(key, target)
    return target.read_bytes()


def served_type(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.headers["Content-Type"])


def shown_placeholder(text: str) -> list[list[list[int]]]:
    return blurhash.decode(text, 9, 16)


@pytest.mark.parametrize(
    ("image_format", "said", "media_type", "ending"),
    [
        ("PNG", "image/png", "image/png", "png"),
        ("JPEG", "image/jpeg", "image/jpeg", "jpg"),
        ("WEBP", "image/webp", "image/webp", "webp"),
        ("WEBP", "image/png", "image/webp", "webp"),
        ("JPEG", "application/octet-stream", "image/jpeg", "jpg"),
    ],
)
def test_the_very_bytes_are_stored_under_what_they_are(
    workbench: Workbench, tmp_path: Path, image_format: str, said: str, media_type: str, ending: str
):
    name = f"delivered-{ending}-{said.replace('/', '-')}"
    content = encoded(landscape(), image_format)
    job = run_delivered(workbench, name, content, said)
    assert stored(workbench, job["image_key"], tmp_path) == content
    assert job["image_key"] == f"{USER}/images/{name}/{name}.{ending}"
    assert (job["media_type"], served_type(job["image_url"])) == (media_type, media_type)
    assert (job["width"], job["height"], job["file_size_bytes"]) == (90, 160, len(content))


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_a_picture_on_its_side_is_stored_upright(workbench: Workbench, tmp_path: Path, image_format: str):
    lying = landscape().transpose(Image.Transpose.ROTATE_90)  # shown upright with orientation 6
    name = f"turned-{image_format.lower()}"
    job = run_delivered(workbench, name, encoded(lying, image_format, orientation=6))
    content = stored(workbench, job["image_key"], tmp_path)
    with Image.open(io.BytesIO(content)) as picture:
        assert (picture.format, picture.size) == (image_format, (90, 160))
        assert picture.getexif().get(ORIENTATION, 1) == 1
        assert picture.convert("RGB").getpixel((45, 20)) == pytest.approx((40, 90, 200), abs=12)
    assert (job["width"], job["height"], job["file_size_bytes"]) == (90, 160, len(content))
    with Image.open(io.BytesIO(stored(workbench, job["thumbnail_key"], tmp_path))) as thumbnail:
        assert thumbnail.size == (90, 160)
        assert thumbnail.convert("RGB").getpixel((45, 20)) == pytest.approx((40, 90, 200), abs=12)


def test_a_picture_with_an_orientation_that_changes_nothing_keeps_its_bytes(workbench: Workbench, tmp_path: Path):
    content = encoded(landscape(), "JPEG", orientation=1)
    job = run_delivered(workbench, "upright", content, "image/jpeg")
    assert stored(workbench, job["image_key"], tmp_path) == content


@pytest.mark.parametrize("size", [(1, 1), (2400, 3), (768, 1344)])
def test_pictures_of_any_shape_have_a_thumbnail_of_their_shape(
    workbench: Workbench, tmp_path: Path, size: tuple[int, int]
):
    job = run_delivered(workbench, f"shape-{size[0]}", encoded(landscape(size), "PNG"))
    assert (job["status"], job["width"], job["height"]) == ("complete", *size)
    assert job["thumbnail_key"] == f"{USER}/images/shape-{size[0]}/shape-{size[0]}_thumbnail.webp"
    assert served_type(job["thumbnail_url"]) == "image/webp"
    content = stored(workbench, job["thumbnail_key"], tmp_path)
    share = min(1.0, 480 / max(size))
    with Image.open(io.BytesIO(content)) as thumbnail:
        assert thumbnail.format == "WEBP"
        assert thumbnail.width == pytest.approx(size[0] * share, abs=1)
        assert thumbnail.height == pytest.approx(size[1] * share, abs=1)
    assert len(content) < 3_000


def test_transparency_is_kept_and_the_placeholder_shows_white(workbench: Workbench, tmp_path: Path):
    image = landscape(mode="RGBA")
    image.paste((0, 0, 0, 0), (0, 80, 90, 160))
    content = encoded(image, "PNG")
    job = run_delivered(workbench, "clear", content)
    assert stored(workbench, job["image_key"], tmp_path) == content
    with Image.open(io.BytesIO(stored(workbench, job["thumbnail_key"], tmp_path))) as thumbnail:
        assert [thumbnail.getpixel((45, y))[3] for y in (20, 140)] == [255, 0]
    assert min(shown_placeholder(job["placeholder"])[13][4]) > 220


def test_the_placeholder_has_the_pictures_colours(workbench: Workbench):
    pixels = shown_placeholder(run_delivered(workbench, "colours", encoded(landscape(), "PNG"))["placeholder"])
    assert pixels[3][4] == pytest.approx((40, 90, 200), abs=45)
    assert pixels[12][4] == pytest.approx((30, 120, 40), abs=45)


def test_a_job_tells_what_its_picture_was_made_from(workbench: Workbench):
    scene_id = workbench.scene("told")
    fields = {"scene_id": scene_id, "text": "Ein Leuchtturm, 灯台", "style_prompt": "watercolour"}
    job = workbench.run(JobKind.IMAGE, "told", fields)
    (sent,) = (p for p in workbench.replicate.predictions.values() if "灯台" in p.prompt)
    assert (job["model"], job["seed"], job["prompt"]) == (sent.model, sent.input["seed"], sent.prompt)
    assert job["prompt_sha256"] == hashlib.sha256(sent.prompt.encode()).hexdigest()
    assert job["prompt_source"] == "template"
    assert {name for name in RESULTS[JobKind.IMAGE] if job.get(name) is None} == set()


def test_a_retry_tells_the_prompt_that_was_sent_not_the_one_it_would_send(workbench: Workbench):
    fields = {"scene_id": workbench.scene("retold"), "text": "A mill by the river"}
    first = workbench.run(JobKind.IMAGE, "retold-1", fields)
    other = {"prompt": "Another one", "prompt_source": "somebody"}
    workbench.client.document("image_generation_jobs/retold-1").update(
        {f"steps.predict.output.{name}": value for name, value in other.items()}
    )
    again = workbench.run(JobKind.IMAGE, "retold-2", {**fields, "retry_of": "retold-1"})
    assert (again["cost_usd"], again["seed"], again["image_url"]) == (0.0, first["seed"], first["image_url"])
    assert {name: again[name] for name in other} == other
    assert again["prompt_sha256"] == hashlib.sha256(b"Another one").hexdigest()


def test_what_an_earlier_version_has_made_is_used_again(workbench: Workbench):
    """Its steps know nothing of placeholders, media types and prompts, and the provider's file is gone."""
    fields = {"scene_id": workbench.scene("older"), "text": "A mill on a hill"}
    first = workbench.run(JobKind.IMAGE, "older-1", fields)
    steps = workbench.read("image_generation_jobs/older-1")["steps"]
    for step, names in {"predict": ("prompt", "prompt_source"), "store": ("media_type", "placeholder")}.items():
        for name in names:
            del steps[step]["output"][name]
    workbench.client.document("image_generation_jobs/older-1").update({"steps": steps})
    workbench.replicate.files.clear()
    before = workbench.replicate.creates
    again = workbench.run(JobKind.IMAGE, "older-2", {**fields, "retry_of": "older-1"})
    assert (again["status"], workbench.replicate.creates) == ("complete", before)
    for name in ("image_key", "thumbnail_key", "prompt", "prompt_sha256", "prompt_source", "seed", "model"):
        assert again[name] == first[name]
    assert (again["media_type"], again["placeholder"]) == (None, None)
