"""What a job asks for when it is first claimed: what it will cost, and under which request id."""

from pipeline.config import Settings
from pipeline.domain.errors import ConfigurationError, InvalidRequest
from pipeline.domain.estimates import Models, estimate_usd
from pipeline.domain.jobs import Job
from pipeline.domain.quotas import Application, microusd
from pipeline.domain.requests import REQUEST_MODELS, fingerprint, parse_request, request_key


def application_of(job: Job, settings: Settings) -> Application | None:
    """None for a job that will fail before it costs anything, and for one that is canceled already."""
    if job.cancel_requested:
        return None
    try:
        request = parse_request(REQUEST_MODELS[job.ref.kind], job.fields)
        estimate = estimate_usd(request, models_of(settings))
    except (InvalidRequest, ConfigurationError):
        return None
    if job.dry_run:
        return Application(request.user_id, microusd(estimate), dry_run=True)
    key = request_key(job.ref.kind, request.user_id, request.request_id) if request.request_id else None
    return Application(request.user_id, microusd(estimate), key, fingerprint(request))


def models_of(settings: Settings) -> Models:
    """Those that a job uses if all goes well."""
    blend = settings.kontext_model if settings.composite_method == "kontext" else None
    return Models(settings.image_model, settings.video_model, blend, settings.video_resolution)
