"""Replicate's HTTP API: create, get, list and cancel predictions, upload files.

A thin client of our own, because the SDK's (1.0.7) creates without a time limit, hides `retry_after`, and rejects the
status `aborted`. It never retries a create: only `handlers.predictions` may decide that.

Source: https://replicate.com/docs/reference/http
"""

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from pipeline.adapters import logger
from pipeline.domain.errors import (
    ConfigurationError,
    InsufficientCredit,
    JobError,
    NotFound,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    UnknownModel,
)
from pipeline.domain.log_events import ProviderRefused
from pipeline.domain.predictions import ProviderPrediction
from pipeline.domain.redaction import redacted

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
READ_ATTEMPTS = 3
SECRET_SECONDS = 5.0
HAS_ENDED = (404, 422)
"""What a prediction that is over or gone answers to whoever wants to stop it."""

MAX_OUTPUTS, MAX_URL_CHARS, MAX_ERROR_CHARS = 16, 4096, 4000
MAX_METRICS, MAX_AMOUNT = 32, 1e6
"""Of a prediction: more than ours ever have, less than a document may hold."""

_METRIC = re.compile("[a-z][a-z0-9_]{0,99}")
MAX_PAGES = 50
LONGEST_DETAIL = 10_000


class SubmissionUnclear(Exception):
    """The create was sent and no clear answer came back: a prediction may be running."""


