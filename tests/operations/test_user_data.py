"""All that one user has is exported and deleted, whatever breaks it off, and nothing of anybody else."""

# ruff: noqa: F811 - fixtures are imported by their names

import base64
import hashlib
import html
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import firebase_admin
import pytest
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from localdev.stack.loopback import Exchange, LoopbackServer
from operations.buckets import media_bucket
from operations.deployment import Deployment
from operations.rate_limits import TokenBucket
from operations.user_data.__main__ import main, parser, run
from operations.user_data.deletion import NewOnesCome, Patient, StillRunning, erase
from operations.user_data.export import export
from operations.user_data.exported_json import document_json
from operations.user_data.file_names import file_name, path_of_document, path_of_key
from operations.user_data.inventory import UserData
from operations.waiting import Patience
from pipeline.domain.errors import ConfigurationError, InvalidRequest
from pipeline.domain.jobs import CreatedWake, JobKind, JobRef
from tests.handlers.conftest import USER, Workbench, replicate_server, workbench  # noqa: F401 - fixtures
from tests.operations.places import Place, cloud_storage, firebase_place, place, r2_place  # noqa: F401 - fixtures
from tests.repositories.test_indexes import RecordingApi, needed, needed_of_groups

ROOT = Path(__file__).parents[2]
NOW = datetime(2031, 6, 1, 12, 0, 0, 123456, tzinfo=UTC)
OTHERS = ("ann2", "an", "Ann", "ann.2")


class AuthServer(LoopbackServer):
    """Firebase Auth, as far as an administrator's calls about one user go."""

    def __init__(self) -> None:
        server = self

        class Answer(Exchange):
            def do_POST(self) -> None:
                asked, action = json.loads(self.body()), self.path.rpartition(":")[2]
                (user_id,) = asked["localId"] if action == "lookup" else [asked["localId"]]
                server.calls.append((action, user_id))
                user = server.users.get(user_id)
                if action == "lookup":
                    self.answer_json({"users": [user]} if user else {})
                elif user is None:
                    self.answer_json({"error": {"message": "USER_NOT_FOUND"}}, 400)
                elif action == "delete":
                    del server.users[user_id]
                    self.answer_json({"kind": "identitytoolkit#DeleteAccountResponse"})
                else:
                    user["disabled"] = user.get("disabled", False) or asked.get("disableUser", False)
                    self.answer_json({"localId": user_id})

        super().__init__(Answer)
        self.users: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str]] = []


@pytest.fixture
def auth(monkeypatch: pytest.MonkeyPatch) -> Iterator[AuthServer]:
    with AuthServer() as server:
        monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", server.address)
        for user_id in ("ann", *OTHERS):
            server.users[user_id] = {"localId": user_id, "email": f"{user_id}@example.com"}
        yield server
        for app in list(firebase_admin._apps.values()):
            if app.name.startswith("accounts of "):
                firebase_admin.delete_app(app)


def command(place: Place, *arguments: str, pause: Any = None) -> tuple[int, str]:
    """The command; what it printed."""
    console = place.console()
    account = [] if "FIREBASE_AUTH_EMULATOR_HOST" in os.environ else ["--no-account"]
    uploads = [] if place.deployment.environment["STORAGE_BACKEND"] == "firebase" else ["--uploads-bucket", "uploads"]
    chosen = parser().parse_args(["--alias", "test", *arguments, *account, *uploads])
    status = run(chosen, place.deployment, console, pause=pause or (lambda _: pytest.fail("nothing to wait for")))
    return status, console.file.getvalue()  # type: ignore[attr-defined]


def furnish(place: Place, user_id: str) -> set[str]:
    """Some of everything that a user may have. Returns the paths of the documents."""
    paths = set()

    def write(path: str, **fields: Any) -> None:
        paths.add(place.write(path, **fields))

    for kind in JobKind:
        write(f"{kind.collection}/{user_id}-job", user_id=user_id, status="complete", created_at=NOW)
    for collection in ("scenes", "storyboards", "products"):
        write(f"{collection}/{user_id}-one", user_id=user_id, title="A title")
    write(f"predictions/image~{user_id}-job~predict~1", user_id=user_id, job_path=f"x/{user_id}", state="succeeded")
    old = f"{JobKind.IMAGE.collection}/{user_id}-job"
    write(f"predictions/image~{user_id}-job~predict~2", job_path=old, state="failed")  # by an early version
    write(f"requests/{user_id}-key", user_id=user_id, job_path=old)
    write(f"users/{user_id}/usage/active", job_paths=[])
    write(f"users/{user_id}/usage/2031-06-01", spent_microusd=1)
    write(f"users/{user_id}/results/key", job_id=f"{user_id}-job")
    write(f"users/{user_id}/metadata/phase", mode="firestore_only")
    write(f"users/{user_id}/deletions/video", requested_at=NOW)
    write(f"users/{user_id}/videos/v", video_url=None)
    write(f"users/{user_id}/videos/v/clips/one", style="split")
    write(f"users/{user_id}/videos/gone/clips/two", style="split")  # of a video without a document
    write(f"users/{user_id}/something/of-the-projects-own", note="kept here by somebody")
    place.put(f"{user_id}/images/s/job.png", f"{user_id}/v/clips/one.mp4", f"{user_id}/v/final/job.mp4")
    place.put(f"uploads/{user_id}/music/song.mp3", data=b"music of " + user_id.encode())
    return paths


