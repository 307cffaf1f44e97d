"""The real things, built from an environment."""

import json
import os
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import firebase_admin
import pytest
from flask import Flask, Response
from google.cloud import firestore
from werkzeug.test import EnvironBuilder

from localdev.stack import PROJECT_ID
from pipeline.adapters.firebase_storage import FirebaseStorage
from pipeline.adapters.r2_storage import R2Storage
from pipeline.adapters.replicate_webhooks import ForgedWebhook
from pipeline.domain.errors import ConfigurationError
from pipeline.wiring import CallFailed, Instance
from tests.log_entries import written

SETTINGS = {
    "GOOGLE_CLOUD_PROJECT": "demo-words-to-video",
    "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1",
    "CLOUD_TASKS_EMULATOR_HOST": "127.0.0.1:1",
    "REPLICATE_API_TOKEN": "token",
    "R2_ENDPOINT_URL": "http://127.0.0.1:1",
    "R2_BUCKET": "media",
    "R2_ACCESS_KEY_ID": "key",
    "R2_SECRET_ACCESS_KEY": "secret",
    "R2_PUBLIC_BASE_URL": "https://media.example.com",
}


@pytest.fixture
def emulators(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where the SDKs look; nothing is sent in these tests."""
    for name in ("GOOGLE_CLOUD_PROJECT", "FIRESTORE_EMULATOR_HOST", "CLOUD_TASKS_EMULATOR_HOST"):
        monkeypatch.setenv(name, SETTINGS[name])
    yield
    if "pipeline" in firebase_admin._apps:
        firebase_admin.delete_app(firebase_admin.get_app("pipeline"))


@pytest.mark.usefixtures("emulators")
def test_threads_that_come_at_once_share_one_of_everything():
    instance = Instance(SETTINGS)
    with ThreadPoolExecutor(8) as pool:
        built = list(pool.map(lambda _: (instance.desk(), instance.tools()), range(8)))
    assert len({id(desk) for desk, _ in built}) == 1
    assert len({id(tools) for _, tools in built}) == 1


@pytest.mark.usefixtures("emulators")
@pytest.mark.parametrize("name", ["REPLICATE_API_TOKEN", "R2_BUCKET", "R2_SECRET_ACCESS_KEY", "R2_PUBLIC_BASE_URL"])
def test_what_is_missing_is_named_and_jobs_can_still_be_claimed(name: str):
    instance = Instance({key: value for key, value in SETTINGS.items() if key != name})
    assert instance.desk().settings.lease_seconds == 180
    with pytest.raises(ConfigurationError, match=name):
        instance.tools()


@pytest.mark.usefixtures("emulators")
def test_a_wrong_setting_is_named_when_the_work_begins():
    instance = Instance({**SETTINGS, "MAX_PARALLEL_SCENES": "many"})
    assert instance.desk().settings.max_parallel_scenes == 10
    with pytest.raises(ConfigurationError, match="MAX_PARALLEL_SCENES"):
        instance.tools()


@pytest.mark.usefixtures("emulators")
def test_the_storage_is_the_one_that_was_chosen():
    assert isinstance(Instance(SETTINGS).tools().storage, R2Storage)
    firebase = {**SETTINGS, "STORAGE_BACKEND": "firebase", "STORAGE_BUCKET": "demo.appspot.com"}
    assert isinstance(Instance(firebase).tools().storage, FirebaseStorage)


def asked(instance: Instance, path: str, **headers: str) -> Response:
    return instance.answer_api(EnvironBuilder(path, headers=headers).get_environ())


@pytest.mark.usefixtures("emulators")
def test_the_api_lets_the_pages_of_its_setting_ask():
    instance = Instance({**SETTINGS, "CORS_ORIGINS": "https://app.example.com"})
    answer = asked(instance, "/api/videos", Origin="https://app.example.com")
    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example.com"


def id_token() -> str:
    """As the Auth emulator makes them."""
    header, claims = {"alg": "none"}, {"sub": "user-1", "aud": SETTINGS["GOOGLE_CLOUD_PROJECT"]}
    claims["iss"] = f"https://securetoken.google.com/{claims['aud']}"
    return ".".join(urlsafe_b64encode(json.dumps(part).encode()).decode() for part in (header, claims)) + "."


@pytest.mark.usefixtures("emulators")
def test_the_api_asks_for_apps_and_about_users_when_its_settings_say_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:1")

    def reason(**settings: str) -> str:
        answer = asked(Instance({**SETTINGS, **settings}), "/videos?x=1", Authorization=f"Bearer {id_token()}")
        return str(answer.get_json()["error"]["details"][0]["reason"])

    assert reason() == "invalid_argument"
    assert reason(APP_CHECK="on") == "missing_app_check"
    assert reason(API_CHECK_REVOKED="on") == "users_unavailable"
    # not read as `off`: whatever is asked, the answer is an error of the deployment's
    wrong = asked(Instance({**SETTINGS, "APP_CHECK": "yes"}), "/videos", Authorization=f"Bearer {id_token()}")
    assert (wrong.status_code, wrong.get_json()["error"]["details"]) == (500, [{"reason": "configuration_error"}])


@pytest.mark.usefixtures("emulators")
def test_the_api_needs_no_token_of_the_provider_and_answers_when_a_setting_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:1")
    settings = {key: value for key, value in SETTINGS.items() if key not in ("REPLICATE_API_TOKEN", "R2_BUCKET")}

    wrong = asked(Instance(settings), "/videos", Authorization=f"Bearer {id_token()}")
    assert (wrong.status_code, wrong.get_json()["error"]["status"]) == (500, "INTERNAL")
    assert "R2_BUCKET" not in wrong.get_data(as_text=True)
    assert "R2_BUCKET is not set" in capfd.readouterr().err
    assert asked(Instance(settings), "/openapi.yaml").status_code == 200
    assert Instance({**settings, "R2_BUCKET": "media"}).library().storage is not None


@pytest.mark.usefixtures("emulators")
def test_what_nobody_catches_is_logged_without_secrets_and_handed_on_without_words(
    capsys: pytest.CaptureFixture[str],
):
    """The platform prints what leaves a function, with all that it was caused by."""
    instance = Instance({**SETTINGS, "R2_SECRET_ACCESS_KEY": "0a1b2c3d4e5f"})
    with pytest.raises(CallFailed) as raised:
        instance.run_task({"kind": "0a1b2c3d4e5f", "job_id": "j"}, 1.0)
    assert str(raised.value) == "a task: ValueError"
    assert raised.value.__suppress_context__
    (entry,) = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert entry["message"] == "Unexpected ValueError in a task"
    assert "ValueError: '…' is not a valid JobKind" in entry["traceback"]
    assert "0a1b2c3d4e5f" not in json.dumps(entry)


TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.usefixtures("emulators")
@pytest.mark.parametrize("header", ["traceparent", "ce-traceparent"])
def test_entries_name_the_trace_of_their_request_and_what_the_call_is(header: str, capsys: pytest.CaptureFixture[str]):
    """As functions-framework serves every function, events and tasks too: within a request of Flask's."""
    instance = Instance(SETTINGS)
    traced = {header: f"00-{TRACE}-{SPAN}-01"}
    with Flask("framework").test_request_context(headers=traced), pytest.raises(CallFailed):
        instance.run_task({"kind": "none", "job_id": "j"}, 1.0)
    with pytest.raises(CallFailed):
        instance.run_task({"kind": "none", "job_id": "j"}, 1.0)
    inside, outside = written(capsys)
    assert (inside["call"], outside["call"]) == ("task", "task")
    assert {name: value for name, value in inside.items() if "googleapis" in name} == {
        "logging.googleapis.com/trace": f"projects/demo-words-to-video/traces/{TRACE}",
        "logging.googleapis.com/spanId": SPAN,
        "logging.googleapis.com/trace_sampled": True,
    }
    assert not [name for name in outside if "googleapis" in name]


@pytest.mark.usefixtures("emulators")
def test_entries_of_the_api_name_the_request(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:1")
    settings = {key: value for key, value in SETTINGS.items() if key != "R2_BUCKET"}
    asked(Instance(settings), "/api/videos/v?page_token=secret", Authorization=f"Bearer {id_token()}")
    (entry,) = written(capsys)
    assert {name: entry[name] for name in ("call", "method", "path", "user_id")} == {
        "call": "api",
        "method": "GET",
        "path": "/api/videos/v",
        "user_id": "user-1",
    }
    assert "page_token" not in json.dumps(entry)


LOADED = """
import sys
import main
from pipeline.domain.jobs import JobKind
from pipeline.wiring import INSTANCE
INSTANCE.run_created_job(JobKind.IMAGE, "tracing-off", 60.0)
recording = ("opentelemetry.sdk", "opentelemetry.exporter", "google.cloud.trace")
print([name for name in sys.modules if name.startswith(recording)])
"""


@pytest.mark.parametrize("tracing", ["off", "on"])
def test_nothing_that_records_spans_is_loaded_unless_it_is_asked_for(
    firestore_client: firestore.Client, firestore_emulator: str, tracing: str
):
    job = firestore_client.document("image_generation_jobs/tracing-off")
    firestore_client.document("scenes/tracing-off").set({"user_id": "user-1"})
    job.set({"user_id": "user-1", "status": "pending", "dry_run": True, "scene_id": "tracing-off", "text": "A quay"})
    environment = {
        **SETTINGS,
        "FIRESTORE_EMULATOR_HOST": firestore_emulator,
        "GOOGLE_CLOUD_PROJECT": PROJECT_ID,
        "TRACING": tracing,
        "GOOGLE_APPLICATION_CREDENTIALS": "no-such-file",  # nothing is sent
        "PATH": os.environ["PATH"],
    }
    ran = subprocess.run(
        [sys.executable, "-c", LOADED], cwd="functions", env=environment, capture_output=True, text=True, check=True
    )
    assert (job.get().to_dict() or {})["status"] == "complete"
    loaded = ran.stdout.splitlines()[-1]
    assert (loaded == "[]") is (tracing == "off")
    assert ("Spans could not be sent" in ran.stdout) is (tracing == "on")  # which kept nobody from anything


@pytest.mark.usefixtures("emulators")
def test_what_cannot_record_spans_fails_no_call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def broken(*_: object) -> None:
        raise ImportError("opentelemetry")

    monkeypatch.setattr("pipeline.adapters.cloud_trace.CloudTracer", broken)
    instance = Instance({**SETTINGS, "TRACING": "on"})
    for _ in range(2):
        assert asked(instance, "/openapi.yaml").status_code == 200
    (entry,) = written(capsys)
    assert entry["message"] == "Spans cannot be recorded"


@pytest.mark.usefixtures("emulators")
def test_where_spans_are_recorded_what_is_called_is_the_same_thing_seen(monkeypatch: pytest.MonkeyPatch):
    instance = Instance({**SETTINGS, "TRACING": "on", "OPENAI_API_KEY": "sk-1", "PROMPT_WRITER": "openai"})
    tools = instance.tools()
    assert tools.openai is not None
    assert tools.openai.prompt_model == tools.settings.prompt_model
    assert not isinstance(tools.storage, R2Storage)
    assert tools.storage.stat.__qualname__ == "R2Storage.stat"


@pytest.mark.usefixtures("emulators")
def test_a_forged_webhook_is_no_failure():
    with pytest.raises(ForgedWebhook):
        Instance(SETTINGS).receive_webhook("op", {}, b"{}")
