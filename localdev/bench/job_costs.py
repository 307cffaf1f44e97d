"""What one picture, clip, scene of a multi-video job, composition and page of the API take of all that is billed.

These are the inputs of docs/costs.md.

Counted, not estimated: the functions run as deployed, in processes of their own, with the defaults of a deployment,
and what they send to Firestore, Cloud Tasks and storage is counted on the way (`counted_stack`). A clip is 5 s of
720p, made by a stand-in in 40 s; a composition has four of them, faded; a video's page shows those four.

Seconds are those of this machine, where the emulators take their share of two CPUs. Bytes of clips are the stand-in's.
"""

import os
import time
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from localdev.bench.counted_stack import CountedStack, Spent
from localdev.bench.figures import Figure
from localdev.stack import PROJECT_ID
from operations.frontend import Frontend, local_user

MODEL_SECONDS = 40.0
"""How long the stand-in's model takes for a clip: longer than a job waits before it asks for the first time."""

CLIP_SECONDS = 5.0
SCENES = 4
JOB_SECONDS = 300.0

COLLECTIONS = {
    "image": "image_generation_jobs",
    "clip": "video_generation_jobs",
    "scene": "multi_video_jobs",
    "composition": "composition_jobs",
}
CEILINGS: Mapping[str, Mapping[str, float]] = {
    "image": {
        "firestore_reads": 32,
        "firestore_writes": 26,
        "firestore_deletes": 0,
        "firestore_expiring": 5,
        "listener_reads": 12,
        "tasks": 2,
        "webhooks": 1,
        "calls": 4,
        "generation_seconds": 8,
        "small_seconds": 2,
        "stored_mb": 2,
        "class_a": 2,
        "class_b": 1,
        "log_kb": 1.6,
    },
    "clip": {
        "firestore_reads": 48,
        "firestore_writes": 38,
        "firestore_deletes": 0,
        "firestore_expiring": 5,
        "listener_reads": 18,
        "tasks": 3,
        "webhooks": 1,
        "calls": 5,
        "generation_seconds": 16,
        "small_seconds": 2,
        "stored_mb": 2,
        "class_a": 2,
        "class_b": 2,
        "log_kb": 2.2,
    },
    "scene": {
        "firestore_reads": 32,
        "firestore_writes": 26,
        "firestore_deletes": 0,
        "firestore_expiring": 3,
        "listener_reads": 10,
        "tasks": 2,
        "webhooks": 1,
        "calls": 3.5,
        "generation_seconds": 12,
        "small_seconds": 2,
        "stored_mb": 2,
        "class_a": 2,
        "class_b": 2,
        "log_kb": 1.3,
    },
    "composition": {
        "firestore_reads": 22,
        "firestore_writes": 20,
        "firestore_deletes": 0,
        "firestore_expiring": 2,
        "listener_reads": 16,
        "tasks": 0,
        "calls": 1,
        "composition_seconds": 12,
        "stored_mb": 4,
        "class_a": 5,
        "class_b": 5,
        "log_kb": 2.2,
    },
    "api_videos": {"firestore_reads": 3, "calls": 1, "small_seconds": 1},
    "sweep": {"firestore_reads": 14, "calls": 1, "small_seconds": 2, "log_kb": 0.4},
    "api_video": {"firestore_reads": 13, "calls": 1, "small_seconds": 1},
}
"""What a regression would break: counts may be some more than was measured, seconds several times as many."""


def measure() -> list[Figure]:
    with CountedStack(MODEL_SECONDS) as counted:
        os.environ.update(counted.stack.environment())
        work = Work(counted)
        work.warm_up()
        return [
            *_figures("image", work.spent_by_job("image", work.image()), 1),
            *_figures("clip", work.spent_by_job("clip", work.clip()), 1),
            *_figures("scene", work.spent_by_job("scene", work.scenes()), SCENES),
            *_figures("composition", work.spent_by_job("composition", work.composition()), 1),
            *_figures("api_videos", counted.spent_by(lambda: work.ask("/api/videos")), 1),
            *_figures("api_video", counted.spent_by(lambda: work.ask(f"/api/videos/{work.video_id}")), 1),
            *_figures("sweep", counted.spent_by(work.sweep), 1),
        ]


