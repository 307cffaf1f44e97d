"""OpenAI's answers as nobody promises them: each is read with care, or is a WordsUnavailable."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from localdev.stack.loopback import Exchange
from pipeline.adapters.openai_api import OpenAiApi
from pipeline.domain.scene_words import Scene, Story
from tests.openai_services import (
    ALL,
    PATIENCE,
    Ask,
    Service,
    answered,
    ask_look,
    ask_moderation,
    ask_words,
    connecting,
    problem,
    reason_of,
    reset,
    says,
    sends,
)

STORY = Story("Mira", "Soft watercolour")
SCENE = Scene("Mira finds a lantern")
WORDS = {"image_prompt": "p", "motion": "m", "camera": "c", "title": "t", "description": "d", "look": "l"}
CLEAN = {"flagged": False, "categories": {"violence": False}}
GOOD_FOR_ALL = json.dumps({**json.loads(answered(**WORDS)), "results": [CLEAN]}).encode()
FAILURES: dict[str, tuple[Callable[[Service, Exchange], None], str]] = {
    "empty body": (says(b""), "unreadable"),
    "invalid JSON": (says(b'{"status": "completed", "output": ['), "unreadable"),
    "HTML with 200": (says(b"<html>Welcome</html>", Content_Type="text/html"), "unreadable"),
    "not UTF-8": (says(b'{"status": "\xff\xfe"}'), "unreadable"),
    "null": (says(b"null"), "unreadable"),
    "a list": (says(b"[]"), "unreadable"),
    "an empty object": (says(b"{}"), "unreadable"),
    "nested without end": (says(b"[" * 200_000), "unreadable"),
    "huge": (says(GOOD_FOR_ALL + b" " * 5_000_000), "unreadable"),
    "not gzip": (says(b"{}", Content_Encoding="gzip"), "unreadable"),
    "strange headers": (sends(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n{}"), "unavailable"),
    "another protocol": (sends(b"SSH-2.0-OpenSSH_9.6\r\n"), "unavailable"),
    "nothing": (sends(b"\r\n"), "unavailable"),
    "cut short": (sends(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"status"'), "unavailable"),
    "reset": (reset, "unavailable"),
    "HTML with 502": (says(b"<html>Bad Gateway</html>", 502, Content_Type="text/html"), "unavailable"),
    "503": (says(b"", 503), "unavailable"),
    "401": (says(problem("invalid_api_key"), 401), "key_refused"),
    "403": (says(problem("unsupported_country"), 403), "key_refused"),
    "404": (says(problem("model_not_found"), 404), "refused"),
    "400": (says(problem("invalid_prompt"), 400), "refused"),
    "400 with a list": (says(b"[1]", 400), "refused"),
    "429": (says(problem("rate_limit_exceeded"), 429), "rate_limited"),
    "429 for a minute": (says(problem("rate_limit_exceeded"), 429, Retry_After="60"), "rate_limited"),
    "a redirect to nowhere": (says(b"", 307, Location="ftp://127.0.0.1/x"), "unavailable"),
    "a status that is none": (says(b"{}", 299), "unreadable"),
}


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., OpenAiApi]]:
    yield from connecting(monkeypatch)


@ALL
@pytest.mark.parametrize("kind", FAILURES)
def test_whatever_comes_back_is_words_unavailable(ask: Ask, kind: str, connect: Callable[..., OpenAiApi]):
    answer, reason = FAILURES[kind]
    with Service(answer) as service:
        api = connect(service.url)
        assert reason_of(lambda: ask(api, "A cat", PATIENCE)) == reason
        assert 1 <= service.asked <= 2


@ALL
def test_what_is_right_is_read(ask: Ask, connect: Callable[..., OpenAiApi]):
    with Service(says(GOOD_FOR_ALL)) as service:
        ask(connect(service.url), "A cat", PATIENCE)
        assert service.asked == 1


@ALL
@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1", "http://[", "not a url", "gopher://127.0.0.1/"])
def test_nobody_at_the_address(ask: Ask, url: str, connect: Callable[..., OpenAiApi]):
    assert reason_of(lambda: ask(connect(url), "A cat", PATIENCE)) in ("unavailable", "unreadable")


@pytest.mark.parametrize(
    "response",
    [
        {"status": "completed", "output": []},
        {"status": "completed", "output": None},
        {"status": "completed", "output": ["x", 1, None, {"type": "message", "content": "x"}]},
        {"status": "completed", "output": [{"type": "message", "content": [{"type": "output_text", "text": 1}]}]},
        {"status": "completed", "output": [{"type": "message", "content": [{"type": "output_text", "text": "[]"}]}]},
        {"status": "completed", "output": [{"type": "message", "content": [{"type": "output_text", "text": "hi"}]}]},
        {"status": "in_progress", "output": []},
        {"status": 1},
        json.loads(answered(**{**WORDS, "look": "", "camera": ""})),
        json.loads(answered(**{**WORDS, "look": " \n", "camera": "\t"})),
        json.loads(answered(**{**WORDS, "look": ["l"], "camera": None})),
        json.loads(answered(other="x")),
    ],
)
def test_words_of_a_wrong_shape_are_unreadable(response: dict[str, Any], connect: Callable[..., OpenAiApi]):
    with Service(says(json.dumps(response).encode())) as service:
        api = connect(service.url)
        assert reason_of(lambda: ask_words(api, "A cat", PATIENCE)) == "unreadable"
        assert reason_of(lambda: ask_look(api, "A cat", PATIENCE)) == "unreadable"


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "truncated"),
        ({"status": "incomplete", "incomplete_details": None}, "truncated"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "refused"),
        ({"status": "failed", "error": {"code": "server_error"}}, "unavailable"),
    ],
)
def test_responses_without_an_end_have_a_reason(
    response: dict[str, Any], reason: str, connect: Callable[..., OpenAiApi]
):
    with Service(says(json.dumps(response).encode())) as service:
        assert reason_of(lambda: ask_words(connect(service.url), "A cat", PATIENCE)) == reason


def test_thinking_and_remarks_on_the_way_are_not_the_answer(connect: Callable[..., OpenAiApi]):
    response = json.loads(answered(**WORDS))
    remark = {"type": "output_text", "text": "Let me see"}
    response["output"][0]["phase"] = "final_answer"
    response["output"][:0] = [
        {"type": "reasoning", "summary": []},
        {"type": "message", "phase": "commentary", "content": [remark]},
    ]
    with Service(says(json.dumps(response).encode())) as service:
        assert connect(service.url).write_look(STORY, PATIENCE) == "l"


def test_long_words_are_cut_and_odd_letters_left_out(connect: Callable[..., OpenAiApi]):
    long = "A \x00red\ud800 fox\nruns. " * 200
    with Service(says(answered(**dict.fromkeys(WORDS, long)))) as service:
        api = connect(service.url)
        words = api.write_words(SCENE, STORY, PATIENCE)
        assert len(words.title) <= 60
        assert words.title.startswith("A red fox runs. A red fox runs.")
        assert len(words.description) <= 200
        assert len(words.image_prompt) <= 1000
        assert len(api.write_look(STORY, PATIENCE)) <= 800
        assert words.title.split()[-1] in ("A", "red", "fox", "runs.")


@pytest.mark.parametrize(
    "results",
    [[], None, {}, ["x"], [{}], [CLEAN, {}], [{"flagged": "no", "categories": {}}], [{"flagged": False}]],
)
def test_a_moderation_that_says_nothing_is_not_taken_for_a_clean_one(
    results: object, connect: Callable[..., OpenAiApi]
):
    with Service(says(json.dumps({"results": results}).encode())) as service:
        assert reason_of(lambda: ask_moderation(connect(service.url), "A cat", PATIENCE)) == "unreadable"


@pytest.mark.parametrize(
    ("results", "categories"),
    [
        ([CLEAN], ()),
        ([{"flagged": False, "categories": {"illicit": None, "new/one": False}}], ()),
        ([{"flagged": True, "categories": {"sexual/minors": True, "self-harm": True}}], ("self-harm", "sexual/minors")),
        ([CLEAN, {"flagged": True, "categories": {"hate": True}}], ("hate",)),
        ([{"flagged": False, "categories": {"hate": True}}], ("hate",)),
        ([{"flagged": True, "categories": {"hate": False}}], ("unspecified",)),
    ],
)
def test_moderations_are_read_with_care(
    results: object, categories: tuple[str, ...], connect: Callable[..., OpenAiApi]
):
    with Service(says(json.dumps({"results": results}).encode())) as service:
        assert connect(service.url).moderate(["A cat"], None, PATIENCE) == categories


def test_a_second_try_succeeds_after_a_first_that_fails(connect: Callable[..., OpenAiApi]):
    def better_the_second_time(service: Service, exchange: Exchange) -> None:
        (says(b"", 503) if service.asked == 1 else says(answered(**WORDS)))(service, exchange)

    with Service(better_the_second_time) as service:
        assert connect(service.url).write_look(STORY, PATIENCE) == "l"
        assert service.asked == 2
