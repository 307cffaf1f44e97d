"""The name of a product is part of what Kontext is asked: moderated, and told apart."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from localdev.stub_openai import StubOpenAI
from pipeline.adapters.openai_api import OpenAiApi
from pipeline.domain.jobs import JobKind
from tests.handlers.conftest import USER, Workbench
from tests.handlers.test_generate_image import image_job
from tests.handlers.test_recall import product as recalled_product


@pytest.fixture
def remembering(workbench: Workbench) -> Workbench:
    workbench.settings = replace(workbench.settings, reuse_days=7)
    return workbench


def test_kontext_is_told_another_name_of_the_product_by_a_picture_of_its_own(remembering: Workbench, tmp_path: Path):
    remembering.settings = replace(remembering.settings, composite_method="kontext")
    lamp = recalled_product(remembering, tmp_path, "renamed", (200, 0, 0))
    asked = image_job(remembering.scene("renamed"), "A shelf", use_product_composite=True, product_id=lamp)
    remembering.run(JobKind.IMAGE, "renamed-1", asked)
    remembering.client.document(f"products/{lamp}").update({"name": "Teapot"})
    assert remembering.run(JobKind.IMAGE, "renamed-2", asked)["reused_from"] is None


@pytest.fixture
def required(workbench: Workbench, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Workbench, StubOpenAI]]:
    with StubOpenAI() as openai:
        monkeypatch.setenv("OPENAI_BASE_URL", openai.base_url)
        workbench.settings = replace(workbench.settings, moderation="required")
        workbench.openai = OpenAiApi("sk-test", workbench.settings.prompt_model)
        yield workbench, openai
        workbench.openai.close()


def product(bench: Workbench, folder: Path, name: str, colour: tuple[int, int, int], title: str = "Lamp") -> str:
    photo = folder / f"{name}.png"
    Image.new("RGB", (400, 600), colour).save(photo)
    bench.write(f"products/{name}", {"user_id": USER, "name": title, "image_url": bench.publish(photo)})
    return name


def test_the_name_of_a_product_is_moderated_before_kontext_is_told_it(
    required: tuple[Workbench, StubOpenAI], tmp_path: Path
):
    bench, _ = required
    bench.settings = replace(bench.settings, composite_method="kontext")
    named = product(bench, tmp_path, "named-lamp", (20, 90, 160), "A brawl [stub:flagged]")
    job = bench.run(
        JobKind.IMAGE, "named", image_job(bench.scene("named"), use_product_composite=True, product_id=named)
    )
    assert (job["status"], (job["error"] or {}).get("code")) == ("error", "content_rejected")
