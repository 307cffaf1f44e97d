"""What watches over the jobs: the webhook function, the sweeper, the runaway breaker, through the real emulators."""

import json
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import pytest
from google.cloud import firestore

from localdev.stack import PROJECT_ID, DeliveryPolicy, LocalStack
from operations.frontend import Frontend, local_user
from tests.end_to_end.conftest import PROVIDER_KEYS
from tests.end_to_end.test_pipeline import SECONDS, image_fields, storyboard

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]


def call(url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """The status and body of an answer."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, dict(headers or {})), timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def signed(stack: LocalStack, body: bytes, *, age_seconds: int = 0) -> dict[str, str]:
    timestamp = str(int(time.time()) - age_seconds)
    signature = stack.replicate.webhooks.sign("msg_1", timestamp, body)
    return {"webhook-id": "msg_1", "webhook-timestamp": timestamp, "webhook-signature": signature}


def test_the_webhook_function_believes_nobody_but_replicate(stack: LocalStack):
    url = f"{stack.urls.functions_url}/handle_replicate_webhook?op=image~no-such~predict~1"
    body = json.dumps({"id": "p1", "status": "succeeded", "model": "m", "input": {}}).encode()
    assert call(url)[0] == 405
    assert call(url, body)[0] == 401
    assert call(url, body, {**signed(stack, body), "webhook-id": "msg_2"})[0] == 401
    assert call(url, body, signed(stack, body, age_seconds=400))[0] == 401
    assert call(url, b"x" * 1_000_001)[0] == 413
    assert call(url, b"[]", signed(stack, b"[]"))[0] == 400
    assert call(url, body, signed(stack, body))[0] == 204


def test_replicates_webhook_reaches_the_function_and_is_believed(frontend: Frontend, stack: LocalStack):
    delivered = len(stack.replicate.webhooks.sent)
    _, (scene_id,) = storyboard(frontend)
    picture = frontend.watch_job(
        "image_generation_jobs", frontend.create_job("image_generation_jobs", image_fields(scene_id)), SECONDS
    )
    fields = {"scene_id": scene_id, "image_url": picture["image_url"], "text": "The waves move", "duration": 2.0}
    job_id = frontend.create_job("video_generation_jobs", fields)
    assert frontend.watch_job("video_generation_jobs", job_id, SECONDS)["status"] == "complete"
    answers = [answer for _, _, answer in stack.replicate.webhooks.sent[delivered:]]
    assert 204 in answers


def test_a_job_whose_event_got_lost_is_found_by_the_sweeper(frontend: Frontend, stack: LocalStack):
    stack.relay.policy = DeliveryPolicy(drop_rate=1.0)
    try:
        _, (scene_id,) = storyboard(frontend)
        job_id = frontend.create_job("image_generation_jobs", image_fields(scene_id))
        assert _is_lost(stack, job_id)
    finally:
        stack.relay.policy = DeliveryPolicy()
    assert frontend.get(f"image_generation_jobs/{job_id}")["status"] == "pending"
    give_up_at, woken = time.monotonic() + SECONDS, 0
    while not woken and time.monotonic() < give_up_at:
        status, body = call(f"{stack.urls.functions_url}/sweep_jobs_now", b"")
        assert status == 200
        woken += json.loads(body)["unclaimed"]
        time.sleep(1.0)  # an event is given ten seconds to come by itself
    assert woken == 1
    assert frontend.watch_job("image_generation_jobs", job_id, SECONDS)["status"] == "complete"


def _is_lost(stack: LocalStack, job_id: str) -> bool:
    """Whether the event of the job has come, and was dropped."""
    give_up_at = time.monotonic() + SECONDS
    while time.monotonic() < give_up_at:
        if any(event.document.endswith(job_id) and event.status == "dropped" for event in stack.relay.deliveries()):
            return True
        time.sleep(0.1)
    return False


RECURSION = '''

def _again(turn: Turn, desk: Desk) -> None:
    """A handler that writes what it listens to."""
    fields = {name: turn.fields[name] for name in ("user_id", "scene_id", "text")}
    desk.jobs._client.collection("image_generation_jobs").add({**fields, "status": "pending"})


_generate_once = generate_image


def generate_image(turn: Turn, desk: Desk, tools: Tools) -> Completed:
    _again(turn, desk)
    return _generate_once(turn, desk, tools)
'''


@pytest.fixture
def recursive_project(tmp_path: Path) -> Path:
    """The project with a handler in it that creates another job for every job."""
    project = tmp_path / "project"
    shutil.copytree(ROOT / "functions", project / "functions", ignore=shutil.ignore_patterns("venv", "__pycache__"))
    (project / "functions/venv").symlink_to(ROOT / "functions/venv")
    (project / "node_modules").symlink_to(ROOT / "node_modules")
    for name in ("firebase.json", "firestore.rules", "firestore.indexes.json", "storage.rules"):
        shutil.copy(ROOT / name, project)
    with (project / "functions/pipeline/handlers/generate_image.py").open("a") as handler:
        handler.write(RECURSION)
    return project


@pytest.mark.slow
def test_a_recursive_handler_is_stopped_by_the_breaker(recursive_project: Path, monkeypatch: pytest.MonkeyPatch):
    environment = {name: value for name, value in os.environ.items() if name not in PROVIDER_KEYS}
    environment.pop("FIRESTORE_EMULATOR_HOST", None)
    settings = {"MAX_JOBS_PER_USER_PER_DAY": "4", "REUSE_DAYS": "0"}
    with LocalStack(recursive_project, environ=environment, functions_environment=settings) as stack:
        for name, value in stack.environment().items():
            monkeypatch.setenv(name, value)
        frontend = Frontend(PROJECT_ID, local_user(stack.urls.auth, "runaway@example.com"))
        _, (scene_id,) = storyboard(frontend)
        frontend.create_job("image_generation_jobs", image_fields(scene_id))
        admin = firestore.Client(project=PROJECT_ID)
        give_up_at = time.monotonic() + SECONDS
        while not _all_ended(jobs := _jobs(admin)) and time.monotonic() < give_up_at:
            time.sleep(0.2)
        assert stack.relay.wait_until_idle(20.0)
        assert _jobs(admin) == jobs  # nothing has moved since
        codes = [job["error"]["code"] for job in jobs if job["status"] == "error"]
        assert [job["status"] for job in jobs].count("complete") == 4
        assert set(codes) == {"quota_exceeded"}
        assert stack.replicate.creates == 4
        frontend.firestore.close()
        admin.close()


def _jobs(admin: firestore.Client) -> list[dict]:
    return [job.to_dict() or {} for job in admin.collection("image_generation_jobs").stream()]


def _all_ended(jobs: list[dict]) -> bool:
    return "error" in {job["status"] for job in jobs} and not {"pending", "processing"} & {
        job["status"] for job in jobs
    }
