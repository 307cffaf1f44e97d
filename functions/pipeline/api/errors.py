"""What becomes of errors over HTTP: one table, from what was raised to a status and, where the error's own sentence is
for whoever runs this deployment, another one.

    {"error": {"status": "INVALID_ARGUMENT", "message": "...", "details": [{"reason": "invalid_argument"}]}}

`status` is one of Google's names (https://cloud.google.com/apis/design/errors#handling_errors), `reason` the stable
code of `domain.errors`. Only 503 is worth sending again as it is, after the seconds of its Retry-After.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Response
from werkzeug.exceptions import HTTPException

from pipeline.adapters import logger
from pipeline.adapters.app_check import AppCheckUnavailable, UnverifiedApp
from pipeline.adapters.id_tokens import CertificatesUnavailable, UnverifiedToken, UsersUnavailable
from pipeline.api.authentication import MissingAppToken, MissingToken
from pipeline.api.responses import json_response
from pipeline.domain.errors import (
    DatabaseUnavailable,
    InternalError,
    InvalidRequest,
    JobError,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    StillProcessing,
    StorageUnavailable,
)
from pipeline.handlers.failures import failure_of

RETRY_AFTER_SECONDS = 2
_LATER = "This did not work now. Send the same request again after a moment."
_OURS = "An error of this service. Its log knows more."


@dataclass(frozen=True)
class ErrorAnswer:
    """How an error is answered. `message` stands in place of the error's own sentence."""

    http_status: int
    status: str
    reason: str
    message: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


_BEARER = 'Bearer realm="api"'
_AGAIN = {"Retry-After": str(RETRY_AFTER_SECONDS)}

ANSWERS: Mapping[type[Exception], ErrorAnswer] = {
    MissingToken: ErrorAnswer(401, "UNAUTHENTICATED", "missing_token", None, {"WWW-Authenticate": _BEARER}),
    UnverifiedToken: ErrorAnswer(
        401, "UNAUTHENTICATED", "invalid_token", None, {"WWW-Authenticate": f'{_BEARER}, error="invalid_token"'}
    ),
    CertificatesUnavailable: ErrorAnswer(503, "UNAVAILABLE", "certificates_unavailable", _LATER, _AGAIN),
    UsersUnavailable: ErrorAnswer(503, "UNAVAILABLE", "users_unavailable", _LATER, _AGAIN),
    MissingAppToken: ErrorAnswer(401, "UNAUTHENTICATED", "missing_app_check", None, {"WWW-Authenticate": _BEARER}),
    UnverifiedApp: ErrorAnswer(401, "UNAUTHENTICATED", "invalid_app_check", None, {"WWW-Authenticate": _BEARER}),
    AppCheckUnavailable: ErrorAnswer(503, "UNAVAILABLE", "app_check_unavailable", _LATER, _AGAIN),
    InvalidRequest: ErrorAnswer(400, "INVALID_ARGUMENT", InvalidRequest.code),
    NotFound: ErrorAnswer(404, "NOT_FOUND", NotFound.code),
    PermissionDenied: ErrorAnswer(403, "PERMISSION_DENIED", PermissionDenied.code),
    StillProcessing: ErrorAnswer(409, "FAILED_PRECONDITION", StillProcessing.code),
    QuotaExceeded: ErrorAnswer(429, "RESOURCE_EXHAUSTED", QuotaExceeded.code),
    StorageUnavailable: ErrorAnswer(503, "UNAVAILABLE", StorageUnavailable.code, _LATER, _AGAIN),
    DatabaseUnavailable: ErrorAnswer(503, "UNAVAILABLE", DatabaseUnavailable.code, _LATER, _AGAIN),
}
"""Everything else is a fault of ours: 500, and a line in the log."""

HTTP_STATUSES: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    413: "INVALID_ARGUMENT",
    414: "INVALID_ARGUMENT",
}


def answer_error(error: Exception) -> Response:
    """The response for whatever was raised. What clients are no reason of is logged, here and once."""
    if isinstance(error, HTTPException):
        return _http_error(error)
    told = error if type(error) in ANSWERS else failure_of(error)
    answer = next((ANSWERS[kind] for kind in type(told).__mro__ if kind in ANSWERS), None)
    if answer is None:
        code = told.code if isinstance(told, JobError) else InternalError.code
        answer = ErrorAnswer(500, "INTERNAL", code, _OURS)
    if answer.http_status >= 500:
        logger.unexpected(f"[API] {answer.reason}: {told}", error)
    response = _error(answer.http_status, answer.status, answer.message or str(told), answer.reason)
    response.headers.update(answer.headers)
    return response


def _http_error(error: HTTPException) -> Response:
    """What Flask itself says: no such route, no such method, too large."""
    code = error.code or 500
    response = _error(code, HTTP_STATUSES.get(code, "UNKNOWN"), error.description or error.name, None)
    response.headers.update({name: value for name, value in error.get_headers() if name != "Content-Type"})
    return response


def _error(http_status: int, status: str, message: str, reason: str | None) -> Response:
    details: list[dict[str, Any]] = [] if reason is None else [{"reason": reason}]
    response = json_response({"error": {"status": status, "message": message, "details": details}}, http_status)
    response.headers["Cache-Control"] = "no-store"
    return response
