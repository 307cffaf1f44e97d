"""The security rules on the real emulator: what a client may do, and what not."""

import base64
import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any

import pytest
from google.cloud import firestore
from google.cloud.firestore_v1 import _helpers
from google.protobuf.json_format import MessageToDict

from localdev.stack import PROJECT_ID
from tests.domain.test_requests import COMPOSITION, IMAGE, MULTI, VIDEO

OWNER, OTHER = "u1", "u2"
TIMES = {"created_at": datetime.now(UTC), "updated_at": datetime.now(UTC)}
JOBS = {
    "image_generation_jobs": {**IMAGE, **TIMES},
    "video_generation_jobs": VIDEO,
    "multi_video_jobs": MULTI,
    "composition_jobs": COMPOSITION,
}
STORYBOARD = {"user_id": OWNER, "title": "T", "style": "s", "scene_order": [], "total_duration": 0}
SCENE = {"user_id": OWNER, "text": "x", "storyboard_id": "b1", "video_duration": 5.0, "state": "text"}


class Client:
    """A browser: Firestore's REST protocol with a user's ID token, or none."""

    def __init__(self, address: str, user_id: str | None) -> None:
        self._base = f"http://{address}/v1/projects/{PROJECT_ID}/databases/(default)/documents"
        self._headers = {"content-type": "application/json"}
        if user_id:
            self._headers["authorization"] = f"Bearer {_token(user_id)}"

    def create(self, collection: str, document_id: str, fields: dict[str, Any]) -> bool:
        return self._allowed("POST", f"/{collection}?documentId={document_id}", fields)

    def update(self, path: str, fields: dict[str, Any]) -> bool:
        mask = "&".join(f"updateMask.fieldPaths={name}" for name in fields)
        return self._allowed("PATCH", f"/{path}?{mask}", fields)

    def get(self, path: str) -> bool:
        return self._allowed("GET", f"/{path}")

    def delete(self, path: str) -> bool:
        return self._allowed("DELETE", f"/{path}")

    def _allowed(self, method: str, path: str, fields: dict[str, Any] | None = None) -> bool:
        body = None
        if fields is not None:
            encoded = {name: MessageToDict(value._pb) for name, value in _helpers.encode_dict(fields).items()}
            body = json.dumps({"fields": encoded}).encode()
        request = urllib.request.Request(self._base + path, body, self._headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60):
                return True
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 403:
                    raise AssertionError(error.read()) from error
            return False


def _token(user_id: str) -> str:
    """An unsigned ID token: the emulator takes them."""

    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = {
        "sub": user_id,
        "user_id": user_id,
        "aud": PROJECT_ID,
        "iss": f"https://securetoken.google.com/{PROJECT_ID}",
    }
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims | {'iat': 0, 'exp': 4_000_000_000})}."


@pytest.fixture
def owner(firestore_emulator: str) -> Client:
    return Client(firestore_emulator, OWNER)


@pytest.fixture
def other(firestore_emulator: str) -> Client:
    return Client(firestore_emulator, OTHER)


@pytest.fixture
def nobody(firestore_emulator: str) -> Client:
    return Client(firestore_emulator, None)


@pytest.mark.parametrize("collection", JOBS)
def test_a_user_creates_jobs_as_the_seed_writes_them(owner: Client, other: Client, nobody: Client, collection: str):
    job = {**JOBS[collection], "job_id": "rules-1"}
    assert not nobody.create(collection, "rules-1", job)
    assert not other.create(collection, "rules-1", job)
    assert owner.create(collection, "rules-1", job)


