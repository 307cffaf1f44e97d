"""Words of scenes, written by OpenAI's stand-in: one look, kept words, and the template where nothing was written."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localdev.stub_openai import StubOpenAI
from pipeline.domain.jobs import JobKind
from tests.handlers.conftest import USER, Workbench
from tests.handlers.test_generate_image import image_job, ordered
from tests.handlers.test_generate_video import video_job


@pytest.fixture
def writing(workbench: Workbench, openai_account: StubOpenAI) -> tuple[Workbench, StubOpenAI]:
    """A workbench whose words are written."""
    workbench.settings = replace(workbench.settings, prompt_writer="openai")
    return workbench, openai_account


def board(bench: Workbench, name: str, style: str, *texts: str) -> list[str]:
    """A storyboard of USER with a scene for each of the texts; the scenes' ids."""
    ids = [bench.scene(f"{name}-{n}", text=text, storyboard_id=name) for n, text in enumerate(texts)]
    bench.write(f"storyboards/{name}", {"user_id": USER, "title": f"The {name}", "style": style, "scene_order": ids})
    return ids


def asked(openai: StubOpenAI, fields: str) -> list[dict[str, Any]]:
    """The requests for an object with that field."""
    schemas = [(body, body.get("text", {}).get("format", {}).get("schema", {})) for body in openai.bodies]
    return [body for body, schema in schemas if fields in schema.get("properties", {})]


def test_a_pictures_words_are_written_and_kept_on_its_scene(writing: tuple[Workbench, StubOpenAI]):
    bench, openai = writing
    scene_id = bench.scene("worded")
    job = bench.run(JobKind.IMAGE, "worded", image_job(scene_id, "A fox in the snow"))
    assert (job["status"], job["prompt_source"], job["adjustments"]) == ("complete", "openai", [])
    (sent,) = ordered(bench, JobKind.IMAGE, "worded")
    kept = bench.read(f"scenes/{scene_id}")["prompts"]
    assert sent["prompt"] == job["prompt"]
    assert sent["prompt"].startswith(kept["image_prompt"].rstrip("."))
    assert "Vertical composition" in sent["prompt"]
    assert len(asked(openai, "image_prompt")) == 1


def test_the_clip_of_a_scene_uses_the_words_of_its_picture(writing: tuple[Workbench, StubOpenAI], picture: Path):
    bench, openai = writing
    scene_id = bench.scene("reworded", style_prompt="watercolour")
    bench.run(JobKind.IMAGE, "reworded", image_job(scene_id, "An owl on a gate"))
    before = len(openai.requests)
    job = bench.run(JobKind.VIDEO, "reworded", video_job(scene_id, bench.publish(picture), "An owl on a gate"))
    assert len(openai.requests) == before
    kept = bench.read(f"scenes/{scene_id}")["prompts"]
    assert (job["status"], job["prompt_source"]) == ("complete", "openai")
    assert kept["motion"].rstrip(".") in job["prompt"]
    assert kept["camera"].rstrip(".") in job["prompt"]
    clip = bench.read(f"users/{USER}/videos/reworded/clips/{job['clip_id']}")
    assert (clip["scene_title"], clip["scene_description"]) == (kept["title"], kept["description"])
    assert "an-owl-on-a-gate" in clip["filename"]  # named after the scene's own words: the same in every run


def test_a_camera_that_stands_still_is_told_so_whatever_was_written(
    writing: tuple[Workbench, StubOpenAI], picture: Path
):
    bench, _ = writing
    fields = video_job(bench.scene("still"), bench.publish(picture), "A mill", camera_fixed=True)
    job = bench.run(JobKind.VIDEO, "still", fields)
    kept = bench.read("scenes/still")["prompts"]
    assert "The camera stands still" in job["prompt"]
    assert kept["camera"].rstrip(".") not in job["prompt"]


def test_words_are_written_anew_when_the_text_changes(writing: tuple[Workbench, StubOpenAI]):
    bench, openai = writing
    scene_id = bench.scene("edited")
    for text in ("A red door", "A blue door", "A blue door"):
        bench.run(JobKind.IMAGE, f"edited-{text[2:6]}-{len(openai.requests)}", image_job(scene_id, text))
    assert len(asked(openai, "image_prompt")) == 2


def test_all_scenes_of_a_storyboard_get_one_look(writing: tuple[Workbench, StubOpenAI]):
    bench, openai = writing
    ids = board(bench, "journey", "ink wash", "A girl leaves home", "The girl crosses a river", "She sees the sea")
    jobs = [
        bench.run(JobKind.IMAGE, f"look-{n}", image_job(scene_id, f"Scene {n}", storyboard_id="journey"))
        for n, scene_id in enumerate(ids)
    ]
    look = bench.read("storyboards/journey")["look"]["text"]
    assert [job["prompt_source"] for job in jobs] == ["openai"] * 3
    assert len(asked(openai, "look")) == 1
    assert "The girl crosses a river" in str(asked(openai, "look")[0]["input"])
    told = [str(body["input"]) for body in asked(openai, "image_prompt")]
    assert all(look[:40] in one and "She sees the sea" in one for one in told)


