"""The stand-in for OpenAI, with OpenAI's own SDK."""

from collections.abc import Iterator

import httpx
import openai
import pytest
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
