"""A job that is only checked and estimated: what its like would be refused for, what it would cost, and get.

    the request's fields ──> the job it is a retry of ──> the documents it names ──> the URLs it names
                                                                                          │
    estimated_cost_usd, adjustments, would_exceed  <── prices and limits of today  <──────┘

Nothing is spent, fetched, reserved, marked, or written but the job document itself. What is refused ends in the error
that the job itself would end in; only what a limit would refuse is told as a result, because it passes.
"""

from collections.abc import Iterator, Mapping

from pipeline.adapters import logger
from pipeline.domain.errors import PartialFailure, UnsafeUrl
from pipeline.domain.estimates import estimate_usd, expected_adjustments
from pipeline.domain.model_inputs import as_fields
from pipeline.domain.outcomes import Completed
from pipeline.domain.quotas import microusd
from pipeline.domain.requests import (
    REQUEST_MODELS,
    CompositionRequest,
    ImageRequest,
    JobRequest,
    MultiVideoRequest,
    VideoRequest,
    parse_request,
)
from pipeline.handlers.admission import models_of
from pipeline.handlers.earlier_jobs import retried_job
from pipeline.handlers.named_documents import NamedDocuments, read_named_documents
from pipeline.handlers.tools import Desk, Tools
from pipeline.handlers.turns import Turn


def run_dry(turn: Turn, desk: Desk, tools: Tools) -> Completed:
    """What the job would be told before it began. Raises what it would be refused for."""
    request = parse_request(REQUEST_MODELS[turn.ref.kind], turn.fields)
    if request.retry_of is not None:
        retried_job(turn.ref.kind, turn.user_id, request.retry_of, desk)
    _check_urls(request, read_named_documents(request, desk), tools)
    models = models_of(tools.settings)
    cost_usd = estimate_usd(request, models)
    refusal = desk.jobs.refusal(turn.user_id, microusd(cost_usd), desk.clock())
    logger.info(f"[{turn.ref.kind.label}] Dry run of job {turn.ref.job_id} done")
    return Completed(
        results={
            "estimated_cost_usd": cost_usd,
            "adjustments": as_fields(expected_adjustments(request, models)),
            "would_exceed": refusal.as_fields() if refusal is not None else None,
        }
    )


def _check_urls(request: JobRequest, named: NamedDocuments, tools: Tools) -> None:
    """Raises UnsafeUrl, or PartialFailure when that is so for some scenes of many, whose others could be made."""
    sources = dict(_sources(request, named))
    refused = _refused(sources, tools)
    if not refused:
        return
    reasons = "; ".join(f"{label}: {error}" for label, error in list(refused.items())[:5])
    if isinstance(request, MultiVideoRequest) and len(refused) < len(sources):
        raise PartialFailure(f"{len(refused)} of {len(sources)} scenes would fail; {reasons}")
    raise UnsafeUrl(reasons)


def _refused(sources: Mapping[str, str], tools: Tools) -> Mapping[str, UnsafeUrl]:
    refused = {}
    for label, url in sources.items():
        try:
            tools.downloads.check_url(url)
        except UnsafeUrl as error:
            refused[label] = error
    return refused


def _sources(request: JobRequest, named: NamedDocuments) -> Iterator[tuple[str, str]]:
    """What the job would fetch: how its owner knows it, and its URL."""
    match request:
        case ImageRequest():
            if request.use_product_composite:
                yield "The product's picture", str(named.product.get("image_url") or "")
        case VideoRequest():
            yield "The picture (image_url)", request.image_url
        case MultiVideoRequest():
            for scene in request.scenes:
                yield f"scene {scene.scene_number}", scene.seed_image_url
        case CompositionRequest():
            for place, clip in enumerate(request.clips, start=1):
                yield f"Clip {place} (scene {clip.scene_number})", clip.video_url
            if request.audio_url is not None:
                yield "The audio track (audio_url)", request.audio_url
