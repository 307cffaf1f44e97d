"""A user in Firebase Auth: found, disabled, deleted."""

from collections.abc import Mapping
from typing import Any

import firebase_admin
from firebase_admin import auth
from firebase_admin.exceptions import FirebaseError

from operations.auth_failures import reason_of

GOOGLE_SECONDS = 15


class AccountsUnavailable(Exception):
    """Firebase Auth did not answer, or said no. The sentence helps."""


class Accounts:
    """Those of one project. FIREBASE_AUTH_EMULATOR_HOST names an emulator."""

    def __init__(self, project: str) -> None:
        name = f"accounts of {project}"
        try:
            self._app = firebase_admin.get_app(name)
        except ValueError:
            options = {"projectId": project, "httpTimeout": GOOGLE_SECONDS}
            self._app = firebase_admin.initialize_app(options=options, name=name)

    def find(self, user_id: str) -> Mapping[str, Any] | None:
        """What is known of the user, but for the password; None where there is none."""
        try:
            user = auth.get_user(user_id, app=self._app)
        except auth.UserNotFoundError:
            return None
        except (FirebaseError, ValueError) as error:
            raise _unavailable(error) from error
        return {
            "user_id": user.uid,
            "email": user.email,
            "email_verified": user.email_verified,
            "phone_number": user.phone_number,
            "display_name": user.display_name,
            "photo_url": user.photo_url,
            "disabled": user.disabled,
            "custom_claims": user.custom_claims,
            "providers": [
                {"provider_id": one.provider_id, "user_id": one.uid, "email": one.email} for one in user.provider_data
            ],
            "created_at_milliseconds": user.user_metadata.creation_timestamp,
            "last_sign_in_at_milliseconds": user.user_metadata.last_sign_in_timestamp,
        }

    def disable(self, user_id: str) -> bool:
        """No new sign-in, no new ID token; one that is out is good for up to an hour. False where there is no user."""
        try:
            auth.update_user(user_id, disabled=True, app=self._app)
            auth.revoke_refresh_tokens(user_id, app=self._app)
        except auth.UserNotFoundError:
            return False
        except (FirebaseError, ValueError) as error:
            raise _unavailable(error) from error
        return True

    def delete(self, user_id: str) -> bool:
        """False where there is no user."""
        try:
            auth.delete_user(user_id, app=self._app)
        except auth.UserNotFoundError:
            return False
        except (FirebaseError, ValueError) as error:
            raise _unavailable(error) from error
        return True


def _unavailable(error: Exception) -> AccountsUnavailable:
    return AccountsUnavailable(
        f"Firebase Auth could not be asked ({reason_of(error)}). Nothing more was done. Sign in with `gcloud auth "
        "application-default login`, or leave the account alone with --no-account."
    )
