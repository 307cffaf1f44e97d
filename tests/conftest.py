"""What tests all over the tree share: a Firestore emulator of the session's own, and media samples."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud import firestore

from localdev.stack import PROJECT_ID
from localdev.stack.emulators import find_firebase
from localdev.stack.firestore_jar import cached_jars, find_firestore_jar
from localdev.stack.java import find_java
from localdev.stack.object_stores import LocalR2
from localdev.stack.ports import LOOPBACK, choose_ports, is_listening
from localdev.stack.processes import GuardedCommand
from tests.composition_clips import CompositionClips
from tests.media_samples import MediaSamples

ROOT = Path(__file__).parent.parent
START_SECONDS = 60.0


@pytest.fixture(scope="session")
def firestore_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """ "host:port" of an emulator that holds the project's rules and nothing else."""
    folder = tmp_path_factory.mktemp("firestore")
    port = choose_ports(["firestore"])["firestore"]
    command = [str(find_java()), "-jar", str(_jar(folder)), "--host", LOOPBACK, "--port", str(port)]
    command += ["--rules", str(ROOT / "firestore.rules"), "--project_id", PROJECT_ID]
    emulator = GuardedCommand(command, env=os.environ, cwd=folder, log=folder / "emulator.log")
    try:
        give_up_at = time.monotonic() + START_SECONDS
        while not is_listening(port):
            if emulator.exit_status() is not None or time.monotonic() > give_up_at:
                pytest.fail(f"The Firestore emulator did not start:\n{emulator.log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield f"{LOOPBACK}:{port}"
    finally:
        emulator.stop()


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


@pytest.fixture(scope="module")  # moto's stores are one in a process: whichever server stops, all are emptied
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


def _jar(folder: Path) -> Path:
    """The emulator's jar; firebase-tools fetches it where nothing else has it."""
    found = find_firestore_jar(os.environ, folder / "launcher.jar")
    if found is None and not cached_jars(os.environ):
        subprocess.run([find_firebase(ROOT, os.environ), "setup:emulators:firestore"], cwd=ROOT, check=True)
    return found or cached_jars(os.environ)[-1]
