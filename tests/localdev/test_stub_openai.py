"""The stand-in for OpenAI, with OpenAI's own SDK."""

import base64
import io
import json
import time
from collections.abc import Iterator

import httpx
import openai
import pytest
from PIL import Image
from pydantic import BaseModel, ValidationError

from localdev.stub_openai import StubOpenAI


class ScenePrompts(BaseModel):
    image_prompt: str
    motion_prompt: str
    title: str
    description: str


@pytest.fixture
def client() -> Iterator[openai.OpenAI]:
    stub = StubOpenAI().start()
    with openai.OpenAI(api_key="k", base_url=stub.base_url, max_retries=0, timeout=5) as sdk:
        yield sdk
    stub.stop()


def ask(client: openai.OpenAI, text: str) -> ScenePrompts | None:
    messages = [{"role": "system", "content": "Write prompts."}, {"role": "user", "content": text}]
    return client.responses.parse(model="any", input=messages, text_format=ScenePrompts).output_parsed  # type: ignore[arg-type]


def test_structured_output_follows_the_schema_and_the_words(client: openai.OpenAI):
    prompts = ask(client, "A lighthouse at dusk")
    assert prompts is not None
    assert "A lighthouse at dusk" in prompts.image_prompt
    assert prompts.title == "A lighthouse at dusk"


def test_a_refusal_parses_to_nothing(client: openai.OpenAI):
    assert ask(client, "x [stub:refusal]") is None


def test_a_truncated_answer_does_not_parse(client: openai.OpenAI):
    with pytest.raises(ValidationError):
        ask(client, "x [stub:truncated]")


def test_failures_are_the_sdks_own_errors(client: openai.OpenAI):
    with pytest.raises(openai.InternalServerError):
        ask(client, "x [stub:openai-500]")
    with pytest.raises(openai.APITimeoutError):
        ask(client.with_options(timeout=0.3), "x [stub:timeout]")


def test_a_key_is_needed(client: openai.OpenAI):
    assert httpx.post(f"{client.base_url}moderations", json={"input": "x"}).status_code == 401


def test_moderation_flags_what_is_marked(client: openai.OpenAI):
    answer = client.moderations.create(model="omni-moderation-latest", input=["fine", "bad [stub:flagged]"])
    assert [result.flagged for result in answer.results] == [False, True]
    assert answer.results[1].categories.violence
    mixed = [{"type": "text", "text": "bad [stub:flagged]"}, {"type": "image_url", "image_url": {"url": "https://x"}}]
    assert client.moderations.create(model="omni-moderation-latest", input=mixed).results[0].flagged  # type: ignore[arg-type]


def moderate(client: openai.OpenAI, *parts: dict) -> openai.types.ModerationCreateResponse:
    return client.moderations.create(model="omni-moderation-latest", input=list(parts))  # type: ignore[arg-type]


def picture(colour: str, form: str = "JPEG") -> dict:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), colour).save(buffer, form)
    data = base64.b64encode(buffer.getvalue()).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/{form.lower()};base64,{data}"}}


def test_flagged_words_have_several_categories(client: openai.OpenAI):
    flagged = moderate(client, {"type": "text", "text": "bad [stub:flagged]"}).results[0]
    named = {name for name, value in flagged.categories.to_dict().items() if value}
    assert named == {"illicit/violent", "self-harm", "violence"}


def test_a_red_picture_is_flagged_and_another_is_not(client: openai.OpenAI):
    assert moderate(client, {"type": "text", "text": "fine"}, picture("red")).results[0].categories.violence
    assert not moderate(client, picture("pink")).results[0].flagged
    assert not moderate(client, picture("white", "PNG")).results[0].flagged


@pytest.mark.parametrize(
    "parts",
    [
        [picture("pink"), picture("pink")],
        [{"type": "image_url", "image_url": {"url": "http://x"}}],
        [{"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,AAAA"}}],
        [{"type": "image_url", "image_url": {"url": picture("pink")["image_url"]["url"].replace("jpeg", "png")}}],
        [{"type": "image_url", "image_url": "https://x"}],
        [{"type": "text", "text": ""}],
        [{"type": "input_text", "text": "x"}],
        ["x", {"type": "text", "text": "x"}],
        [],
    ],
)
def test_a_moderation_that_openai_would_refuse_is_refused(client: openai.OpenAI, parts: list):
    with pytest.raises(openai.BadRequestError):
        moderate(client, *parts)


STRICT = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
FORMAT = {"type": "json_schema", "name": "x", "strict": True, "schema": STRICT}


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({"model": ""}, "model"),
        ({"input": ""}, "input"),
        ({"max_tokens": 100}, "max_tokens"),
        ({"max_output_tokens": 3}, "max_output_tokens"),
        ({"model": "gpt-4.1", "reasoning": {"effort": "low"}}, "reasoning.effort"),
        ({"text": {"format": {**FORMAT, "strict": False}}}, "text.format.strict"),
        ({"text": {"format": {**FORMAT, "name": "a b"}}}, "text.format.name"),
        ({"text": {"format": {**FORMAT, "schema": {**STRICT, "required": []}}}}, "text.format.schema"),
        ({"text": {"format": {**FORMAT, "schema": {**STRICT, "additionalProperties": True}}}}, "text.format.schema"),
        (
            {
                "text": {
                    "format": {
                        **FORMAT,
                        "schema": {**STRICT, "properties": {"a": {"type": "array", "items": {"type": "object"}}}},
                    }
                }
            },
            "text.format.schema",
        ),
    ],
)
def test_a_request_that_openai_would_refuse_is_refused(client: openai.OpenAI, body: dict, parameter: str):
    asked = {"model": "any", "input": "x", "text": {"format": FORMAT}}
    client.post("/responses", body=asked, cast_to=object)
    with pytest.raises(openai.BadRequestError) as refused:
        client.post("/responses", body={**asked, **body}, cast_to=object)
    assert refused.value.param == parameter


def test_an_account_without_budget(client: openai.OpenAI):
    with pytest.raises(openai.RateLimitError) as refused:
        ask(client, "x [stub:openai-429]")
    assert refused.value.code == "insufficient_quota"


def test_a_dripping_answer_outlives_the_timeouts_of_the_sdk(client: openai.OpenAI):
    started = time.monotonic()
    with client.with_options(timeout=0.3).responses.with_streaming_response.create(
        model="any", input="x [stub:drip]"
    ) as response:
        for number, _ in enumerate(response.iter_bytes()):
            if number == 4:
                break
    assert time.monotonic() - started > 0.3


def test_a_marker_in_another_scene_does_not_count(client: openai.OpenAI):
    about = {"scene": {"text": "A cat", "style": ""}, "look": "", "story": {"scenes": ["A cat", "x [stub:refusal]"]}}
    prompts = ask(client, json.dumps(about))
    assert prompts is not None
    assert prompts.title == "A cat"
