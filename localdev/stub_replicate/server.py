"""The HTTP side of the stub. Source: https://replicate.com/docs/reference/http

Beside Replicate's own routes, for tests:

    GET  /_control/state     {"creates", "predictions": [...], "webhooks": [...], "forged": [...], "faults": {...}}
    POST /_control/faults    ["status:500", "reset", "reset_after_create", ...]: each holds for one of the next creates
    PUT  /_control/rates     {"seed": 1, "create_429": 0.1, ...}: faults by rate, see rates.py
"""

import json
import re
import socket
import struct
import time
from email import message_from_bytes
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from localdev.stack.loopback import Exchange, LoopbackServer
from localdev.stub_replicate.markers import LOST_ANSWERS, REFUSALS, Markers
from localdev.stub_replicate.models import MODELS, invalid_fields
from localdev.stub_replicate.predictions import Prediction, PredictionRunner, iso, new_prediction
from localdev.stub_replicate.rates import Dice
from localdev.stub_replicate.webhooks import WebhookSender

PAGE_SIZE = 100
BODY_FIELDS = {"input", "webhook", "webhook_events_filter", "stream", "version"}


class StubReplicate(LoopbackServer):
    """A Replicate account on 127.0.0.1.

    `image_seconds` and `video_seconds`: how long its models take, up to `spread` of it more or less.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        image_seconds: float = 1.0,
        video_seconds: float = 3.0,
        spread: float = 0.2,
        expire_after_seconds: float = 3600.0,
    ) -> None:
        super().__init__(partial(_ReplicateExchange, self), port)
        self.faults: list[str] = []
        self.creates = 0
        self.predictions: dict[str, Prediction] = {}
        self.files: dict[str, tuple[str, bytes]] = {}
        self.markers = Markers()
        self.dice = Dice()
        self.webhooks = WebhookSender(self.dice)
        self.expire_after_seconds = expire_after_seconds
        self.runner = PredictionRunner(image_seconds, video_seconds, spread, self.markers, self.files, self._event)

    def stop(self) -> None:
        self.runner.stop()
        super().stop()

    def create(self, prediction: Prediction) -> None:
        """Accept a prediction: from here on it is paid."""
        self.creates += 1
        self.predictions[prediction.id] = prediction
        self.runner.start(prediction, self.base_url)

    def seen(self, prediction: Prediction) -> dict[str, Any]:
        """What an answer says about it; an hour after its creation its data is gone."""
        if prediction.ended.is_set() and time.time() - prediction.created_at > self.expire_after_seconds:
            prediction.data_removed = True
        return prediction.as_json(self.base_url)

    def _event(self, prediction: Prediction, event: str) -> None:
        wanted = prediction.webhook_events or ["completed"]
        if prediction.webhook and event in wanted:
            self.webhooks.send(prediction.webhook, self.seen(prediction))


class _ReplicateExchange(Exchange):
    protocol_version = "HTTP/1.1"

    def __init__(self, stub: StubReplicate, *arguments: Any) -> None:
        self._stub = stub
        super().__init__(*arguments)

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.startswith("/files/"):
            self._serve(path.removeprefix("/files/"))
        elif path == "/_control/state":
            self._state()
        elif not self._is_authorized():
            self._problem(401, "You did not pass a valid authentication token")
        elif path.startswith("/v1/predictions") and (status := self._stub.dice.read_fault(path)) is not None:
            self._problem(status, "fault by rate")
        elif path.startswith("/v1/files/"):
            self._serve(path.removeprefix("/v1/files/"))
        elif path == "/v1/webhooks/default/secret":
            self.answer_json({"key": self._stub.webhooks.secret})
        elif path == "/v1/predictions":
            self._list()
        elif (prediction := self._named(path, r"/v1/predictions/([^/]+)")) is not None:
            self.answer_json(self._stub.seen(prediction))
        else:
            self._problem(404, "The requested resource could not be found.")

    def do_PUT(self) -> None:
        settings = self.body()
        if urlsplit(self.path).path != "/_control/rates":
            self._problem(404, "The requested resource could not be found.")
            return
        try:
            self._stub.dice.rates = self._stub.dice.rates.changed(json.loads(settings))
        except ValueError as error:
            self._problem(400, str(error))
        else:
            self.answer_json(vars(self._stub.dice.rates))

    def do_POST(self) -> None:
        path, body = urlsplit(self.path).path, self.body()
        if path == "/_control/faults":
            self._stub.faults += json.loads(body)
            self.answer_json({"faults": self._stub.faults})
        elif not self._is_authorized():
            self._problem(401, "You did not pass a valid authentication token")
        elif path == "/v1/files":
            self._upload(body)
        elif match := re.fullmatch(r"/v1/models/([^/]+/[^/]+)/predictions", path):
            self._create(match[1], json.loads(body))
        elif (prediction := self._named(path, r"/v1/predictions/([^/]+)/cancel")) is not None:
            self._stub.runner.cancel(prediction)
            self.answer_json(self._stub.seen(prediction))
        else:
            self._problem(404, "The requested resource could not be found.")

    def _create(self, model: str, body: dict[str, Any]) -> None:
        fields = body.get("input") or {}
        if model not in MODELS:
            self._problem(404, "The requested resource could not be found.")
            return
        problems = [f"{name}: Additional property is not allowed" for name in set(body) - BODY_FIELDS]
        if problems := problems or [f"input.{problem}" for problem in invalid_fields(model, fields)]:
            self._problem(422, "\n".join(f"- {p}" for p in problems), invalid_fields=problems)
            return
        mark = fields.get("seed") or fields["prompt"]
        fault = self._stub.faults.pop(0) if self._stub.faults else self._stub.dice.create_fault(mark)
        refusal = self._stub.markers.take(model, fields["prompt"], REFUSALS)
        if refusal or fault.startswith("status:"):
            status, detail = REFUSALS[refusal] if refusal else (int(fault.removeprefix("status:")), "ordered fault")
            self._problem(status, detail, **({"retry_after": 1} if status == 429 else {}))
            return
        lost = self._stub.markers.take(model, fields["prompt"], LOST_ANSWERS) or fault.replace("_", "-")
        if lost.startswith("reset") and "after-create" not in lost:
            self._reset()
            return
        prediction = new_prediction(model, fields, body, self.headers.get("Cancel-After"))
        self._stub.create(prediction)
        if lost.startswith("reset"):
            self._reset()
        elif lost == "500-after-create":
            self._problem(500, "Internal server error")
        else:
            time.sleep(self._stub.dice.rates.slow_seconds if lost == "slow" else 0.0)
            self._wait(prediction)
            self.answer_json(self._stub.seen(prediction), 201 if prediction.ended.is_set() else 202)

    def _wait(self, prediction: Prediction) -> None:
        """`Prefer: wait=5` holds the answer back until the prediction has ended, or so long."""
        match = re.fullmatch(r"wait(?:=(\d+))?", self.headers.get("Prefer", ""))
        if match:
            prediction.ended.wait(int(match[1] or 60))

    def _list(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        after = query.get("created_after", [""])[0].replace("+00:00", "").removesuffix("Z")
        start = int(query.get("cursor", ["0"])[0])
        found = [p for p in reversed(list(self._stub.predictions.values())) if iso(p.created_at) >= after]
        more = urlencode({"cursor": start + PAGE_SIZE, **({"created_after": after} if after else {})})
        self.answer_json(
            {
                "previous": None,
                "next": f"{self._stub.base_url}/v1/predictions?{more}" if len(found) > start + PAGE_SIZE else None,
                "results": [self._stub.seen(prediction) for prediction in found[start : start + PAGE_SIZE]],
            }
        )

    def _upload(self, body: bytes) -> None:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        parts = {
            part.get_param("name", header="content-disposition"): part
            for part in message_from_bytes(head + body).walk()
        }
        content = parts["content"].get_payload(decode=True) if "content" in parts else None
        if not isinstance(content, bytes):
            self._problem(422, "- content: is required")
            return
        file_id = f"file-{len(self._stub.files)}-{time.time_ns()}"
        self._stub.files[file_id] = (parts["content"].get_content_type(), content)
        url = f"{self._stub.base_url}/v1/files/{file_id}"
        self.answer_json({"id": file_id, "size": len(content), "urls": {"get": url}}, 201)

    def _serve(self, name: str) -> None:
        if name in self._stub.files:
            media_type, content = self._stub.files[name]
            self.answer(200, content, {"Content-Type": media_type})
        else:
            self._problem(404, "file expired")

    def _state(self) -> None:
        listed = [
            {"id": p.id, "model": p.model, "status": p.status, "prompt": p.prompt, "seed": p.input.get("seed")}
            for p in list(self._stub.predictions.values())
        ]
        webhooks = self._stub.webhooks
        state = {"creates": self._stub.creates, "predictions": listed, "webhooks": webhooks.sent}
        self.answer_json({**state, "forged": webhooks.forged, "faults": dict(self._stub.dice.drawn)})

    def _named(self, path: str, pattern: str) -> Prediction | None:
        match = re.fullmatch(pattern, path)
        return self._stub.predictions.get(match[1]) if match else None

    def _is_authorized(self) -> bool:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return scheme in ("Bearer", "Token") and token not in ("", "revoked")

    def _problem(self, status: int, detail: str, **more: Any) -> None:
        self.answer_json({"title": "Error", "detail": detail, "status": status, **more}, status)

    def _reset(self) -> None:
        """Cut the connection without an answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()
