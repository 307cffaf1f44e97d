"""One picture for one scene: prompt, predict, (composite,) store."""

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pipeline.adapters import logger
from pipeline.adapters.compositing import composite_product
from pipeline.adapters.images import inspect_image, upright_file, write_thumbnail
from pipeline.adapters.placeholders import placeholder_of
from pipeline.config import Settings
from pipeline.domain.content_keys import content_key
from pipeline.domain.model_inputs import PictureTerms, picture_terms
from pipeline.domain.models import image_model
from pipeline.domain.object_keys import scene_image_key, scene_image_thumbnail_key
from pipeline.domain.outcomes import Completed
from pipeline.domain.predictions import PredictionOrder
from pipeline.domain.prompts import prompt_sha256
from pipeline.domain.requests import ImageRequest, parse_request
from pipeline.domain.scene_words import SceneWords
from pipeline.handlers.blending import Blended, blend
from pipeline.handlers.model_fallback import Candidate, obtain_from_either
from pipeline.handlers.moderation import moderate
from pipeline.handlers.named_documents import read_named_documents
from pipeline.handlers.picture_files import fetch_picture
from pipeline.handlers.predictions import Predicted
from pipeline.handlers.product_pictures import CheckedProduct, check_product, fetch_product, placement_of
from pipeline.handlers.recall import AlreadyMade, copied, recall, recalled, remember
from pipeline.handlers.scene_words import Writer
from pipeline.handlers.tools import Desk, Tools
from pipeline.handlers.turns import Turn
from pipeline.repositories.scenes import scene_generating, scene_ready


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
    composite_model: str | None = None  # None: the composite, if there is one, is Pillow's


def generate_image(turn: Turn, desk: Desk, tools: Tools) -> Completed:
    """Bring an image job as far as it can go now."""
    request = parse_request(ImageRequest, turn.fields)
    terms = picture_terms(image_model(tools.settings.image_model), request.aspect_ratio)
    words = turn.run_step("prompt", SceneWords, lambda: _prepare(turn, request, terms, desk, tools))
    product = None
    if request.use_product_composite:
        product = turn.run_step("product", CheckedProduct, lambda: check_product(turn, request, desk, tools))
    turn.report("predict", 10)
    predicted = turn.run_step("predict", Predicted, lambda: _predict(turn, request, words, terms, product, tools))
    stored = turn.finished("store", StoredImage)
    if stored is None:
        blended = _blend(turn, request, predicted, product, desk, tools)
        turn.report("composite" if product else "store", 70)
        stored = turn.run_step(
            "store", StoredImage, lambda: _store(turn, request, predicted, blended, product, desk, tools)
        )
    logger.info(f"[Image Generation] Successfully generated image for scene {request.scene_id}")
    sent = predicted.prompt or words.for_picture(terms.width_to_height)
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
            "prompt_source": predicted.prompt_source or words.source,
            "model": predicted.model,
            "seed": predicted.seed,
            "reused_from": predicted.reused_from or None,
            "composite_method": ("kontext" if stored.composite_model else "pil") if stored.composited else None,
            "composite_model": stored.composite_model,
            "composite_cutout": stored.background_removed if stored.composited else None,
        },
        updates=[scene_ready(request.scene_id, "image", stored.image_url)],
    )


def _prepare(turn: Turn, request: ImageRequest, terms: PictureTerms, desk: Desk, tools: Tools) -> SceneWords:
    """Check what the job names and says, before any money is spent; show on the scene that it is being worked on."""
    named = read_named_documents(request, desk)
    turn.adjust(terms.adjustments)
    turn.write({"stage": "prompt"}, [scene_generating(request.scene_id, "image")])
    story = [str(named.storyboard.get(name) or "")[:1000] for name in ("title", "style")]
    turn.adjust(moderate([request.text, request.style_prompt, *story], None, tools))
    writer = Writer(desk, tools)
    writer.tell_story(request.user_id, request.storyboard_id, named.storyboard)
    worded = writer.words(request.text, request.style_prompt, request.scene_id, named.scenes[request.scene_id])
    turn.adjust(worded.adjustments)
    turn.write({}, worded.kept)
    return worded.words


def _predict(
    turn: Turn,
    request: ImageRequest,
    words: SceneWords,
    terms: PictureTerms,
    product: CheckedProduct | None,
    tools: Tools,
) -> Predicted:
    fallback = tools.settings.image_model_fallback
    other = picture_terms(image_model(fallback), request.aspect_ratio) if fallback not in ("", terms.model) else None

    def order(by: PictureTerms) -> PredictionOrder:
        return _order(turn, request, words, by, product, tools)

    try:
        predicted = obtain_from_either(
            turn,
            "predict",
            Candidate(terms.model, terms.adjustments, lambda: order(terms)),
            Candidate(other.model, other.adjustments, lambda: order(other)) if other else None,
            tools,
        )
    except AlreadyMade as made:
        return made.as_prediction(words.source, request.seed)
    return replace(predicted, prompt_source=words.source)