def test_scenes_that_come_at_once_get_the_same_look(writing: tuple[Workbench, StubOpenAI]):
    bench, openai = writing
    ids = board(bench, "crowd", "pencil", *(f"Scene {n}" for n in range(6)))

    def run(number: int) -> dict[str, Any]:
        fields = image_job(ids[number], f"Scene {number}", storyboard_id="crowd")
        return bench.run(JobKind.IMAGE, f"crowd-{number}", fields)

    with ThreadPoolExecutor(6) as pool:
        jobs = list(pool.map(run, range(6)))
    assert {job["status"] for job in jobs} == {"complete"}
    look = bench.read("storyboards/crowd")["look"]["text"]
    assert all(look[:40] in str(body["input"]) for body in asked(openai, "image_prompt"))


def test_another_style_gets_another_look(writing: tuple[Workbench, StubOpenAI]):
    bench, openai = writing
    (scene_id,) = board(bench, "restyled", "oil", "A pier")
    bench.run(JobKind.IMAGE, "restyled-1", image_job(scene_id, "A pier", storyboard_id="restyled"))
    first = bench.read("storyboards/restyled")["look"]
    bench.client.document("storyboards/restyled").update({"style": "neon"})
    bench.run(JobKind.IMAGE, "restyled-2", image_job(scene_id, "A pier", storyboard_id="restyled"))
    second = bench.read("storyboards/restyled")["look"]
    assert first["of"] != second["of"]
    assert len(asked(openai, "look")) == 2


@pytest.mark.parametrize("marker", ["refusal", "truncated", "openai-500", "openai-429"])
def test_without_an_answer_the_template_is_used_and_the_job_says_why(
    writing: tuple[Workbench, StubOpenAI], marker: str
):
    bench, _ = writing
    job = bench.run(JobKind.IMAGE, f"plain-{marker}", image_job(bench.scene("plain"), f"A well [stub:{marker}]"))
    assert (job["status"], job["prompt_source"]) == ("complete", "template")
    (noted,) = job["adjustments"]
    assert (noted["field"], noted["asked"], noted["used"]) == ("prompt_source", "openai", "template")
    assert "OpenAI" in noted["reason"]
    assert "prompts" not in bench.read("scenes/plain")


def test_without_a_key_the_template_is_used_and_the_job_says_so(workbench: Workbench):
    workbench.settings = replace(workbench.settings, prompt_writer="openai")
    job = workbench.run(JobKind.IMAGE, "keyless", image_job(workbench.scene("keyless"), "A well"))
    assert (job["status"], job["prompt_source"]) == ("complete", "template")
    assert "OPENAI_API_KEY" in job["adjustments"][0]["reason"]


def test_nothing_waits_long_for_words(writing: tuple[Workbench, StubOpenAI], monkeypatch: pytest.MonkeyPatch):
    """The limits are constants; here they are short, so that the test is."""
    monkeypatch.setattr("pipeline.handlers.scene_words.WRITER_SECONDS", 2.0)
    monkeypatch.setattr("pipeline.handlers.scene_words.LOOK_SECONDS", 1.0)
    bench, _ = writing
    (scene_id,) = board(bench, "slow", "oil [stub:timeout]", "A dune [stub:drip]")
    began = time.monotonic()
    fields = image_job(scene_id, "A dune [stub:drip]", storyboard_id="slow")
    job = bench.run(JobKind.IMAGE, "slow", fields)
    assert (job["status"], job["prompt_source"]) == ("complete", "template")
    assert time.monotonic() - began < 15  # half a minute would be the stand-in's own


def test_many_scenes_are_worded_at_once_with_one_look(writing: tuple[Workbench, StubOpenAI], picture: Path):
    bench, openai = writing
    url = bench.publish(picture)
    texts = ["A kite rises", "The kite turns [stub:refusal]", "The kite lands"]
    scenes = [
        {"scene_number": n, "seed_image_url": url, "duration": 2.0, "description": text}
        for n, text in enumerate(texts, start=1)
    ]
    job = bench.run(JobKind.MULTI_VIDEO, "worded-multi", {"scenes": scenes})
    assert job["status"] == "complete"
    assert [clip["prompt_source"] for clip in job["clips"]] == ["openai", "template", "openai"]
    assert [one["field"] for one in job["adjustments"]] == ["scenes.1.prompt_source"]
    assert len(asked(openai, "look")) == 1
    written = asked(openai, "image_prompt")
    assert len(written) >= 3
    assert all("The kite lands" in str(body["input"]) for body in written)


def test_a_scene_order_full_of_nonsense_does_no_harm(writing: tuple[Workbench, StubOpenAI]):
    bench, _ = writing
    scene_id = bench.scene("odd-order", text="A path")
    bench.write("scenes/odd-foreign", {"user_id": "somebody-else", "text": "A secret"})
    order = [scene_id, "a/b", "..", "__x__", 7, None, "gone", "odd-foreign", scene_id, "x" * 3000]
    bench.write("storyboards/odd", {"user_id": USER, "title": 7, "style": None, "scene_order": order, "look": "mine"})
    job = bench.run(JobKind.IMAGE, "odd-order", image_job(scene_id, "A path", storyboard_id="odd"))
    assert (job["status"], job["prompt_source"]) == ("complete", "openai")
    assert "A secret" not in str(writing[1].bodies)
