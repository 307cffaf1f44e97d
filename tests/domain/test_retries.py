from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.domain.errors import InvalidRequest
from pipeline.domain.jobs import Job, JobKind, JobRef, JobStatus, StepRecord
from pipeline.domain.requests import REQUEST_MODELS, parse_request
from pipeline.domain.retries import OUTPUT_LIFETIME, check_retry, reusable_steps, stored_key
from tests.domain.test_requests import COMPOSITION, IMAGE, MULTI, VIDEO

NOW = datetime(2026, 11, 21, tzinfo=UTC)
PREDICTED = StepRecord(done=True, output={"url": "https://x", "ended_at": NOW - timedelta(minutes=5)})
EXPIRED = StepRecord(done=True, output={"url": "https://x", "ended_at": NOW - OUTPUT_LIFETIME})
STORED = StepRecord(done=True, output={"video_key": "u/v/clips/a.mp4"})
FAILED = StepRecord(failed=True, attempt=3, error_code="media_failed")


def reused(kind: JobKind, fields: dict[str, Any], steps: dict[str, StepRecord], **changes: Any) -> set[str]:
    earlier = Job(JobRef(kind, "j1"), JobStatus.ERROR, "u1", fields, steps=steps)
    return set(reusable_steps(earlier, parse_request(REQUEST_MODELS[kind], {**fields, **changes}), NOW))


BOTH = {"predict": PREDICTED, "store": STORED}
SCENE_BOTH = {"scene_1_predict": PREDICTED, "scene_1_store": STORED}


@pytest.mark.parametrize(
    ("kind", "fields", "steps", "changes", "expected"),
    [
        (JobKind.IMAGE, IMAGE, BOTH, {}, {"predict", "store"}),
        (JobKind.IMAGE, IMAGE, {**BOTH, "store": FAILED}, {}, {"predict"}),
        (JobKind.IMAGE, IMAGE, {"predict": EXPIRED, "store": FAILED}, {}, set()),
        (JobKind.IMAGE, IMAGE, {"predict": EXPIRED, "store": STORED}, {}, {"predict", "store"}),
        (JobKind.IMAGE, IMAGE, {"predict": FAILED}, {}, set()),
        (JobKind.IMAGE, IMAGE, BOTH, {"text": "another"}, set()),
        (JobKind.IMAGE, IMAGE, BOTH, {"aspect_ratio": "16:9"}, set()),
        (JobKind.IMAGE, IMAGE, BOTH, {"aspect_ratio": None}, {"predict", "store"}),
        (JobKind.IMAGE, IMAGE, BOTH, {"use_product_composite": True, "product_id": "p"}, {"predict"}),
        (JobKind.IMAGE, IMAGE, BOTH, {"composite_scale": 0.7}, {"predict"}),
        (JobKind.IMAGE, IMAGE, BOTH, {"composite_x": 0.1}, {"predict"}),
        (JobKind.IMAGE, IMAGE, BOTH, {"composite_y": 0.9}, {"predict"}),
        (JobKind.IMAGE, IMAGE, BOTH, {"composite_shadow": False}, {"predict"}),
        (JobKind.IMAGE, IMAGE, BOTH, {"composite_match": False}, {"predict"}),
        (JobKind.IMAGE, IMAGE, BOTH, {"request_id": "r2"}, {"predict", "store"}),
        (JobKind.VIDEO, VIDEO, BOTH, {}, {"predict", "store"}),
        (JobKind.VIDEO, VIDEO, BOTH, {"duration": 9.0}, set()),
        (JobKind.VIDEO, VIDEO, BOTH, {"resolution": "1080p"}, set()),
        (JobKind.VIDEO, VIDEO, BOTH, {"camera_fixed": True}, set()),
        (JobKind.VIDEO, VIDEO, BOTH, {"camera_fixed": False, "resolution": None}, {"predict", "store"}),
        (JobKind.VIDEO, {**VIDEO, "resolution": "480p"}, {**BOTH, "store": FAILED}, {"resolution": "720p"}, set()),
        (JobKind.VIDEO, {**VIDEO, "duration": 12.0417}, BOTH, {"duration": 60.0}, {"predict", "store"}),
        (JobKind.VIDEO, {**VIDEO, "duration": 5.5}, BOTH, {"duration": 6.0}, set()),  # made 5 s, wants 6
        (JobKind.MULTI_VIDEO, MULTI, SCENE_BOTH, {}, {"scene_1_predict", "scene_1_store"}),
        (JobKind.MULTI_VIDEO, MULTI, SCENE_BOTH, {"resolution": "1080p"}, set()),
        (JobKind.MULTI_VIDEO, MULTI, SCENE_BOTH, {"camera_fixed": True}, set()),
        (JobKind.VIDEO, {**VIDEO, "duration": 5.0417}, BOTH, {"duration": 5.0}, {"predict", "store"}),
        (JobKind.VIDEO, VIDEO, BOTH, {"storyboard_id": "another"}, {"predict"}),
        (JobKind.COMPOSITION, COMPOSITION, {"compose": STORED, "place": STORED}, {}, {"compose"}),
        (JobKind.COMPOSITION, COMPOSITION, {"compose": STORED}, {"include_crossfade": False}, set()),
        (JobKind.COMPOSITION, COMPOSITION, {"compose": STORED}, {"transition": "wipeleft"}, set()),
        (JobKind.COMPOSITION, COMPOSITION, {"compose": STORED}, {"optimize_size": True}, set()),
        (JobKind.COMPOSITION, COMPOSITION, {"compose": FAILED}, {}, set()),
        (JobKind.COMPOSITION, COMPOSITION, {"compose": FAILED, "sound_0a": STORED, "segment_2_0a": STORED}, {}, set()),
    ],
)
def test_what_is_finished_and_still_fits_is_used_again(kind, fields, steps, changes, expected):
    assert reused(kind, fields, steps, **changes) == expected


