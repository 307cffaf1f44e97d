"""Webhooks as Replicate sends them: signed after the Standard Webhooks specification, repeated until taken.

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
from typing import Any

ATTEMPTS = 4
FIRST_DELAY_SECONDS = 0.2


class WebhookSender:
    """Delivers in threads of its own. `sent` logs (event id, attempt, answer)."""

    def __init__(self) -> None:
        self.secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
        self.sent: list[tuple[str, int, int | str]] = []

    def sign(self, event_id: str, timestamp: str, body: bytes) -> str:
        """The webhook-signature header."""
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        digest = hmac.new(key, f"{event_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
        return "v1," + base64.b64encode(digest).decode()

    def send(self, url: str, prediction: dict[str, Any]) -> None:
        event_id, body = f"msg_{secrets.token_hex(12)}", json.dumps(prediction).encode()
        threading.Thread(target=self._deliver, args=(url, event_id, body), daemon=True).start()

    def _deliver(self, url: str, event_id: str, body: bytes) -> None:
        for attempt in range(ATTEMPTS):
            timestamp = str(int(time.time()))
            headers = {
                "content-type": "application/json",
                "webhook-id": event_id,
                "webhook-timestamp": timestamp,
                "webhook-signature": self.sign(event_id, timestamp, body),
            }
            answer: int | str
            try:
                with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as response:
                    answer = response.status
            except urllib.error.HTTPError as error:
                answer = error.code
            except OSError as error:
                answer = type(error).__name__
            self.sent.append((event_id, attempt, answer))
            if isinstance(answer, int) and 200 <= answer < 300:
                return
            time.sleep(FIRST_DELAY_SECONDS * 2**attempt)
