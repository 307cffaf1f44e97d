"""Nothing goes to a writer before it was moderated."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localdev.stub_openai import StubOpenAI
from pipeline.adapters.openai_api import OpenAiApi
from pipeline.domain.jobs import JobKind
from tests.handlers.conftest import USER, Workbench
from tests.handlers.test_generate_image import image_job
from tests.handlers.test_generate_video import video_job


@pytest.fixture
def required(workbench: Workbench, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Workbench, StubOpenAI]]:
    with StubOpenAI() as openai:
        monkeypatch.setenv("OPENAI_BASE_URL", openai.base_url)
        workbench.settings = replace(workbench.settings, moderation="required")
        workbench.openai = OpenAiApi("sk-test", workbench.settings.prompt_model)
        yield workbench, openai
        workbench.openai.close()


def _video(bench: Workbench, url: str) -> tuple[JobKind, dict[str, Any]]:
    return JobKind.VIDEO, video_job(bench.scene("written-v"), url, "A brawl [stub:flagged]")


def _multi_video(bench: Workbench, url: str) -> tuple[JobKind, dict[str, Any]]:
    scene = {"scene_number": 1, "seed_image_url": url, "duration": 2.0, "description": "A brawl [stub:flagged]"}
    return JobKind.MULTI_VIDEO, {"scenes": [scene]}


@pytest.mark.parametrize("asked", [_video, _multi_video])
def test_what_a_clips_user_wrote_is_moderated_before_it_goes_to_a_writer(
    required: tuple[Workbench, StubOpenAI], picture: Path, asked: Any
):
    bench, openai = required
    bench.settings = replace(bench.settings, prompt_writer="openai")
    kind, fields = asked(bench, bench.publish(picture))
    job = bench.run(kind, f"written-{kind}", fields)
    assert job["error"]["code"] == "content_rejected"
    assert openai.requests[0] == "/v1/moderations"
    assert "/v1/responses" not in openai.requests


def test_the_other_scenes_that_a_writer_is_told_are_moderated(required: tuple[Workbench, StubOpenAI]):
    bench, openai = required
    bench.settings = replace(bench.settings, prompt_writer="openai")
    scene_ids = [bench.scene("told-1", text="A calm sea"), bench.scene("told-2", text="A brawl [stub:flagged]")]
    bench.write("storyboards/told", {"user_id": USER, "title": "Told", "style": "oil", "scene_order": scene_ids})
    bench.run(JobKind.IMAGE, "told", image_job(scene_ids[0], "A calm sea", storyboard_id="told"))
    written = [body for path, body in zip(openai.requests, openai.bodies, strict=True) if path == "/v1/responses"]
    assert not [body for body in written if "[stub:flagged]" in str(body["input"])]
