"""What a job will cost if all goes well, before it begins. The prices are in `domain.models`."""

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.domain.model_inputs import clip_terms, picture_terms
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
            return _clips_usd([request.wish], models)
        case MultiVideoRequest():
            return _clips_usd(request.wishes, models)
    return 0.0


def _picture_usd(request: ImageRequest, models: Models) -> float:
    picture_usd = picture_terms(image_model(models.image), request.aspect_ratio).cost_usd
    if models.blend is None or not request.use_product_composite:
        return picture_usd
    return round(picture_usd + blend_model(models.blend).usd_per_image, 6)


def _clips_usd(wishes: Iterable[ClipWish], models: Models) -> float:
    model = video_model(models.video)
    return round(sum(clip_terms(model, wish, models.default_resolution).cost_usd for wish in wishes), 6)
