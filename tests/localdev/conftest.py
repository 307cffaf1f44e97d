"""A stand-in for Replicate, and a client that has a token for it."""

from collections.abc import Iterator

import httpx
import pytest

from localdev.stub_replicate import StubReplicate


@pytest.fixture
def stub() -> Iterator[StubReplicate]:
    server = StubReplicate(image_seconds=0.1, video_seconds=0.2).start()
    yield server
    server.stop()


@pytest.fixture
def http(stub: StubReplicate) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stub.base_url, headers={"authorization": "Bearer t"}, timeout=20) as client:
        yield client
