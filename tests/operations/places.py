"""A deployment of each test's own: an empty project, an empty bucket, for either backend."""

import io
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import moto.backends
import pytest
from gcp_storage_emulator.handlers import buckets
from google.cloud import firestore
from rich.console import Console

from localdev.stack.cloud_storage import CloudStorage, CloudStorageRequest
from localdev.stack.loopback import LoopbackServer
from localdev.stack.object_stores import R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY, LocalR2
from operations.deployment import Deployment
from pipeline.adapters.object_storage import ObjectStorage


@dataclass
class Place:
    """Where a test works. Nobody else is there."""

    deployment: Deployment
    folder: Path

    @property
    def client(self) -> firestore.Client:
        return self.deployment.client

    @property
    def storage(self) -> ObjectStorage:
        return self.deployment.library.storage

    def put(self, *keys: str, data: bytes = b"file") -> None:
        for key in keys:
            self.storage.upload_bytes(key, data, "video/mp4")

    def write(self, path: str, **fields: object) -> str:
        self.client.document(path).set(fields)
        return path

    def keys(self, prefix: str = "") -> set[str]:
        return {stored.key for stored in self.storage.list_objects(prefix)}

    def url(self, key: str) -> str:
        stored = self.storage.stat(key)
        assert stored is not None
        return stored.url

    def console(self) -> Console:
        return Console(file=io.StringIO(), width=200)


@pytest.fixture(scope="session")
def cloud_storage() -> Iterator[tuple[CloudStorage, str]]:
    """Cloud Storage with no bucket that anybody uses, and its address."""
    storage = CloudStorage("unused")
    with LoopbackServer(partial(CloudStorageRequest, storage)) as server:
        yield storage, server.base_url


@pytest.fixture
def r2_place(r2_server: LocalR2, firestore_client: firestore.Client, tmp_path: Path) -> Iterator[Place]:
    with _r2_place(r2_server, tmp_path) as place:
        yield place


@pytest.fixture
def firebase_place(
    cloud_storage: tuple[CloudStorage, str],
    firestore_client: firestore.Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Place]:
    storage, url = cloud_storage
    name = f"bucket-{uuid.uuid4().hex[:8]}"
    buckets.create_bucket(name, storage)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "demo-test")
    with _opened({"STORAGE_BACKEND": "firebase", "STORAGE_BUCKET": name}, tmp_path) as place:
        yield place


@pytest.fixture(params=["r2", "firebase"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each backend in turn."""
    return request.getfixturevalue(f"{request.param}_place")


class _opened:  # noqa: N801 - used like a function
    """A place that gives its connections back."""

    def __init__(self, environment: dict[str, str], folder: Path, end: Callable[[], object] = lambda: None) -> None:
        project = f"demo-{uuid.uuid4().hex[:8]}"
        self._place = Place(Deployment("test", project, {**environment, "GCLOUD_PROJECT": project}), folder)
        self._end = end

    def __enter__(self) -> Place:
        return self._place

    def __exit__(self, *_: object) -> None:
        self._place.client.close()
        self._end()


def _r2_place(server: LocalR2, folder: Path) -> _opened:
    name = f"bucket-{uuid.uuid4().hex[:8]}"
    server.client.create_bucket(Bucket=name)
    environment = {
        "STORAGE_BACKEND": "r2",
        "R2_ENDPOINT_URL": server.endpoint_url,
        "R2_BUCKET": name,
        "R2_PUBLIC_BASE_URL": f"{server.endpoint_url}/{name}",
        "R2_ACCESS_KEY_ID": R2_ACCESS_KEY_ID,
        "R2_SECRET_ACCESS_KEY": R2_SECRET_ACCESS_KEY,
    }
    return _opened(environment, folder, lambda: _forget(name))


def _forget(bucket: str) -> None:
    for account in moto.backends.get_backend("s3").values():
        for backend in account.values():
            backend.buckets.pop(bucket, None)
