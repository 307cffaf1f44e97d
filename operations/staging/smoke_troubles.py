"""What a deployment that does not work looks like from outside, as sentences."""

from collections.abc import Mapping
from typing import Any

import httpx
from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.auth.exceptions import GoogleAuthError

from operations.frontend import SignInFailed
from operations.staging.findings import Wrong

EXPECTED = (
    Wrong,
    SignInFailed,
    GoogleAPICallError,
    RetryError,
    GoogleAuthError,
    httpx.HTTPError,
    KeyError,
    ValueError,
)
"""What a deployment that does not work may raise: each is told as a sentence."""


def why(job: Mapping[str, Any]) -> str:
    """The error of a job, to stand behind its status."""
    error = job.get("error") or {}
    return f": {error['code']}: {str(error.get('message', '')).rstrip('.')}" if error.get("code") else ""


def untouched(job: Mapping[str, Any]) -> str:
    """A job that nobody has taken up points to its trigger."""
    if job.get("turn"):
        return ""
    return ": no function has taken it up (is the trigger deployed, in the region of the database?)"


def sentence(error: Exception) -> str:
    """What one of EXPECTED says to who runs the test."""
    match error:
        case GoogleAPICallError():
            return f"Firestore answered {error.code and int(error.code)}: {error.message}"
        case httpx.HTTPStatusError():
            return f"{error.request.method} {error.request.url} answered {error.response.status_code}."
        case httpx.HTTPError():
            return f"{_url_of(error)} cannot be reached: {error}."
        case KeyError():
            return f"A document lacks its field {error}."
        case ValueError():
            return f"An answer cannot be read: {error}."
    return str(error)


def _url_of(error: httpx.HTTPError) -> str:
    try:
        return str(error.request.url).partition("?")[0]
    except RuntimeError:
        return "A URL"
