"""Seeding a deployment: the triggers fire for the seeded jobs, and nothing is made, paid, or changed."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.api_core.exceptions import PermissionDenied
from google.cloud import firestore

from localdev.stack import PROJECT_ID, DeliveryPolicy, LocalStack
from operations.frontend import Frontend, local_user
from operations.staging import seed
from operations.staging.seed_story import SEA, Names
from pipeline.domain.jobs import JobKind

pytestmark = pytest.mark.e2e
EMAIL = "seeded@example.com"


@pytest.fixture
def events_in_turn(stack: LocalStack) -> Iterator[None]:
    """One after the other at each function: for all at once, the emulator would start fifteen processes."""
    stack.relay.policy = DeliveryPolicy(max_in_flight=1)
    yield
    stack.relay.policy = DeliveryPolicy()


@pytest.fixture
def admin(stack: LocalStack, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[firestore.Client]:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", stack.urls.firestore)
    client = firestore.Client(project=PROJECT_ID)
    yield client
    client.close()


def unwritten(stack: LocalStack, lines: set[str], seconds: float = 20.0) -> set[str]:
    """Which of them the functions' log still lacks: it is written by firebase-tools, a little later."""
    ends_at = time.monotonic() + seconds
    while True:
        log = stack.functions_log.read_text(errors="replace")
        missing = {line for line in lines if line not in log}
        if not missing or time.monotonic() > ends_at:
            return missing
        time.sleep(0.2)


def found(admin: firestore.Client, paths: list[str]) -> dict[str, tuple[Any, Any]]:
    """The documents, with when each was written last."""
    snapshots = admin.get_all([admin.document(path) for path in paths])
    return {one.reference.path: (one.to_dict(), one.update_time) for one in snapshots}


@pytest.mark.usefixtures("events_in_turn")
def test_a_seeded_user_costs_nothing_and_sees_everything(
    stack: LocalStack, checkout: Path, admin: firestore.Client, capsys: pytest.CaptureFixture[str]
):
    stack.relay.wait_until_idle(60.0)
    creates = stack.replicate.creates
    assert seed.main(["--alias", "local", "--email", EMAIL], {}, checkout) == 0
    told = capsys.readouterr().out
    assert EMAIL in told
    assert "made now" in told
    assert "32 documents: 32 created, 0 set right" in told

    user = local_user(stack.urls.auth, EMAIL)
    paths = admin.document(f"users/{user.user_id}/seeds/demo").get().get("documents")
    jobs = [path for path in paths if path.split("/")[0] in {kind.collection for kind in JobKind}]
    before = found(admin, paths)
    assert stack.relay.wait_until_idle(60.0)
    assert len(jobs) == 15
    left_alone = {f"Nothing to do for job {path.split('/')[1]}: already" for path in jobs}
    assert unwritten(stack, left_alone) == set()  # the trigger has looked at each
    assert httpx.post(f"{stack.urls.functions_url}/sweep_jobs_now", timeout=60).is_success
    assert stack.relay.wait_until_idle(60.0)
    assert found(admin, paths) == before
    assert stack.replicate.creates == creates
    assert not list(admin.collection(f"users/{user.user_id}/usage").stream())

    frontend = Frontend(PROJECT_ID, user)
    assert all(frontend.get(path) for path in paths)
    with pytest.raises(PermissionDenied):
        frontend.get(f"users/{user.user_id}/seeds/demo")
    film = frontend.ask_api(stack.urls.functions_url, f"/api/videos/{Names(user.user_id).board(SEA)}")
    assert (film["status"], film["clips_count"], len(film["clips"])) == ("completed", 3, 3)
    frontend.firestore.close()

    assert seed.main(["--alias", "local", "--email", EMAIL, "--remove"], {}, checkout) == 0
    assert "32 documents and 22 files removed; the user stays" in capsys.readouterr().out
    password = {"SEED_PASSWORD": "not-to-be-shown"}
    assert seed.main(["--alias", "local", "--email", "nobody@example.com", "--remove"], password, checkout) == 2
    assert "has no such user: nobody@example.com.\n" in capsys.readouterr().err
