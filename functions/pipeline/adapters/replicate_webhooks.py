"""Replicate's webhooks: whether one is genuine and recent.

Standard Webhooks: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, compared in constant time. Not by
Replicate's SDK (1.0.7): that takes any version's name for v1, compares as many signatures as are sent, and tells the
secret in an error.
Source: https://replicate.com/docs/topics/webhooks/verify-webhook,
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipeline.adapters.signing_secrets import SigningSecret

MAX_BODY_BYTES = 1_000_000
"""A prediction's logs come with it; ours are short."""

TOLERANCE_SECONDS = 300

MAX_SIGNATURES = 8
"""While the secret is being changed there are two."""

_ID = re.compile("[!-~]{1,256}")
_TIMESTAMP = re.compile("[0-9]{1,12}")
_SIGNATURE = re.compile("v1,([A-Za-z0-9+/]{43}=)")


class ForgedWebhook(Exception):
    """Not signed with the account's secret, or too old."""


@dataclass(frozen=True)
class Stamp:
    """What a webhook's headers claim. Nothing is proven yet."""

    webhook_id: str
    timestamp: str
    signatures: tuple[bytes, ...]


def read_stamp(headers: Mapping[str, str], now: Callable[[], float] = time.time) -> Stamp:
    """The stamp, if it could be a genuine and recent one. Costs nothing, and keeps most that is not Replicate's from
    being read or compared. Raises ForgedWebhook.
    """
    given = {name.lower(): value for name, value in headers.items()}
    webhook_id, timestamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not _ID.fullmatch(webhook_id):
        raise ForgedWebhook("no id")
    if not _TIMESTAMP.fullmatch(timestamp) or abs(now() - int(timestamp)) > TOLERANCE_SECONDS:
        raise ForgedWebhook("too old")
    written = given.get("webhook-signature", "").split(" ", MAX_SIGNATURES)
    matches = [match for text in written if (match := _SIGNATURE.fullmatch(text))]
    if not matches or len(written) > MAX_SIGNATURES:
        raise ForgedWebhook("no signature")
    return Stamp(webhook_id, timestamp, tuple(base64.b64decode(match[1]) for match in matches))


class WebhookVerifier:
    """Compares signatures with those that the account's secret gives. Safe to share between threads."""

    def __init__(self, secret: SigningSecret, now: Callable[[], float] = time.time) -> None:
        """`now` in seconds since 1970."""
        self._secret = secret
        self._now = now

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raises ForgedWebhook; SecretUnavailable when there is nothing to compare with."""
        stamp = read_stamp(headers, self._now)
        key = self._secret.current()
        if _is_signed(stamp, body, key):
            return
        newer = self._secret.newer_than(key)
        if newer is None or not _is_signed(stamp, body, newer):
            raise ForgedWebhook("not signed by Replicate")


def _is_signed(stamp: Stamp, body: bytes, key: bytes) -> bool:
    content = f"{stamp.webhook_id}.{stamp.timestamp}.".encode() + body
    digest = hmac.new(key, content, hashlib.sha256).digest()
    return any(hmac.compare_digest(signature, digest) for signature in stamp.signatures)
