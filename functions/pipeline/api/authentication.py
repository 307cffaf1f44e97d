"""Who asks: the header `Authorization: Bearer <Firebase ID token>`, and nothing else. A URL with a token in it would
end up in logs and in histories.
"""

from collections.abc import Callable

from flask import Request

UserOf = Callable[[str], str]
"""The id of the user of an ID token. Raises UnverifiedToken and CertificatesUnavailable."""


class MissingToken(Exception):
    """The request has no `Authorization: Bearer ...`."""


def signed_in_user(request: Request, user_of: UserOf) -> str:
    """The id of the user who sent the request. Raises MissingToken, and what `user_of` raises."""
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise MissingToken("Send a Firebase ID token: 'Authorization: Bearer <token>'.")
    return user_of(token.strip())
