"""Firebase ID tokens: who has sent a request. All that the Admin SDK raises becomes one of four errors here.

On the emulator (FIREBASE_AUTH_EMULATOR_HOST) the SDK checks no signature and no time.
"""

import firebase_admin
from firebase_admin import auth
from firebase_admin.exceptions import FirebaseError

from pipeline.domain.errors import ConfigurationError

MAX_TOKEN_CHARS = 8000
"""Tokens have 1,000 to 2,500; the custom claims in one may not exceed 1,000. Servers take no longer headers anyway."""

CLOCK_SKEW_SECONDS = 10
"""A token that was made this second by a clock ahead of ours is good."""


class UnverifiedToken(Exception):
    """Not an ID token of this project, or expired. The sentence tells its sender which."""


class CertificatesUnavailable(Exception):
    """Google's certificates cannot be fetched now, so nothing can be said about a token."""


class UsersUnavailable(Exception):
    """Firebase Auth cannot be asked now whether a token was revoked."""


class IdTokens:
    """Verifies ID tokens of one Firebase project. Safe to share between threads."""

    def __init__(self, app: firebase_admin.App, *, check_revoked: bool = False) -> None:
        """`check_revoked`: ask Firebase Auth about the user of each token."""
        self._app = app
        self._check_revoked = check_revoked

    def user_of(self, token: str) -> str:
        """The id of the user who signed in, with a password, anonymously, or in any other way that the project allows.
        Raises UnverifiedToken, CertificatesUnavailable, UsersUnavailable, ConfigurationError.

        Checked by calculation, with certificates that are fetched every few hours. So a token stays good until it
        expires, for at most an hour, after its user was deleted, disabled or signed out everywhere: to notice that
        (`check_revoked`) costs a call of Firebase Auth for each request with a token that is good otherwise.
        """
        if not token or len(token) > MAX_TOKEN_CHARS:
            raise UnverifiedToken("The token is not a Firebase ID token.")
        if not self._app.project_id:
            raise ConfigurationError("The functions do not know their project: GOOGLE_CLOUD_PROJECT is not set.")
        try:
            claims = auth.verify_id_token(
                token, app=self._app, check_revoked=self._check_revoked, clock_skew_seconds=CLOCK_SKEW_SECONDS
            )
        except auth.ExpiredIdTokenError as error:
            raise UnverifiedToken("The token has expired: take a new one with getIdToken().") from error
        except (auth.RevokedIdTokenError, auth.UserDisabledError, auth.UserNotFoundError) as error:
            raise UnverifiedToken("The token has been revoked: sign in again.") from error
        except auth.CertificateFetchError as error:
            raise CertificatesUnavailable("Google's certificates cannot be fetched.") from error
        except (auth.InvalidIdTokenError, ValueError, TypeError, AttributeError, RecursionError) as error:
            # The last four: the SDK takes what a sender wrote for a JWT whose parts are JSON objects.
            raise UnverifiedToken("The token is not a Firebase ID token of this project.") from error
        except FirebaseError as error:
            raise UsersUnavailable("Firebase Auth cannot be asked about the token's user.") from error
        return str(claims["uid"])
