"""Replicate's webhooks: whether one is genuine and recent.

Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, checked by Replicate's own SDK in constant time.
Source: https://replicate.com/docs/topics/webhooks/verify-webhook
"""

import threading
import time
from collections.abc import Callable, Mapping

from pipeline.domain.errors import JobError, ProviderUnavailable

MAX_BODY_BYTES = 1_000_000
"""A prediction's logs come with it; ours are short."""

TOLERANCE_SECONDS = 300
REST_SECONDS = 10.0
"""After the secret could not be fetched, before it is tried again."""

REFETCH_SECONDS = 300.0
"""A signature that does not fit may mean a new secret; forgers shall not make us ask more often than this."""


class ForgedWebhook(Exception):
    """Not signed with the account's secret, or too old."""


class WebhookVerifier:
    """Knows the account's signing secret. Safe to share between threads."""

    def __init__(self, fetch_secret: Callable[[], str], clock: Callable[[], float] = time.monotonic) -> None:
        """`fetch_secret` asks the provider; nothing is asked before the first webhook. `clock` in seconds."""
        self._fetch_secret = fetch_secret
        self._clock = clock
        self._secret: str | None = None
        self._fetched_at = 0.0
        self._failed_at: float | None = None
        self._lock = threading.Lock()

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raises ForgedWebhook; ProviderUnavailable and the like when the secret cannot be fetched."""
        _check_age(headers)  # costs nothing, and keeps most that are not Replicate's from asking it
        try:
            self._check(headers, body, self._current_secret())
        except ForgedWebhook:
            if (newer := self._newer_secret()) is None:
                raise
            self._check(headers, body, newer)

    def _check(self, headers: Mapping[str, str], body: bytes, secret: str) -> None:
        from replicate.webhook import Webhooks, WebhookSigningSecret

        try:
            Webhooks.validate(
                headers=dict(headers),
                body=body.decode(),
                secret=WebhookSigningSecret(key=secret),
                tolerance=TOLERANCE_SECONDS,
            )
        except ValueError as error:  # the SDK's own errors, numbers that are none, bad base64, bad UTF-8
            raise ForgedWebhook(type(error).__name__) from error

    def _current_secret(self) -> str:
        with self._lock:
            if self._secret is None:
                self._secret = self._fetched()
            return self._secret

    def _newer_secret(self) -> str | None:
        with self._lock:
            if self._clock() - self._fetched_at < REFETCH_SECONDS:
                return None
            before = self._secret
            self._secret = self._fetched()
            return self._secret if self._secret != before else None

    def _fetched(self) -> str:
        if self._failed_at is not None and self._clock() - self._failed_at < REST_SECONDS:
            raise ProviderUnavailable("Replicate could not be asked for the webhooks' secret.")
        try:
            secret, self._fetched_at = self._fetch_secret(), self._clock()
        except JobError:
            self._failed_at = self._clock()
            raise
        return secret


def _check_age(headers: Mapping[str, str]) -> None:
    given = {name.lower(): value for name, value in headers.items()}
    if not all(given.get(name) for name in ("webhook-id", "webhook-timestamp", "webhook-signature")):
        raise ForgedWebhook("no signature")
    timestamp = given["webhook-timestamp"]
    if not timestamp.isdecimal() or len(timestamp) > 12 or abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        raise ForgedWebhook("too old")
