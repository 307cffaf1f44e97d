"""Nothing that gives access gets out: not by logs, documents, files or processes, however a job ends.

Every secret is a canary; jobs of all kinds run, fail and meet hostile providers; then every output is searched.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from google.cloud import firestore

from localdev.stack.loopback import Exchange, LoopbackServer
from localdev.stack.object_stores import LocalFirebaseStorage, LocalR2
from localdev.stack.ports import choose_ports
from localdev.stub_openai import StubOpenAI
from localdev.stub_replicate import StubReplicate
from localdev.stub_replicate.markers import FAILURES, REFUSALS
from pipeline.adapters import logger
from pipeline.adapters.firebase_storage import FirebaseStorage
from pipeline.adapters.id_tokens import UnverifiedToken
from pipeline.adapters.openai_api import OpenAiApi
from pipeline.adapters.r2_storage import R2Storage
from pipeline.adapters.replicate_api import ReplicateApi
from pipeline.adapters.replicate_webhooks import ForgedWebhook, WebhookVerifier
from pipeline.api.app import build_api
from pipeline.config import secret_values
from pipeline.domain.jobs import JobKind
from pipeline.handlers.receive_webhook import UnreadableWebhook, read_webhook
from tests.canaries import ID_TOKEN, SECRETS, SOURCE_QUERY, Processes, found_in, texts, whole_database
from tests.handlers.conftest import USER, Workbench, empty_bucket, empty_project
from tests.handlers.test_generate_image import image_job
from tests.handlers.test_generate_video import video_job
from tests.media_samples import MediaSamples

GOSSIP = (
    f"cannot read https://m.example.com/p.png?X-Amz-Signature=abcdef&token={SOURCE_QUERY} with Authorization: Bearer "
    f"{SECRETS['REPLICATE_API_TOKEN']}, key {SECRETS['OPENAI_API_KEY']}, secret {SECRETS['webhook secret']}, "
    f"user {ID_TOKEN}"
)
"""What a careless provider may tell."""

WRITTEN_BY_USERS = ("image_url", "audio_url", "clips[].video_url", "scenes[].seed_image_url")
"""Fields of job documents, and of products, that clients fill in."""


@dataclass
class Watched:
    """A workbench, and all that it puts out."""

    bench: Workbench
    processes: Processes
    openai: StubOpenAI

    def source(self, path: Path) -> str:
        """A file at a URL whose query is a secret of its owner."""
        return f"{self.bench.publish(path)}?token={SOURCE_QUERY}"

    def run(self, kind: JobKind, name: str, fields: dict[str, Any], *, code: str | None = None) -> dict[str, Any]:
        """A job that ends in this way."""
        job = self.bench.run(kind, f"canary-{name}", fields)
        assert (job["error"] or {}).get("code") == code, job["error"]
        assert job["status"] == ("error" if code else "complete")
        return job


@pytest.fixture
def firestore_client(firestore_client: firestore.Client) -> Iterator[firestore.Client]:
    """An empty project on the same emulator: all documents are searched, and canaries sing only here."""
    with empty_project() as client:
        yield client


@pytest.fixture(scope="module")
def r2_server() -> Iterator[LocalR2]:
    """A bucket of this file's own: all files are searched, too."""
    with empty_bucket("canaries") as server:
        yield server


@pytest.fixture
def watched(
    workbench: Workbench, replicate_server: StubReplicate, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Watched]:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name.replace(" ", "_"), value)
    monkeypatch.setattr(replicate_server.webhooks, "secret", SECRETS["webhook secret"])
    before = set(logger._secrets)
    logger.conceal(secret_values(SECRETS))  # as the wiring does with the environment of a function
    processes = Processes()
    monkeypatch.setattr("subprocess.Popen", processes)
    with StubOpenAI() as openai:
        monkeypatch.setenv("OPENAI_BASE_URL", openai.base_url)
        workbench.settings = replace(workbench.settings, moderation="on", prompt_writer="openai")
        workbench.openai = OpenAiApi(SECRETS["OPENAI_API_KEY"], workbench.settings.prompt_model)
        workbench.api.close()
        workbench.api = ReplicateApi(SECRETS["REPLICATE_API_TOKEN"], workbench.replicate.base_url)
        workbench.storage = storage_of(workbench.r2)
        yield Watched(workbench, processes, openai)
        workbench.openai.close()
    logger._secrets.clear()
    logger._secrets.update(before)