def _order(
    turn: Turn,
    request: ImageRequest,
    words: SceneWords,
    terms: PictureTerms,
    product: CheckedProduct | None,
    tools: Tools,
) -> PredictionOrder:
    """The order for a picture. Raises AlreadyMade where there is one of exactly these inputs."""
    settings = tools.settings
    prompt = words.for_picture(terms.width_to_height)
    if words.source != "template":  # what the user wrote was moderated before it went to the writer
        turn.adjust(moderate([prompt], None, tools))
    model_input = terms.model_input(prompt)
    composite = _composite_content(request, product, settings) if product else None
    key = content_key("image", terms.model, model_input, seed=request.seed, composite=composite)
    recall(turn, key, StoredImage, "image_key", tools)
    return PredictionOrder(
        model=terms.model,
        input=model_input,
        cost_usd=terms.cost_usd,
        cancel_after_seconds=settings.image_cancel_after_seconds,
        inline_wait_seconds=settings.image_inline_wait_seconds,
        seed=request.seed,
        content_key=key,
    )


def _composite_content(request: ImageRequest, product: CheckedProduct, settings: Settings) -> Mapping[str, object]:
    """What a composite depends on. Kontext is told the product's name."""
    kontext = [settings.kontext_model, product.name] if settings.composite_method == "kontext" else None
    return {"product": product.sha256, "placement": asdict(placement_of(request)), "kontext": kontext}


def _blend(
    turn: Turn, request: ImageRequest, predicted: Predicted, product: CheckedProduct | None, desk: Desk, tools: Tools
) -> Blended:
    """Kontext's picture, where one is wanted and can be had."""
    if product is None or tools.settings.composite_method != "kontext" or predicted.reused_from:
        return Blended()
    turn.report("composite", 60)
    ratio = picture_terms(image_model(predicted.model), request.aspect_ratio).width_to_height
    return turn.run_step("composite", Blended, lambda: blend(turn, request, predicted, ratio, product, desk, tools))


def _store(
    turn: Turn,
    request: ImageRequest,
    predicted: Predicted,
    blended: Blended,
    product: CheckedProduct | None,
    desk: Desk,
    tools: Tools,
) -> StoredImage:
    """Copy the provider's file, which it deletes after an hour, as it was delivered, or with the product in it."""
    if predicted.reused_from:
        return _store_again(turn, request, predicted, tools)
    with tempfile.TemporaryDirectory() as folder:
        picture = fetch_picture(turn, blended.url or predicted.url, Path(folder) / "picture", tools)
        background_removed = False
        if product and not blended.url:
            photo, composite = picture.with_name("product"), picture.with_name("composite.png")
            fetch_product(turn, request, product, photo, desk, tools)
            made = composite_product(picture, photo, composite, placement_of(request), should_stop=turn.check)
            picture, background_removed = composite, made.background_removed
        picture = upright_file(picture, Path(folder) / "upright")
        image = inspect_image(picture)
        thumbnail = Path(folder) / "thumbnail.webp"
        thumbnail_type = write_thumbnail(picture, thumbnail).media_type
        placeholder = placeholder_of(thumbnail.read_bytes())
        stored = tools.storage.upload_file(_image_key(turn, request, image.media_type), picture, image.media_type)
        stored_thumbnail = tools.storage.upload_file(
            scene_image_thumbnail_key(request.user_id, request.scene_id, turn.ref.job_id),
            thumbnail,
            thumbnail_type,
        )
    image_stored = StoredImage(
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
        composite_model=blended.model or None,
    )
    if not blended.fell_back:  # the next job shall try Kontext again
        remember(turn, predicted, image_stored, "image_key", image_stored.size_bytes, tools)
    return image_stored


def _store_again(turn: Turn, request: ImageRequest, predicted: Predicted, tools: Tools) -> StoredImage:
    """What an earlier job has stored, as this job's own file."""
    earlier = recalled(StoredImage, predicted)
    image_key = _image_key(turn, request, earlier.media_type or "image/png")
    image = copied(earlier.image_key, image_key, tools, earlier.size_bytes)
    key = scene_image_thumbnail_key(request.user_id, request.scene_id, turn.ref.job_id)
    thumbnail = copied(earlier.thumbnail_key, key, tools)
    return replace(
        earlier,
        image_url=image.url,
        image_key=image.key,
        thumbnail_url=thumbnail.url,
        thumbnail_key=thumbnail.key,
    )


def _image_key(turn: Turn, request: ImageRequest, media_type: str) -> str:
    extension = media_type.removeprefix("image/").replace("jpeg", "jpg")
    return scene_image_key(request.user_id, request.scene_id, turn.ref.job_id, extension)
