"""What a job that is a retry of another may use again: the finished steps whose inputs have stayed the same.

    earlier    scene 1 ✓   scene 2 ✗   scene 3 ✓        `retry_of` names it
    retry      reused      made        reused           only scene 2 is paid

A file in our storage can be used again for ever, the provider's own for an hour.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pipeline.domain.errors import InvalidRequest
from pipeline.domain.jobs import Job, StepRecord
from pipeline.domain.model_inputs import nearest_seconds
from pipeline.domain.models import SEEDANCE_SECONDS
from pipeline.domain.requests import (
    REQUEST_MODELS,
    ClipWish,
    CompositionRequest,
    ImageRequest,
    JobRequest,
    MultiVideoRequest,
    VideoRequest,
    fingerprint,
    parse_request,
)

OUTPUT_LIFETIME = timedelta(minutes=50)
"""The provider deletes outputs an hour after their prediction has ended."""

STORED_KEYS = ("video_key", "image_key")
"""Where a step's output names the file that it stored."""

COMPOSITE_FIELDS = ("composite_scale", "composite_x", "composite_y", "composite_shadow", "composite_match")
"""How a product stands in a picture: other values need no other prediction."""


def check_retry(earlier: Job, user_id: str) -> None:
    """Raises InvalidRequest when a job cannot be a retry of `earlier`, which is of the same kind."""
    if earlier.user_id != user_id:
        raise InvalidRequest("Field 'retry_of' is not valid: there is no such job.")
    if not earlier.status.is_terminal:
        raise InvalidRequest("Field 'retry_of' is not valid: that job is still running. Cancel it, or wait for it.")


def reusable_steps(earlier: Job, request: JobRequest, now: datetime) -> dict[str, StepRecord]:
    """The steps of `earlier` that a job asking for `request` need not do again."""
    try:
        before = parse_request(REQUEST_MODELS[earlier.ref.kind], earlier.fields)
    except InvalidRequest:
        return {}
    wanted: dict[str, StepRecord] = {}
    for predict, store, same_prediction, same_place in _pairs(before, request):
        if same_prediction and _has_seed(earlier.steps.get(predict, StepRecord()), _seed_for(predict, request)):
            wanted |= _of_pair(earlier.steps, predict, store, same_place, now)
    return wanted


def stored_key(step: StepRecord) -> str | None:
    """The key of the file that a finished step has stored."""
    return next((str(step.output[name]) for name in STORED_KEYS if step.output.get(name)), None)


def _of_pair(
    steps: Mapping[str, StepRecord], predict: str, store: str, same_place: bool, now: datetime
) -> dict[str, StepRecord]:
    predicted, stored = steps.get(predict, StepRecord()), steps.get(store, StepRecord())
    if predict == store:
        return {store: stored} if stored.done else {}
    if not predicted.done:
        return {}
    product = _product(steps, now) if same_place else {}
    if stored.done and same_place:
        return {predict: predicted, store: stored, **product}
    if not _is_there(predicted, now):
        return {}
    # what is made of it now may be another thing than what the earlier job would have been remembered for
    return {predict: replace(predicted, output={**predicted.output, "content_key": ""}), **product}


def _product(steps: Mapping[str, StepRecord], now: datetime) -> dict[str, StepRecord]:
    """A picture's product as it was looked at, and what Kontext made of it."""
    product, composite = steps.get("product", StepRecord()), steps.get("composite", StepRecord())
    if not product.done:
        return {}
    return {"product": product, **({"composite": composite} if _is_there(composite, now) else {})}


def _is_there(predicted: StepRecord, now: datetime) -> bool:
    """Whether the provider still has what it has made."""
    ended_at = predicted.output.get("ended_at")
    return predicted.done and isinstance(ended_at, datetime) and now - ended_at < OUTPUT_LIFETIME


def _pairs(before: JobRequest, now: JobRequest) -> list[tuple[str, str, bool, bool]]:
    """(step that predicts, step that stores, whether both jobs want the same prediction, and in the same place)"""
    match before, now:
        case ImageRequest(), ImageRequest():
            same_prediction = _same(before, now, "text", "style_prompt", "aspect_ratio")
            same_place = _same(before, now, "scene_id", "use_product_composite", "product_id", *COMPOSITE_FIELDS)
            return [("predict", "store", same_prediction, same_place)]
        case VideoRequest(), VideoRequest():
            same_prediction = _same(before, now, "image_url", "text") and _made(before.wish) == _made(now.wish)
            return [("predict", "store", same_prediction, _same(before, now, "scene_id", "storyboard_id"))]
        case MultiVideoRequest(), MultiVideoRequest():
            earlier = {scene.scene_number: scene for scene in before.scenes}
            same_board = before.storyboard_id == now.storyboard_id
            return [
                (
                    f"scene_{scene.scene_number}_predict",
                    f"scene_{scene.scene_number}_store",
                    _same(earlier[scene.scene_number], scene, "seed_image_url", "description")
                    and _made(before.wish(earlier[scene.scene_number])) == _made(now.wish(scene)),
                    same_board,
                )
                for scene in now.scenes
                if scene.scene_number in earlier
            ]
        case CompositionRequest(), CompositionRequest():
            return [("compose", "compose", _content(before) == _content(now), True)]
    return []


def _seed_for(predict: str, request: JobRequest) -> int | None:
    """The seed that a client wants a step to predict with; None: any."""
    match request:
        case ImageRequest() | VideoRequest():
            return request.seed
        case MultiVideoRequest():
            return next(request.seed_of(s) for s in request.scenes if predict == f"scene_{s.scene_number}_predict")
    return None


def _has_seed(predicted: StepRecord, wanted: int | None) -> bool:
    """Whether a step was predicted with that seed, or with none of a client's where none is wanted.

    The step tells it, because the `seed` of a finished job is that of its result: it may be ours.
    """
    if wanted is None:
        return not predicted.output.get("seed_is_clients", False)
    return bool(predicted.output.get("seed") == wanted)


def _same(one: Any, other: Any, *names: str) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _made(wish: ClipWish) -> ClipWish:
    """Wishes that come to the same clip are equal: a finished video job's `duration` is that of its clip."""
    return replace(wish, duration=nearest_seconds(wish.duration, SEEDANCE_SECONDS))


def _content(request: JobRequest) -> str:
    return fingerprint(request.model_copy(update={"retry_of": None}))
