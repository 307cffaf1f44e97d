"""The models that the stub knows, and what they refuse.

Written down from the models' pages (https://replicate.com/{name}/api) and not from our own table of them, so that an
input which ours builds wrongly is refused as Replicate would refuse it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

FLUX = ("flux-schnell", "flux-dev", "flux-1.1-pro", "flux-kontext-pro", "flux-kontext-max")
SEEDANCE = ("seedance-1-lite", "seedance-1-pro", "seedance-1-pro-fast")
MODELS = {
    **{f"black-forest-labs/{name}": "flux" for name in FLUX},
    "flux-kontext-apps/multi-image-kontext-pro": "flux",
    **{f"bytedance/{name}": "seedance" for name in SEEDANCE},
}
_BASE_RATIOS = {"1:1", "16:9", "9:16", "3:2", "2:3", "4:3", "3:4", "5:4", "4:5"}
_OPEN_RATIOS = _BASE_RATIOS | {"21:9", "9:21"}
_EDIT_RATIOS = _OPEN_RATIOS | {"2:1", "1:2", "match_input_image"}
_VIDEO_RATIOS = {"16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "9:21"}
RATIOS = {
    "black-forest-labs/flux-schnell": _OPEN_RATIOS,
    "black-forest-labs/flux-dev": _OPEN_RATIOS,
    "black-forest-labs/flux-1.1-pro": _BASE_RATIOS | {"custom"},
    "black-forest-labs/flux-kontext-pro": _EDIT_RATIOS,
    "black-forest-labs/flux-kontext-max": _EDIT_RATIOS,
    "flux-kontext-apps/multi-image-kontext-pro": _EDIT_RATIOS,
    **{f"bytedance/{name}": _VIDEO_RATIOS for name in SEEDANCE},
}
EDGES = range(256, 1441, 32)
"""Of a `custom` picture, in pixels. Replicate itself rounds what is no multiple of 32; a size that it would change is
refused here, because nobody meant it."""


def invalid_fields(model: str, fields: Mapping[str, Any]) -> list[str]:
    """Sentences about what the model would not take; empty when all is well."""
    return [*_of_every_model(model, fields), *(_of_seedance if MODELS[model] == "seedance" else _of_flux)(fields)]


def _of_every_model(model: str, fields: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(fields.get("prompt"), str) or not fields["prompt"]:
        yield "prompt: is required"
    if not _is_whole(fields.get("seed", 0)):
        yield "seed: must be an integer"
    if fields.get("aspect_ratio", "1:1") not in RATIOS[model]:
        yield f"aspect_ratio: must be one of {', '.join(sorted(RATIOS[model]))}"


def _of_flux(fields: Mapping[str, Any]) -> Iterator[str]:
    if fields.get("aspect_ratio") == "custom":
        for name in ("width", "height"):
            if not _is_whole(fields.get(name)) or fields[name] not in EDGES:
                yield f"{name}: must be a multiple of 32 from 256 to 1440"
    if not _is_whole(fields.get("num_outputs", 1)) or not 1 <= fields.get("num_outputs", 1) <= 4:
        yield "num_outputs: must be an integer from 1 to 4"
    if fields.get("output_format", "webp") not in ("webp", "jpg", "png"):
        yield 'output_format: must be one of "webp", "jpg", "png"'


def _of_seedance(fields: Mapping[str, Any]) -> Iterator[str]:
    duration = fields.get("duration", 5)
    if not isinstance(fields.get("image"), str):
        yield "image: is required"
    if not _is_whole(duration) or not 2 <= duration <= 12:
        yield "duration: must be an integer from 2 to 12"
    if fields.get("resolution", "720p") not in ("480p", "720p", "1080p"):
        yield 'resolution: must be one of "480p", "720p", "1080p"'
    if not isinstance(fields.get("camera_fixed", False), bool):
        yield "camera_fixed: must be a boolean"


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
