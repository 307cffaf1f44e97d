"""Ten scenes against one, through the emulators, and against a design that waits for the model inside its function.

Measured: the wall time of both jobs, and the seconds that every function ran for them, as the functions emulator logs
them (on this machine, where ten scenes are stored with two CPUs shared by everything).

Assumed for the waiting design, which the first sketch of this project was: one function call waits for one scene after
the other, and is billed for as long as the model takes, nothing else; it stores in no time. Instances: 10, four calls
at once in each, for both.
"""

import os
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from localdev.bench.figures import Figure
from localdev.stack import PROJECT_ID, LocalStack
from operations.frontend import Frontend, local_user

SCENE_SECONDS = 30.0
"""How long the stand-in's model takes for one clip."""

SCENES = 10
SLOTS = 10 * 4
FINISHED = re.compile(r'Finished "[^"]+" in ([\d.]+)ms')


@dataclass(frozen=True)
class Run:
    """One job: how long its user waited, and how long functions ran for it, in seconds."""

    wall_seconds: float
    billed_seconds: float


def measure() -> list[Figure]:
    environment = {name: value for name, value in os.environ.items() if name != "REPLICATE_API_TOKEN"}
    with (
        LocalStack(
            environ=environment,
            video_seconds=SCENE_SECONDS,
            spread=0.0,
            functions_environment={"VIDEO_RESOLUTION": "480p", "REUSE_DAYS": "0"},  # every round makes its clips anew
            say=lambda _: None,
        ) as stack,
        tempfile.TemporaryDirectory() as folder,
    ):
        os.environ.update(stack.environment())
        picture = Path(folder) / "picture.png"
        Image.new("RGB", (360, 640), (40, 90, 160)).save(picture)
        url = stack.publish(picture)
        frontend = Frontend(PROJECT_ID, local_user(stack.urls.auth, "bench@example.com"))
        _run(frontend, stack, url, 1)  # functions are warm from here on
        one, ten = _run(frontend, stack, url, 1), _run(frontend, stack, url, SCENES)
    waiting_per_minute = SLOTS * 60.0 / SCENE_SECONDS
    ours_per_minute = SLOTS * 60.0 / one.billed_seconds
    return [
        Figure(
            "multi_video_scenes_ratio",
            ten.wall_seconds / one.wall_seconds,
            f"x of one scene of {SCENE_SECONDS:.0f} s",
            "<= 1.5",
        ),
        Figure(
            "billed_seconds_ratio",
            ten.billed_seconds / (SCENES * SCENE_SECONDS),
            f"of {SCENES * SCENE_SECONDS:.0f} s that waiting is billed for ({ten.billed_seconds:.1f} s)",
            "<= 0.1",
        ),
        Figure(
            "jobs_per_minute_ratio",
            ours_per_minute / waiting_per_minute,
            f"x of {waiting_per_minute:.0f} one-scene jobs a minute ({ours_per_minute:.0f})",
            ">= 10",
        ),
    ]


def _run(frontend: Frontend, stack: LocalStack, url: str, count: int) -> Run:
    scenes = [
        {"scene_number": number, "seed_image_url": url, "duration": 2.0, "description": f"scene {number}"}
        for number in range(1, count + 1)
    ]
    logged, told = stack.functions_log.stat().st_size, len(stack.replicate.webhooks.sent)
    started = time.monotonic()
    job_id = frontend.create_job("multi_video_jobs", {"scenes": scenes})
    job = frontend.watch_job("multi_video_jobs", job_id, 300.0)
    wall = time.monotonic() - started
    if job["status"] != "complete":
        raise RuntimeError(f"The job ended in {job['status']}: {job.get('error_message')}")
    give_up_at = time.monotonic() + 60.0  # what is still on its way when the job has ended is billed as well
    while len(stack.replicate.webhooks.sent) < told + count and time.monotonic() < give_up_at:
        time.sleep(0.5)
    time.sleep(2.0)
    with stack.functions_log.open(encoding="utf-8", errors="replace") as log:
        log.seek(logged)
        billed = sum(float(milliseconds) for milliseconds in FINISHED.findall(log.read())) / 1000
    return Run(wall, billed)