def furnish_all(place: Place) -> tuple[set[str], dict[str, set[str]]]:
    own = furnish(place, "ann")
    return own, {user_id: furnish(place, user_id) for user_id in OTHERS}


def all_paths(place: Place) -> set[str]:
    def below(collections: Any) -> Iterator[str]:
        for collection in collections:
            for document in collection.list_documents():
                if document.get().exists:
                    yield document.path
                yield from below(document.collections())

    return set(below(place.client.collections()))


def files_of(place: Place, *user_ids: str) -> set[str]:
    return {key for one in user_ids for key in place.keys("") if key.startswith((f"{one}/", f"uploads/{one}/"))}


def test_one_user_is_deleted_and_nobody_else(firebase_place: Place, auth: AuthServer):
    place = firebase_place
    own, others = furnish_all(place)
    place.write("usage/2031-06-01", spent_microusd=5)
    status, printed = command(place, "delete", "ann")
    assert status == 0
    assert "Nothing was changed" in printed
    assert own <= all_paths(place)
    assert auth.calls == [("lookup", "ann")]

    status, printed = command(place, "delete", "ann", "--yes", "--auth-user")
    assert status == 0
    left = all_paths(place)
    (record,) = {path for path in left if path.startswith("erasures/")}
    assert left == set().union(*others.values()) | {"usage/2031-06-01", record}
    assert files_of(place, "ann") == set()
    assert len(files_of(place, *OTHERS)) == 4 * len(OTHERS)
    assert auth.users.keys() == set(OTHERS)
    assert next(call for call in auth.calls if call[0] != "lookup") == ("update", "ann")  # first of all
    assert f"Record, which does not say whose it was: {record}" in printed
    fields = place.client.document(record).get().to_dict() or {}
    assert (fields["account"], fields["files"], sum(fields["documents"].values())) == ("deleted", 4, len(own))
    assert "ann" not in repr(sorted(fields.items())) + record.lower().split("/")[0]


def test_with_r2_files_and_uploads_lie_in_two_buckets(
    r2_place: Place, firebase_place: Place, monkeypatch: pytest.MonkeyPatch
):
    both = {**firebase_place.deployment.environment, **r2_place.deployment.environment}
    place = Place(Deployment("test", r2_place.deployment.project, both), r2_place.folder)
    place.put("ann/v/clips/one.mp4", "ann2/v/clips/one.mp4")
    firebase_place.put("uploads/ann/song.mp3", "uploads/ann2/song.mp3", "ann/of-another-deployment.mp4")
    chosen = parser().parse_args(["--alias", "test", "delete", "ann", "--yes", "--no-account"])
    assert run(chosen, place.deployment, place.console()) == 0
    assert place.keys() == {"ann2/v/clips/one.mp4"}
    assert firebase_place.keys() == {"uploads/ann2/song.mp3", "ann/of-another-deployment.mp4"}
    with pytest.raises(ConfigurationError, match="name it with --uploads-bucket"):
        run(chosen, r2_place.deployment, place.console())


def test_running_jobs_are_canceled_and_called_off_first(r2_place: Place, workbench: Workbench):
    place = Place(Deployment("test", str(workbench.client.project), r2_place.deployment.environment), r2_place.folder)
    ref = JobRef(JobKind.IMAGE, "erase-me")
    scene_id = workbench.scene("erase-me")
    fields = {"user_id": USER, "status": "pending", "scene_id": scene_id, "text": "Stuck [stub:stuck]"}
    workbench.write(ref.path, fields)
    workbench.wake(ref, CreatedWake())
    (record,) = workbench.desk().predictions.of_job(ref.path)
    assert record.prediction_id is not None
    waited = []

    def functions_work(_: float) -> None:
        waited.append(workbench.read(ref.path)["status"])
        workbench.finish(ref)

    erase_user(place, USER, functions_work)
    assert waited[0] == "processing"
    assert workbench.api.get_prediction(record.prediction_id).status in ("canceled", "aborted")
    assert not workbench.read(ref.path)
    assert workbench.desk().predictions.of_job(ref.path) == []
    assert not workbench.read("scenes/erase-me")


