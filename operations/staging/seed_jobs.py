"""The seeded jobs, by the paths of their documents: one in each state that a page shows.

Every one of them is over. A job is created over, or not at all: whoever creates one that is pending orders it, and it
would be made and paid. The created triggers fire for these, too, see that they are over, and leave them alone
(`domain.jobs.decide_claim`; `repositories.job_documents` says why their status counts).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from operations.staging.seed_results import Fields, Stock, clip_result, film_result, picture_result
from operations.staging.seed_story import (
    CLIP_SECONDS,
    EXPIRES_AT,
    HARBOUR,
    SEA,
    STYLE_PROMPT,
    BoardStory,
)
from pipeline.domain.errors import ContentRejected, JobError, PartialFailure, PredictionFailed, ProviderUnavailable
from pipeline.domain.jobs import JobKind, JobStatus, StepRecord

PICTURE_USD, CLIP_USD = 0.003, 0.072
"""What Replicate would have charged: a picture, and 2 s at 720p."""


@dataclass(frozen=True)
class Ended:
    """How a job went. Times in seconds."""

    minutes: int  # after its storyboard was begun
    steps: Sequence[tuple[str, float]]  # name, and how long it took
    cost_usd: float = 0.0
    estimate_usd: float = 0.0
    canceled: bool = False
    error: JobError | None = None

    @property
    def status(self) -> JobStatus:
        if self.error is not None:
            return JobStatus.ERROR
        return JobStatus.CANCELED if self.canceled else JobStatus.COMPLETE


def seeded_jobs(stock: Stock) -> dict[str, Fields]:
    """All of them, by path."""
    jobs = {}
    for kind, slug, fields in (*_sea(stock), *_harbour(stock)):
        job_id = stock.places.names.job(slug)
        jobs[f"{kind.collection}/{job_id}"] = {"job_id": job_id, **fields}
    return jobs


def _sea(stock: Stock) -> list[tuple[JobKind, str, Fields]]:
    """Everything went well."""
    pictures = [
        (
            JobKind.IMAGE,
            f"sea-picture-{number}",
            _picture_job(stock, SEA, number) | picture_result(stock, "sea", number),
        )
        for number in (1, 2, 3)
    ]
    many = _many(stock, SEA, (1, 2))
    clips = [{"scene_number": number, **clip_result(stock, "sea", number, alone=False)} for number in (1, 2)]
    made = {"clips": clips, "scene_errors": [], "adjustments": []}
    went = Ended(9, [("place", 0.2), ("prompt", 0.3), ("scene_1_predict", 31.0), ("scene_1_store", 2.1)], 0.144, 0.144)
    priced = {"dry_run": True, "adjustments": [], "would_exceed": None}
    clip = _clip_request(stock, SEA, 3)
    one = Ended(10, [("place", 0.2), ("prompt", 0.2), ("predict", 29.0), ("store", 1.9)], CLIP_USD, CLIP_USD)
    return [
        *pictures,
        (JobKind.MULTI_VIDEO, "sea-price", many | _ended(stock, SEA, Ended(8, (), 0.0, 0.144)) | priced),
        (JobKind.MULTI_VIDEO, "sea-clips", many | _ended(stock, SEA, went) | made),
        (
            JobKind.VIDEO,
            "sea-clip-3",
            clip | _ended(stock, SEA, one) | clip_result(stock, "sea", 3) | {"adjustments": []},
        ),
        (JobKind.COMPOSITION, "film", _film_job(stock)),
    ]


def _harbour(stock: Stock) -> list[tuple[JobKind, str, Fields]]:
    """Everything that can go otherwise."""
    rejected = ContentRejected("The text of the scene was rejected by the moderation (violence).", ["violence"])
    down = ProviderUnavailable("Replicate is not available. Try again later.")
    failed = PredictionFailed("The model failed: it could not handle this input.")
    partial = PartialFailure("1 of 2 scenes failed; scene 2: The model failed: it could not handle this input.")
    some = {
        "clips": [{"scene_number": 1, **clip_result(stock, "harbour", 1, alone=False)}],
        "scene_errors": [{"scene_number": 2, **failed.as_fields()}],
    }
    predicted = [("place", 0.2), ("prompt", 0.2), ("predict", 12.0)]
    composite = {"use_product_composite": True, "product_id": stock.places.names.product}
    film = {
        "storyboard_id": stock.places.board_id("harbour"),
        "title": HARBOUR.title,
        "clips": _film_clips(stock, "harbour", (1,)),
        "include_crossfade": True,
    }
    many = _many(stock, HARBOUR, (1, 2))
    return [
        (
            JobKind.IMAGE,
            "harbour-picture-1",
            _picture_job(stock, HARBOUR, 1) | picture_result(stock, "harbour", 1),
        ),
        (
            JobKind.IMAGE,
            "harbour-picture-2",
            _picture_job(stock, HARBOUR, 2) | composite | picture_result(stock, "harbour", 2),
        ),
        (
            JobKind.IMAGE,
            "harbour-rejected",
            _image_request(stock, HARBOUR, 3) | _ended(stock, HARBOUR, Ended(3, [("prompt", 0.4)], error=rejected)),
        ),
        (
            JobKind.IMAGE,
            "harbour-canceled",
            _image_request(stock, HARBOUR, 4) | _ended(stock, HARBOUR, Ended(4, [("prompt", 0.3)], canceled=True)),
        ),
        (
            JobKind.VIDEO,
            "harbour-down",
            _clip_request(stock, HARBOUR, 1) | _ended(stock, HARBOUR, Ended(5, predicted, 0.0, CLIP_USD, error=down)),
        ),
        (
            JobKind.VIDEO,
            "harbour-stopped",
            _clip_request(stock, HARBOUR, 2)
            | _ended(stock, HARBOUR, Ended(6, predicted, 0.0, CLIP_USD, canceled=True)),
        ),
        (
            JobKind.MULTI_VIDEO,
            "harbour-some",
            many | _ended(stock, HARBOUR, Ended(7, predicted, CLIP_USD, 2 * CLIP_USD, error=partial)) | some,
        ),
        (
            JobKind.COMPOSITION,
            "harbour-film",
            film | _ended(stock, HARBOUR, Ended(9, [("place", 0.2), ("compose", 4.0)], canceled=True)),
        ),
    ]


def _picture_job(stock: Stock, board: BoardStory, number: int) -> Fields:
    steps = [("prompt", 0.3), ("predict", 2.4), ("store", 0.8)]
    ended = _ended(stock, board, Ended(number, steps, PICTURE_USD, PICTURE_USD))
    return _image_request(stock, board, number) | ended


def _film_job(stock: Stock) -> Fields:
    request = {
        "storyboard_id": stock.places.board_id("sea"),
        "title": SEA.title,
        "clips": _film_clips(stock, "sea", (1, 2, 3)),
        "audio_url": None,
        "include_crossfade": False,
        "optimize_size": False,
    }
    steps = [("place", 0.2), ("compose", 6.5)]
    return request | _ended(stock, SEA, Ended(12, steps)) | film_result(stock)


def _film_clips(stock: Stock, slug: str, numbers: Sequence[int]) -> list[Fields]:
    return [
        {
            "scene_number": number,
            "video_url": stock.url(stock.places.clip(slug, number)),
            "duration": stock.media.clips[slug, number].seconds,
        }
        for number in numbers
    ]


def _image_request(stock: Stock, board: BoardStory, number: int) -> Fields:
    return {
        "scene_id": stock.places.scene_id(board.slug, number),
        "storyboard_id": stock.places.board_id(board.slug),
        "text": board.scenes[number - 1].text,
        "style_prompt": STYLE_PROMPT,
        "use_product_composite": False,
        "product_id": None,
    }


def _clip_request(stock: Stock, board: BoardStory, number: int) -> Fields:
    return {
        "scene_id": stock.places.scene_id(board.slug, number),
        "storyboard_id": stock.places.board_id(board.slug),
        "image_url": stock.url(stock.places.picture(board.slug, number)),
        "text": board.scenes[number - 1].text,
        "duration": CLIP_SECONDS,
    }


def _many(stock: Stock, board: BoardStory, numbers: Sequence[int]) -> Fields:
    scenes = [
        {
            "scene_number": number,
            "scene_id": stock.places.scene_id(board.slug, number),
            "seed_image_url": stock.url(stock.places.picture(board.slug, number)),
            "duration": CLIP_SECONDS,
            "description": board.scenes[number - 1].text,
        }
        for number in numbers
    ]
    return {"storyboard_id": stock.places.board_id(board.slug), "scenes": scenes, "audio_url": None}


def _ended(stock: Stock, board: BoardStory, went: Ended) -> Fields:
    """What stands on a job once it is over, beside its request and its results."""
    created_at = board.began_at + timedelta(minutes=went.minutes)
    last, steps = created_at + timedelta(seconds=0.4), {}
    for place, (name, seconds) in enumerate(went.steps, start=1):
        begin, last = last, last + timedelta(seconds=seconds)
        steps[name] = asdict(_step(went, is_last=place == len(went.steps), begin=begin, end=last))
    told: Fields = {"error": None, "error_message": None} if went.error is None else {}
    if went.error is not None:
        told = {"error": went.error.as_fields(), "error_message": went.error.message}
    if went.canceled:
        told = {"cancel_requested": True}
    return {
        "user_id": stock.places.user_id,
        "status": str(went.status),
        "stage": str(went.status),
        "created_at": created_at,
        "updated_at": last,
        "document_created_at": created_at,
        "started_at": created_at + timedelta(seconds=0.4),
        "completed_at": last,
        "expire_at": EXPIRES_AT,
        "turn": 1,
        "attempt": 1,
        "interruptions": 0,
        "claim_id": "seed",
        "wake_requested": False,
        "lease_expires_at": None,
        "wake_at": None,
        "progress_percent": 100 if went.status is JobStatus.COMPLETE else 40,
        "steps": steps,
        "cost_usd": went.cost_usd,
        "estimated_cost_usd": went.estimate_usd,
        **told,
    }


def _step(went: Ended, *, is_last: bool, begin: Any, end: Any) -> StepRecord:
    if is_last and went.canceled:
        return StepRecord(started_at=begin)
    if is_last and went.error is not None:
        return StepRecord(
            failed=True,
            attempt=1,
            error_code=went.error.code,
            error_message=went.error.message,
            started_at=begin,
            ended_at=end,
        )
    return StepRecord(done=True, started_at=begin, ended_at=end)
