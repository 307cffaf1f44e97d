"""A remembered result that another version of this code has written is none."""

from dataclasses import replace

import pytest

from pipeline.domain.jobs import JobKind
from tests.handlers.conftest import USER, Workbench
from tests.handlers.test_generate_image import image_job


@pytest.fixture
def remembering(workbench: Workbench) -> Workbench:
    workbench.settings = replace(workbench.settings, reuse_days=7)
    return workbench


def test_a_remembered_result_of_another_version_is_none(remembering: Workbench):
    asked = image_job(remembering.scene("newer"), "A newer harbour")
    remembering.run(JobKind.IMAGE, "newer-1", asked)
    for snapshot in remembering.client.collection(f"users/{USER}/results").stream():
        if snapshot.get("job_id") == "newer-1":
            snapshot.reference.update({"output.of_a_newer_version": True})
    job = remembering.run(JobKind.IMAGE, "newer-2", asked)
    assert (job["status"], job["reused_from"]) == ("complete", None)
