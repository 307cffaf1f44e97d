"""A frontend in Python: signs in, writes job documents, listens. It has a user's rights, not an administrator's.

What it sends passes through firestore.rules, as it does from a browser.
"""

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from google.cloud import firestore
from google.oauth2.credentials import Credentials

IDENTITY_TOOLKIT = "https://identitytoolkit.googleapis.com"
LOCAL_PASSWORD = "demo-password"  # noqa: S105  of users who exist on one machine until the emulator stops
SECONDS_TO_SIGN_IN = 10
TERMINAL = {"complete", "error", "canceled"}


@dataclass(frozen=True)
class SignInService:
    """Where users prove who they are: Google's Identity Toolkit, or the Auth emulator in its place."""

    api_key: str  # the Web API key of the project; the emulator takes any
    emulator: str = ""  # host:port; "": the real service

    def url(self, action: str) -> str:
        base = f"http://{self.emulator}/identitytoolkit.googleapis.com" if self.emulator else IDENTITY_TOOLKIT
        return f"{base}/v1/accounts:{action}?key={self.api_key}"


@dataclass(frozen=True)
class User:
    """Who is signed in. The token holds for an hour."""

    user_id: str
    id_token: str


class SignInFailed(Exception):
    """Nobody is signed in. `reason` is the service's own word, such as EMAIL_NOT_FOUND; "" where it did not answer."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class _UserClient(firestore.Client):
    """Firestore with a user's ID token. Against the emulator the SDK would speak as its owner."""

    def __init__(self, project: str, user: User) -> None:
        super().__init__(project=project, credentials=Credentials(user.id_token))  # type: ignore[no-untyped-call]
        self._id_token = user.id_token

    @property
    def _rpc_metadata(self) -> list[tuple[str, str]]:
        metadata = [("google-cloud-resource-prefix", self._database_string)]
        if self._emulator_host:  # elsewhere the channel itself sends the credentials
            metadata.append(("authorization", f"Bearer {self._id_token}"))
        return metadata


def sign_in(service: SignInService, email: str, password: str) -> User:
    """The user with that address. Raises SignInFailed."""
    return _ask(service, "signInWithPassword", email, password)


def sign_up(service: SignInService, email: str, password: str) -> User:
    """A new user with that address. Raises SignInFailed."""
    return _ask(service, "signUp", email, password)


def local_user(auth_host: str, email: str) -> User:
    """A user of the Auth emulator ("host:port"), made where there is none. Raises SignInFailed."""
    service = SignInService("demo", auth_host)
    try:
        return sign_up(service, email, LOCAL_PASSWORD)
    except SignInFailed as refused:
        if refused.reason != "EMAIL_EXISTS":
            raise
    return sign_in(service, email, LOCAL_PASSWORD)


def _ask(service: SignInService, action: str, email: str, password: str) -> User:
    body = {"email": email, "password": password, "returnSecureToken": True}
    try:
        response = httpx.post(service.url(action), json=body, timeout=SECONDS_TO_SIGN_IN)
    except httpx.HTTPError as error:
        raise SignInFailed(f"The sign-in service cannot be reached: {error}.") from error
    try:
        answer = response.json()
        if response.is_success:
            return User(user_id=answer["localId"], id_token=answer["idToken"])
        said = str(answer["error"]["message"])
    except (ValueError, KeyError, TypeError) as error:
        raise SignInFailed(f"The sign-in service answered {response.status_code}, and nothing it should.") from error
    raise SignInFailed(f"{email} cannot sign in: {said.rstrip('.')}.", said.split()[0])


class Frontend:
    """One user's view of the documents of a project, or of the emulator where FIRESTORE_EMULATOR_HOST is set."""

    def __init__(self, project: str, user: User) -> None:
        self.user = user
        self.firestore: firestore.Client = _UserClient(project, user)

    def create_storyboard(self, title: str, style: str, scenes: list[Mapping[str, Any]]) -> tuple[str, list[str]]:
        """Write a storyboard and its scenes. Returns their ids."""
        storyboard_id = f"board-{_unique()}"
        scene_ids = [f"{storyboard_id}-scene-{number}" for number in range(1, len(scenes) + 1)]
        self.firestore.document(f"storyboards/{storyboard_id}").set(
            {
                "user_id": self.user.user_id,
                "title": title,
                "style": style,
                "scene_order": scene_ids,
                "total_duration": sum(scene["video_duration"] for scene in scenes),
            }
        )
        for scene_id, scene in zip(scene_ids, scenes, strict=True):
            self.firestore.document(f"scenes/{scene_id}").set(
                {
                    "storyboard_id": storyboard_id,
                    "user_id": self.user.user_id,
                    "state": "text",
                    "generation_status": {"image": "pending", "video": "pending"},
                    **scene,
                }
            )
        return storyboard_id, scene_ids

    def create_product(self, name: str, image_url: str) -> str:
        """Write a product document. Returns its id."""
        product_id = f"product-{_unique()}"
        self.firestore.document(f"products/{product_id}").set(
            {"user_id": self.user.user_id, "name": name, "image_url": image_url}
        )
        return product_id

    def create_job(self, collection: str, fields: Mapping[str, Any]) -> str:
        """Write a job document in one of the four job collections. Returns its id."""
        job_id = f"job-{_unique()}"
        now = datetime.now(UTC)
        self.firestore.document(f"{collection}/{job_id}").set(
            {
                "job_id": job_id,
                "user_id": self.user.user_id,
                "status": "pending",
                "created_at": now,
                "updated_at": now,
                **fields,
            }
        )
        return job_id

    def cancel_job(self, collection: str, job_id: str) -> None:
        """The one change that a client may make to its job."""
        self.firestore.document(f"{collection}/{job_id}").update({"cancel_requested": True})

    def get(self, path: str) -> dict[str, Any]:
        """A document's fields, empty when it does not exist."""
        return self.firestore.document(path).get().to_dict() or {}

    def ask_api(self, functions_url: str, path: str) -> dict[str, Any]:
        """What the API answers to GET `path` (/api/...), with the user's ID token. Raises httpx.HTTPError."""
        headers = {"Authorization": f"Bearer {self.user.id_token}"}
        response = httpx.get(f"{functions_url}/api{path.removeprefix('/api')}", headers=headers, timeout=60)
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer

    def watch_job(
        self,
        collection: str,
        job_id: str,
        timeout_seconds: float,
        on_change: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> dict[str, Any]:
        """Listen until the job has ended. Returns its last state. Raises TimeoutError."""
        ended = threading.Event()
        last: dict[str, Any] = {}

        def changed(snapshots: list[Any], _changes: Any, _read_time: Any) -> None:
            for snapshot in snapshots:
                fields = snapshot.to_dict()
                if fields:
                    last.clear()
                    last.update(fields)
                    on_change(fields)
                    if fields.get("status") in TERMINAL:
                        ended.set()

        watch = self.firestore.document(f"{collection}/{job_id}").on_snapshot(changed)
        try:
            if not ended.wait(timeout_seconds):
                raise TimeoutError(f"{collection}/{job_id} is still {last.get('status')} ({last.get('stage')})")
        finally:
            watch.unsubscribe()  # type: ignore[no-untyped-call]
        return dict(last)


def _unique() -> str:
    return f"{int(time.time())}-{uuid.uuid4().hex[:8]}"