def user_of(place: Place, user_id: str) -> UserData:
    """A user whose uploads lie in the same bucket, whatever the backend."""
    bucket = media_bucket(place.deployment)
    return UserData(user_id, place.client, bucket, bucket, Patience(lambda _: None))


def erase_user(place: Place, user_id: str, pause: Any = None) -> None:
    wait = Patient(lambda: datetime.now(UTC), pause or (lambda _: pytest.fail("nothing to wait for")), 60.0)
    erase(user_of(place, user_id), None, wait, TokenBucket(1e9, 1e9), with_account=False)


def test_of_a_job_that_does_not_end_nothing_is_deleted(firebase_place: Place):
    place = firebase_place
    own = furnish(place, "ann")
    place.write("multi_video_jobs/stuck", user_id="ann", status="processing")
    with pytest.raises(StillRunning, match=r"1 have not ended after 0 s: multi_video_jobs/stuck\."):
        command(place, "delete", "ann", "--yes", "--wait-seconds", "0")
    assert (place.client.document("multi_video_jobs/stuck").get().to_dict() or {})["cancel_requested"] is True
    assert own <= all_paths(place)
    place.client.document("multi_video_jobs/stuck").update({"status": "canceled"})
    place.write("predictions/late", user_id="ann", state="submitted", job_path="multi_video_jobs/stuck")
    with pytest.raises(StillRunning, match="predictions/late"):
        command(place, "delete", "ann", "--yes", "--wait-seconds", "0")
    assert own <= all_paths(place)
    command(place, "delete", "ann", "--yes", "--even-if-running")
    assert {path for path in all_paths(place) if not path.startswith("erasures/")} == set()


def test_what_comes_while_it_is_deleted_is_deleted_too(firebase_place: Place, monkeypatch: pytest.MonkeyPatch):
    place = firebase_place
    furnish(place, "ann")
    storage, new = place.storage, iter(range(100))

    class Busy:
        """A client that is still signed in creates a job whenever files are deleted, so many times."""

        times = 2

        def __getattr__(self, name: str) -> Any:
            return getattr(storage, name)

        def delete_objects(self, keys: Any) -> None:
            storage.delete_objects(keys)
            if self.times:
                self.times -= 1
                number = next(new)
                place.write(f"image_generation_jobs/new-{number}", user_id="ann", status="pending")
                place.write(f"predictions/new-{number}", user_id="ann", job_path=f"image_generation_jobs/new-{number}")
                place.put(f"ann/images/s/new-{number}.png")

    busy = Busy()
    object.__setattr__(place.deployment.library, "storage", busy)

    def functions_work(_: float) -> None:
        for job in (
            place.client.collection("image_generation_jobs").where(filter=FieldFilter("status", "==", "pending")).get()
        ):
            assert job.get("cancel_requested") is True
            assert place.client.document(f"predictions/{job.id}").get().exists
            job.reference.update({"status": "canceled"})

    status, _ = command(place, "delete", "ann", "--yes", pause=functions_work)
    assert status == 0
    assert next(new) == 2
    assert {path for path in all_paths(place) if not path.startswith("erasures/")} == set()
    assert place.keys() == set()
    busy.times = 100
    place.put("ann/images/s/first.png")
    with pytest.raises(NewOnesCome):
        command(place, "delete", "ann", "--yes", pause=functions_work)


