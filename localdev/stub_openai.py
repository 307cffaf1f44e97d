"""A stand-in for OpenAI: structured responses and moderations over its HTTP protocol, faults to order by markers.

    [stub:flagged]   moderation flags the text          [stub:refusal]     the model refuses
    [stub:truncated] the answer stops in the middle     [stub:openai-500]  the service fails
    [stub:timeout]   no answer for half a minute

Source: https://platform.openai.com/docs/api-reference/responses, .../moderations
"""

import argparse
import json
import re
import secrets
import signal
import threading
import time
from functools import partial
from typing import Any

from localdev.stack.loopback import Exchange, LoopbackServer

TIMEOUT_SECONDS = 30.0
CATEGORIES = ("harassment", "hate", "illicit", "self-harm", "sexual", "sexual/minors", "violence", "violence/graphic")
MARKER = re.compile(r"\s*\[stub:[a-z0-9-]+\]")


class StubOpenAI(LoopbackServer):
    """An OpenAI account on 127.0.0.1; its `base_url` is what OPENAI_BASE_URL takes."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(partial(_OpenAIExchange, self), port)
        self.requests: list[str] = []
        self.stopping = threading.Event()

    @property
    def base_url(self) -> str:
        return f"{super().base_url}/v1"

    def stop(self) -> None:
        self.stopping.set()
        super().stop()


class _OpenAIExchange(Exchange):
    protocol_version = "HTTP/1.1"

    def __init__(self, stub: StubOpenAI, *arguments: Any) -> None:
        self._stub = stub
        super().__init__(*arguments)

    def do_POST(self) -> None:
        request = json.loads(self.body() or b"{}")
        self._stub.requests.append(self.path)
        text = _text_of(request.get("input"))
        if not self.headers.get("Authorization", "").removeprefix("Bearer").strip():
            self._problem(401, "invalid_api_key", "You didn't provide an API key.")
        elif "[stub:openai-500]" in text:
            self._problem(500, "server_error", "The server had an error while processing your request.")
        elif self.path == "/v1/responses":
            if "[stub:timeout]" in text:
                self._stub.stopping.wait(TIMEOUT_SECONDS)
                return
            self.answer_json(_response(request, text))
        elif self.path == "/v1/moderations":
            self.answer_json(_moderation(request))
        else:
            self._problem(404, "not_found", f"Unknown request URL: POST {self.path}")

    def _problem(self, status: int, code: str, message: str) -> None:
        self.answer_json({"error": {"message": message, "type": code, "param": None, "code": code}}, status)


def _response(request: dict[str, Any], text: str) -> dict[str, Any]:
    schema = request.get("text", {}).get("format", {}).get("schema", {})
    answer = json.dumps(_filled(schema, MARKER.sub("", text).strip()))
    content: dict[str, Any] = {"type": "output_text", "text": answer, "annotations": []}
    incomplete = "[stub:truncated]" in text
    if incomplete:
        content["text"] = answer[: len(answer) // 2]
    if "[stub:refusal]" in text:
        content = {"type": "refusal", "refusal": "I'm sorry, I can't help with that."}
    status = "incomplete" if incomplete else "completed"
    message = {"id": f"msg_{secrets.token_hex(8)}", "type": "message", "role": "assistant", "status": status}
    return {
        "id": f"resp_{secrets.token_hex(8)}",
        "object": "response",
        "created_at": int(time.time()),
        "model": request.get("model", ""),
        "status": status,
        "incomplete_details": {"reason": "max_output_tokens"} if incomplete else None,
        "error": None,
        "instructions": None,
        "metadata": {},
        "output": [{**message, "content": [content]}],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
    }


def _filled(schema: dict[str, Any], text: str) -> dict[str, Any]:
    """An object of the schema's form: its string fields say something of the input."""
    sentences = {
        "image_prompt": f"{text}, wide vertical composition, soft cinematic light, rich detail",
        "motion_prompt": f"{text}. The camera glides slowly forward.",
        "title": " ".join(text.split()[:6]),
        "description": text,
    }
    return {name: sentences.get(name, text) for name in schema.get("properties", {})}


def _moderation(request: dict[str, Any]) -> dict[str, Any]:
    inputs = request.get("input")
    parts = inputs if isinstance(inputs, list) else [inputs]
    # a list of typed parts is one input with text and pictures, a list of strings is many inputs
    groups = [parts] if parts and isinstance(parts[0], dict) else [[part] for part in parts]
    results = []
    for group in groups:
        flagged = "[stub:flagged]" in _text_of(group)
        results.append(
            {
                "flagged": flagged,
                "categories": {name: flagged and name == "violence" for name in CATEGORIES},
                "category_scores": {name: 0.98 if flagged and name == "violence" else 0.001 for name in CATEGORIES},
                "category_applied_input_types": {name: ["text"] for name in CATEGORIES},
            }
        )
    return {"id": f"modr-{secrets.token_hex(8)}", "model": "omni-moderation-latest", "results": results}


def _text_of(value: Any) -> str:
    """All text in an input, in whatever form the API takes it; of messages, the user's."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return " ".join(_text_of(item) for item in value)
    if isinstance(value, dict) and value.get("role") not in ("system", "developer"):
        return _text_of(value.get("content", value.get("text", "")))
    return ""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8098)
    stub = StubOpenAI(parser.parse_args().port).start()
    print(stub.base_url, flush=True)
    signal.signal(signal.SIGTERM, lambda *_: stub.stop())
    threading.Event().wait()
