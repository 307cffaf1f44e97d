"""Whatever a job document holds, its job ends, with a reason; it costs what it asks for, and touches what is its
user's.
"""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.domain.errors import InvalidRequest, JobError
from pipeline.domain.jobs import JobKind, JobRef
from pipeline.domain.quotas import microusd
from pipeline.domain.requests import REQUEST_MODELS, MultiVideoRequest, parse_request
from tests.fuzz.furnished_world import THEIR_SECRET, furnished
from tests.fuzz.fuzz_world import ENDED, FuzzWorld
from tests.fuzz.odd_jobs import DOCUMENTS, THEIR_KEY, THEM, USER, documents
from tests.fuzz.odd_values import mutated
from tests.fuzz.profile import fuzzing
from tests.simulation.memory_store import Document

MOST_TURNS = 40

CODES = {error.code for error in (JobError, *JobError.__subclasses__())} | {
    leaf.code for error in JobError.__subclasses__() for leaf in error.__subclasses__()
}


def honest_predictions(kind: JobKind, fields: Mapping[str, Any]) -> int:
    """As many as the document asks for."""
    try:
        request = parse_request(REQUEST_MODELS[kind], fields)
    except InvalidRequest:
        return 0
    if request.dry_run or kind is JobKind.COMPOSITION:
        return 0
    return len(request.scenes) if isinstance(request, MultiVideoRequest) else 1


def may_be_touched(path: str, ref: JobRef, user_id: Any) -> bool:
    """Whether a job of that user has anything to do with a document."""
    if path == ref.path or path.startswith((f"predictions/{ref.kind}~{ref.job_id}~", "usage/", "requests/")):
        return True
    return isinstance(user_id, str) and path.startswith((f"users/{user_id}/", "scenes/scene-"))


def check_end(world: FuzzWorld, job: Mapping[str, Any]) -> None:
    """It ends, soon, and says why."""
    assert world.escaped == []
    assert job["status"] in ENDED, job
    assert 1 <= job["turn"] <= MOST_TURNS, job["turn"]
    if job["status"] == "error":
        assert job["error"]["code"] in CODES - {"internal", "runaway"}, job["error"]
        assert job["error"]["message"] == job["error_message"]
        assert len(job["error_message"]) > 10


def check_cost(world: FuzzWorld, job: Mapping[str, Any], most: int) -> None:
    """It costs what it asks for, and the sums say so."""
    assert len(world.replicate.accepted) <= most
    spent = microusd(sum(prediction.charged_usd for prediction in world.replicate.accepted))
    assert microusd(job["cost_usd"]) == spent
    sums = [document.fields for path, document in world.paths().items() if path.startswith("usage/")]
    assert [sum(day[name] for day in sums) for name in ("reserved_microusd", "spent_microusd")] == [0, spent]
    assert not (world.outside.fields(f"users/{USER}/usage/active") or {}).get("job_paths")


def check_touched(world: FuzzWorld, before: Mapping[str, Document], ref: JobRef, user_id: Any) -> None:
    """It touches what is its user's, and learns nothing of others."""
    after = world.paths()
    touched = [path for path in before.keys() | after.keys() if before.get(path) is not after.get(path)]
    assert [path for path in touched if not may_be_touched(path, ref, user_id)] == []
    assert world.storage.objects[THEIR_KEY] == 1
    used = [key for key in (*world.storage.objects, *world.storage.used) if key != THEIR_KEY]
    assert [key for key in used if not key.startswith(f"{user_id}/")] == []
    if user_id != THEM:
        assert THEIR_KEY not in world.storage.used
        assert [path for path in touched if THEIR_SECRET in str(after[path].fields)] == []


@pytest.mark.parametrize("kind", list(JobKind))
def test_whatever_a_job_document_holds(kind: JobKind) -> None:
    @fuzzing(50)
    @given(documents(kind))
    def holds(fields: dict[str, Any]) -> None:
        world, ref = furnished(), JobRef(kind, "job-1")
        before = world.paths()
        job = world.run_to_the_end(ref, fields)
        check_touched(world, before, ref, fields.get("user_id"))
        if fields.get("status") in ENDED:  # so it says: it is left as it is
            assert world.paths().keys() - before.keys() == {ref.path}
            assert world.paths()[ref.path].update_time == world.paths()[ref.path].create_time
            return
        check_end(world, job)
        check_cost(world, job, honest_predictions(kind, fields))
        for number in (1, 2):
            shown = (world.outside.fields(f"scenes/scene-{number}") or {})["generation_status"]
            assert "generating" not in shown.values()

    holds()


@pytest.mark.parametrize("kind", list(JobKind))
def test_whatever_the_documents_hold_that_it_names(kind: JobKind) -> None:
    own = furnished().paths()
    named = {path: own[path].fields for path in ("scenes/scene-1", "storyboards/board-1", "products/product-1")}
    fields = {name: value for name, value in DOCUMENTS[kind].items() if name != "request_id"}

    @fuzzing(30)
    @example({**named, "storyboards/board-1": {**named["storyboards/board-1"], "scene_order": 5}}, False)
    @given(st.fixed_dictionaries({path: mutated(held) for path, held in named.items()}), st.booleans())
    def holds(around: dict[str, dict[str, Any]], with_product: bool) -> None:
        world, ref = furnished(), JobRef(kind, "job-1")
        for path, held in around.items():
            world.put(path, held)
        before = world.paths()
        asked = {**fields, "use_product_composite": with_product} if kind is JobKind.IMAGE else fields
        job = world.run_to_the_end(ref, asked)
        check_touched(world, before, ref, USER)
        check_end(world, job)
        check_cost(world, job, honest_predictions(kind, asked))

    holds()
