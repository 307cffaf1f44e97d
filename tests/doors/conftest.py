"""The webhook's door as it is deployed, in front of a Firestore and a Replicate that only note who comes to them."""

import json
import socket
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import firebase_admin
import pytest
from flask import Flask, Response, request
from werkzeug.test import TestResponse

from localdev.stack.loopback import Exchange, LoopbackServer
from localdev.stub_replicate.webhooks import WebhookSender
from pipeline.wiring import Instance

PATH = "/?op=image~no-such~predict~1"
PREDICTION: dict[str, Any] = {"id": "p1", "status": "succeeded", "model": "m", "input": {"seed": 1}, "output": ["u"]}


class Account(LoopbackServer):
    """What Replicate's API says about the webhooks' secret, and everything that it was asked."""

    def __init__(self) -> None:
        super().__init__(partial(_SecretExchange, self))
        self.sender = WebhookSender()
        self.asked: list[str] = []
        self.status = 200
        self.answer: object = {"key": self.sender.secret}

    def signed(self, body: bytes, *, age_seconds: float = 0, webhook_id: str = "msg_1") -> dict[str, str]:
        """The headers of a genuine webhook."""
        timestamp = str(int(time.time() - age_seconds))
        return {
            "Webhook-Id": webhook_id,
            "Webhook-Timestamp": timestamp,
            "Webhook-Signature": self.sender.sign(webhook_id, timestamp, body),
        }


class _SecretExchange(Exchange):
    def __init__(self, account: Account, *arguments: Any) -> None:
        self._account = account
        super().__init__(*arguments)

    def do_GET(self) -> None:
        self._account.asked.append(self.path)
        self.answer_json(self._account.answer, self._account.status)


class Bystander:
    """Listens where a service should be, and answers nothing."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._socket.setblocking(False)
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def visits(self) -> int:
        """How many connections have come since the last question."""
        count = 0
        while True:
            try:
                self._socket.accept()[0].close()
            except BlockingIOError:
                return count
            count += 1

    def close(self) -> None:
        self._socket.close()


class WebhookDoor:
    """Knocks as anybody can."""

    def __init__(self, instance: Instance) -> None:
        app = Flask(__name__)

        @app.route("/", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
        def answer() -> Response:
            return instance.answer_webhook(request)

        self.http = app.test_client()

    def knock(self, body: bytes, headers: Mapping[str, str], method: str = "POST") -> TestResponse:
        return self.http.open(PATH, method=method, data=body, headers=dict(headers))


@pytest.fixture
def account() -> Iterator[Account]:
    with Account() as account:
        yield account


@pytest.fixture
def firestore_and_tasks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bystander]:
    """Where the SDKs look for Firestore and Cloud Tasks."""
    bystander = Bystander()
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "demo-words-to-video")
    for name in ("FIRESTORE_EMULATOR_HOST", "CLOUD_TASKS_EMULATOR_HOST"):
        monkeypatch.setenv(name, bystander.address)
    yield bystander
    bystander.close()
    if "pipeline" in firebase_admin._apps:
        firebase_admin.delete_app(firebase_admin.get_app("pipeline"))


def service_settings(account: Account) -> dict[str, str]:
    """What a deployment must set; its storage is never reached."""
    return {
        "GOOGLE_CLOUD_PROJECT": "demo-words-to-video",
        "REPLICATE_API_TOKEN": "token",
        "REPLICATE_BASE_URL": account.base_url,
        "R2_ENDPOINT_URL": "http://127.0.0.1:1",
        "R2_BUCKET": "media",
        "R2_ACCESS_KEY_ID": "key",
        "R2_SECRET_ACCESS_KEY": "secret",
        "R2_PUBLIC_BASE_URL": "https://media.example.com",
    }


@pytest.fixture
def settings(account: Account) -> dict[str, str]:
    return service_settings(account)


@pytest.fixture
def door(settings: dict[str, str], firestore_and_tasks: Bystander) -> WebhookDoor:
    return WebhookDoor(Instance(settings))


def prediction_body(**changed: Any) -> bytes:
    return json.dumps({**PREDICTION, **changed}).encode()
