"""The smoke test of a deployment, on the local stack: that it passes where all is well, and says what is wrong."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from localdev.stack import PROJECT_ID, LocalStack
from operations.frontend import local_user
from operations.staging import smoke_test
from operations.staging.smoke_run import CHECKS
from pipeline.domain.jobs import JobKind

pytestmark = pytest.mark.e2e


@pytest.fixture
def admin(stack: LocalStack, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Iterable[firestore.Client]:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", stack.urls.firestore)
    client = firestore.Client(project=PROJECT_ID)
    yield client
    client.close()


def smoke(checkout: Path, *arguments: str, environment: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    """The exit status, and the report; its findings by check."""
    found = checkout / "report.json"
    status = smoke_test.main(["--alias", "local", "--json", str(found), *arguments], environment or {}, checkout)
    report = json.loads(found.read_text())
    report["findings"] = {one["check"]: one for one in report["findings"]}
    return status, report


def change_stack(checkout: Path, name: str, value: str) -> None:
    """The local stack says where it is; what the shell has set does not count."""
    settings = checkout / "build/local/stack.env"
    settings.write_text(f"{settings.read_text()}\n{name}={value}\n")


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    return {check: one["outcome"] for check, one in report["findings"].items()}


def owned(admin: firestore.Client, collection: str, user_id: str) -> list[dict[str, Any]]:
    found = admin.collection(collection).where(filter=FieldFilter("user_id", "==", user_id)).stream()
    return [snapshot.to_dict() or {} for snapshot in found]


def jobs_of(admin: firestore.Client, user_id: str) -> list[dict[str, Any]]:
    return [job for kind in JobKind for job in owned(admin, kind.collection, user_id)]


def test_a_deployment_that_works_passes_for_less_than_eight_cents(
    checkout: Path, admin: firestore.Client, capsys: pytest.CaptureFixture[str]
):
    status, report = smoke(checkout, "--yes")
    assert outcomes(report) == dict.fromkeys(CHECKS, "well")
    assert (status, report["is_well"], report["project"]) == (0, True, PROJECT_ID)
    assert report["estimated_usd"] == 0.078
    costs = {check: one["cost_usd"] for check, one in report["findings"].items() if one["cost_usd"]}
    costs.pop("cancel a job", None)  # nothing, or a picture: whoever cancels may be too late for that
    assert costs == {"image job": 0.003, "video job": 0.036, "multi-video job": 0.036}

    user = report["user_id"]
    jobs = [job for job in jobs_of(admin, user) if not job.get("dry_run")]
    assert sorted(job["status"] for job in jobs) == ["canceled", *["complete"] * 4]
    assert owned(admin, "storyboards", user) == owned(admin, "scenes", user) == []
    assert not list(admin.collection(f"users/{user}/videos").stream())

    told = capsys.readouterr().out
    assert "all is well" in told
    assert re.search(r"video_generation_jobs/\S+  complete complete 100 %", told)


def test_a_broken_provider_is_told_with_the_job_and_its_error(checkout: Path, capsys: pytest.CaptureFixture[str]):
    status, report = smoke(checkout, "--yes", "--text", "A ball [stub:fail]")
    told = report["findings"]["image job"]
    assert (status, told["outcome"]) == (1, "wrong")
    assert re.match(r"image_generation_jobs/\S+ ended as error: prediction_failed: .*the model could not", told["says"])
    tried = {check: outcome for check, outcome in outcomes(report).items() if outcome != "well"}
    assert tried == {
        "image job": "wrong",
        **dict.fromkeys(
            ("video job", "multi-video job", "scenes", "composition job", "API: the video", "usage"), "not tried"
        ),
    }
    assert "prediction_failed" in capsys.readouterr().out


def test_a_job_that_takes_too_long_is_told_with_where_it_is_and_canceled(checkout: Path, admin: firestore.Client):
    status, report = smoke(checkout, "--yes", "--text", "A ball [stub:hang]", "--seconds", "3")
    told = report["findings"]["image job"]
    assert (status, told["outcome"]) == (1, "wrong")
    assert re.match(r"image_generation_jobs/\S+ is still processing \(stage predict, \d+ %\) after 3 s", told["says"])
    assert report["findings"]["clean up"]["says"].startswith("canceled 1 jobs")
    path = told["says"].split()[0]
    assert admin.document(path).get().get("cancel_requested") is True


def test_nothing_is_begun_above_the_limit_or_when_somebody_says_no(
    checkout: Path, admin: firestore.Client, capsys: pytest.CaptureFixture[str]
):
    email = {"SMOKE_EMAIL": "smoke-limit@example.com"}
    status, report = smoke(checkout, "--yes", "--max-usd", "0.07", environment=email)
    assert (status, report["cost_usd"]) == (1, 0.0)
    assert "It would cost up to $0.078, more than --max-usd 0.07." in capsys.readouterr().err
    asked: list[str] = []

    def no(question: str) -> str:
        asked.append(question)
        return "n"

    assert smoke_test.main(["--alias", "local"], email, checkout, ask=no) == 1
    assert asked == [f"This costs up to $0.078 on local ({PROJECT_ID}). Go on? [y/N] "]
    assert all(job["dry_run"] for job in jobs_of(admin, report["user_id"]))
    assert smoke_test.main(["--alias", "local"], email, checkout) == 2
    assert "say --yes" in capsys.readouterr().err


def test_a_wrong_password_and_a_service_that_is_not_there_are_told(checkout: Path, stack: LocalStack):
    account = {"SMOKE_EMAIL": "smoke@example.com", "SMOKE_PASSWORD": "not-this-one"}
    local_user(stack.urls.auth, "smoke@example.com")
    status, report = smoke(checkout, "--yes", environment=account)
    told = report["findings"]["sign in"]
    assert (status, told["outcome"]) == (1, "wrong")
    assert told["says"] in {
        "smoke@example.com cannot sign in: INVALID_PASSWORD.",
        "smoke@example.com cannot sign in: INVALID_LOGIN_CREDENTIALS.",
    }
    assert set(outcomes(report).values()) == {"wrong", "not tried"}

    change_stack(checkout, "FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:1")
    status, report = smoke(checkout, "--yes")
    assert status == 1
    assert report["findings"]["sign in"]["says"].startswith("The sign-in service cannot be reached")


def test_functions_that_are_not_there_are_told(checkout: Path):
    change_stack(checkout, "FUNCTIONS_URL", "http://127.0.0.1:1/films/us-central1")
    status, report = smoke(checkout, "--yes", "--max-usd", "0")
    assert status == 1
    for check, path in (("webhook's door", "handle_replicate_webhook"), ("API's door", "api/videos")):
        told = report["findings"][check]
        assert told["outcome"] == "wrong"
        assert told["says"].startswith(f"http://127.0.0.1:1/films/us-central1/{path} cannot be reached")


def test_an_alias_or_a_setting_that_is_missing_is_told(checkout: Path, capsys: pytest.CaptureFixture[str]):
    assert smoke_test.main(["--alias", "stage", "--yes"], {}, checkout) == 2
    assert "'stage' is none of the aliases" in capsys.readouterr().err
    assert smoke_test.main(["--alias", "staging", "--yes"], {"SMOKE_EMAIL": "a@example.com"}, checkout) == 2
    told = capsys.readouterr().err
    assert "SMOKE_PASSWORD" in told
    assert "FIREBASE_API_KEY" in told
    assert "SMOKE_EMAIL" not in told
