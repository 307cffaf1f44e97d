"""Where a job is run again.

StackPlace    the local stack: written with a user's rights, worked on by the functions, in their own processes
InlinePlace   (inline.py) this process: the real handlers, so that a breakpoint in them simply holds
"""

import mimetypes
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from google.api_core.exceptions import PermissionDenied
from google.cloud import firestore

from localdev.replay.plans import Plan
from operations.frontend import Frontend, local_user
from operations.timeline.following import follow
from pipeline.adapters.r2_storage import R2Storage
from pipeline.domain.jobs import JobRef, JobStatus
from pipeline.repositories.job_documents import CLAIMED
from pipeline.wiring import Instance

Say = Callable[[str], None]


class Place(Protocol):
    """What a replay needs."""

    client: firestore.Client
    environment: Mapping[str, str]
    user_id: str

    def create(self, plan: Plan) -> None: ...

    def run(self, ref: JobRef, say: Say, seconds: float) -> None:
        """See the job through to its end. Raises TimeoutError."""


class StackPlace:
    """A running stack, by the settings that `make up` has written."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.client = firestore.Client(project=environment["GCLOUD_PROJECT"])
        # a user of its own for every replay: nothing is remembered, nothing was used of the limits
        user = local_user(environment["FIREBASE_AUTH_EMULATOR_HOST"], f"replay-{uuid.uuid4().hex[:8]}@example.com")
        self._frontend = Frontend(environment["GCLOUD_PROJECT"], user)
        self.user_id = user.user_id

    def create(self, plan: Plan) -> None:
        """With the user's rights where it is a request; where the rules refuse it, as a backend may have written it."""
        write_beside(self.client, plan)
        if plan.is_resumed:
            write_claimed(self.client, plan)
            Instance(self.environment).desk().tasks.signal(plan.ref)
            return
        try:
            self._frontend.firestore.document(plan.ref.path).create(plan.fields)
        except PermissionDenied:
            plan.notes.append("The security rules let no client write this job: it was written as an administrator.")
            self.client.document(plan.ref.path).create(plan.fields)

    def run(self, ref: JobRef, say: Say, seconds: float) -> None:
        """Only look: the stack does the work."""
        give_up_at = time.monotonic() + seconds

        def pause(length: float) -> None:
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"{ref.path} has not ended in {seconds:.0f} s.")
            time.sleep(length)

        follow(self.client, ref, say, pause)

    def close(self) -> None:
        self._frontend.firestore.close()
        self.client.close()


def write_beside(client: firestore.Client, plan: Plan) -> None:
    """What the job names. Earlier jobs are written as ended, so that no function begins them."""
    for path, fields in plan.documents.items():
        if path.split("/")[0] in ("scenes", "storyboards", "products"):
            document = client.document(path)
            if (document.get(["user_id"]).to_dict() or {}).get("user_id") not in (None, plan.user_id):
                plan.notes.append(f"{path} was here, of another user: the replay has taken its place.")
            document.set(fields)
        else:
            is_over = fields.get("status") in ("complete", "error", "canceled")
            _write_ended(client, path, fields if is_over else {**fields, "status": str(JobStatus.CANCELED)})
    for path, fields in plan.predictions.items():
        client.document(path).set(fields)


def write_claimed(client: firestore.Client, plan: Plan) -> None:
    """The job as functions have left it.

    It comes as one that is over, which its created event leaves alone, and is what it is with the second write: only
    then can be known when Firestore made the document, without which nothing of the functions' in it counts.
    """
    _write_ended(client, plan.ref.path, {**plan.fields, "status": str(JobStatus.CANCELED)})
    client.document(plan.ref.path).update({"status": plan.fields["status"]})


def _write_ended(client: firestore.Client, path: str, fields: Mapping[str, Any]) -> None:
    document = client.document(path)
    document.set(dict(fields))
    document.update({CLAIMED: document.get().create_time})


def free_ref(client: firestore.Client, ref: JobRef) -> JobRef:
    """The same id, or the next `ID-2`, `ID-3` that no job has here."""
    number = 1
    found = ref
    while client.document(found.path).get([]).exists:
        number += 1
        found = JobRef(ref.kind, f"{ref.job_id}-{number}")
    return found


def publisher(environment: Mapping[str, str]) -> Callable[[Path, str], str]:
    """Puts a file into the store of the functions; the URL at which they can read it."""
    storage = R2Storage(
        endpoint_url=environment["R2_ENDPOINT_URL"],
        bucket=environment["R2_BUCKET"],
        access_key_id=environment["R2_ACCESS_KEY_ID"],
        secret_access_key=environment["R2_SECRET_ACCESS_KEY"],
        public_base_url=environment["R2_PUBLIC_BASE_URL"],
    )

    def publish(path: Path, key: str) -> str:
        content_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return storage.upload_file(key, path, content_type).url

    return publish


@contextmanager
def process_environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Those of the settings that SDKs read from the environment of the process itself."""
    before = dict(os.environ)
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
