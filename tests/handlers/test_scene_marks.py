"""What scenes show of a job that did not succeed."""

from datetime import timedelta

import pytest

from pipeline.domain.jobs import JobKind, JobRef, SignalWake
from pipeline.handlers.scene_marks import MEDIUM
from tests.handlers.conftest import USER, Workbench

CLIP_URL = "https://media.test/clip-1.mp4"


def half_done_job(workbench: Workbench, name: str, **fields: object) -> JobRef:
    """A job of two scenes whose instance has just died: the clip of the first is listed, both show `generating`."""
    status = {"image": "complete", "video": "generating"}
    ids = [workbench.scene(f"{name}-{number}", generation_status=status) for number in (1, 2)]
    ref = JobRef(JobKind.MULTI_VIDEO, name)
    held = {"status": "processing", "turn": 3, "lease_expires_at": workbench.now() - timedelta(seconds=1)}
    scenes = [{"scene_number": number, "scene_id": scene_id} for number, scene_id in enumerate(ids, 1)]
    clips = [{"scene_number": 1, "video_url": CLIP_URL}, {"scene_number": 7}, "odd"]
    workbench.write_claimed(ref.path, {"user_id": USER, **held, "scenes": scenes, "clips": clips, **fields})
    return ref


@pytest.mark.parametrize(
    ("name", "fields", "ended", "other"),
    [
        ("marks-given-up", {"interruptions": 2}, "error", "error"),
        ("marks-canceled", {"cancel_requested": True}, "canceled", "pending"),
    ],
)
def test_a_listed_clip_shows_on_its_scene_although_the_job_has_no_future(
    workbench: Workbench, name: str, fields: dict[str, object], ended: str, other: str
):
    ref = half_done_job(workbench, name, **fields)
    workbench.wake(ref, SignalWake())
    assert workbench.read(ref.path)["status"] == ended
    first, second = (workbench.read(f"scenes/{name}-{number}") for number in (1, 2))
    assert first["generation_status"] == {"image": "complete", "video": "complete"}
    assert (first["video_url"], first["error_message"]) == (CLIP_URL, None)
    assert second["generation_status"] == {"image": "complete", "video": other}
    assert "video_url" not in second


@pytest.mark.parametrize("kind", JobKind)
def test_only_a_job_that_is_for_a_scene_marks_what_its_document_names(workbench: Workbench, kind: JobKind):
    scene_id = workbench.scene(f"marks-named-{kind}", generation_status={"image": "generating", "video": "generating"})
    named = {"scene_id": scene_id, "scenes": [{"scene_number": 1, "scene_id": scene_id}], "storyboard_id": "odd"}
    job = workbench.run(kind, f"marks-odd-{kind}", named)
    assert (job["status"], job["error"]["code"]) == ("error", "invalid_argument")
    marks = workbench.read(f"scenes/{scene_id}")["generation_status"]
    assert [medium for medium, mark in marks.items() if mark == "error"] == ([MEDIUM[kind]] if kind in MEDIUM else [])
