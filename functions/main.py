"""The deployed functions, declared. What they do is in `pipeline`, imported when the first event comes: discovery has
ten seconds, and a cold start should load only what its function needs.

    image_generation_jobs/{id} ──created──> handle_image_generation ──────┐
    video_generation_jobs/{id} ──created──> handle_video_generation ──────┤          ┌── advancejob
    multi_video_jobs/{id} ───────created──> handle_multi_video_generation ┼─ tasks ──┤
    composition_jobs/{id} ───────created──> handle_composition ───────────┘          └── advancecomposition
                                                                              signals ──┘
    Replicate ── a prediction has ended ──> handle_replicate_webhook ──────────────┤
    a schedule, every five minutes ───────> sweep_jobs (or, by hand, sweep_jobs_now) ┘

    a frontend asks for videos and clips ──> api
"""

import os
from typing import Any

from firebase_functions import firestore_fn, https_fn, options, scheduler_fn, tasks_fn
from firebase_functions.https_fn import CallableRequest, FunctionsErrorCode, HttpsError
from flask import Request, Response

from pipeline.config import DEFAULT_REGION, REPLICATE_SECRET, openai_secrets, storage_secrets
from pipeline.parameters import declare_secrets, declare_settings

REGION = os.environ.get("FUNCTIONS_REGION") or DEFAULT_REGION

EVENT_SECONDS = 540  # the most an event function may have
TASK_SECONDS = 1800  # the most a task function may have
LETTING_GO_SECONDS = 20  # of both, kept for writing down how far a job has come

declare_secrets(os.environ)  # the CLI asks for those that are missing
declare_settings(os.environ)
STORAGE_SECRETS = storage_secrets(os.environ)
SECRETS = [REPLICATE_SECRET, *STORAGE_SECRETS]
OPENAI_SECRETS = openai_secrets(os.environ)

# Light work: a few calls, pictures and clips of some megabytes. Four at once share one CPU, as the framework has four
# threads to a CPU; 1 GB holds four clips of 30 MB, which lie in /tmp, which is memory, and an encoder that prepares one
# of them (300 MB for 1080p; the others wait for it).
GENERATION: dict[str, Any] = {
    "region": REGION,
    "memory": options.MemoryOption.GB_1,
    "cpu": 1,
    "concurrency": 4,
    "timeout_sec": EVENT_SECONDS,
    "max_instances": 10,
    "secrets": [*SECRETS, *OPENAI_SECRETS],
}
# Heavy work: ffmpeg takes all CPUs and the clips fill /tmp. One at a time; 4 GB comes with two CPUs.
COMPOSITION: dict[str, Any] = {
    "region": REGION,
    "memory": options.MemoryOption.GB_4,
    "cpu": 2,
    "concurrency": 1,
    "timeout_sec": EVENT_SECONDS,
    "max_instances": 10,
    "secrets": SECRETS,
}
# Small and short: a signature to check, records to move, tasks to queue. The webhook's callers are Replicate's servers.
WATCH: dict[str, Any] = {
    "region": REGION,
    "memory": options.MemoryOption.MB_512,
    "cpu": 1,
    "secrets": SECRETS,
}
SWEEP_SECONDS = 300
# A task is answered with an error only when it came early or nothing could be written down: then again, and again.
RETRY = options.RetryConfig(max_attempts=100, min_backoff_seconds=1, max_backoff_seconds=60, max_doublings=4)
QUEUE = options.RateLimits(max_concurrent_dispatches=40)
# One instance works on one composition.
COMPOSITION_QUEUE = options.RateLimits(max_concurrent_dispatches=10)


@firestore_fn.on_document_created(document="image_generation_jobs/{job_id}", **GENERATION)
def handle_image_generation(event: firestore_fn.Event[Any]) -> None:
    """A scene's picture, made by Flux."""
    _run_created("image", event.params["job_id"])


