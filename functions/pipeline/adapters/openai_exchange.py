"""One request to OpenAI and its answer, as JSON: sent once or twice, over in time, and bounded in size.

    attempt 1 ── answer ─────────────────────────────────────────────> JSON
        └── nobody there, 5xx, 429 with a short wait ── attempt 2 ──> JSON, or WordsUnavailable
        └── a parameter that this model does not take ── attempt 2, without it

The SDK speaks the protocol, without its own retries (those may wait a minute) and without its reading of answers
(which takes any size and any shape). The SDK is loaded at the first request, in the time that this one has.
Whatever the SDK and its transport raise ends here: callers see WordsUnavailable only.
"""

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from pipeline.adapters import logger
from pipeline.adapters.timed_calls import TimedCalls
from pipeline.domain.errors import (
    ConfigurationError,
    InsufficientCredit,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)
from pipeline.domain.log_events import ProviderRefused

if TYPE_CHECKING:
    import openai

Reason = Literal["refused", "truncated", "timeout", "unavailable", "rate_limited", "key_refused", "unreadable"]
Resource = Literal["responses", "moderations"]

MAX_ANSWER_BYTES = 1_000_000
PAUSE_SECONDS = 0.3
LONGEST_PAUSE_SECONDS = 3.0
"""A longer `Retry-After` is not waited for: the words are wanted now."""
_DISPENSABLE = frozenset({"reasoning"})

NO_CREDIT = "insufficient_quota"
"""OpenAI's own code for an account whose money is used up; its HTTP status is that of too many requests."""

_CODES: Mapping[Reason, str] = {
    "timeout": ProviderUnavailable.code,
    "unavailable": ProviderUnavailable.code,
    "rate_limited": RateLimited.code,
    "key_refused": ConfigurationError.code,
}

_SENTENCES: Mapping[Reason, str] = {
    "refused": "OpenAI refuses the request.",
    "truncated": "OpenAI's answer stopped in the middle.",
    "timeout": "OpenAI did not answer in time.",
    "unavailable": "OpenAI could not be reached, or has a problem of its own.",
    "rate_limited": "OpenAI asks to slow down, or the account's budget is used up.",
    "key_refused": "OpenAI refuses the key in OPENAI_API_KEY.",
    "unreadable": "OpenAI's answer could not be read.",
}


class WordsUnavailable(Exception):
    """OpenAI gave no usable answer. `str()` is a sentence that users may read."""

    def __init__(self, reason: Reason, sentence: str = "") -> None:
        super().__init__(sentence or _SENTENCES[reason])
        self.reason = reason


