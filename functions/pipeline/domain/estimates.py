"""What a job will cost if all goes well, before it begins. The prices are in `domain.models`."""

from collections.abc import Iterable

from pipeline.domain.model_inputs import clip_terms, picture_terms
from pipeline.domain.models import image_model, video_model
from pipeline.domain.requests import ClipWish, ImageRequest, JobRequest, MultiVideoRequest, VideoRequest


def estimate_usd(request: JobRequest, image_model_name: str, video_model_name: str, default_resolution: str) -> float:
    """US dollars. Compositions cost the provider nothing. Raises ConfigurationError for a model that is not known."""
    match request:
        case ImageRequest():
            return picture_terms(image_model(image_model_name), request.aspect_ratio).cost_usd
        case VideoRequest():
            return _clips_usd([request.wish], video_model_name, default_resolution)
        case MultiVideoRequest():
            return _clips_usd(request.wishes, video_model_name, default_resolution)
    return 0.0


def _clips_usd(wishes: Iterable[ClipWish], model_name: str, default_resolution: str) -> float:
    model = video_model(model_name)
    return round(sum(clip_terms(model, wish, default_resolution).cost_usd for wish in wishes), 6)
