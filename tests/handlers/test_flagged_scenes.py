"""When all scenes of a job are flagged it says for what."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localdev.stub_openai import StubOpenAI
from pipeline.adapters.openai_api import OpenAiApi
from pipeline.domain.jobs import JobKind
from tests.handlers.conftest import Workbench


@pytest.fixture
def required(workbench: Workbench, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Workbench, StubOpenAI]]:
    with StubOpenAI() as openai:
        monkeypatch.setenv("OPENAI_BASE_URL", openai.base_url)
        workbench.settings = replace(workbench.settings, moderation="required")
        workbench.openai = OpenAiApi("sk-test", workbench.settings.prompt_model)
        yield workbench, openai
        workbench.openai.close()


def _multi_video(bench: Workbench, url: str) -> tuple[JobKind, dict[str, Any]]:
    scene = {"scene_number": 1, "seed_image_url": url, "duration": 2.0, "description": "A brawl [stub:flagged]"}
    return JobKind.MULTI_VIDEO, {"scenes": [scene]}


def test_when_all_scenes_are_flagged_the_job_says_for_what(required: tuple[Workbench, StubOpenAI], picture: Path):
    bench, _ = required
    kind, fields = _multi_video(bench, bench.publish(picture))
    job = bench.run(kind, "flagged-all", fields)
    assert job["error"]["code"] == "content_rejected"
    assert job["error"]["categories"] == job["scene_errors"][0]["categories"] != []