def storage_of(r2: LocalR2, bucket: str | None = None, endpoint_url: str | None = None) -> R2Storage:
    return R2Storage(
        endpoint_url or r2.endpoint_url,
        bucket or r2.bucket,
        SECRETS["R2_ACCESS_KEY_ID"],
        SECRETS["R2_SECRET_ACCESS_KEY"],
        r2.public_base_url,
    )


@pytest.fixture
def nothing_gets_out(watched: Watched, capfd: pytest.CaptureFixture[str]) -> Callable[[], None]:
    """Searches every output, when it is called."""

    def search() -> None:
        printed = capfd.readouterr()
        log = printed.out + printed.err
        assert '"severity"' in log
        assert found_in(log) == [], [line for line in log.splitlines() if found_in(line)]
        leaks = [
            f"{path}: {name} holds {leak}"
            for path, fields in whole_database(watched.bench.client)
            for name, text in texts(fields)
            for leak in found_in(text, with_sources=not is_users_own(path, name))
        ]
        assert leaks == []
        assert leaks_of_files(watched.bench.r2) == []
        assert found_in(watched.processes.as_text()) == []

    return search


def is_users_own(path: str, field: str) -> bool:
    collection, *others = path.split("/")
    return (collection.endswith("_jobs") or collection == "products") and len(others) == 1 and field in WRITTEN_BY_USERS


def leaks_of_files(r2: LocalR2) -> list[str]:
    leaks = []
    for stored in r2.client.list_objects_v2(Bucket=r2.bucket).get("Contents", []):
        found = r2.client.get_object(Bucket=r2.bucket, Key=stored["Key"])
        headers = json.dumps([found["Metadata"], found["ResponseMetadata"]["HTTPHeaders"]])
        text = stored["Key"] + headers + found["Body"].read().decode("latin-1")
        leaks += [f"{stored['Key']}: {leak}" for leak in found_in(text)]
    return leaks


def test_jobs_that_succeed(
    watched: Watched, picture: Path, media_samples: MediaSamples, nothing_gets_out: Callable[[], None]
):
    bench = watched.bench
    bench.write("products/canary", {"user_id": USER, "name": "Lamp", "image_url": watched.source(picture)})
    composite = image_job(bench.scene("canary-image"), use_product_composite=True, product_id="canary")
    image = watched.run(JobKind.IMAGE, "image", composite)
    video = watched.run(JobKind.VIDEO, "video", video_job(bench.scene("canary-video"), watched.source(picture)))
    scenes = [{"scene_number": 1, "seed_image_url": watched.source(picture), "duration": 2.0, "description": "A quay"}]
    watched.run(JobKind.MULTI_VIDEO, "multi", {"scenes": scenes})
    clips = [{"scene_number": 1, "video_url": video["video_url"]}]
    clips += [{"scene_number": n, "video_url": watched.source(media_samples.solid("red"))} for n in (2, 3)]
    music = watched.source(media_samples.music())
    composed = watched.run(JobKind.COMPOSITION, "composed", {"clips": clips, "audio_url": music})
    assert image["composite_method"] == "pil"
    assert composed["duration"] > 2
    assert len(watched.processes.started) > 3
    nothing_gets_out()


