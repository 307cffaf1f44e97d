"""Services that a client of OpenAI may meet, and the three things that the pipeline asks of them."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from localdev.stack.loopback import Exchange, LoopbackServer
from pipeline.adapters.openai_api import OpenAiApi, WordsUnavailable
from pipeline.domain.scene_words import Scene, Story

KEY = "sk-secret-of-the-account"
PATIENCE = 10.0
Ask = Callable[[OpenAiApi, str, float], object]


def ask_words(api: OpenAiApi, text: str, seconds: float) -> object:
    return api.write_words(Scene(text), Story(), seconds)


def ask_look(api: OpenAiApi, text: str, seconds: float) -> object:
    return api.write_look(Story(text), seconds)


def ask_moderation(api: OpenAiApi, text: str, seconds: float) -> object:
    return api.moderate([text], None, seconds)


ALL = pytest.mark.parametrize("ask", [ask_words, ask_look, ask_moderation])


def reason_of(call: Callable[[], object]) -> str:
    with pytest.raises(WordsUnavailable) as raised:
        call()
    sentence = str(raised.value)
    assert sentence.endswith(".")
    assert KEY not in sentence
    assert "://" not in sentence
    assert "{" not in sentence
    return raised.value.reason


def connecting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., OpenAiApi]]:
    """A function that connects to an address; what it opened is closed in the end."""
    opened: list[OpenAiApi] = []

    def to(base_url: str, key: str = KEY, model: str = "gpt-5.6-luna") -> OpenAiApi:
        monkeypatch.setenv("OPENAI_BASE_URL", base_url)  # as the SDK itself reads it
        opened.append(OpenAiApi(key, model))
        return opened[-1]

    yield to
    for api in opened:
        api.close()


class Service(LoopbackServer):
    """Answers every request by one function of the exchange."""

    def __init__(self, answer: Callable[["Service", Exchange], None]) -> None:
        super().__init__(partial(_Answering, self))
        self.respond = answer
        self.hung_up = threading.Event()
        self.stopping = threading.Event()
        self.asked = 0

    @property
    def url(self) -> str:
        return f"{self.base_url}/v1"

    def stop(self) -> None:
        self.stopping.set()
        super().stop()


class _Answering(Exchange):
    def __init__(self, service: Service, *arguments: Any) -> None:
        self._service = service
        super().__init__(*arguments)

    def do_POST(self) -> None:
        self.body()
        self._service.asked += 1
        self._service.respond(self._service, self)


def says(content: bytes, status: int = 200, **headers: str) -> Callable[[Service, Exchange], None]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _, exchange: exchange.answer(status, content, {"Content-Type": "application/json", **named})


def sends(raw: bytes) -> Callable[[Service, Exchange], None]:
    """These bytes, and then the connection is closed."""
    return lambda _, exchange: exchange.wfile.write(raw) and None


def reset(_: Service, exchange: Exchange) -> None:
    """An answer that breaks off with a reset."""
    exchange.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"status": "comp')
    exchange.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    exchange.connection.close()


def answered(**fields: Any) -> bytes:
    """A complete response whose message has this text."""
    part = {"type": "output_text", "text": json.dumps(fields), "annotations": []}
    return json.dumps({"status": "completed", "output": [{"type": "message", "content": [part]}]}).encode()


def problem(code: str = "x", parameter: str | None = None) -> bytes:
    message = f"Incorrect API key provided: {KEY}. See https://platform.openai.com"
    return json.dumps({"error": {"message": message, "type": code, "param": parameter, "code": code}}).encode()