def test_scenes_are_compared_one_by_one():
    first = MULTI["scenes"][0]
    scenes = [{**first, "scene_number": n, "description": f"scene {n}"} for n in (1, 2, 3)]
    steps = {f"scene_{n}_{part}": record for n in (1, 2, 3) for part, record in BOTH.items()}
    steps["scene_3_store"] = FAILED
    changed = [scenes[0], {**scenes[1], "description": "new"}, scenes[2], {**first, "scene_number": 4}]
    fields = {**MULTI, "scenes": scenes}
    assert reused(JobKind.MULTI_VIDEO, fields, steps, scenes=changed) == {
        "scene_1_predict",
        "scene_1_store",
        "scene_3_predict",
    }


SEEDED = {"url": "https://x", "ended_at": NOW, "seed": 7}
OURS = StepRecord(done=True, output=SEEDED)  # as recorded before clients could choose
CLIENTS = StepRecord(done=True, output={**SEEDED, "seed_is_clients": True})


@pytest.mark.parametrize(
    ("predicted", "wanted", "is_reused"),
    [
        (OURS, None, True),
        (OURS, 7, True),  # the same picture again
        (OURS, 8, False),
        (CLIENTS, None, False),
        (CLIENTS, 7, True),
        (CLIENTS, 8, False),
        (PREDICTED, 7, False),
    ],
)
@pytest.mark.parametrize("seed_of_result", [{}, {"seed": 7}])
def test_another_seed_is_another_prediction(
    predicted: StepRecord, wanted: int | None, is_reused: bool, seed_of_result: dict[str, int]
):
    """The document of a finished job has its result's seed in the field in which a client asks for one."""
    expected = {"predict", "store"} if is_reused else set()
    steps = {"predict": predicted, "store": STORED}
    for kind, fields in ((JobKind.IMAGE, IMAGE), (JobKind.VIDEO, VIDEO)):
        assert reused(kind, {**fields, **seed_of_result}, steps, seed=wanted) == expected


def test_scenes_are_used_again_by_the_seed_of_their_place():
    first = MULTI["scenes"][0]
    fields = {**MULTI, "scenes": [{**first, "scene_number": n} for n in (5, 6)], "seed": 7}
    clip = {"url": "https://x", "ended_at": NOW, "seed_is_clients": True}
    steps = {f"scene_{n}_predict": StepRecord(done=True, output={**clip, "seed": n + 2}) for n in (5, 6)}
    assert reused(JobKind.MULTI_VIDEO, fields, steps) == {"scene_5_predict", "scene_6_predict"}
    assert reused(JobKind.MULTI_VIDEO, fields, steps, seed=8) == set()
    assert reused(JobKind.MULTI_VIDEO, fields, steps, seed=None) == set()
    assert reused(JobKind.MULTI_VIDEO, fields, steps, scenes=fields["scenes"][1:]) == set()  # now it is the first


def test_an_earlier_job_that_was_no_request_has_nothing_to_give():
    earlier = Job(JobRef(JobKind.IMAGE, "j1"), JobStatus.ERROR, "u1", {"user_id": "u1"}, steps=BOTH)
    assert reusable_steps(earlier, parse_request(REQUEST_MODELS[JobKind.IMAGE], IMAGE), NOW) == {}


@pytest.mark.parametrize("status", list(JobStatus))
def test_only_what_has_ended_can_be_retried(status: JobStatus):
    earlier = Job(JobRef(JobKind.IMAGE, "j1"), status, "u1", {})
    if status.is_terminal:
        check_retry(earlier, "u1")
    else:
        with pytest.raises(InvalidRequest, match="running"):
            check_retry(earlier, "u1")
    with pytest.raises(InvalidRequest, match="no such job"):
        check_retry(replace(earlier), "somebody-else")


def test_the_stored_file_of_a_step():
    assert stored_key(STORED) == "u/v/clips/a.mp4"
    assert stored_key(PREDICTED) is None
