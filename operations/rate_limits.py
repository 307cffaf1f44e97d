"""A limit on how much happens a second, for all threads together."""

import threading
import time
from collections.abc import Callable


class TokenBucket:
    """Lets `per_second` through, and up to `burst` at once after a rest.

        tokens  burst ─────╮                     ╭───────
                           ╰╮      ╭─╮         ╭─╯
                     0 ─────╰──────╯─╰────────╭╯─────────
                       take(burst)   take(2n) ╰ a debt: whoever comes next waits until it is paid

    A take larger than the burst is let through too, and waited for. Whoever comes first is served first.
    """

    def __init__(
        self,
        per_second: float,
        burst: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._pause = pause
        self._tokens = burst
        self._counted_at = clock()
        self._lock = threading.Lock()

    def take(self, amount: float) -> None:
        """Wait until `amount` more may happen."""
        with self._lock:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._counted_at) * self._per_second) - amount
            self._counted_at = now
            seconds = -self._tokens / self._per_second
        if seconds > 0:
            self._pause(seconds)