@pytest.mark.parametrize("collection", JOBS)
@pytest.mark.parametrize(
    "changes",
    [
        {"status": "complete"},
        {"status": "processing"},
        {"job_id": "another"},
        {"cost_usd": 0},
        {"steps": {}},
        {"turn": 1},
        {"lease_expires_at": datetime(2099, 1, 1, tzinfo=UTC)},
        {"cancel_requested": True},
        {"user_id": OTHER},
        {"image_key": "x"},
        {"storyboard_id": "a/b"},
        {"storyboard_id": "a\n/b"},
        {"storyboard_id": "a\nb"},
        {"storyboard_id": ".."},
        {"storyboard_id": "__x__"},
        {"created_at": "yesterday"},
    ],
)
def test_a_job_with_a_field_of_the_functions_is_refused(owner: Client, collection: str, changes: dict[str, Any]):
    job = {name: value for name, value in JOBS[collection].items() if name not in ("created_at", "updated_at")}
    assert not owner.create(collection, "rules-2", {**job, "job_id": "rules-2", **changes})


@pytest.mark.parametrize(
    ("collection", "fields", "is_allowed"),
    [
        ("image_generation_jobs", {"aspect_ratio": "16:9"}, True),
        ("image_generation_jobs", {"aspect_ratio": None}, True),
        ("image_generation_jobs", {"aspect_ratio": 1.78}, False),
        ("image_generation_jobs", {"aspect_ratio": "9" * 21}, False),
        ("image_generation_jobs", {"resolution": "720p"}, False),
        ("image_generation_jobs", {"adjustments": []}, False),
        ("video_generation_jobs", {"resolution": "1080p", "camera_fixed": True}, True),
        ("video_generation_jobs", {"resolution": None}, True),
        ("video_generation_jobs", {"resolution": 1080}, False),
        ("video_generation_jobs", {"camera_fixed": "yes"}, False),
        ("video_generation_jobs", {"adjustments": []}, False),
        ("multi_video_jobs", {"resolution": "480p", "camera_fixed": False}, True),
        ("multi_video_jobs", {"resolution": "x" * 11}, False),
        ("multi_video_jobs", {"camera_fixed": 1}, False),
        ("multi_video_jobs", {"adjustments": []}, False),
        ("composition_jobs", {"resolution": "480p"}, False),
    ],
)
def test_what_a_user_may_ask_of_a_model(owner: Client, collection: str, fields: dict[str, Any], is_allowed: bool):
    name = f"rules-asked-{abs(hash(str((collection, fields))))}"
    assert owner.create(collection, name, {**JOBS[collection], "job_id": name, **fields}) == is_allowed


@pytest.mark.parametrize("collection", ["image_generation_jobs", "video_generation_jobs", "multi_video_jobs"])
@pytest.mark.parametrize(
    ("seed", "is_allowed"),
    [(0, True), (2**31 - 1, True), (None, True), (-1, False), (2**31, False), (7.5, False), ("7", False)],
)
def test_a_seed_is_a_number_of_31_bits(owner: Client, collection: str, seed: Any, is_allowed: bool):
    name = f"rules-seed-{seed}"
    assert owner.create(collection, name, {**JOBS[collection], "job_id": name, "seed": seed}) == is_allowed


def test_a_composition_has_no_seed(owner: Client):
    assert not owner.create("composition_jobs", "rules-seed", {**COMPOSITION, "job_id": "rules-seed", "seed": 7})


PLACED = {
    "composite_scale": 0.05,
    "composite_x": 0,
    "composite_y": 1,
    "composite_shadow": False,
    "composite_match": True,
}


def test_a_product_is_placed_by_the_job(owner: Client):
    assert owner.create("image_generation_jobs", "rules-placed", {**IMAGE, **TIMES, "job_id": "rules-placed", **PLACED})


@pytest.mark.parametrize(
    "changes",
    [
        {"composite_scale": 0.04},
        {"composite_scale": 1.01},
        {"composite_scale": float("nan")},
        {"composite_scale": None},
        {"composite_x": -0.01},
        {"composite_x": "0.5"},
        {"composite_y": 1.01},
        {"composite_shadow": 1},
        {"composite_match": "yes"},
        {"composite_method": "pil"},
        {"composite_cutout": True},
    ],
)
def test_a_product_placed_out_of_range_is_refused(owner: Client, changes: dict[str, Any]):
    job = {**IMAGE, **TIMES, "job_id": "rules-askew", **PLACED, **changes}
    assert not owner.create("image_generation_jobs", "rules-askew", job)


