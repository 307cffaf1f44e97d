"""A retry uses nothing that was not moderated."""

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


def test_a_retry_with_another_product_has_it_moderated(required: tuple[Workbench, StubOpenAI], tmp_path: Path):
    bench, _ = required
    plain = product(bench, tmp_path, "plain-lamp", (20, 90, 160))
    red = product(bench, tmp_path, "red-lamp", (250, 0, 0))
    asked = image_job(bench.scene("retry-red"), use_product_composite=True, product_id=plain)
    assert bench.run(JobKind.IMAGE, "retry-red-1", asked)["status"] == "complete"
    job = bench.run(JobKind.IMAGE, "retry-red-2", {**asked, "product_id": red, "retry_of": "retry-red-1"})
    assert (job["status"], (job["error"] or {}).get("code")) == ("error", "content_rejected")
