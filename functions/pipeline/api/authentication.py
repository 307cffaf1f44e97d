"""Who asks: the header `Authorization: Bearer <Firebase ID token>`, and nothing else. A URL with a token in it would
end up in logs and in histories. With which app: the header `X-Firebase-AppCheck`, where that is asked for.
"""

from collections.abc import Callable

from flask import Request

UserOf = Callable[[str], str]
"""The id of the user of an ID token. Raises UnverifiedToken, CertificatesUnavailable and UsersUnavailable."""

CheckApp = Callable[[str], None]
"""Checks an App Check token. Raises UnverifiedApp and AppCheckUnavailable."""

APP_CHECK_HEADER = "X-Firebase-AppCheck"


class MissingToken(Exception):
    """The request has no `Authorization: Bearer ...`."""


class MissingAppToken(Exception):
    """The request has no `X-Firebase-AppCheck`, and needs one."""


def signed_in_user(request: Request, user_of: UserOf) -> str:
    """The id of the user who sent the request. Raises MissingToken, and what `user_of` raises."""
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise MissingToken("Send a Firebase ID token: 'Authorization: Bearer <token>'.")
    return user_of(token.strip())


def check_caller_app(request: Request, check_app: CheckApp | None) -> None:
    """Let pass what one of the project's apps sent; everything where `check_app` is None. Raises MissingAppToken, and
    what `check_app` raises.
    """
    if check_app is None:
        return
    token = request.headers.get(APP_CHECK_HEADER, "").strip()
    if not token:
        raise MissingAppToken(f"Send an App Check token: '{APP_CHECK_HEADER}: <token>'.")
    check_app(token)
