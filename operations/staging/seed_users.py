"""Whose the seeded data are: a user of Firebase Auth, made where there is none."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import firebase_admin
from firebase_admin import auth
from firebase_admin.exceptions import FirebaseError

from operations.auth_failures import reason_of
from pipeline.domain.errors import ConfigurationError

APP = "seed"
SECONDS = 15


@dataclass(frozen=True)
class SeedUser:
    """Who was found, or made."""

    user_id: str
    email: str  # "": the user has none
    is_new: bool


@dataclass(frozen=True)
class SeedUsers:
    """The users of one project. Every method raises ConfigurationError where Firebase Auth refuses, or is not there."""

    project: str
    may_make: bool = True  # those who are not there

    def by_email(self, email: str, password: str) -> SeedUser:
        """A new user gets the password; "" leaves it without one."""
        new = {"email": email, **({"password": password} if password else {})}
        return self._found(lambda: auth.get_user_by_email(email, app=_app(self.project)), new)

    def by_id(self, user_id: str) -> SeedUser:
        """A new user can only sign in once somebody gives it a way."""
        return self._found(lambda: auth.get_user(user_id, app=_app(self.project)), {"uid": user_id})

    def _found(self, look: Callable[[], Any], new: dict[str, str]) -> SeedUser:
        try:
            return _known(look())
        except auth.UserNotFoundError as error:
            if not self.may_make:
                raise ConfigurationError(
                    f"{self.project} has no such user: {new.get('email') or new['uid']}."
                ) from error
        except (FirebaseError, ValueError) as error:
            raise _refused(error) from error
        try:
            made = auth.create_user(**new, app=_app(self.project))
        except (FirebaseError, ValueError) as error:
            raise _refused(error) from error
        return SeedUser(made.uid, made.email or "", is_new=True)


def _known(user: Any) -> SeedUser:
    return SeedUser(user.uid, user.email or "", is_new=False)


def _refused(error: Exception) -> ConfigurationError:
    return ConfigurationError(f"Firebase Auth cannot be asked for the user: {reason_of(error)}.")


def _app(project: str) -> firebase_admin.App:
    try:
        return firebase_admin.get_app(f"{APP}-{project}")
    except ValueError:
        options = {"projectId": project, "httpTimeout": SECONDS}
        return firebase_admin.initialize_app(options=options, name=f"{APP}-{project}")
