"""What tests all over the tree share: a Firestore emulator of the session's own, and media samples."""

import gc
import os
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
import pytest
from google.cloud import firestore

from localdev.stack import PROJECT_ID
from localdev.stack.firestore_emulator import FirestoreEmulator
from localdev.stack.object_stores import LocalR2
from localdev.stack.ports import choose_ports
from tests.composition_clips import CompositionClips
from tests.media_samples import MediaSamples
from tests.worker_loads import LongestFirst, longest_first


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LongestFirst:
    """For `make test`, whatever --dist says."""
    return LongestFirst(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """For its workers; who runs alone runs the files as they come."""
    if hasattr(config, "workerinput"):
        items[:] = longest_first(items)


def pytest_collection_finish() -> None:
    """What the modules of all tests hold stays: the garbage collector need not look through it hundreds of times."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def one_reader_of_service_descriptions() -> Iterator[None]:
    """What boto3 reads for every new client (a megabyte of JSON about S3: 0.1 s) is read once, as in a function."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(botocore.session.create_loader))
        yield


@pytest.fixture(scope="session")
def firestore_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """ "host:port" of an emulator that holds the project's rules and nothing else."""
    quick = ["-XX:TieredStopAtLevel=1"]  # the tests are over before the second compiler has paid off: half the CPU time
    with FirestoreEmulator(tmp_path_factory.mktemp("firestore"), java_options=quick) as emulator:
        yield emulator.address


@pytest.fixture(scope="session")
def firestore_client(firestore_emulator: str) -> Iterator[firestore.Client]:
    """An administrator's client of that emulator: rules do not hold for it."""
    before = os.environ.get("FIRESTORE_EMULATOR_HOST")
    os.environ["FIRESTORE_EMULATOR_HOST"] = firestore_emulator
    client = firestore.Client(project=PROJECT_ID)
    yield client
    client.close()
    if before is None:
        del os.environ["FIRESTORE_EMULATOR_HOST"]
    else:
        os.environ["FIRESTORE_EMULATOR_HOST"] = before


@pytest.fixture(scope="session")
def r2_server() -> Iterator[LocalR2]:
    """An S3 server with a bucket `media`."""
    server = LocalR2(choose_ports(["r2"])["r2"], "media")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def media_samples(tmp_path_factory: pytest.TempPathFactory) -> MediaSamples:
    """Small real media files."""
    return MediaSamples(tmp_path_factory.mktemp("media"))


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> CompositionClips:
    """Clips of every kind to compose."""
    return CompositionClips(tmp_path_factory.mktemp("clips"))
