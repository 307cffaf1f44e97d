"""What is seeded: whole, true to the types, the same each time, and gone again when it is taken away."""

import io
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import httpx
import pytest
from google.cloud import firestore
from PIL import Image

from localdev.stack.object_stores import R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY, LocalR2
from operations.staging import seed as command
from operations.staging.seed_files import Places, files_by_key
from operations.staging.seed_media import Media, make_media
from operations.staging.seed_story import HARBOUR, Names
from operations.staging.seeding import Removed, Seeded, remove, seed
from pipeline.adapters.object_storage import ObjectStorage
from pipeline.adapters.r2_storage import R2Storage
from pipeline.domain.clips import ClipDocument, VideoDocument
from pipeline.domain.documents import ProductDocument, SceneDocument, StoryboardDocument
from pipeline.domain.imports import checked_clip, checked_video
from pipeline.domain.jobs import JobKind
from pipeline.repositories.stuck_jobs import StuckJobRepository
from tests.typed_documents import check_document, check_job

KINDS = {kind.collection: kind for kind in JobKind}
TYPES = {"storyboards": StoryboardDocument, "scenes": SceneDocument, "products": ProductDocument}
Documents = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Account:
    """A user, with the deployment that it is of."""

    user_id: str
    client: firestore.Client
    storage: ObjectStorage
    media: Media

    def seed(self) -> Seeded:
        return seed(self.user_id, self.client, self.storage, self.media)

    def remove(self) -> Removed:
        return remove(self.user_id, self.client, self.storage)

    def documents(self) -> Documents:
        """Those that were written down, by path."""
        paths = self.client.document(f"users/{self.user_id}/seeds/demo").get().get("documents")
        references = [self.client.document(path) for path in paths]
        return {snapshot.reference.path: snapshot.to_dict() or {} for snapshot in self.client.get_all(references)}

    def files(self) -> dict[str, int]:
        """All that are in the user's folders: bytes by key."""
        folders = (f"{self.user_id}/", f"uploads/{self.user_id}/")
        return {file.key: file.size_bytes for folder in folders for file in self.storage.list_objects(folder)}


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Media:
    return make_media(tmp_path_factory.mktemp("seed"))


@pytest.fixture(scope="module")
def new_account(firestore_client: firestore.Client, r2_server: LocalR2, media: Media) -> Callable[[], Account]:
    keys = (R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY)
    storage = R2Storage(r2_server.endpoint_url, r2_server.bucket, *keys, r2_server.public_base_url)
    return lambda: Account(f"user-{uuid.uuid4().hex[:8]}", firestore_client, storage, media)


@pytest.fixture(scope="module")
def shown(new_account: Callable[[], Account]) -> Account:
    """A seeded user whom no test changes."""
    account = new_account()
    account.seed()
    return account


@pytest.fixture(scope="module")
def seeded(shown: Account) -> Documents:
    return shown.documents()


@pytest.fixture
def account(new_account: Callable[[], Account]) -> Account:
    """A seeded user of one test."""
    made = new_account()
    made.seed()
    return made


def test_every_document_is_as_its_type_says(seeded: Documents, shown: Account):
    for path, fields in seeded.items():
        collection, *rest = path.split("/")
        if collection in KINDS:
            check_job(KINDS[collection], fields)
        elif collection == "users" and len(rest) == 3:
            check_document(VideoDocument, fields)
            checked_video(shown.user_id, fields)
        elif collection == "users":
            check_document(ClipDocument, fields)
            checked_clip(shown.user_id, rest[2], fields)
        else:
            check_document(TYPES[collection], fields)
        assert fields["user_id"] == shown.user_id
    assert len(seeded) == 32


def test_there_is_a_job_of_every_kind_and_of_every_state_that_ends(seeded: Documents):
    jobs = [(KINDS[path.split("/")[0]], job) for path, job in seeded.items() if path.split("/")[0] in KINDS]
    states = {(kind, job["status"], job.get("dry_run", False)) for kind, job in jobs}
    assert {kind for kind, status, dry in states if status == "complete" and not dry} == set(JobKind)
    assert {status for _, status, _ in states} == {"complete", "error", "canceled"}
    assert (JobKind.MULTI_VIDEO, "complete", True) in states
    codes = {job["error"]["code"] for _, job in jobs if job["status"] == "error"}
    assert codes == {"content_rejected", "provider_unavailable", "partial_failure"}


