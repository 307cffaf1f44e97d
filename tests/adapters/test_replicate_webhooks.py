"""Only what Replicate has signed within the last five minutes is believed."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localdev.stub_replicate.webhooks import WebhookSender
from pipeline.adapters.replicate_webhooks import MAX_SIGNATURES, ForgedWebhook, WebhookVerifier, read_stamp
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
        {"Webhook-Timestamp": str(int(time.time()) - 7)},
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


NOW = 1_763_740_800
TIMES = st.integers(NOW - 400, NOW + 400).map(str) | st.text(max_size=15)
PIECES = st.sampled_from(["v1", "v2", ",", " ", "=", "A" * 43, "+/", "v1," + "A" * 43 + "=", "\t", "\xff"])
NAMES = ("webhook-id", "Webhook-Timestamp", "WEBHOOK-SIGNATURE")


@given(webhook_id=st.text(max_size=300), timestamp=TIMES, signature=st.lists(PIECES, max_size=30).map("".join))
def test_whatever_the_headers_are_they_are_a_stamp_or_a_forgery(webhook_id: str, timestamp: str, signature: str):
    headers = dict(zip(NAMES, (webhook_id, timestamp, signature), strict=True))
    try:
        stamp = read_stamp(headers, lambda: float(NOW))
    except ForgedWebhook:
        return
    assert abs(int(stamp.timestamp) - NOW) <= 300
    assert 1 <= len(stamp.signatures) <= MAX_SIGNATURES
    assert {len(one) for one in stamp.signatures} == {32}
    assert stamp.webhook_id.isascii()
