"""The way through the pipeline, job by job, as a browser would go it: write a document, listen to it."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from localdev.demo import story
from operations.frontend import Frontend

JOB_SECONDS = 300.0
COLLECTIONS = {
    "image": "image_generation_jobs",
    "video": "video_generation_jobs",
    "multi-video": "multi_video_jobs",
    "composition": "composition_jobs",
}


class JobFailed(Exception):
    """A job of the demonstration ended without success; the message is the job's own."""


@dataclass(frozen=True)
class JobOrder:
    """A job to be written, and what the progress bar calls it."""

    kind: str
    label: str
    fields: Mapping[str, Any]


@dataclass
class Journal:
    """What happened: one row a job."""

    rows: list[tuple[str, str, float, float]] = field(default_factory=list)  # kind, label, seconds, US dollars

    def add(self, order: JobOrder, seconds: float, job: Mapping[str, Any]) -> None:
        self.rows.append((order.kind, order.label, seconds, float(job.get("cost_usd") or 0.0)))


class Journey:
    """Runs jobs and shows them."""

    def __init__(self, frontend: Frontend, console: Console) -> None:
        self.frontend = frontend
        self.journal = Journal()
        self._console = console

    def images(self, storyboard_id: str, scene_ids: Sequence[str]) -> list[dict[str, Any]]:
        """A picture for every scene, all at once."""
        return self.run(
            [
                JobOrder(
                    "image",
                    f"picture {number}",
                    {
                        "scene_id": scene_id,
                        "storyboard_id": storyboard_id,
                        "text": scene.text,
                        "style_prompt": story.STYLE_PROMPT,
                        "use_product_composite": False,
                        "product_id": None,
                    },
                )
                for number, (scene_id, scene) in enumerate(zip(scene_ids, story.SCENES, strict=True), start=1)
            ]
        )

    def clips(self, storyboard_id: str, scene_ids: Sequence[str], image_urls: Sequence[str]) -> list[dict[str, Any]]:
        """A clip for every scene: most in one multi-video job, the last ones in video jobs of their own."""
        scenes = list(enumerate(zip(scene_ids, story.SCENES, image_urls, strict=True), start=1))
        together, alone = scenes[: -story.SINGLE_SCENES], scenes[-story.SINGLE_SCENES :]
        orders = [
            JobOrder(
                "multi-video",
                f"clips 1-{len(together)}",
                {
                    "storyboard_id": storyboard_id,
                    "scenes": [
                        {
                            "scene_number": number,
                            "scene_id": scene_id,
                            "seed_image_url": url,
                            "duration": scene.seconds,
                            "description": scene.text,
                        }
                        for number, (scene_id, scene, url) in together
                    ],
                    "audio_url": None,
                    "progress_percent": 0,
                    "clips": [],
                },
            )
        ]
        orders += [
            JobOrder(
                "video",
                f"clip {number}",
                {
                    "scene_id": scene_id,
                    "storyboard_id": storyboard_id,
                    "image_url": url,
                    "text": scene.text,
                    "duration": scene.seconds,
                },
            )
            for number, (scene_id, scene, url) in alone
        ]
        self.estimate(orders[0])
        multi, *singles = self.run(orders)
        numbers = [number for number, _ in alone]
        last = [
            {"scene_number": number, "video_url": job["video_url"], "duration": job["duration"]}
            for number, job in zip(numbers, singles, strict=True)
        ]
        first = [{key: clip[key] for key in ("scene_number", "video_url", "duration")} for clip in multi["clips"]]
        return first + last

    def estimate(self, order: JobOrder) -> None:
        """Ask what a job would cost, before it is written."""
        (job,) = self.run([JobOrder(order.kind, "dry run", {**order.fields, "dry_run": True})])
        cost = job["estimated_cost_usd"]
        self._console.print(f"  {order.label} will cost ${cost:.3f}", style="dim")

    def composition(
        self, clips: Sequence[Mapping[str, Any]], audio_url: str | None, storyboard_id: str | None = None
    ) -> dict[str, Any]:
        """The final video."""
        fields: dict[str, Any] = {
            "clips": list(clips),
            "audio_url": audio_url,
            "include_crossfade": True,
            "optimize_size": False,
            "video_url": None,
        }
        if storyboard_id:
            fields["storyboard_id"] = storyboard_id
        return self.run([JobOrder("composition", f"{len(clips)} clips", fields)])[0]

    def run(self, orders: Sequence[JobOrder]) -> list[dict[str, Any]]:
        """Write the jobs, show their progress, return them finished. Raises JobFailed."""
        columns = (
            TextColumn("  {task.fields[kind]:<12}{task.description:<12}"),
            BarColumn(bar_width=32),
            TextColumn("{task.percentage:>3.0f} %  {task.fields[stage]:<10}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console) as bars, ThreadPoolExecutor(max(1, len(orders))) as pool:
            ended = list(pool.map(lambda order: self._run_one(order, bars), orders))
        for order, (job, seconds) in zip(orders, ended, strict=True):
            self.journal.add(order, seconds, job)
            if job["status"] != "complete":
                error = job.get("error") or {}
                raise JobFailed(f"{order.kind} {order.label}: {error.get('code')}: {error.get('message')}")
        return [job for job, _ in ended]

    def _run_one(self, order: JobOrder, bars: Progress) -> tuple[dict[str, Any], float]:
        bar = bars.add_task(order.label, total=100, kind=order.kind, stage="pending")
        started = time.monotonic()
        collection = COLLECTIONS[order.kind]
        job_id = self.frontend.create_job(collection, order.fields)
        job = self.frontend.watch_job(collection, job_id, JOB_SECONDS, lambda fields: _show(bars, bar, fields))
        return job, time.monotonic() - started


def _show(bars: Progress, bar: TaskID, job: Mapping[str, Any]) -> None:
    stage = job.get("stage") or job.get("status") or ""
    bars.update(bar, completed=job.get("progress_percent") or 0, stage=stage)
