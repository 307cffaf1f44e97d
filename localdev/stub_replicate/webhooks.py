"""Webhooks as Replicate sends them: signed after the Standard Webhooks specification, repeated until taken. By rate
they are lost, doubled, late, or followed by forgeries:

    signature    made up, with an output that is not the prediction's, and signed with another key
    stale        signed an hour ago
    other_op     signed, but sent to the address of another prediction

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from localdev.stub_replicate.rates import Dice

ATTEMPTS = 4
FIRST_DELAY_SECONDS = 0.2
ANSWER_SECONDS = 30.0
STALE_SECONDS = 3600


class WebhookSender:
    """Delivers in threads of its own. `sent` logs (event id, attempt, answer), `forged` (kind, answer)."""

    def __init__(self, dice: Dice | None = None) -> None:
        self.secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
        self.sent: list[tuple[str, int, int | str]] = []
        self.forged: list[tuple[str, int | str]] = []
        self._dice = dice or Dice()
        self._urls: list[str] = []

    def sign(self, event_id: str, timestamp: str, body: bytes, secret: str | None = None) -> str:
        """The webhook-signature header."""
        key = base64.b64decode((secret or self.secret).removeprefix("whsec_"))
        digest = hmac.new(key, f"{event_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
        return "v1," + base64.b64encode(digest).decode()

    def send(self, url: str, prediction: dict[str, Any]) -> None:
        """Deliver it in the background, with the faults that the rates give it."""
        mark = (prediction.get("input") or {}).get("seed") or prediction["id"]
        event_id, body = f"msg_{secrets.token_hex(12)}", json.dumps(prediction).encode()
        others = [known for known in self._urls if known != url]
        self._urls.append(url)
        if not self._dice.webhook("lost", mark):
            for copy in range(2 if self._dice.webhook("doubled", mark) else 1):
                late = self._dice.webhook("late", f"{mark}/{copy}")
                delay = self._dice.share(f"{mark}/{copy}") * self._dice.rates.late_seconds if late else 0.0
                _in_background(self._deliver, url, event_id, body, delay)
        if self._dice.webhook("forged", mark):
            _in_background(self._forge, url, others, prediction)

    def _deliver(self, url: str, event_id: str, body: bytes, delay_seconds: float) -> None:
        time.sleep(delay_seconds)
        for attempt in range(ATTEMPTS):
            answer = _post(url, body, self._headers(event_id, body))
            self.sent.append((event_id, attempt, answer))
            if isinstance(answer, int) and 200 <= answer < 300:
                return
            time.sleep(FIRST_DELAY_SECONDS * 2**attempt)

    def _forge(self, url: str, others: list[str], prediction: Mapping[str, Any]) -> None:
        event_id = f"msg_{secrets.token_hex(12)}"
        invented = {**prediction, "status": "succeeded", "error": None, "output": ["https://example.com/forged.png"]}
        body, honest = json.dumps(invented).encode(), json.dumps(prediction).encode()
        wrong_key = base64.b64encode(secrets.token_bytes(24)).decode()
        forgeries = [
            ("signature", url, body, self._headers(event_id, body, secret=wrong_key)),
            ("stale", url, honest, self._headers(event_id, honest, age_seconds=STALE_SECONDS)),
        ]
        if others:
            forgeries.append(("other_op", others[-1], honest, self._headers(event_id, honest)))
        for kind, target, content, headers in forgeries:
            self.forged.append((kind, _post(target, content, headers)))

    def _headers(
        self, event_id: str, body: bytes, *, secret: str | None = None, age_seconds: float = 0.0
    ) -> dict[str, str]:
        timestamp = str(int(time.time() - age_seconds))
        return {
            "content-type": "application/json",
            "webhook-id": event_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": self.sign(event_id, timestamp, body, secret),
        }


def _in_background(work: Any, *arguments: Any) -> None:
    threading.Thread(target=work, args=arguments, daemon=True).start()


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> int | str:
    """The HTTP status, or the name of what went wrong."""
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, body, dict(headers)), timeout=ANSWER_SECONDS
        ) as response:
            status: int = response.status
            return status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError as error:
        return type(error).__name__
