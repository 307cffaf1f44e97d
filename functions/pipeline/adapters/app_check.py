"""Firebase App Check tokens: whether a request comes from one of the project's own apps, on a device that is genuine.

The Admin SDK checks them by calculation, with keys that it fetches every six hours, and at most every thirty seconds
for a key that it does not know. There is no emulator of App Check.
"""

import firebase_admin
from firebase_admin import app_check
from jwt.exceptions import PyJWKClientConnectionError, PyJWTError

MAX_TOKEN_CHARS = 8000
"""Tokens have about 1,000."""


class UnverifiedApp(Exception):
    """Not an App Check token of this project, or expired."""


class AppCheckUnavailable(Exception):
    """App Check's keys cannot be fetched now, so nothing can be said about a token."""


class AppCheckTokens:
    """Verifies App Check tokens of one Firebase project. Safe to share between threads."""

    def __init__(self, app: firebase_admin.App) -> None:
        self._app = app

    def check(self, token: str) -> None:
        """Raises UnverifiedApp, AppCheckUnavailable."""
        if not token or len(token) > MAX_TOKEN_CHARS:
            raise UnverifiedApp("The App Check token is none.")
        try:
            app_check.verify_token(token, app=self._app)
        except PyJWKClientConnectionError as error:
            raise AppCheckUnavailable("App Check's keys cannot be fetched.") from error
        except (PyJWTError, ValueError, TypeError, AttributeError, RecursionError) as error:
            # The last three: the SDK takes what a sender wrote for a JWT whose parts are JSON objects.
            raise UnverifiedApp("The App Check token is none of this project, or has expired.") from error
