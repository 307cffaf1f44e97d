"""Every document that a job of any kind may name, and whose it is: a table, and nothing touched where it is not its
user's. The rules refuse such jobs too; the functions do not rely on that.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from pipeline.domain.jobs import JobKind, JobRef
from pipeline.domain.requests import REQUEST_MODELS, fingerprint, parse_request, request_key
from tests.fuzz.furnished_world import furnished
from tests.fuzz.fuzz_world import FuzzWorld
from tests.fuzz.odd_jobs import DOCUMENTS, SCENE, THEIR_KEY, THEM, USER

MALFORMED = (
    *("", ".", "..", "a/b", "/", "__x__", "a\x00b", "a\nb", "x" * 201, "\\"),
    *(7, 1.5, True, {"id": "x"}, ["x"], b"x"),
)
DENIED, MISSING, INVALID, DONE = "permission_denied", "not_found", "invalid_argument", None

NAMED: Mapping[JobKind, Mapping[str, str]] = {
    JobKind.IMAGE: {"scene_id": "scene-1", "storyboard_id": "board-1", "product_id": "product-1"},
    JobKind.VIDEO: {"scene_id": "scene-1", "storyboard_id": "board-1"},
    JobKind.MULTI_VIDEO: {"scene_id": "scene-1", "storyboard_id": "board-1"},
    JobKind.COMPOSITION: {"storyboard_id": "board-1"},
}
"""The fields that name documents, and what they name where it is the user's own."""

OPTIONAL = {("storyboard_id", kind) for kind in JobKind} | {("scene_id", JobKind.MULTI_VIDEO)}


def cases() -> Iterator[tuple[JobKind, str, Any, str | None]]:
    """(kind, field, what it holds, the code that the job ends with; None: it is not refused)"""
    for kind in JobKind:
        for field, own in NAMED[kind].items():
            yield kind, field, own, DONE
            yield kind, field, "theirs", DENIED
            yield kind, field, "no-such", MISSING
            yield kind, field, f"users/{THEM}/videos/theirs", INVALID
            yield kind, field, None, DONE if (field, kind) in OPTIONAL else INVALID
            yield from ((kind, field, value, INVALID) for value in MALFORMED)
        for own, code in (("mine", DONE), ("theirs", INVALID), ("no-such", INVALID), ("job-1", INVALID), (None, DONE)):
            yield kind, "retry_of", own, code
        for own, code in (("click-mine", INVALID), ("click-theirs", DONE), ("no-such", DONE), (None, DONE)):
            yield kind, "request_id", own, code
        for field in ("retry_of", "request_id"):
            # an empty name of an earlier job is none at all
            yield from ((kind, field, value, INVALID) for value in MALFORMED)


def asked(kind: JobKind, field: str, value: Any) -> dict[str, Any]:
    fields = {**DOCUMENTS[kind], "request_id": None, "use_product_composite": field == "product_id"}
    fields = {name: held for name, held in fields.items() if name in REQUEST_MODELS[kind].model_fields}
    if kind is JobKind.MULTI_VIDEO and field == "scene_id":
        return {**fields, "scenes": [{**SCENE, "scene_id": value}]}
    return {**fields, field: value}


def earlier_jobs(world: FuzzWorld, kind: JobKind) -> None:
    """One job of each user that is over, and has used a request id to ask for something else."""
    for user, name in ((USER, "mine"), (THEM, "theirs")):
        path, fields = JobRef(kind, name).path, {**DOCUMENTS[kind], "user_id": user, "status": "error"}
        world.put(path, fields)
        key = request_key(kind, user, f"click-{name}")
        print_of = fingerprint(parse_request(REQUEST_MODELS[kind], {**fields, "user_id": "somebody"}))
        world.put(f"requests/{key}", {"job_path": path, "user_id": user, "fingerprint": print_of})


@pytest.mark.parametrize("kind", list(JobKind))
def test_what_a_job_names_is_its_users_or_nothing_happens(kind: JobKind) -> None:
    count = 0
    for of_kind, field, value, code in cases():
        if of_kind is not kind:
            continue
        count += 1
        world = furnished()
        earlier_jobs(world, kind)
        before = world.paths()
        ref = JobRef(kind, "job-1")
        job = world.run_to_the_end(ref, {"status": "pending", **asked(kind, field, value)})
        case = f"{kind} with {field} {value!r}: {job.get('error') or job['status']}"
        assert world.escaped == [], case
        if code is DONE:
            expected = (None, "complete") if kind is not JobKind.COMPOSITION else ("unsafe_url", "error")
            assert ((job.get("error") or {}).get("code"), job["status"]) == expected, case
            continue
        assert (job["status"], (job.get("error") or {}).get("code")) == ("error", code), case
        assert field in job["error"]["message"] or str(value) in job["error"]["message"], case
        assert (job["cost_usd"], world.replicate.accepted, world.storage.objects.keys()) == (0.0, [], {THEIR_KEY}), case
        after = world.paths()
        # the scene that is the user's own shows why it got no picture
        written = {path for path in before.keys() | after.keys() if before.get(path) is not after.get(path)}
        allowed = {ref.path, "scenes/scene-1", f"users/{USER}/usage/active"}
        beside = {path for path in written - allowed if not path.startswith((f"users/{USER}/usage/", "usage/"))}
        assert beside == set(), case
        sums = [document.fields for path, document in after.items() if path.startswith("usage/")]
        assert not any(day["spent_microusd"] or day["reserved_microusd"] for day in sums), case
        assert not job.get("duplicate_of"), case
    assert count > 60