@pytest.mark.parametrize("collection", JOBS)
def test_a_job_is_read_and_canceled_by_its_owner_only(
    owner: Client, other: Client, nobody: Client, firestore_client: firestore.Client, collection: str
):
    path = f"{collection}/rules-3"
    firestore_client.document(path).set({**JOBS[collection], "status": "processing"})
    assert owner.get(path)
    assert not other.get(path)
    assert not nobody.get(path)
    assert not other.update(path, {"cancel_requested": True})
    assert not owner.update(path, {"cancel_requested": False})
    assert not owner.update(path, {"status": "complete"})
    assert not owner.update(path, {"cancel_requested": True, "progress_percent": 100})
    assert not owner.delete(path)
    assert owner.update(path, {"cancel_requested": True})


def test_users_edit_their_scenes_but_not_what_functions_write(owner: Client, other: Client):
    assert owner.create("storyboards", "rules-b", STORYBOARD)
    assert owner.update("storyboards/rules-b", {"title": "New"})
    assert not other.update("storyboards/rules-b", {"title": "Mine"})
    assert not owner.update("storyboards/rules-b", {"user_id": OTHER})
    assert owner.create("scenes", "rules-s", SCENE)
    assert owner.update("scenes/rules-s", {"text": "New"})
    for change in (
        {"image_url": "https://x.example/y"},
        {"state": "video"},
        {"generation_status": {"image": "complete"}},
    ):
        assert not owner.update("scenes/rules-s", change)
        assert not owner.create("scenes", "rules-s2", {**SCENE, **change})
    assert not other.get("scenes/rules-s")
    assert other.create("products", "rules-p", {"user_id": OTHER, "name": "x", "image_url": "https://x.example/p.png"})
    assert not owner.get("products/rules-p")


def test_what_users_have_used_is_read_only_and_theirs(owner: Client, other: Client, firestore_client: firestore.Client):
    for name in ("active", "2026-11-21"):
        path = f"users/{OWNER}/usage/{name}"
        firestore_client.document(path).set({"spent_microusd": 1})
        assert owner.get(path)
        assert not other.get(path)
        assert not owner.update(path, {"spent_microusd": 0})
        assert not owner.create(f"users/{OWNER}/usage", f"{name}-mine", {"spent_microusd": 0})


def test_clips_and_videos_are_read_only_and_their_owners(
    owner: Client, other: Client, firestore_client: firestore.Client
):
    for path in (f"users/{OWNER}/videos/v1", f"users/{OWNER}/videos/v1/clips/c1"):
        firestore_client.document(path).set({"user_id": OWNER, "status": "processing"})
        assert owner.get(path)
        assert not other.get(path)
        assert not owner.update(path, {"status": "completed"})


def test_results_that_are_used_again_are_nobodys_to_read_or_write(owner: Client, firestore_client: firestore.Client):
    path = f"users/{OWNER}/results/{'ab' * 32}"
    firestore_client.document(path).set({"job_id": "job-1", "output": {"key": "image.png"}})
    assert not owner.get(path)
    assert not owner.update(path, {"output": {"key": "another's.png"}})
    assert not owner.delete(path)
    assert not owner.create(f"users/{OWNER}/results", "cd" * 32, {"output": {"key": "another's.png"}})


def test_everything_else_is_closed(owner: Client):
    assert not owner.get("predictions/anything")
    assert not owner.create("predictions", "mine", {"user_id": OWNER})
    for path in ("usage/2026-11-21", "requests/anything"):
        assert not owner.get(path)
        assert not owner.update(path, {"spent_microusd": 0})
    assert not owner.create("requests", "mine", {"user_id": OWNER})
    assert not owner.create("limits", "mine", {"user_id": OWNER})
