"""Whatever a job document holds, its job ends, with a reason; it costs what it asks for, and touches what is its
user's.
"""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given

from pipeline.domain.errors import InvalidRequest, JobError
from pipeline.domain.jobs import JobKind, JobRef
from pipeline.domain.quotas import microusd
from pipeline.domain.requests import REQUEST_MODELS, MultiVideoRequest, parse_request
from tests.fuzz.furnished_world import furnished
from tests.fuzz.fuzz_world import ENDED
from tests.fuzz.odd_jobs import THEIR_KEY, THEM, USER, documents
from tests.fuzz.profile import fuzzing

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


@pytest.mark.parametrize("kind", list(JobKind))
def test_whatever_a_job_document_holds(kind: JobKind) -> None:
    @fuzzing(50)
    @given(documents(kind))
    def holds(fields: dict[str, Any]) -> None:
        world, ref = furnished(), JobRef(kind, "job-1")
        before = world.paths()
        job = world.run_to_the_end(ref, fields)
        assert world.escaped == []

        # it ends, once, and says why
        assert job["status"] in ENDED, job
        if fields.get("status") in ENDED:
            assert job == world.store.documents[next(n for n in world.store.documents if n.endswith(ref.path))].fields
            return
        assert 1 <= job["turn"] <= MOST_TURNS, job["turn"]
        if job["status"] == "error":
            assert job["error"]["code"] in CODES - {"internal", "runaway"}, job["error"]
            assert job["error"]["message"] == job["error_message"]
            assert len(job["error_message"]) > 10

        # it costs what it asks for
        asked = {name: value for name, value in fields.items() if name != "cancel_requested"}
        assert len(world.replicate.accepted) <= honest_predictions(kind, asked)
        spent = microusd(sum(prediction.charged_usd for prediction in world.replicate.accepted))
        assert microusd(job["cost_usd"]) == spent
        sums = [document.fields for path, document in world.paths().items() if path.startswith("usage/")]
        assert [sum(day[name] for day in sums) for name in ("reserved_microusd", "spent_microusd")] == [0, spent]
        assert not (world.outside.fields(f"users/{USER}/usage/active") or {}).get("job_paths")

        # and touches what is its user's
        after, user_id = world.paths(), fields.get("user_id")
        touched = {path for path in before.keys() | after.keys() if before.get(path) is not after.get(path)}
        assert [path for path in touched if not may_be_touched(path, ref, user_id)] == []
        assert world.storage.objects[THEIR_KEY] == 1
        ours = [key for key in (*world.storage.objects, *world.storage.used) if key != THEIR_KEY]
        assert [key for key in ours if not key.startswith(f"{user_id}/")] == []
        assert user_id == THEM or THEIR_KEY not in world.storage.used
        for number in (1, 2):
            shown = (world.outside.fields(f"scenes/scene-{number}") or {})["generation_status"]
            assert "generating" not in shown.values()

    holds()
