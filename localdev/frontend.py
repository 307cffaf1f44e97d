"""A frontend in Python: signs in, writes job documents, listens. It has a user's rights, not an administrator's.

What it sends passes through firestore.rules, as it does from a browser.
"""

import json
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.cloud import firestore

TERMINAL = {"complete", "error", "canceled"}


@dataclass(frozen=True)
class User:
    """A signed-in user of the Auth emulator."""

    user_id: str
    id_token: str


class _UserClient(firestore.Client):
    """Firestore with a user's ID token. Against the emulator the SDK would speak as its owner."""

    def __init__(self, project: str, user: User) -> None:
        super().__init__(project=project)
        self._id_token = user.id_token

    @property
    def _rpc_metadata(self) -> list[tuple[str, str]]:
        return [
            ("google-cloud-resource-prefix", self._database_string),
            ("authorization", f"Bearer {self._id_token}"),
        ]


def sign_in(auth_host: str, email: str) -> User:
    """Sign a user up, or in, at the Auth emulator ("host:port")."""
    password = "demo-password"  # noqa: S105  of a user who exists on this machine until the emulator stops
    body = json.dumps({"email": email, "password": password, "returnSecureToken": True}).encode()
    for action in ("signUp", "signInWithPassword"):
        url = f"http://{auth_host}/identitytoolkit.googleapis.com/v1/accounts:{action}?key=demo"
        request = urllib.request.Request(url, body, {"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                answer = json.load(response)
                return User(user_id=answer["localId"], id_token=answer["idToken"])
        except urllib.error.HTTPError as error:
            if action == "signInWithPassword":
                raise RuntimeError(f"The Auth emulator refused: {error.read().decode()[:200]}") from error
    raise AssertionError("unreachable")


class Frontend:
    """One user's view of the documents. FIRESTORE_EMULATOR_HOST must be set."""

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
        """What the API answers to GET `path` (/api/...), with the user's ID token. Raises HTTPError."""
        headers = {"Authorization": f"Bearer {self.user.id_token}"}
        request = urllib.request.Request(f"{functions_url}/api{path.removeprefix('/api')}", headers=headers)
        with urllib.request.urlopen(request, timeout=60) as response:
            answer: dict[str, Any] = json.load(response)
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
            watch.unsubscribe()
        return dict(last)


def _unique() -> str:
    return f"{int(time.time())}-{uuid.uuid4().hex[:8]}"
