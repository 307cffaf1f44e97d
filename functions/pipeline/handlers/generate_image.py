"""One picture for one scene: prompt, predict, (composite,) store."""

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from firebase_functions import logger

from pipeline.adapters.compositing import ProductPlacement, composite_product
from pipeline.adapters.images import inspect_image, upright_file, write_thumbnail
from pipeline.adapters.placeholders import placeholder_of
from pipeline.domain.model_inputs import PictureTerms, as_fields, picture_terms
from pipeline.domain.models import image_model
from pipeline.domain.object_keys import scene_image_key, scene_image_thumbnail_key
from pipeline.domain.outcomes import Completed
from pipeline.domain.predictions import PredictionOrder
from pipeline.domain.prompts import image_prompt, prompt_sha256
from pipeline.domain.requests import ImageRequest, parse_request
from pipeline.handlers.predictions import Predicted, obtain_prediction
from pipeline.handlers.tools import Desk, Tools
from pipeline.handlers.turns import Turn
from pipeline.repositories.scenes import scene_generating, scene_ready


@dataclass(frozen=True)
class Prompt:
    """What is sent to the model, and who wrote it."""

    text: str
    source: str


@dataclass(frozen=True)
class PredictedImage(Predicted):
    """A finished prediction with the prompt that was sent: a retry that uses it may have another prompt of its own."""

    prompt: str = ""  # empty: recorded by an earlier version, which knew one prompt only
    prompt_source: str = ""


@dataclass(frozen=True)
class StoredImage:
    """The picture in our storage. Sizes in pixels and bytes. None: stored by an earlier version."""

    image_url: str
    image_key: str
    thumbnail_url: str
    thumbnail_key: str
    width: int
    height: int
    size_bytes: int
    composited: bool
    media_type: str | None = None
    placeholder: str | None = None
    background_removed: bool = False
    """The product was cut out of a plain background. Jobs begun before this was known have it not."""


def generate_image(turn: Turn, desk: Desk, tools: Tools) -> Completed:
    """Bring an image job as far as it can go now."""
    request = parse_request(ImageRequest, turn.fields)
    terms = picture_terms(image_model(tools.settings.image_model), request.aspect_ratio)
    prompt = turn.run_step("prompt", Prompt, lambda: _prepare(turn, request, terms, desk))
    turn.report("predict", 10)
    predicted = turn.run_step(
        "predict",
        PredictedImage,
        lambda: _predict(turn, prompt, terms, tools),
    )
    sent = predicted.prompt or prompt.text
    turn.report("composite" if request.use_product_composite else "store", 70)
    stored = turn.run_step("store", StoredImage, lambda: _store(turn, request, predicted, desk, tools))
    logger.info(
        f"[Image Generation] Successfully generated image for scene {request.scene_id}",
        job_id=turn.ref.job_id,
    )
    return Completed(
        results={
            "image_url": stored.image_url,
            "image_key": stored.image_key,
            "thumbnail_url": stored.thumbnail_url,
            "thumbnail_key": stored.thumbnail_key,
            "width": stored.width,
            "height": stored.height,
            "file_size_bytes": stored.size_bytes,
            "media_type": stored.media_type,
            "placeholder": stored.placeholder,
            "prompt": sent,
            "prompt_sha256": prompt_sha256(sent),
            "prompt_source": predicted.prompt_source or prompt.source,
            "model": predicted.model,
            "seed": predicted.seed,
            "composite_method": "pil" if stored.composited else None,
            "composite_cutout": stored.background_removed if stored.composited else None,
        },
        updates=[scene_ready(request.scene_id, "image", stored.image_url)],
    )


def _prepare(turn: Turn, request: ImageRequest, terms: PictureTerms, desk: Desk) -> Prompt:
    """Check what the job names, before any money is spent, and show on the scene that it is being worked on."""
    desk.scenes.scene(request.user_id, request.scene_id)
    if request.storyboard_id is not None:
        desk.scenes.storyboard(request.user_id, request.storyboard_id)
    if request.use_product_composite:
        desk.scenes.product(request.user_id, request.product_id or "")
    fields = {"stage": "prompt", "adjustments": as_fields(terms.adjustments)}
    turn.write(fields, [scene_generating(request.scene_id, "image")])
    text = image_prompt(request.text, request.style_prompt, terms.width_to_height)
    return Prompt(text=text, source="template")


def _predict(turn: Turn, prompt: Prompt, terms: PictureTerms, tools: Tools) -> PredictedImage:
    predicted = obtain_prediction(turn, "predict", lambda: _order(prompt, terms, tools), tools)
    return PredictedImage(**asdict(predicted), prompt=prompt.text, prompt_source=prompt.source)


def _order(prompt: Prompt, terms: PictureTerms, tools: Tools) -> PredictionOrder:
    settings = tools.settings
    return PredictionOrder(
        model=terms.model,
        input=terms.model_input(prompt.text),
        cost_usd=terms.cost_usd,
        cancel_after_seconds=settings.image_cancel_after_seconds,
        inline_wait_seconds=settings.image_inline_wait_seconds,
    )


def _store(turn: Turn, request: ImageRequest, predicted: Predicted, desk: Desk, tools: Tools) -> StoredImage:
    """Copy the provider's file, which it deletes after an hour, as it was delivered, or with the product in it."""
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "picture"
        tools.downloads.fetch(
            predicted.url,
            picture,
            max_bytes=tools.settings.max_image_bytes,
            kind="image",
            should_stop=turn.check,
        )
        background_removed = False
        if request.use_product_composite:
            picture, background_removed = _with_product(turn, request, picture, desk, tools)
        picture = upright_file(picture, Path(folder) / "upright")
        image = inspect_image(picture)
        thumbnail = Path(folder) / "thumbnail.webp"
        thumbnail_type = write_thumbnail(picture, thumbnail).media_type
        placeholder = placeholder_of(thumbnail.read_bytes())
        extension = image.media_type.removeprefix("image/").replace("jpeg", "jpg")
        stored = tools.storage.upload_file(
            scene_image_key(request.user_id, request.scene_id, turn.ref.job_id, extension),
            picture,
            image.media_type,
        )
        stored_thumbnail = tools.storage.upload_file(
            scene_image_thumbnail_key(request.user_id, request.scene_id, turn.ref.job_id),
            thumbnail,
            thumbnail_type,
        )
    return StoredImage(
        image_url=stored.url,
        image_key=stored.key,
        thumbnail_url=stored_thumbnail.url,
        thumbnail_key=stored_thumbnail.key,
        width=image.width,
        height=image.height,
        size_bytes=stored.size_bytes,
        composited=request.use_product_composite,
        media_type=image.media_type,
        placeholder=placeholder,
        background_removed=background_removed,
    )


def _with_product(turn: Turn, request: ImageRequest, picture: Path, desk: Desk, tools: Tools) -> tuple[Path, bool]:
    """The picture with the product in it, and whether the product was cut out of a plain background."""
    product = desk.scenes.product(request.user_id, request.product_id or "")
    source, target = picture.with_name("product"), picture.with_name("composite.png")
    tools.downloads.fetch(
        str(product.get("image_url") or ""),
        source,
        max_bytes=tools.settings.max_image_bytes,
        kind="image",
        should_stop=turn.check,
    )
    composite = composite_product(picture, source, target, _placement(request))
    return target, composite.background_removed


def _placement(request: ImageRequest) -> ProductPlacement:
    return ProductPlacement(
        scale=request.composite_scale,
        horizontal=request.composite_x,
        vertical=request.composite_y,
        shadow=request.composite_shadow,
        match=request.composite_match,
    )
