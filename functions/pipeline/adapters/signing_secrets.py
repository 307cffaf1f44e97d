"""The secret that Replicate signs webhooks with: fetched at the first webhook, kept, and seldom fetched again.

Whatever is sent to us, however much of it at once, Replicate is asked at most once in REST_SECONDS while there is no
secret, and at most once in REFETCH_SECONDS while there is one. Whoever can use the secret that is known never waits.
"""

import base64
import threading
import time
from collections.abc import Callable

from pipeline.domain.errors import JobError

REST_SECONDS = 10.0
"""After the first secret could not be fetched, before it is tried again."""

REFETCH_SECONDS = 300.0
"""A signature that does not fit may mean a new secret; forgers shall not make us ask more often than this."""

MIN_KEY_BYTES = 16
"""Standard Webhooks has 24 to 64. An empty key would be everybody's."""


class SecretUnavailable(Exception):
    """There is no secret to check with. `has_asked`: Replicate was asked for it just now, and not only before."""

    def __init__(self, *, has_asked: bool) -> None:
        super().__init__("Replicate could not be asked for the webhooks' secret.")
        self.has_asked = has_asked


class SigningSecret:
    """One account's key, as bytes. Safe to share between threads."""

    def __init__(self, fetch: Callable[[], str], clock: Callable[[], float] = time.monotonic) -> None:
        """`fetch` asks the provider for the secret as it is written, and raises JobError. `clock` in seconds."""
        self._fetch = fetch
        self._clock = clock
        self._key: bytes | None = None
        self._asked_at: float | None = None
        self._asking = threading.Lock()

    def current(self) -> bytes:
        """The key that is known, or else the provider's. Raises SecretUnavailable."""
        if self._key is not None:
            return self._key
        with self._asking:
            if self._key is None and self._has_rested(REST_SECONDS):
                self._ask()
            elif self._key is None:
                raise SecretUnavailable(has_asked=False)
            return self._known()

    def newer_than(self, tried: bytes) -> bytes | None:
        """A key other than the one that was tried, if there is one. Nobody waits for somebody else's question."""
        if self._known() == tried and self._asking.acquire(blocking=False):
            try:
                if self._known() == tried and self._has_rested(REFETCH_SECONDS):
                    self._ask()
            except SecretUnavailable:
                return None  # the one that is known stays good for all that it fits
            finally:
                self._asking.release()
        known = self._known()
        return known if known != tried else None

    def _ask(self) -> None:
        try:
            self._key = _key_bytes(self._fetch())
        except (JobError, ValueError) as error:
            raise SecretUnavailable(has_asked=True) from error
        finally:
            self._asked_at = self._clock()

    def _has_rested(self, seconds: float) -> bool:
        return self._asked_at is None or self._clock() - self._asked_at >= seconds

    def _known(self) -> bytes:
        if self._key is None:
            raise SecretUnavailable(has_asked=False)
        return self._key


def _key_bytes(written: str) -> bytes:
    """What `whsec_` and base64 stand for. Raises ValueError, which does not tell the secret."""
    try:
        key = base64.b64decode(written.partition("_")[2], validate=True)
    except ValueError:
        key = b""
    if len(key) < MIN_KEY_BYTES:
        raise ValueError("what Replicate calls the webhooks' secret is none")
    return key
