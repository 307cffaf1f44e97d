"""What is noted while a job waits for a model is not lost."""

from dataclasses import replace
from pathlib import Path

from pipeline.domain.jobs import JobKind
from tests.handlers.conftest import Workbench
from tests.handlers.test_generate_video import video_job


def test_that_a_clip_was_not_moderated_is_noted_though_its_model_takes_long(workbench: Workbench, picture: Path):
    workbench.settings = replace(workbench.settings, moderation="on")
    job = workbench.run(
        JobKind.VIDEO, "unasked-clip", video_job(workbench.scene("unasked-clip"), workbench.publish(picture))
    )
    assert (job["status"], [one["field"] for one in job["adjustments"]]) == ("complete", ["moderation"])