class ReplicateApi:
    """One account's predictions. Safe to share between threads."""

    def __init__(self, api_token: str, base_url: str, timeout_seconds: float = 30.0) -> None:
        self._http = httpx.Client(
            base_url=base_url.rstrip("/") + "/v1",
            headers={"Authorization": f"Bearer {api_token}"},
            timeout=httpx.Timeout(timeout_seconds, connect=10.0),
            follow_redirects=False,
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def create_prediction(
        self,
        model: str,
        model_input: Mapping[str, Any],
        cancel_after_seconds: int,
        webhook_url: str | None = None,
    ) -> ProviderPrediction:
        """Start a prediction. Exactly one POST.

        Raises ProviderUnavailable when nothing was sent, RateLimited, InsufficientCredit, UnknownModel or ProviderError
        when it was refused, and SubmissionUnclear when the outcome is unknown.
        """
        body: dict[str, Any] = {"input": dict(model_input)}
        if webhook_url:
            body |= {"webhook": webhook_url, "webhook_events_filter": ["completed"]}
        path = f"/models/{model}/predictions"
        try:
            response = self._send(
                "POST",
                path,
                json=body,
                headers={"Cancel-After": f"{cancel_after_seconds}s"},
            )
        except NEVER_SENT as error:
            raise ProviderUnavailable("Replicate could not be reached.") from error
        except httpx.HTTPError as error:
            raise SubmissionUnclear(type(error).__name__) from error
        if response.status_code in (200, 201, 202):
            try:
                return prediction_of(response.json())
            except (ValueError, KeyError, TypeError) as error:
                raise SubmissionUnclear("unreadable answer") from error
        if response.status_code in _REFUSALS:
            raise _refusal(response, path)
        raise SubmissionUnclear(f"HTTP {response.status_code}")

    def get_prediction(self, prediction_id: str) -> ProviderPrediction:
        """Its present state. Raises NotFound when it is unknown or deleted."""
        return prediction_of(self._read(f"/predictions/{prediction_id}"))

    def list_predictions(self, created_after: datetime) -> Iterator[ProviderPrediction]:
        """All predictions since a moment, newest first, read to the end: half a listing proves nothing."""
        path: str | None = "/predictions"
        params: dict[str, str] | None = {"created_after": created_after.isoformat()}
        for _ in range(MAX_PAGES):
            if path is None:
                return
            page = self._read(path, params)
            yield from (prediction_of(item) for item in page["results"])
            path, params = page.get("next"), None
        raise ProviderUnavailable("Replicate's list of predictions is too long to be searched now.")

    def cancel_prediction(self, prediction_id: str) -> None:
        """Ask it to stop. Harmless when it has ended."""
        try:
            response = self._send("POST", f"/predictions/{prediction_id}/cancel", expected=HAS_ENDED)
        except httpx.HTTPError as error:
            raise ProviderUnavailable("Replicate could not be reached.") from error
        if response.status_code not in (200, 201, 202, *HAS_ENDED):
            raise _refusal(response)

    def webhook_secret(self) -> str:
        """The key that this account's webhooks are signed with: `whsec_` and base64. Soon, or ProviderUnavailable:
        a webhook waits for it.
        """
        answer = self._read("/webhooks/default/secret", timeout_seconds=SECRET_SECONDS)
        if not isinstance(answer.get("key"), str):
            raise ProviderUnavailable("Replicate's answer holds no secret.")
        return str(answer["key"])

    def upload_file(self, path: Path, media_type: str) -> str:
        """Hand a file to Replicate (kept for a day). Returns the URL that a model's input may name."""
        with path.open("rb") as content:
            try:
                response = self._send("POST", "/files", files={"content": (path.name, content, media_type)})
            except httpx.HTTPError as error:
                raise ProviderUnavailable("Replicate could not be reached.") from error
        if response.status_code not in (200, 201):
            raise _refusal(response)
        return str(response.json()["urls"]["get"])

    def _send(self, method: str, path: str, *, expected: Collection[int] = (), **request: Any) -> httpx.Response:
        """One request. Answers that refuse it, unless they are `expected`, and no answer at all are told to the log."""
        try:
            response = self._http.request(method, path, **request)
        except httpx.HTTPError as error:
            refused = ProviderRefused("replicate", ProviderUnavailable.code, 0)
            logger.tell(refused, f"Replicate: no answer, {type(error).__name__}", is_warning=True)
            raise
        if response.status_code >= 400 and response.status_code not in expected:
            refused = ProviderRefused("replicate", _refusal(response, path).code, response.status_code)
            logger.tell(refused, f"Replicate: HTTP {response.status_code}, {refused.code}", is_warning=True)
        return response

    def _read(
        self, path: str, params: Mapping[str, str] | None = None, timeout_seconds: float | None = None
    ) -> dict[str, Any]:
        """GET, again on failures that pass: reading is free."""
        timeout = httpx.USE_CLIENT_DEFAULT if timeout_seconds is None else httpx.Timeout(timeout_seconds)
        last: JobError = ProviderUnavailable("Replicate could not be reached.")
        for _ in range(READ_ATTEMPTS):
            try:
                response = self._send("GET", path, params=params, timeout=timeout)
            except httpx.HTTPError:
                continue
            if response.status_code == 200:
                try:
                    return dict(response.json())
                except (ValueError, TypeError):  # cut short, or not from Replicate
                    continue
            last = _refusal(response)
            if response.status_code < 500:
                break
        raise last


_SECONDS = re.compile("[0-9]{1,9}([.][0-9]{1,9})?")
_MODEL = re.compile("/models/(.+)/predictions")
_REFUSALS = frozenset({400, 401, 402, 403, 404, 409, 413, 422, 429})


def prediction_of(body: Mapping[str, Any]) -> ProviderPrediction:
    """A prediction as answers and webhooks describe it. KeyError, TypeError or AttributeError: it is none.

    What is odd beside its id and status is left out, so that whatever is taken from it can be written down.
    """
    output, fields, webhook = body.get("output"), body.get("input"), body.get("webhook")
    outputs = output if isinstance(output, list) else [output]
    return ProviderPrediction(
        id=str(body["id"]),
        status=str(body["status"]),
        model=str(body.get("model") or ""),
        input=fields if isinstance(fields, dict) else {},
        outputs=tuple(url for url in outputs[:MAX_OUTPUTS] if isinstance(url, str) and _can_be_url(url)),
        error=_text(str(body["error"])[:MAX_ERROR_CHARS]) if body.get("error") else None,
        created_at=str(body.get("created_at") or ""),
        completed_at=_moment(body.get("completed_at")),
        webhook=webhook if isinstance(webhook, str) else None,
        metrics=_amounts(body.get("metrics")),
    )


def _can_be_url(text: str) -> bool:
    return 0 < len(text) <= MAX_URL_CHARS and _text(text) == text


def _amounts(metrics: Any) -> dict[str, float]:
    """Those of the metrics that are numbers of things or seconds."""
    named = metrics.items() if isinstance(metrics, dict) else ()
    amounts = [(name, value) for name, value in named if type(value) in (int, float) and 0 <= value <= MAX_AMOUNT]
    return dict([(name, value) for name, value in amounts if _METRIC.fullmatch(name)][:MAX_METRICS])


def _moment(value: Any) -> datetime | None:
    """A time as Replicate writes it, None where it is none."""
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _text(text: str) -> str:
    """The text without halves of surrogate pairs, which JSON can hold and Firestore cannot."""
    return text.encode(errors="replace").decode()


def _refusal(response: httpx.Response, path: str = "") -> JobError:
    """What an answer to a request at `path` means."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    told = str(body.get("detail") or f"HTTP {response.status_code}")
    detail = redacted(told[:LONGEST_DETAIL])[:300]  # in this order: no half of a secret stays
    match response.status_code:
        case 429:
            retry_after = str(body.get("retry_after") or response.headers.get("retry-after"))
            seconds = float(retry_after) if _SECONDS.fullmatch(retry_after) else None
            return RateLimited(f"Replicate asks to slow down: {detail}", seconds)
        case 402:
            return InsufficientCredit("The Replicate account has no credit left. Top it up, then try again.")
        case 401 | 403:
            return ConfigurationError("Replicate refuses the token in REPLICATE_API_TOKEN.")
        case 404 if model := _MODEL.fullmatch(path):
            return UnknownModel(f"Replicate has no model {model[1]} (any more): the settings must name another one.")
        case 404:
            return NotFound(f"Replicate does not know it: {detail}")
        case code if code >= 500:
            return ProviderUnavailable(f"Replicate has a problem of its own: {detail}")
    return ProviderError(f"Replicate refuses the request: {detail}")
