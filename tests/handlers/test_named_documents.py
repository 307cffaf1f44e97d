"""What a job names is read for its own user only."""

from typing import Any

import pytest

from pipeline.domain.errors import JobError, NotFound, PermissionDenied
from pipeline.domain.jobs import JobKind
from pipeline.domain.requests import REQUEST_MODELS, parse_request
from pipeline.handlers.named_documents import NamedDocuments, read_named_documents
from tests.handlers.conftest import USER, Workbench

URL = "https://media.example/a.png"
IMAGE = {"scene_id": "named-1", "text": "x"}
VIDEO = {**IMAGE, "image_url": URL}
COMPOSITION = {"clips": [{"scene_number": 1, "video_url": URL}]}


def multi(*scene_ids: str | None) -> dict[str, Any]:
    scenes = [{"scene_id": scene_id, "seed_image_url": URL, "description": "x"} for scene_id in scene_ids]
    return {"scenes": [{**scene, "scene_number": number} for number, scene in enumerate(scenes, 1)]}


@pytest.fixture
def documents(workbench: Workbench) -> Workbench:
    """Two of each for the user, one of each for another."""
    for noun in ("scenes", "storyboards", "products"):
        for name, user in (("named-1", USER), ("named-2", USER), ("named-theirs", "user-b")):
            workbench.write(f"{noun}/{name}", {"user_id": user, "title": f"{noun} {name}"})
    return workbench


def named(workbench: Workbench, kind: JobKind, fields: dict[str, Any]) -> NamedDocuments:
    return read_named_documents(parse_request(REQUEST_MODELS[kind], {"user_id": USER, **fields}), workbench.desk())


@pytest.mark.parametrize(
    ("kind", "fields", "titles"),
    [
        (JobKind.IMAGE, IMAGE, ["scenes named-1"]),
        (JobKind.IMAGE, {**IMAGE, "product_id": "no-such"}, ["scenes named-1"]),  # which is not to be used
        (
            JobKind.IMAGE,
            {**IMAGE, "storyboard_id": "named-2", "use_product_composite": True, "product_id": "named-1"},
            ["scenes named-1", "storyboards named-2", "products named-1"],
        ),
        (JobKind.VIDEO, {**VIDEO, "storyboard_id": "named-1"}, ["scenes named-1", "storyboards named-1"]),
        (JobKind.MULTI_VIDEO, multi("named-2", None, "named-1", "named-2"), ["scenes named-2", "scenes named-1"]),
        (JobKind.COMPOSITION, {**COMPOSITION, "storyboard_id": "named-1"}, ["storyboards named-1"]),
        (JobKind.COMPOSITION, COMPOSITION, []),
    ],
)
def test_all_that_a_job_names_is_read(documents: Workbench, kind: JobKind, fields: dict[str, Any], titles: list[str]):
    found = named(documents, kind, fields)
    assert [read["title"] for read in (*found.scenes.values(), found.storyboard, found.product) if read] == titles
    assert all(read["title"] == f"scenes {scene_id}" for scene_id, read in found.scenes.items())


@pytest.mark.parametrize(("name", "error"), [("named-theirs", PermissionDenied), ("no-such", NotFound)])
@pytest.mark.parametrize(
    ("kind", "fields", "field"),
    [
        (JobKind.IMAGE, IMAGE, "scene_id"),
        (JobKind.IMAGE, IMAGE, "storyboard_id"),
        (JobKind.IMAGE, {**IMAGE, "use_product_composite": True}, "product_id"),
        (JobKind.VIDEO, VIDEO, "scene_id"),
        (JobKind.VIDEO, VIDEO, "storyboard_id"),
        (JobKind.MULTI_VIDEO, multi("named-1"), "storyboard_id"),
        (JobKind.COMPOSITION, COMPOSITION, "storyboard_id"),
    ],
)
def test_what_is_not_the_users_own_is_refused(
    documents: Workbench, kind: JobKind, fields: dict[str, Any], field: str, name: str, error: type[JobError]
):
    with pytest.raises(error, match=name):
        named(documents, kind, {**fields, field: name})


@pytest.mark.parametrize(("name", "error"), [("named-theirs", PermissionDenied), ("no-such", NotFound)])
def test_so_is_one_scene_of_many(documents: Workbench, name: str, error: type[JobError]):
    with pytest.raises(error, match=name):
        named(documents, JobKind.MULTI_VIDEO, multi("named-1", name, "named-2"))
