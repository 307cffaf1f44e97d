"""Which project and which settings a command works with."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from operations.deployment import EMULATORS, open_deployment
from pipeline.domain.errors import ConfigurationError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "functions").mkdir()
    (tmp_path / ".firebaserc").write_text(json.dumps({"projects": {"staging": "films-staging", "prod": "films"}}))
    (tmp_path / "functions/.env").write_text("STORAGE_BACKEND=r2\nR2_BUCKET=all\n")
    (tmp_path / "functions/.env.staging").write_text("R2_BUCKET=staging-media\n")
    return tmp_path


def test_an_alias_has_its_project_and_its_own_settings_over_those_of_all(root: Path):
    found = open_deployment("staging", {"R2_ACCESS_KEY_ID": "from the shell"}, root=root)
    assert (found.project, found.is_local) == ("films-staging", False)
    assert found.environment["STORAGE_BACKEND"] == "r2"
    assert found.environment["R2_BUCKET"] == "staging-media"
    assert found.environment["R2_ACCESS_KEY_ID"] == "from the shell"
    assert open_deployment("prod", {}, root=root).environment["R2_BUCKET"] == "all"


def test_an_alias_that_is_not_there_is_told_with_those_that_are(root: Path):
    with pytest.raises(ConfigurationError, match=r"'stage' is none of the aliases in \.firebaserc: staging, prod, lo"):
        open_deployment("stage", {}, root=root)


@pytest.fixture
def listener() -> Iterator[str]:
    """Where somebody listens: host:port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_local_is_the_running_stack(root: Path, listener: str, monkeypatch: pytest.MonkeyPatch):
    for name in EMULATORS:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigurationError, match="make up"):
        open_deployment("local", {}, root=root)
    (root / "build/local").mkdir(parents=True)
    (root / "build/local/stack.env").write_text(f"GCLOUD_PROJECT=demo-films\nFIRESTORE_EMULATOR_HOST={listener}\n")
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "")  # given back by monkeypatch
    found = open_deployment("local", {}, root=root)
    assert (found.project, found.is_local) == ("demo-films", True)
    with pytest.raises(ConfigurationError, match="--env-file is for deployments"):
        open_deployment("local", {}, [root / "functions/.env"], root=root)
    assert os.environ["FIRESTORE_EMULATOR_HOST"] == listener


def test_a_local_stack_that_was_killed_is_told_to_be_gone(root: Path):
    (root / "build/local").mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (root / "build/local/stack.env").write_text(f"GCLOUD_PROJECT=demo\nFIRESTORE_EMULATOR_HOST=127.0.0.1:{port}\n")
    with pytest.raises(ConfigurationError, match=r"stack\.env is gone: start one"):
        open_deployment("local", {}, root=root)


def test_files_that_are_named_take_the_place_of_the_usual_ones(root: Path, tmp_path: Path):
    other = tmp_path / "other.env"
    other.write_text("R2_BUCKET=other\n")
    assert open_deployment("staging", {}, [other], root=root).environment == {
        "R2_BUCKET": "other",
        "GCLOUD_PROJECT": "films-staging",
    }
    with pytest.raises(ConfigurationError, match="There is no file"):
        open_deployment("staging", {}, [tmp_path / "no.env"], root=root)


def test_what_the_shell_has_set_does_not_lead_from_the_local_stack_to_a_real_bucket(
    root: Path, listener: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "")  # given back by monkeypatch
    (root / "build/local").mkdir(parents=True)
    (root / "build/local/stack.env").write_text(
        f"GCLOUD_PROJECT=demo\nFIRESTORE_EMULATOR_HOST={listener}\nR2_BUCKET=local\n"
    )
    found = open_deployment("local", {"R2_BUCKET": "films-media", "GCLOUD_PROJECT": "films"}, root=root)
    assert (found.project, found.environment["R2_BUCKET"]) == ("demo", "local")


@pytest.mark.parametrize("name", EMULATORS)
def test_a_real_deployment_is_refused_while_an_emulator_is_set(root: Path, tmp_path: Path, name: str):
    with pytest.raises(ConfigurationError, match=f"{name} leads to an emulator, and prod is none"):
        open_deployment("prod", {name: "127.0.0.1:8080"}, root=root)
    stack = tmp_path / "stack.env"
    stack.write_text(f"{name}=127.0.0.1:8080\n")
    with pytest.raises(ConfigurationError, match="unset it"):
        open_deployment("prod", {}, [stack], root=root)
