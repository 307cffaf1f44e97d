"""What is noted on a job is about the model that made its picture."""

from dataclasses import replace

from pipeline.domain.jobs import JobKind
from tests.handlers.conftest import Workbench
from tests.handlers.test_generate_image import image_job

SCHNELL = "black-forest-labs/flux-schnell"
PRO = "black-forest-labs/flux-1.1-pro"


def test_the_shape_that_the_second_model_gives_is_the_one_that_is_noted(workbench: Workbench):
    """The first would have made it as it was asked for."""
    workbench.settings = replace(workbench.settings, image_model=SCHNELL, image_model_fallback=PRO)
    fields = image_job(workbench.scene("fallback-shape"), "A wide sea [stub:model-404]", aspect_ratio="2:1")
    job = workbench.run(JobKind.IMAGE, "fallback-shape", fields)
    assert (job["status"], job["model"]) == ("complete", PRO)
    assert 1.9 < job["width"] / job["height"] < 2.1
    assert [one["field"] for one in job["adjustments"]] == ["model"]