def test_jobs_that_fail_and_providers_that_gossip(
    watched: Watched,
    picture: Path,
    media_samples: MediaSamples,
    nothing_gets_out: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
):
    bench = watched.bench
    for name, words in FAILURES.items():
        monkeypatch.setitem(FAILURES, name, f"{words} {GOSSIP}")
    for name, (status, words) in REFUSALS.items():
        monkeypatch.setitem(REFUSALS, name, (status, f"{words} {GOSSIP}"))
    ends = {
        "nsfw": "content_rejected",
        "fail": "prediction_failed",
        "down": "prediction_failed",
        "interrupt": "prediction_interrupted",
        "html": "unsupported_media",
        "401": "configuration_error",
        "402": "insufficient_credit",
        "404": "unknown_model",
        "422": "provider_refused",
        "429": "rate_limited",
        "flagged": "content_rejected",
    }
    with_words, bench.settings = bench.settings, replace(bench.settings, prompt_writer="template")
    for marker, code in ends.items():
        fields = image_job(bench.scene(f"canary-{marker}"), f"A pier [stub:{marker}]")
        watched.run(JobKind.IMAGE, marker, fields, code=code)
    quoted = bench.read("image_generation_jobs/canary-fail")["error_message"]
    assert "cannot read https://m.example.com/p.png?… with Authorization: Bearer …" in quoted
    scenes = [
        {"scene_number": n, "seed_image_url": watched.source(picture), "duration": 2.0, "description": words}
        for n, words in enumerate(("A lock", "A weir [stub:fail]"), start=1)
    ]
    watched.run(JobKind.MULTI_VIDEO, "partial", {"scenes": scenes}, code="partial_failure")
    broken = media_samples.truncated(media_samples.moving(), faststart=True)
    clips = [{"scene_number": 1, "video_url": watched.source(broken)}]
    watched.run(JobKind.COMPOSITION, "broken", {"clips": clips}, code="unsupported_media")
    gone = f"{bench.r2.public_base_url}/no-such.mp4?token={SOURCE_QUERY}"
    clips = [{"scene_number": 1, "video_url": gone}]
    watched.run(JobKind.COMPOSITION, "gone", {"clips": clips}, code="source_unavailable")
    clips = [{"scene_number": 1, "video_url": f"https://127.0.0.1/a.mp4?token={SOURCE_QUERY}"}]
    watched.run(JobKind.COMPOSITION, "unsafe", {"clips": clips}, code="unsafe_url")
    bench.settings = with_words
    for marker in ("openai-500", "openai-429", "refusal", "truncated"):
        fields = image_job(bench.scene(f"canary-{marker}"), f"A mole [stub:{marker}]")
        watched.run(JobKind.IMAGE, marker, fields)
    nothing_gets_out()


def test_storage_that_refuses_or_is_gone(watched: Watched, picture: Path, nothing_gets_out: Callable[[], None]):
    bench = watched.bench
    bench.storage = storage_of(bench.r2, bucket="no-such-bucket")
    watched.run(JobKind.IMAGE, "refused", image_job(bench.scene("canary-refused")), code="storage_refused")
    nobody = f"http://127.0.0.1:{choose_ports(['r2'])['r2']}"
    bench.storage = storage_of(bench.r2, endpoint_url=nobody)
    fields = video_job(bench.scene("canary-gone"), watched.source(picture))
    watched.run(JobKind.VIDEO, "storage-gone", fields, code="storage_unavailable")
    nothing_gets_out()


class Careless:
    """Anything in which a mistake of ours, or of an SDK, is told with all secrets and everything that caused it."""

    def __init__(self, thing: Any) -> None:
        self._thing = thing

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def fail(*arguments: Any, **named: Any) -> Any:
            cause = KeyError(f"{GOSSIP} {json.dumps(SECRETS)} {arguments}")
            raise RuntimeError(f"{name} at /b/c?X-Amz-Credential={SECRETS['R2_ACCESS_KEY_ID']}") from cause

        return fail


def test_exceptions_that_nobody_thought_of(
    watched: Watched,
    picture: Path,
    media_samples: MediaSamples,
    nothing_gets_out: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
):
    bench, tools = watched.bench, watched.bench.tools
    monkeypatch.setattr(bench, "tools", lambda: replace(tools(), storage=Careless(None)))
    watched.run(JobKind.IMAGE, "careless-storage", image_job(bench.scene("canary-careless")), code="internal")
    monkeypatch.setattr(bench, "tools", lambda: replace(tools(), downloads=Careless(None)))
    fields = video_job(bench.scene("canary-careless-2"), watched.source(picture))
    watched.run(JobKind.VIDEO, "careless-downloads", fields, code="internal")
    clips = [{"scene_number": 1, "video_url": watched.source(media_samples.solid("red"))}]
    watched.run(JobKind.COMPOSITION, "careless-composition", {"clips": clips}, code="internal")
    monkeypatch.setattr(bench, "tools", Careless(None).build)
    watched.run(JobKind.IMAGE, "careless-tools", image_job(bench.scene("canary-careless-3")), code="internal")
    nothing_gets_out()


class Echo(LoopbackServer):
    """A provider that refuses everything, and repeats all that it was sent."""

    def __init__(self, status: int) -> None:
        super().__init__(partial(_Echoing, status))


class _Echoing(Exchange):
    def __init__(self, status: int, *arguments: Any) -> None:
        self._status = status
        super().__init__(*arguments)

    def do_POST(self) -> None:
        sent = f"{dict(self.headers)} {self.body().decode(errors='replace')} {GOSSIP}"
        self.answer_json({"detail": sent, "error": {"message": sent, "code": sent, "type": sent}}, self._status)

    def do_GET(self) -> None:
        self.do_POST()