@firestore_fn.on_document_created(document="video_generation_jobs/{job_id}", **GENERATION)
def handle_video_generation(event: firestore_fn.Event[Any]) -> None:
    """A scene's picture set in motion by SeeDance."""
    _run_created("video", event.params["job_id"])


@firestore_fn.on_document_created(document="multi_video_jobs/{job_id}", **GENERATION)
def handle_multi_video_generation(event: firestore_fn.Event[Any]) -> None:
    """Clips for many scenes."""
    _run_created("multi_video", event.params["job_id"])


@firestore_fn.on_document_created(document="composition_jobs/{job_id}", **COMPOSITION)
def handle_composition(event: firestore_fn.Event[Any]) -> None:
    """One video out of many clips."""
    _run_created("composition", event.params["job_id"])


@tasks_fn.on_task_dispatched(retry_config=RETRY, rate_limits=QUEUE, **GENERATION)
def advancejob(request: CallableRequest[Any]) -> None:
    """The next turn of an image, video or multi-video job. (The name of a queue may not hold an underscore.)

    No longer than an event's: while a turn may still live, what it may have sent without an answer is not sent again.
    """
    _run_task(request, EVENT_SECONDS)


@tasks_fn.on_task_dispatched(
    retry_config=RETRY, rate_limits=COMPOSITION_QUEUE, **{**COMPOSITION, "timeout_sec": TASK_SECONDS}
)
def advancecomposition(request: CallableRequest[Any]) -> None:
    """The next turn of a composition job."""
    _run_task(request, TASK_SECONDS)


@https_fn.on_request(timeout_sec=60, concurrency=4, max_instances=10, invoker="public", **WATCH)
def handle_replicate_webhook(request: Request) -> Response:
    """Replicate says that a prediction has ended. Whatever is not signed by Replicate is refused."""
    from pipeline.wiring import INSTANCE

    return INSTANCE.answer_webhook(request)


@https_fn.on_request(
    timeout_sec=60, concurrency=4, max_instances=10, invoker="public", **{**WATCH, "secrets": STORAGE_SECRETS}
)
def api(request: Request) -> Response:
    """What users have made: their videos and clips, for those who send a Firebase ID token."""
    from pipeline.wiring import INSTANCE

    return INSTANCE.answer_api(request.environ)


@scheduler_fn.on_schedule(
    schedule="every 5 minutes", timeout_sec=SWEEP_SECONDS, concurrency=1, max_instances=1, **WATCH
)
def sweep_jobs(event: scheduler_fn.ScheduledEvent) -> None:  # noqa: ARG001
    """Whatever got lost, no job waits for longer than until the next sweep."""
    _sweep()


@https_fn.on_request(timeout_sec=SWEEP_SECONDS, concurrency=1, max_instances=1, invoker="private", **WATCH)
def sweep_jobs_now(request: Request) -> Response:
    """The same by hand, for those whom IAM lets call it; and on the emulators, which know no schedules."""
    if request.method != "POST":
        return Response("POST only", status=405)
    return Response(_sweep(), mimetype="application/json")


def _sweep() -> str:
    import json
    from dataclasses import asdict

    from pipeline.wiring import INSTANCE

    return json.dumps(asdict(INSTANCE.sweep(SWEEP_SECONDS - LETTING_GO_SECONDS)))


def _run_created(kind: str, job_id: str) -> None:
    from pipeline.domain.jobs import JobKind
    from pipeline.wiring import INSTANCE

    INSTANCE.run_created_job(JobKind(kind), job_id, EVENT_SECONDS - LETTING_GO_SECONDS)


def _run_task(request: CallableRequest[Any], seconds: int) -> None:
    from pipeline.handlers.run_job import DeliverAgain
    from pipeline.wiring import INSTANCE

    try:
        INSTANCE.run_task(request.data, seconds - LETTING_GO_SECONDS)
    except DeliverAgain as early:
        raise HttpsError(FunctionsErrorCode.UNAVAILABLE, str(early)) from early
