"""The models that the stub knows, and what they refuse."""

from collections.abc import Mapping
from typing import Any

FLUX = ("flux-schnell", "flux-dev", "flux-1.1-pro", "flux-kontext-pro", "flux-kontext-max")
SEEDANCE = ("seedance-1-lite", "seedance-1-pro", "seedance-1-pro-fast")
MODELS = {
    **{f"black-forest-labs/{name}": "flux" for name in FLUX},
    "flux-kontext-apps/multi-image-kontext-pro": "flux",
    **{f"bytedance/{name}": "seedance" for name in SEEDANCE},
}


def invalid_fields(model: str, fields: Mapping[str, Any]) -> list[str]:
    """Sentences about what the model would not take; empty when all is well."""
    problems = []
    if not isinstance(fields.get("prompt"), str) or not fields["prompt"]:
        problems.append("prompt: is required")
    if not isinstance(fields.get("seed", 0), int):
        problems.append("seed: must be an integer")
    if MODELS[model] == "seedance":
        duration = fields.get("duration", 5)
        if not isinstance(fields.get("image"), str):
            problems.append("image: is required")
        if not isinstance(duration, int) or not 2 <= duration <= 12:
            problems.append("duration: must be an integer from 2 to 12")
        if fields.get("resolution", "720p") not in ("480p", "720p", "1080p"):
            problems.append('resolution: must be one of "480p", "720p", "1080p"')
    if fields.get("output_format", "webp") not in ("webp", "jpg", "png"):
        problems.append('output_format: must be one of "webp", "jpg", "png"')
    return problems
