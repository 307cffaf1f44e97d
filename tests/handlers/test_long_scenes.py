"""What a job may ask for fits in its document until it has ended."""

from pathlib import Path

from pipeline.domain.jobs import JobKind
from tests.handlers.conftest import Workbench


def test_long_scenes_do_not_cost_a_job_its_clips(workbench: Workbench, picture: Path):
    """Twenty scenes of as many letters as a scene may have: a quarter of what a document holds, as they are sent."""
    url = workbench.publish(picture)
    scenes = [
        {"scene_number": n, "seed_image_url": url, "duration": 2.0, "description": "波" * 3990 + f" {n}"}
        for n in range(1, 21)
    ]
    job = workbench.run(JobKind.MULTI_VIDEO, "long-scenes", {"scenes": scenes})
    assert (job["status"], job["error"]) == ("complete", None)
    assert len(job["clips"]) == 20