class OpenAiExchange:
    """One account's connections. Safe to share between threads."""

    def __init__(self, api_key: str) -> None:
        self._api_key = api_key
        self._calls = TimedCalls()
        self._client: openai.AsyncOpenAI | None = None
        self._not_taken: set[str] = set()

    def post(self, resource: Resource, body: Mapping[str, Any], seconds: float) -> Mapping[str, Any]:
        """The answer. Raises WordsUnavailable, within the seconds, whatever goes wrong."""
        try:
            answer = self._calls.run(lambda: self._exchange(resource, body, seconds), seconds)
        except WordsUnavailable:
            raise
        except TimeoutError as error:
            _tell("timeout", error)
            raise WordsUnavailable("timeout") from error
        except CancelledError as error:  # close() came in between
            raise WordsUnavailable("unavailable") from error
        except Exception as error:  # a job can do without words: no mistake here, or of the SDK, may end it
            raise WordsUnavailable("unreadable") from error
        if not isinstance(answer, dict):
            raise WordsUnavailable("unreadable")
        return answer

    def close(self) -> None:
        """Let go of the connections, and of the thread."""
        if self._client:
            with suppress(OSError, RuntimeError):  # TimeoutError is an OSError
                self._calls.run(self._client.close, 1.0)
            self._client = None
        self._calls.stop()

    async def _exchange(self, resource: Resource, body: Mapping[str, Any], seconds: float) -> Any:
        for is_last in (False, True):
            try:
                return await self._send(resource, body, seconds)
            except WordsUnavailable:
                raise
            except Exception as error:
                pause, unavailable = None if is_last else self._pause(error), _words_unavailable(error)
                if pause != 0.0:  # not only a parameter is to be left out
                    _tell(unavailable.reason, error)
                if pause is None:
                    raise unavailable from error
            await asyncio.sleep(pause)
        raise WordsUnavailable("unavailable")

    async def _send(self, resource: Resource, body: Mapping[str, Any], seconds: float) -> Any:
        client = self._connected()
        sent = {name: value for name, value in body.items() if name not in self._not_taken}
        streaming: Any = getattr(client, resource).with_streaming_response
        content = bytearray()
        async with streaming.create(**sent, timeout=seconds) as response:
            async for piece in response.iter_bytes():
                content += piece
                if len(content) > MAX_ANSWER_BYTES:
                    raise WordsUnavailable("unreadable")
        return json.loads(content)

    def _connected(self) -> "openai.AsyncOpenAI":
        """The client. Only the loop's thread comes here."""
        import openai

        if self._client is None:
            self._client = openai.AsyncOpenAI(api_key=self._api_key, max_retries=0)
        return self._client

    def _pause(self, error: Exception) -> float | None:
        """Seconds until the same is asked again; None where that is of no use."""
        import httpx2
        import openai

        match error:
            case openai.BadRequestError(param=str(parameter)) if (name := parameter.split(".")[0]) in _DISPENSABLE:
                self._not_taken.add(name)
                return 0.0
            case openai.RateLimitError(code=code) if code == NO_CREDIT:
                return None
            case openai.APIStatusError(status_code=status) if status in (408, 409, 429) or status >= 500:
                asked = _seconds(error.response.headers.get("retry-after"))
                return asked if asked <= LONGEST_PAUSE_SECONDS else None
            case openai.APITimeoutError():
                return None
            case openai.APIConnectionError() | httpx2.TransportError():
                return PAUSE_SECONDS
        return None


def _seconds(retry_after: str | None) -> float:
    """What a `Retry-After` asks for; our own pause where it is none, or a date."""
    try:
        return max(float(retry_after or ""), PAUSE_SECONDS)
    except ValueError:
        return PAUSE_SECONDS


def _tell(reason: Reason, error: Exception) -> None:
    """OpenAI has refused, or has not answered: counted under the code that the same has of Replicate."""
    http_status = getattr(error, "status_code", 0)
    no_credit = getattr(error, "code", None) == NO_CREDIT
    code = InsufficientCredit.code if no_credit else _CODES.get(reason, ProviderError.code)
    answered = f"HTTP {http_status}" if http_status else "no answer"
    logger.tell(ProviderRefused("openai", code, http_status), f"OpenAI: {answered}, {reason}", is_warning=True)


def _words_unavailable(error: Exception) -> WordsUnavailable:
    """The reason of a failure. Its own words stay out: they may name the key, a URL, or the account."""
    import httpx2
    import openai

    match error:
        case openai.APITimeoutError() | httpx2.TimeoutException():
            return WordsUnavailable("timeout")
        case openai.RateLimitError():
            return WordsUnavailable("rate_limited")
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return WordsUnavailable("key_refused")
        case openai.NotFoundError():
            return WordsUnavailable("refused", "OpenAI does not know the model that is asked for.")
        case openai.APIStatusError(status_code=status) if status in (408, 409) or status >= 500:
            return WordsUnavailable("unavailable")
        case openai.APIStatusError(status_code=status) if status >= 400:
            return WordsUnavailable("refused")
        case openai.APIConnectionError() | httpx2.TransportError():
            return WordsUnavailable("unavailable")
    return WordsUnavailable("unreadable")
