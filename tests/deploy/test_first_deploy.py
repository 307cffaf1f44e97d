"""What a deploy asks for, as firebase-tools asks it: only what is missing, once, and where the answers go."""

from pathlib import Path

from operations.preflight.firebase_cli import FirebaseCli
from pipeline.config import OPENAI_SECRET, R2_SECRETS, R2_SETTINGS, REPLICATE_SECRET, read_storage
from pipeline.parameters import SECRETS, SETTINGS
from tests.deploy.uploads import LIB, PROJECT_ID, copied_project, deploys

WRITTEN = f".env.{PROJECT_ID}"


def labels(*names: str) -> list[str]:
    """What the CLI calls them when it asks."""
    return [{**SECRETS, **SETTINGS}[name][0] for name in names]


def test_with_nothing_set_it_asks_for_all_that_r2_needs_and_then_never_again(tmp_path: Path):
    project = copied_project(tmp_path, settings="")
    first, second = deploys(project, times=2)
    assert first["error"] == second["error"] == ""
    assert first["asked"] == labels(REPLICATE_SECRET, *R2_SECRETS, *R2_SETTINGS)
    assert set(first["secrets"]) == {REPLICATE_SECRET, *R2_SECRETS}
    assert second["asked"] == []
    settings = FirebaseCli(project, PROJECT_ID, "", LIB).ask("dotenv")
    assert set(settings) == set(R2_SETTINGS)
    assert read_storage({**settings, **first["secrets"]}).backend == "r2"


def test_firebase_storage_is_asked_only_for_its_bucket_and_openai_for_its_key(tmp_path: Path):
    project = copied_project(tmp_path, settings="STORAGE_BACKEND=firebase\nMODERATION=on\n")
    (deploy,) = deploys(project)
    assert deploy["error"] == ""
    assert deploy["asked"] == labels(REPLICATE_SECRET, OPENAI_SECRET, "STORAGE_BUCKET")
    assert (project / "functions" / WRITTEN).read_text() == f"STORAGE_BUCKET={PROJECT_ID}.firebasestorage.app\n"


def test_a_deploy_that_cannot_ask_names_what_is_missing(tmp_path: Path):
    project = copied_project(tmp_path, settings="STORAGE_BACKEND=firebase\n")
    (deploy,) = deploys(project, interactive=False)
    assert deploy["asked"] == []
    assert REPLICATE_SECRET in deploy["error"]
    assert "functions:secrets:set" in deploy["error"]


def test_beside_the_file_of_an_alias_the_cli_cannot_keep_its_answers(tmp_path: Path):
    """So the file of an alias has to be complete; docs/deploy.md and the preflight say so."""
    project = copied_project(tmp_path, settings="")
    (project / "functions/.env.dev").write_text("R2_BUCKET=films\n")
    first, second = deploys(project, alias="dev", times=2)
    assert "Can't have both dotenv files" in first["error"]
    assert (project / "functions" / WRITTEN).read_text() == ""  # and it stands in the way of every later deploy
    assert "Can't have both dotenv files" in second["error"]
