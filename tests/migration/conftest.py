"""A bucket and a database of each test's own."""

import io
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import moto.backends
import pytest
from google.cloud import firestore
from rich.console import Console

from localdev.stack.object_stores import R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY, LocalR2
from localdev.stack.ports import choose_ports
from migration.state_file import StateFile
from migration.tools import Tools, open_tools
from operations.waiting import Patience

BUCKET = "old-media"


@pytest.fixture(scope="session")
def r2() -> Iterator[LocalR2]:
    server = LocalR2(choose_ports(["r2"])["r2"], BUCKET)
    server.start()
    yield server
    server.stop()


@dataclass
class Place:
    """Where a test migrates from and to. Nobody else is there."""

    environment: dict[str, str]
    project: str
    put: Callable[[str, bytes], object]
    folder: Path

    def tools(self, *, dry: bool = False, endpoint_url: str | None = None, threads: int = 4, **settings: str) -> Tools:
        """As the command has them, but that nobody waits long, and nothing is printed."""
        environment = {**self.environment, **settings}
        if endpoint_url:
            environment["R2_ENDPOINT_URL"] = endpoint_url
        tools = open_tools(environment, self.project, threads=threads, writes_per_second=1e6, dry=dry)
        patience = Patience(lambda seconds: tools.stop.pause(seconds / 50))
        return replace(tools, patience=patience, console=Console(file=io.StringIO()))

    def state(self, tools: Tools, name: str = "state.jsonl") -> StateFile:
        return StateFile(self.folder / name, tools.origin)


@pytest.fixture
def place(r2: LocalR2, firestore_client: firestore.Client, tmp_path: Path) -> Iterator[Place]:
    """An empty bucket, an empty project in the emulator that `firestore_client` points everybody to."""
    name = f"bucket-{uuid.uuid4().hex[:8]}"
    r2.client.create_bucket(Bucket=name)
    environment = {
        "STORAGE_BACKEND": "r2",
        "R2_ENDPOINT_URL": r2.endpoint_url,
        "R2_BUCKET": name,
        "R2_PUBLIC_BASE_URL": f"{r2.endpoint_url}/{name}",
        "R2_ACCESS_KEY_ID": R2_ACCESS_KEY_ID,
        "R2_SECRET_ACCESS_KEY": R2_SECRET_ACCESS_KEY,
        "METADATA_MODE": "dual_write",
    }
    yield Place(environment, f"demo-{uuid.uuid4().hex[:8]}", _putter(name), tmp_path)
    del _backend(name).buckets[name]


def _putter(bucket: str) -> Callable[[str, bytes], object]:
    """Straight into moto's memory: ten thousand requests would take longer than the test."""
    backend = _backend(bucket)
    return lambda key, data: backend.put_object(bucket, key, data)


def _backend(bucket: str) -> Any:
    for account in moto.backends.get_backend("s3").values():
        for backend in account.values():
            if bucket in backend.buckets:
                return backend
    raise LookupError(bucket)