class Work:
    """One user's jobs. Every one has words of its own: what was made before is not used again."""

    def __init__(self, counted: CountedStack) -> None:
        self._counted = counted
        self._picture_url = ""
        self._frontend = Frontend(PROJECT_ID, local_user(counted.stack.urls.auth, "bench@example.com"))
        words = {"text": "a lighthouse", "video_duration": CLIP_SECONDS}
        self._board, self._scenes = self._frontend.create_storyboard("Bench", "noir", [words] * SCENES)
        self._number = 0
        self._clips: Sequence[Mapping[str, Any]] = ()
        self.video_id = ""

    def warm_up(self) -> None:
        """Every function has an instance, with all that it loads, and there are clips to compose."""
        self._picture_url = self.run("image", self.image())["image_url"]
        with ThreadPoolExecutor(2) as pool:
            clip = pool.submit(self.run, "clip", self.clip())
            self._clips = pool.submit(self.run, "scene", self.scenes()).result()["clips"]
            clip.result()
        self.video_id = self.run("composition", self.composition())["video_id"]
        self.ask("/api/videos")
        self.sweep()

    def image(self) -> Mapping[str, Any]:
        return {
            "scene_id": self._scenes[0],
            "text": self._words(),
            "style_prompt": "noir",
            "storyboard_id": self._board,
        }

    def clip(self) -> Mapping[str, Any]:
        return {
            "scene_id": self._scenes[0],
            "image_url": self._picture_url,
            "text": self._words(),
            "duration": CLIP_SECONDS,
            "storyboard_id": self._board,
        }

    def scenes(self) -> Mapping[str, Any]:
        scenes = [
            {
                "scene_number": number,
                "scene_id": scene_id,
                "seed_image_url": self._picture_url,
                "duration": CLIP_SECONDS,
                "description": self._words(),
            }
            for number, scene_id in enumerate(self._scenes, 1)
        ]
        return {"storyboard_id": self._board, "scenes": scenes}

    def composition(self) -> Mapping[str, Any]:
        clips = [{name: clip[name] for name in ("scene_number", "video_url", "duration")} for clip in self._clips]
        return {"clips": clips, "include_crossfade": True, "storyboard_id": self._board}

    def run(self, kind: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """The finished job. Raises RuntimeError where it did not finish well."""
        job_id = self._frontend.create_job(COLLECTIONS[kind], fields)
        job = self._frontend.watch_job(COLLECTIONS[kind], job_id, JOB_SECONDS)
        if job["status"] != "complete" or job.get("reused_from"):
            raise RuntimeError(f"The {kind} job ended in {job['status']}: {job.get('error_message')}")
        return job

    def spent_by_job(self, kind: str, fields: Mapping[str, Any]) -> Spent:
        return self._counted.spent_by(lambda: self.run(kind, fields))

    def ask(self, path: str) -> None:
        self._frontend.ask_api(self._counted.stack.urls.functions_url, path)

    def sweep(self) -> None:
        """One that finds nothing to do."""
        url = f"{self._counted.stack.urls.functions_url}/sweep_jobs_now"
        with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=60) as answer:
            answer.read()

    def _words(self) -> str:
        self._number += 1
        return f"a lighthouse at dusk, number {self._number} of {time.time():.0f}"


def _figures(kind: str, spent: Spent, count: int) -> list[Figure]:
    """`count`: how many pieces the work was; figures are of one."""
    firestore, storage = spent.firestore, spent.storage
    amounts: dict[str, tuple[float, str]] = {
        "firestore_reads": (firestore["reads"], "documents"),
        "firestore_writes": (firestore["writes"], "documents"),
        "firestore_deletes": (firestore["deletes"], "documents, at once"),
        "firestore_expiring": (firestore["expiring"], "documents that the TTL deletes later"),
        "listener_reads": (firestore[f"writes to {COLLECTIONS.get(kind)}"], "changes of the job that a page is told"),
        "tasks": (spent.tasks, "tasks"),
        "webhooks": (spent.calls["handle_replicate_webhook"], "webhooks"),
        "calls": (sum(spent.calls.values()), "function calls"),
        "generation_seconds": (_seconds(spent, GENERATION), "s in functions of 1 vCPU and 1 GiB"),
        "composition_seconds": (_seconds(spent, COMPOSITION), "s in functions of 2 vCPU and 4 GiB"),
        "small_seconds": (_seconds(spent, SMALL), "s in functions of 1 vCPU and 0.5 GiB"),
        "stored_mb": (storage["bytes"] / 1e6, "MB"),
        "class_a": (storage["class_a"], "operations that write or list"),
        "class_b": (storage["class_b"], "operations that read"),
        "log_kb": (spent.log_bytes / 1000, "kB of our own entries"),
    }
    return [
        Figure(f"cost_{kind}_{name}", amount / count, unit, f"<= {CEILINGS[kind].get(name, 0):g}")
        for name, (amount, unit) in amounts.items()
        if amount or name in CEILINGS[kind]  # what should be nothing at all has no ceiling, and is not well
    ]


GENERATION = ("handle_image_generation", "handle_video_generation", "handle_multi_video_generation", "advancejob")
COMPOSITION = ("handle_composition", "advancecomposition")
SMALL = ("handle_replicate_webhook", "api", "sweep_jobs_now")


def _seconds(spent: Spent, functions: Sequence[str]) -> float:
    return sum(spent.seconds[name] for name in functions)