def test_a_deletion_that_was_killed_goes_on(r2_place: Place, tmp_path: Path):
    place = r2_place
    own, others = furnish_all(place)
    file = tmp_path / "settings.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in place.deployment.environment.items()))
    started = subprocess.Popen(
        [sys.executable, "-c", RUN, place.deployment.project, str(file)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "functions"},
        stdout=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while started.poll() is None and time.monotonic() < deadline and len(all_first(place)) == 4:
            time.sleep(0.02)
    finally:
        started.send_signal(signal.SIGKILL)
        started.wait()
    left = all_paths(place)
    assert own & left, "killed too late"
    assert own - left, "killed too early"
    erase_user(place, "ann")
    assert {path for path in all_paths(place) if not path.startswith("erasures/")} == set().union(*others.values())
    assert files_of(place, "ann") == set()
    assert len(files_of(place, *OTHERS)) == 4 * len(OTHERS)


RUN = """
import sys
from pathlib import Path
from dotenv import dotenv_values
from rich.console import Console
from operations.deployment import Deployment
from operations.user_data.__main__ import parser, run

settings = dict(dotenv_values(sys.argv[2]))
options = ["--yes", "--no-account", "--writes-per-second", "2", "--uploads-bucket", "none"]
run(parser().parse_args(["--alias", "x", "delete", "ann", *options]), Deployment("x", sys.argv[1], settings), Console())
"""


def all_first(place: Place) -> list[Any]:
    """The jobs, which are deleted first."""
    is_anns = FieldFilter("user_id", "==", "ann")
    found = (place.client.collection(kind.collection).where(filter=is_anns).get() for kind in JobKind)
    return [job for jobs in found for job in jobs]


def test_an_export_holds_every_document_and_every_file(firebase_place: Place, auth: AuthServer):
    place = firebase_place
    own, _ = furnish_all(place)
    folder = place.folder / "out"
    status, _ = command(place, "export", "ann", "--to", str(folder), "--zip")
    assert status == 0
    exported = {
        content["path"]: (file, content)
        for file in folder.rglob("*.json")
        if "path" in (content := json.loads(file.read_text()))
    }
    assert exported.keys() == own
    file, content = exported["image_generation_jobs/ann-job"]
    assert file == folder / "jobs/image_generation_jobs/ann-job.json"
    assert content["fields"] == {"user_id": "ann", "status": "complete", "created_at": NOW.isoformat()}
    assert content["types"] == {"/created_at": "timestamp"}
    stored = {path.relative_to(folder / "files").as_posix() for path in (folder / "files").rglob("*.*")}
    assert stored == {"images/s/job.png", "v/clips/one.mp4", "v/final/job.mp4", "uploads/music/song.mp3"}
    assert (folder / "files/uploads/music/song.mp3").read_bytes() == b"music of ann"
    assert json.loads((folder / "account.json").read_text())["email"] == "ann@example.com"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["user_id"], manifest["files"], sum(manifest["documents"].values())) == ("ann", 4, len(own))
    assert any("Replicate" in text for text in manifest["left_out"])
    page = (folder / "index.html").read_text()
    assert "files/v/clips/one.mp4" in page
    assert all(html.escape(text) in page for text in manifest["left_out"])
    assert sums(folder) == {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "checksums.sha256"
    }
    with ZipFile(folder.with_suffix(".zip")) as archive:
        assert archive.read("files/uploads/music/song.mp3") == b"music of ann"
    assert "ann2" not in "".join(path.read_text(errors="ignore") for path in folder.rglob("*") if path.is_file())


def sums(folder: Path) -> dict[str, str]:
    lines = (folder / "checksums.sha256").read_text().splitlines()
    return {line.partition("  ")[2]: line.partition("  ")[0] for line in lines}


