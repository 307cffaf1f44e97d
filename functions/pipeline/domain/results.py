"""The fields in which each kind of job hands over what it made."""

from collections.abc import Mapping
from typing import Any

from pipeline.domain.jobs import Job, JobKind

_FILE = ("file_size_bytes", "width", "height", "thumbnail_url", "thumbnail_key", "placeholder")
_MODEL = ("model", "seed", "adjustments", "reused_from")
_PROMPT = ("prompt", "prompt_sha256", "prompt_source")
_VIDEO = ("video_url", "video_key", "video_id", "duration")

RESULT_FIELDS: Mapping[JobKind, tuple[str, ...]] = {
    JobKind.IMAGE: (
        "image_url",
        "image_key",
        "media_type",
        "composite_method",
        "composite_model",
        "composite_cutout",
        *_PROMPT,
        *_FILE,
        *_MODEL,
    ),
    JobKind.VIDEO: ("clip_id", *_VIDEO, *_PROMPT, *_FILE, *_MODEL),
    JobKind.MULTI_VIDEO: ("clips", "scene_errors", "adjustments"),
    JobKind.COMPOSITION: ("poster_url", "poster_key", "warnings", *_VIDEO, *_FILE),
}


def results_of(job: Job) -> dict[str, Any]:
    """What the job has handed over so far."""
    return {name: job.fields[name] for name in RESULT_FIELDS[job.ref.kind] if name in job.fields}
