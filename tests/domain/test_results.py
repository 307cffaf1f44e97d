import pytest

from pipeline.domain.jobs import Job, JobKind, JobRef, JobStatus
from pipeline.domain.results import RESULT_FIELDS, results_of

MACHINERY = {"status": "complete", "stage": "store", "progress_percent": 100, "user_id": "u1", "error": None}


def job(kind: JobKind, fields: dict[str, object]) -> Job:
    return Job(ref=JobRef(kind, "j1"), status=JobStatus.COMPLETE, user_id="u1", fields=fields)


@pytest.mark.parametrize("kind", JobKind)
def test_results_are_what_the_kind_hands_over_and_nothing_else(kind: JobKind):
    made: dict[str, object] = {name: f"the {name}" for name in RESULT_FIELDS[kind]}
    assert results_of(job(kind, MACHINERY | made | {"text": "asked for"})) == made


def test_a_job_that_failed_half_way_has_the_results_it_has():
    fields: dict[str, object] = {"clips": [{"clip_id": "c1"}], "status": "error"}
    assert results_of(job(JobKind.MULTI_VIDEO, fields)) == {"clips": [{"clip_id": "c1"}]}
    assert results_of(job(JobKind.IMAGE, {"status": "pending"})) == {}


def test_a_field_without_a_value_is_a_result():
    assert results_of(job(JobKind.IMAGE, {"seed": None})) == {"seed": None}


@pytest.mark.parametrize("kind", JobKind)
def test_no_result_is_named_twice(kind: JobKind):
    assert len(set(RESULT_FIELDS[kind])) == len(RESULT_FIELDS[kind])


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (
            JobKind.IMAGE,
            {"image_url", "image_key", "thumbnail_url", "placeholder", "model", "seed", "prompt_sha256"}
            | {"composite_method", "composite_cutout"},
        ),
        (JobKind.VIDEO, {"video_url", "video_id", "clip_id", "duration", "file_size_bytes", "model"}),
        (JobKind.MULTI_VIDEO, {"clips", "scene_errors"}),
        (JobKind.COMPOSITION, {"video_url", "poster_url", "thumbnail_url", "warnings", "duration", "width", "height"}),
    ],
)
def test_each_kind_hands_over_what_its_users_look_for(kind: JobKind, fields: set[str]):
    assert fields <= set(RESULT_FIELDS[kind])
