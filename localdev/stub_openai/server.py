"""A stand-in for OpenAI: structured responses and moderations over its HTTP protocol, faults to order by markers.

    [stub:flagged]    moderation flags the text          [stub:refusal]     the model refuses
    [stub:truncated]  the answer stops in the middle     [stub:openai-500]  the service fails
    [stub:timeout]    no answer for half a minute        [stub:openai-429]  the account has no budget left
    [stub:drip]       an answer of one byte at a time    a picture that is red all over is flagged as well

Markers count in a scene's text and style, in a story's title and style (not in its scenes: each has its own request),
and in all that is moderated. What OpenAI would refuse with 400 is refused: checks.py.

Source: https://platform.openai.com/docs/api-reference/responses, .../moderations
"""

import json
import re
import secrets
import threading
import time
from collections import deque
from functools import partial
from typing import Any

from localdev.stack.loopback import Exchange, LoopbackServer
from localdev.stub_openai.checks import Refused, check_moderation, check_response, pictures_of
from localdev.stub_openai.words import Material, invented, looks_red

TIMEOUT_SECONDS = 30.0
DRIP_SECONDS = 0.1
"""Between two bytes."""
KEPT_BODIES = 100
CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
FLAGGED_TEXT = frozenset({"illicit/violent", "self-harm", "violence"})
FLAGGED_PICTURE = frozenset({"violence", "violence/graphic"})
MARKER = re.compile(r"\s*\[stub:([a-z0-9-]+)\]")
OWN_MARKERS = {"flagged", "truncated", "timeout", "drip", "refusal", "openai-500", "openai-429"}
"""Others are for the models that the words go to, and stay in the prompts."""


class StubOpenAI(LoopbackServer):
    """An OpenAI account on 127.0.0.1; its `base_url` is what OPENAI_BASE_URL takes."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(partial(_OpenAIExchange, self), port)
        self.requests: list[str] = []
        self.bodies: deque[dict[str, Any]] = deque(maxlen=KEPT_BODIES)
        """What was asked last, in the order of `requests`; pictures make them large."""
        self.stopping = threading.Event()

    @property
    def base_url(self) -> str:
        return f"{super().base_url}/v1"

    def stop(self) -> None:
        self.stopping.set()
        super().stop()


class _OpenAIExchange(Exchange):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are two writes: 40 ms more for every answer

    def __init__(self, stub: StubOpenAI, *arguments: Any) -> None:
        self._stub = stub
        super().__init__(*arguments)

    def do_POST(self) -> None:
        request = json.loads(self.body() or b"{}")
        self._stub.requests.append(self.path)
        self._stub.bodies.append(request)
        try:
            self._answer(request)
        except Refused as refused:
            self._problem(400, refused.code, str(refused), refused.parameter)

    def _answer(self, request: dict[str, Any]) -> None:
        if not self.headers.get("Authorization", "").removeprefix("Bearer").strip():
            self._problem(401, "invalid_api_key", "You didn't provide an API key.")
            return
        if self.path == "/v1/responses":
            check_response(request)
            material = Material.of(request["input"])
            marked = material.marked
            answer = _response(request, material)
        elif self.path == "/v1/moderations":
            check_moderation(request)
            marked = _text_of(request["input"])
            answer = _moderation(request)
        else:
            self._problem(404, "not_found", f"Unknown request URL: POST {self.path}")
            return
        if "[stub:openai-500]" in marked:
            self._problem(500, "server_error", "The server had an error while processing your request.")
        elif "[stub:openai-429]" in marked:
            self._problem(429, "insufficient_quota", "You exceeded your current quota, please check your plan.")
        elif "[stub:timeout]" in marked:
            self._stub.stopping.wait(TIMEOUT_SECONDS)
        elif "[stub:drip]" in marked:
            self._drip(json.dumps(answer).encode())
        else:
            self.answer_json(answer)

    def _drip(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        for start in range(len(content)):
            if self._stub.stopping.wait(DRIP_SECONDS):
                return
            self.wfile.write(content[start : start + 1])

    def _problem(self, status: int, code: str, message: str, parameter: str | None = None) -> None:
        kind = "invalid_request_error" if status == 400 else code
        self.answer_json({"error": {"message": message, "type": kind, "param": parameter, "code": code}}, status)


def _response(request: dict[str, Any], material: Material) -> dict[str, Any]:
    schema = request.get("text", {}).get("format", {}).get("schema", {})
    fields = invented(material.without(MARKER))
    passed_on = "".join(f" [stub:{name}]" for name in MARKER.findall(material.text) if name not in OWN_MARKERS)
    fields |= {name: f"{fields[name]}{passed_on}" for name in ("image_prompt", "motion") if name in fields}
    answer = json.dumps({name: fields.get(name, material.text) for name in schema.get("properties", {})})
    content: dict[str, Any] = {"type": "output_text", "text": answer, "annotations": []}
    incomplete = "[stub:truncated]" in material.marked
    if incomplete:
        content["text"] = answer[: len(answer) // 2]
    if "[stub:refusal]" in material.marked:
        content = {"type": "refusal", "refusal": "I'm sorry, I can't help with that."}
    status = "incomplete" if incomplete else "completed"
    message = {"id": f"msg_{secrets.token_hex(8)}", "type": "message", "role": "assistant", "status": status}
    return {
        "id": f"resp_{secrets.token_hex(8)}",
        "object": "response",
        "created_at": int(time.time()),
        "model": request["model"],
        "status": status,
        "incomplete_details": {"reason": "max_output_tokens"} if incomplete else None,
        "error": None,
        "instructions": request.get("instructions"),
        "metadata": {},
        "output": [
            {"id": f"rs_{secrets.token_hex(8)}", "type": "reasoning", "summary": []},
            {**message, "content": [content]},
        ],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
    }


def _moderation(request: dict[str, Any]) -> dict[str, Any]:
    inputs = request["input"]
    parts = inputs if isinstance(inputs, list) else [inputs]
    # a list of typed parts is one input with text and pictures, a list of strings is many inputs
    groups = [parts] if parts and isinstance(parts[0], dict) else [[part] for part in parts]
    return {
        "id": f"modr-{secrets.token_hex(8)}",
        "model": "omni-moderation-latest",
        "results": [_result(group) for group in groups],
    }


def _result(group: list[Any]) -> dict[str, Any]:
    pictures = pictures_of(group)
    flagged = FLAGGED_TEXT if "[stub:flagged]" in _text_of(group) else frozenset()
    if any(looks_red(picture) for picture in pictures):
        flagged |= FLAGGED_PICTURE
    kinds = ["text", "image"] if pictures else ["text"]
    return {
        "flagged": bool(flagged),
        "categories": {name: name in flagged for name in CATEGORIES},
        "category_scores": {name: 0.98 if name in flagged else 0.001 for name in CATEGORIES},
        "category_applied_input_types": dict.fromkeys(CATEGORIES, kinds),
    }


def _text_of(value: Any) -> str:
    """All text in an input, in whatever form the API takes it."""
    if isinstance(value, list):
        return " ".join(_text_of(item) for item in value)
    return str(value.get("text", "")) if isinstance(value, dict) else str(value)
