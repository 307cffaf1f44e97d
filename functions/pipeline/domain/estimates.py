"""What a job will cost if all goes well, before it begins. The prices are in `domain.models`."""

from collections.abc import Iterable

from pipeline.domain.models import image_model, video_model
from pipeline.domain.requests import ImageRequest, JobRequest, MultiVideoRequest, VideoRequest


def estimate_usd(request: JobRequest, image_model_name: str, video_model_name: str, resolution: str) -> float:
    """US dollars. Compositions cost the provider nothing. Raises ConfigurationError for a model that is not known."""
    match request:
        case ImageRequest():
            return image_model(image_model_name).usd_per_image
        case VideoRequest():
            return _clips_usd([request.duration], video_model_name, resolution)
        case MultiVideoRequest():
            return _clips_usd([scene.duration for scene in request.scenes], video_model_name, resolution)
    return 0.0


def _clips_usd(durations: Iterable[float], model_name: str, resolution: str) -> float:
    model = video_model(model_name)
    return round(sum(model.cost_usd(model.duration_seconds(wanted), resolution) for wanted in durations), 6)