@pytest.mark.parametrize(
    ("status", "code"), [(401, "configuration_error"), (422, "provider_refused"), (503, "provider_unavailable")]
)
def test_providers_that_repeat_what_they_were_sent(
    watched: Watched,
    picture: Path,
    nothing_gets_out: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: str,
):
    bench = watched.bench
    with Echo(status) as echo:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{echo.base_url}/v1")
        bench.openai = OpenAiApi(SECRETS["OPENAI_API_KEY"], bench.settings.prompt_model)
        bench.api = ReplicateApi(SECRETS["REPLICATE_API_TOKEN"], echo.base_url)
        fields = video_job(bench.scene(f"canary-echo-{status}"), watched.source(picture))
        watched.run(JobKind.VIDEO, f"echo-{status}", fields, code=code)
        bench.api.close()
        bench.openai.close()
    nothing_gets_out()


def test_firebase_storage_shows_its_tokens_to_owners_only(
    watched: Watched, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """A download URL with its token is what the owner's document is for; it stands in no log."""
    ports = choose_ports(["storage", "download"])
    server = LocalFirebaseStorage(ports["storage"], ports["download"], "demo.appspot.com")
    server.start()
    try:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.base_url)
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "demo-words-to-video")
        bench = watched.bench
        bench.storage = FirebaseStorage(server.bucket, server.download_base_url)
        job = watched.run(JobKind.IMAGE, "firebase", image_job(bench.scene("canary-firebase")))
    finally:
        server.stop()
    token = job["image_url"].partition("token=")[2]
    assert len(token) == 36
    printed = capfd.readouterr()
    assert token not in printed.out + printed.err
    holders = {path.partition("/")[0] for path, fields in whole_database(bench.client) if token in str(fields)}
    assert holders == {"image_generation_jobs", "scenes"}  # both can be read by their owner only
    for name in ("image_generation_jobs/canary-firebase", "scenes/canary-firebase"):
        bench.client.document(name).delete()


def test_the_api_and_the_webhook_tell_strangers_nothing(watched: Watched, capfd: pytest.CaptureFixture[str]):
    def user_of(token: str) -> str:
        raise UnverifiedToken("The token is not a Firebase ID token of this project.")

    def library() -> Any:
        raise RuntimeError(f"{GOSSIP} {json.dumps(SECRETS)}")

    signed_in = {"Authorization": f"Bearer {ID_TOKEN}"}
    refusing = build_api(library, user_of, ()).test_client().get("/api/videos", headers=signed_in)
    failing = build_api(library, lambda _: USER, ()).test_client().get("/api/videos/v", headers=signed_in)
    assert (refusing.status_code, failing.status_code) == (401, 500)
    told = [refusing.text + str(refusing.headers), failing.text + str(failing.headers)]
    verifier = WebhookVerifier(watched.bench.api.webhook_secret)
    with pytest.raises(ForgedWebhook) as forged:
        verifier.verify({"webhook-id": "m", "webhook-timestamp": "1", "webhook-signature": "v1,abc"}, b"{}")
    with pytest.raises(UnreadableWebhook) as unreadable:
        read_webhook(json.dumps({"id": GOSSIP}).encode())
    told += [str(forged.value), str(unreadable.value)]
    printed = capfd.readouterr()
    assert "RuntimeError" in printed.err
    assert [found_in(text) for text in (*told, printed.out + printed.err)] == [[], [], [], [], []]


def test_the_search_finds_what_it_looks_for(watched: Watched):
    """Else the others would prove nothing."""
    for value in (*SECRETS.values(), ID_TOKEN, SOURCE_QUERY, "https://h/a?X-Amz-Signature=0", "h/o?token=0123abcd-0"):
        assert len(found_in(f"... {value} ...")) == 1
    watched.bench.write("products/leak", {"user_id": USER, "notes": [{"a": SECRETS["R2_ACCESS_KEY_ID"]}]})
    found = dict(whole_database(watched.bench.client))["products/leak"]
    assert [name for name, text in texts(found) if found_in(text)] == ["notes[].a"]
    watched.bench.client.document("products/leak").delete()
    watched.bench.storage.upload_bytes("leak.json", SOURCE_QUERY.encode(), "application/json")
    assert leaks_of_files(watched.bench.r2) == ["leak.json: the query of a source"]
    watched.bench.storage.delete_objects(["leak.json"])
