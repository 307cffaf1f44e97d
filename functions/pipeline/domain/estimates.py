"""What a job will cost if all goes well, and what it will be given in place of what it asks for, before it begins.

The prices are in `domain.models`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.domain.model_inputs import Adjustment, ClipTerms, clip_terms, picture_terms, scene_adjustments
from pipeline.domain.models import blend_model, image_model, video_model
from pipeline.domain.requests import ClipWish, ImageRequest, JobRequest, MultiVideoRequest, VideoRequest


@dataclass(frozen=True)
class Models:
    """The names of the models that a deployment uses. `blend`: None, where products are put into scenes without one."""

    image: str
    video: str
    blend: str | None
    default_resolution: str  # of clips whose client does not care


def estimate_usd(request: JobRequest, models: Models) -> float:
    """US dollars. Compositions cost the provider nothing. Raises ConfigurationError for a model that is not known."""
    match request:
        case ImageRequest():
            return _picture_usd(request, models)
        case VideoRequest():
            return _total_usd(_terms([request.wish], models))
        case MultiVideoRequest():
            return _total_usd(_terms(request.wishes, models))
    return 0.0


def expected_adjustments(request: JobRequest, models: Models) -> Sequence[Adjustment]:
    """What the models do not offer as it is asked for. Raises ConfigurationError for a model that is not known."""
    match request:
        case ImageRequest():
            return picture_terms(image_model(models.image), request.aspect_ratio).adjustments
        case VideoRequest():
            return _terms([request.wish], models)[0].adjustments
        case MultiVideoRequest():
            return scene_adjustments(_terms(request.wishes, models))
    return ()


def _picture_usd(request: ImageRequest, models: Models) -> float:
    picture_usd = picture_terms(image_model(models.image), request.aspect_ratio).cost_usd
    if models.blend is None or not request.use_product_composite:
        return picture_usd
    return round(picture_usd + blend_model(models.blend).usd_per_image, 6)


def _terms(wishes: Iterable[ClipWish], models: Models) -> Sequence[ClipTerms]:
    model = video_model(models.video)
    return [clip_terms(model, wish, models.default_resolution) for wish in wishes]


def _total_usd(terms: Iterable[ClipTerms]) -> float:
    return round(sum(clip.cost_usd for clip in terms), 6)
