"""Have Kontext put the product into the scene. Whatever keeps it from that, Pillow does it then, and the job says why.

    scene, product ──> Kontext ── a picture in time ───────────────────────────> stored
                          └── no, not now, not in time: called off, noted ──> Pillow's composite, stored

Only a picture that Kontext flags as sensitive ends the job: that is no failure of Kontext.
"""

import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pipeline.adapters.compositing import composite_product
from pipeline.adapters.images import inspect_image, upright_file
from pipeline.domain.blend_prompts import blend_prompt
from pipeline.domain.errors import (
    ContentRejected,
    JobError,
    NotFound,
    ProviderError,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
)
from pipeline.domain.model_inputs import Adjustment, BlendTerms, blend_terms
from pipeline.domain.models import BLEND_MODELS, blend_model
from pipeline.domain.predictions import PredictionOrder, operation_id
from pipeline.domain.requests import ImageRequest
from pipeline.handlers.picture_files import fetch_picture
from pipeline.handlers.prediction_ends import settle
from pipeline.handlers.predictions import Predicted, obtain_prediction
from pipeline.handlers.product_pictures import CheckedProduct, fetch_product, placement_of
from pipeline.handlers.tools import Desk, Tools
from pipeline.handlers.turns import Turn

STEP = "composite"
RATE_WINDOW = timedelta(minutes=1)


@dataclass(frozen=True)
class Blended:
    """Kontext's picture; without a `url`, Pillow is to make one. The URL is deleted by the provider after an hour."""

    url: str = ""
    model: str = ""
    fell_back: bool = False
    ended_at: datetime | None = None


def blend(
    turn: Turn,
    request: ImageRequest,
    predicted: Predicted,
    width_to_height: float,
    product: CheckedProduct,
    desk: Desk,
    tools: Tools,
) -> Blended:
    """Kontext's picture of the product in the scene, or the word that there is none.

    Raises ContentRejected, WakeLater while Kontext works, and what fetching the pictures raises.
    """
    terms = blend_terms(blend_model(tools.settings.kontext_model), width_to_height)
    try:
        _check_time_and_rate(turn, tools)
        made = obtain_prediction(
            turn, STEP, lambda: _order(turn, request, predicted, terms, product, desk, tools), tools
        )
    except ContentRejected:
        raise
    except (ProviderError, QuotaExceeded, NotFound) as error:
        return _fall_back(turn, error, tools)
    return Blended(made.url, made.model, ended_at=made.ended_at)


def _check_time_and_rate(turn: Turn, tools: Tools) -> None:
    """Raises RateLimited before a picture is ordered when others have ordered enough, and ProviderUnavailable when the
    one that is ordered is late: whatever it is that it waits for."""
    settings, now = tools.settings, tools.clock()
    record = tools.predictions.find(operation_id(turn.ref, STEP, 1))
    if record is None:
        limit = settings.kontext_per_minute
        if limit and tools.predictions.count_since(BLEND_MODELS, now - RATE_WINDOW) >= limit:
            raise RateLimited(f"There were {limit} Kontext pictures in the last minute, which is the limit.")
        return
    is_late = record.submitting_at and now - record.submitting_at > timedelta(seconds=settings.kontext_seconds)
    if is_late and not record.state.is_terminal:
        raise ProviderUnavailable(f"Kontext was not done within {settings.kontext_seconds} s.")


def _fall_back(turn: Turn, error: JobError, tools: Tools) -> Blended:
    """Nobody waits for Kontext any more."""
    record = tools.predictions.find(operation_id(turn.ref, STEP, 1))
    if record is not None:
        settle(record, tools)
    turn.adjust([Adjustment("composite_method", "kontext", "pil", str(error))])
    return Blended(fell_back=True)


def _order(
    turn: Turn,
    request: ImageRequest,
    predicted: Predicted,
    terms: BlendTerms,
    product: CheckedProduct,
    desk: Desk,
    tools: Tools,
) -> PredictionOrder:
    """The order, with the pictures handed over: scene and product, or our own composite of them."""
    settings, pictures_needed = tools.settings, len(terms.picture_inputs)
    with tempfile.TemporaryDirectory() as folder:
        scene, photo = Path(folder) / "scene", Path(folder) / "product"
        fetch_picture(turn, predicted.url, scene, tools)
        fetch_product(turn, request, product, photo, desk, tools)
        if pictures_needed == 1:
            pictures = [Path(folder) / "composite.png"]
            composite_product(scene, photo, pictures[0], placement_of(request), should_stop=turn.check)
        else:
            pictures = [scene, upright_file(photo, Path(folder) / "upright")]
        uploaded = [tools.replicate.upload_file(picture, inspect_image(picture).media_type) for picture in pictures]
    return PredictionOrder(
        model=terms.model,
        input=terms.model_input(blend_prompt(request.text, product.name, pictures_needed), *uploaded),
        cost_usd=terms.cost_usd,
        cancel_after_seconds=settings.kontext_seconds,
        inline_wait_seconds=settings.image_inline_wait_seconds,
        seed=request.seed,
    )
