"""Ten scenes against one, through the emulators: scenes are with the provider side by side."""

import os
import tempfile
from pathlib import Path

from PIL import Image

from localdev.bench.figures import Figure, ratio_of
from localdev.frontend import Frontend, sign_in
from localdev.stack import PROJECT_ID, LocalStack

SCENE_SECONDS = 20.0
"""How long the stand-in's model takes for one clip."""


def measure() -> list[Figure]:
    settings = {"VIDEO_RESOLUTION": "480p", "POLL_FIRST_SECONDS": "2"}
    environment = {name: value for name, value in os.environ.items() if name != "REPLICATE_API_TOKEN"}
    with (
        LocalStack(
            environ=environment,
            video_seconds=SCENE_SECONDS,
            spread=0.0,
            functions_environment=settings,
            say=lambda _: None,
        ) as stack,
        tempfile.TemporaryDirectory() as folder,
    ):
        os.environ.update(stack.environment())
        picture = Path(folder) / "picture.png"
        Image.new("RGB", (360, 640), (40, 90, 160)).save(picture)
        url = stack.publish(picture)
        frontend = Frontend(PROJECT_ID, sign_in(stack.urls.auth, "bench@example.com"))
        _scenes(frontend, url, 1)  # functions are warm from here on
        ratio = ratio_of(lambda: _scenes(frontend, url, 10), lambda: _scenes(frontend, url, 1), rounds=1)
    return [Figure("multi_video_scenes_ratio", ratio, f"x of one scene of {SCENE_SECONDS:.0f} s", "<= 1.5")]


def _scenes(frontend: Frontend, url: str, count: int) -> None:
    scenes = [
        {"scene_number": number, "seed_image_url": url, "duration": 2.0, "description": f"scene {number}"}
        for number in range(1, count + 1)
    ]
    job_id = frontend.create_job("multi_video_jobs", {"scenes": scenes})
    job = frontend.watch_job("multi_video_jobs", job_id, 300.0)
    if job["status"] != "complete":
        raise RuntimeError(f"The job ended in {job['status']}: {job.get('error_message')}")
