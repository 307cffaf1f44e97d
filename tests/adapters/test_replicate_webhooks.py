"""Only what Replicate has signed within the last five minutes is believed."""

import json
import time

import pytest

from localdev.stub_replicate.webhooks import WebhookSender
from pipeline.adapters.replicate_webhooks import ForgedWebhook, WebhookVerifier
from pipeline.adapters.signing_secrets import SigningSecret

BODY = json.dumps({"id": "p1", "status": "succeeded", "text": "Grüße"}).encode()


def signed(sender: WebhookSender, body: bytes = BODY, *, age_seconds: int = 0) -> dict[str, str]:
    timestamp = str(int(time.time()) - age_seconds)
    return {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": timestamp,
        "Webhook-Signature": sender.sign("msg_1", timestamp, body),
    }


@pytest.fixture
def sender() -> WebhookSender:
    return WebhookSender()


def test_a_signed_webhook_is_believed(sender: WebhookSender):
    WebhookVerifier(SigningSecret(lambda: sender.secret)).verify(signed(sender), BODY)


def test_one_of_several_signatures_is_enough(sender: WebhookSender):
    headers = signed(sender)
    headers["Webhook-Signature"] = f"v1,{'A' * 44} {headers['Webhook-Signature']}"
    WebhookVerifier(SigningSecret(lambda: sender.secret)).verify(headers, BODY)


@pytest.mark.parametrize(
    "changes",
    [
        {"Webhook-Signature": "v1," + "A" * 43 + "="},
        {"Webhook-Signature": "v1,not base64 at all!"},
        {"Webhook-Signature": "v1"},
        {"Webhook-Signature": ""},
        {"Webhook-Id": "msg_2"},
        {"Webhook-Id": ""},
        {"Webhook-Timestamp": str(int(time.time()) + 7)},
        {"Webhook-Timestamp": "yesterday"},
        {"Webhook-Timestamp": "9" * 400},
        {"Webhook-Timestamp": ""},
    ],
)
def test_any_change_makes_it_a_forgery(sender: WebhookSender, changes: dict[str, str]):
    with pytest.raises(ForgedWebhook):
        WebhookVerifier(SigningSecret(lambda: sender.secret)).verify({**signed(sender), **changes}, BODY)


@pytest.mark.parametrize("body", [b"", b"{}", BODY + b" ", b"\xff\xfe"])
def test_another_body_is_a_forgery(sender: WebhookSender, body: bytes):
    with pytest.raises(ForgedWebhook):
        WebhookVerifier(SigningSecret(lambda: sender.secret)).verify(signed(sender), body)


@pytest.mark.parametrize("age_seconds", [301, 3600, -400])
def test_a_replay_after_five_minutes_is_a_forgery(sender: WebhookSender, age_seconds: int):
    with pytest.raises(ForgedWebhook):
        WebhookVerifier(SigningSecret(lambda: sender.secret)).verify(signed(sender, age_seconds=age_seconds), BODY)


def test_without_headers_it_is_a_forgery(sender: WebhookSender):
    with pytest.raises(ForgedWebhook):
        WebhookVerifier(SigningSecret(lambda: sender.secret)).verify({}, BODY)