def test_an_export_that_was_broken_off_goes_on_and_fetches_no_file_twice(r2_place: Place):
    place = r2_place
    furnish(place, "ann")
    storage, fetched = place.storage, []

    class Breaking:
        breaks = True

        def __getattr__(self, name: str) -> Any:
            return getattr(storage, name)

        def download_file(self, key: str, path: Path) -> int:
            if self.breaks and len(fetched) == 2:
                path.write_bytes(b"half")
                raise KeyboardInterrupt
            fetched.append(key)
            return storage.download_file(key, path)

    breaking = Breaking()
    object.__setattr__(place.deployment.library, "storage", breaking)
    folder = place.folder / "out"
    with pytest.raises(KeyboardInterrupt):
        export_user(place, "ann", folder)
    assert not (folder / "checksums.sha256").exists()
    breaking.breaks = False
    export_user(place, "ann", folder)
    assert sorted(fetched) == sorted(place.keys())
    assert not list(folder.rglob("%part"))
    assert all(hashlib.sha256((folder / path).read_bytes()).hexdigest() == one for path, one in sums(folder).items())
    with pytest.raises(ConfigurationError, match="an export that is whole"):
        export_user(place, "ann", folder)
    with pytest.raises(ConfigurationError, match="another user's export"):
        export_user(place, "ann2", folder)
    (place.folder / "full").mkdir()
    (place.folder / "full/letter.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="not empty, and no export"):
        export_user(place, "ann", place.folder / "full")


def export_user(place: Place, user_id: str, folder: Path) -> None:
    export(user_of(place, user_id), None, folder, place.deployment.project, lambda: datetime.now(UTC))


def test_many_documents_are_read_page_by_page(firebase_place: Place):
    batch = firebase_place.client.batch()
    for number in range(310):
        batch.set(firebase_place.client.document(f"users/ann/videos/v/clips/{number:03}"), {"priority": number})
    batch.commit()
    batch = firebase_place.client.batch()
    for number in range(305):
        batch.set(firebase_place.client.document(f"scenes/s-{number:03}"), {"user_id": "ann"})
    batch.commit()
    folder = firebase_place.folder / "out"
    command(firebase_place, "export", "ann", "--to", str(folder))
    assert len(list((folder / "documents/users/ann/videos/v/clips").iterdir())) == 310
    assert len(list((folder / "documents/scenes").iterdir())) == 305
    _, printed = command(firebase_place, "delete", "ann", "--yes")
    assert "310" in printed
    assert "305" in printed
    assert {path for path in all_paths(firebase_place) if not path.startswith("erasures/")} == set()


def test_the_queries_need_no_index_that_is_not_there(firebase_place: Place):
    furnish(firebase_place, "ann")
    api = RecordingApi(firebase_place.client._firestore_api)
    firebase_place.client._firestore_api_internal = api
    command(firebase_place, "export", "ann", "--to", str(firebase_place.folder / "out"))
    command(firebase_place, "delete", "ann")
    command(firebase_place, "delete", "ann", "--yes")
    sent = [*api.plain, *(query for query, _ in api.aggregations)]
    named = [query for query in sent if query.from_[0].collection_id]
    assert len(named) > 30
    assert set().union(*(needed(query, []) | needed_of_groups(query) for query in named)) == set()
    # those of all that lies below a place have no name and no condition but that place: they are in order by it
    below = [query for query in sent if not query.from_[0].collection_id]
    assert below
    assert all(not query.where.field_filter.field.field_path and not query.where.composite_filter for query in below)
    assert all([one.field.field_path for one in query.order_by] == ["__name__"] for query in below)


def test_what_json_has_no_type_for_is_told_beside_it():
    fields = {
        "at": NOW,
        "steps": {"a/b~c": {"started_at": NOW}, "list": [1, 2.5, None, True, b"\x00\xff"]},
        "place": firestore.GeoPoint(1.5, -2.0),
        "never": float("nan"),
    }
    written = json.loads(document_json("scenes/one", fields))
    assert written["path"] == "scenes/one"
    assert written["fields"]["steps"]["list"] == [1, 2.5, None, True, base64.b64encode(b"\x00\xff").decode()]
    assert written["fields"]["place"] == [1.5, -2.0]
    assert datetime.fromisoformat(written["fields"]["at"]) == NOW
    assert written["types"] == {
        "/at": "timestamp",
        "/steps/a~1b~0c/started_at": "timestamp",
        "/steps/list/4": "bytes",
        "/place": "geopoint",
        "/never": "number",
    }


def test_names_of_files_stay_in_their_folder_and_are_never_the_same():
    odd = ["", ".", "..", "%", "%25", "a/b", "a\\b", "a:b", ".hidden", "dot.", "a" * 300, "a" * 301, "é" * 200, "%part"]
    names = [file_name(text) for text in odd]
    assert len(set(names)) == len(names)
    assert all(0 < len(name.encode()) <= 200 and "/" not in name and name not in (".", "..") for name in names)
    assert "%part" not in names
    assert path_of_key("v/../../x").as_posix() == "v/%2E%2E/%2E%2E/x"
    assert path_of_document("users/ann/videos/v").as_posix() == "users/ann/videos/v.json"


def test_nobody_is_called_like_this(r2_place: Place, capsys: pytest.CaptureFixture[str]):
    for user_id in ("uploads", "a/b", "..", "", "__ann__", "a\nb"):
        with pytest.raises(InvalidRequest):
            command(r2_place, "delete", user_id)
    assert main(["--alias", "nowhere", "delete", "ann"], {}) == 2
    assert "'nowhere' is none of the aliases" in capsys.readouterr().err


def test_a_user_who_is_in_no_directory_is_deleted_too(firebase_place: Place, auth: AuthServer):
    auth.users.clear()
    furnish(firebase_place, "ann")
    status, printed = command(firebase_place, "delete", "ann", "--yes", "--auth-user")
    assert status == 0
    assert {path for path in all_paths(firebase_place) if not path.startswith("erasures/")} == set()
    _, printed = command(firebase_place, "delete", "ann")
    assert "there is none" in printed


def test_who_only_wants_the_data_deleted_is_told_that_the_account_is_disabled(firebase_place: Place, auth: AuthServer):
    status, printed = command(firebase_place, "delete", "ann", "--yes")
    assert (status, auth.users["ann"]["disabled"]) == (0, True)
    assert "--auth-user deletes it" in printed
    expected = datetime.now(UTC) + timedelta(hours=1)
    assert f"run the same after {expected:%H:}" in printed