def test_what_belongs_together_names_each_other(seeded: Documents):
    boards = {path.split("/")[1]: board for path, board in seeded.items() if path.startswith("storyboards/")}
    for board_id, board in boards.items():
        for scene_id in board["scene_order"]:
            assert seeded[f"scenes/{scene_id}"]["storyboard_id"] == board_id
    for path, job in seeded.items():
        if path.split("/")[0] in KINDS:
            assert job["storyboard_id"] in boards
            assert job.get("scene_id") is None or f"scenes/{job['scene_id']}" in seeded
            assert job.get("product_id") is None or f"products/{job['product_id']}" in seeded


def test_no_job_is_one_that_the_sweeper_looks_for(seeded: Documents, firestore_client: firestore.Client):
    stuck, much_later = StuckJobRepository(firestore_client), datetime(2098, 1, 1, tzinfo=UTC)
    for kind in JobKind:
        pages = [*stuck.overdue(kind, much_later), *stuck.unclaimed(kind, much_later)]
        assert not {job.ref.path for page in pages for job in page} & seeded.keys()


def test_every_file_that_a_document_names_is_served_and_can_be_shown(seeded: Documents, shown: Account):
    urls = {url for fields in seeded.values() for url in urls_in(fields)}
    assert len(urls) == len(shown.files())
    for url in urls:
        response = httpx.get(url)
        assert response.status_code == 200
        if url.endswith(".mp4"):
            assert response.headers["content-type"] == "video/mp4"
            with av.open(io.BytesIO(response.content)) as video:
                assert sum(1 for _ in video.decode(video=0)) in (48, 3 * 48)
        else:
            with Image.open(io.BytesIO(response.content)) as picture:
                picture.load()
                assert response.headers["content-type"] == Image.MIME[picture.format or ""]
    assert sum(shown.files().values()) < 200_000


def urls_in(value: Any) -> list[str]:
    if isinstance(value, dict | list):
        return [url for one in (value.values() if isinstance(value, dict) else value) for url in urls_in(one)]
    return [value] if isinstance(value, str) and value.startswith("http") else []


def test_a_repeat_writes_nothing_but_what_was_changed(account: Account):
    documents, files = account.documents(), account.files()
    again = account.seed()
    assert (again.created, again.changed, again.stored) == (0, 0, 0)
    board = Names(account.user_id).board(HARBOUR)
    account.client.document(f"storyboards/{board}").update({"title": "Somebody was here"})
    account.client.document(f"scenes/{board}-scene-1").delete()
    account.storage.delete_objects([next(key for key in files if key.endswith(".webp"))])
    again = account.seed()
    assert (again.created, again.changed, again.stored) == (1, 1, 1)
    assert (account.documents(), account.files()) == (documents, files)


def test_files_are_the_same_each_time_they_are_made(media: Media, tmp_path: Path):
    again = make_media(tmp_path)
    names = Names("user-1")
    before, after = (files_by_key(one, Places(names)) for one in (media, again))
    assert {key: path.read_bytes() for key, path in before.items()} == {
        key: path.read_bytes() for key, path in after.items()
    }


def test_what_was_seeded_is_taken_away_and_nothing_else(account: Account):
    documents, files = account.documents(), account.files()
    board = Names(account.user_id).board(HARBOUR)
    own = account.client.document(f"scenes/own-{account.user_id}")
    own.set({"user_id": account.user_id, "storyboard_id": board, "text": "Made by the user"})
    own_file = f"{account.user_id}/{board}/clips/own.mp4"
    account.storage.upload_bytes(own_file, b"moving", "video/mp4")

    assert account.remove() == Removed(len(documents), len(files))
    assert not any(one.exists for one in account.client.get_all([account.client.document(path) for path in documents]))
    assert account.files() == {own_file: 6}
    assert own.get().exists
    assert not account.client.document(f"users/{account.user_id}/seeds/demo").get().exists
    assert account.remove() == Removed(0, 0)


def test_two_users_have_nothing_in_common(account: Account, seeded: Documents, shown: Account):
    assert not account.documents().keys() & seeded.keys()
    account.remove()
    assert shown.documents() == seeded


@pytest.mark.parametrize(("alias", "told"), [("prod", "prod (films)"), ("live", "live (films)")])
def test_where_users_are_nothing_is_seeded(
    alias: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / ".firebaserc").write_text('{"projects": {"prod": "films", "live": "films"}}')
    monkeypatch.chdir(tmp_path)
    assert command.main(["--alias", alias], {}, tmp_path) == 2
    assert f"{told} is where users are: say --even-prod." in capsys.readouterr().err


def test_a_setting_that_is_missing_is_told_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], firestore_client: firestore.Client
):
    (tmp_path / ".firebaserc").write_text('{"projects": {"staging": "films-staging"}}')
    assert command.main(["--alias", "staging"], {}, tmp_path) == 2
    assert "R2_ENDPOINT_URL is not set" in capsys.readouterr().err
