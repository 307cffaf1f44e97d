"""The models that the stub knows, and what they refuse.

Written down from the models' pages (https://replicate.com/{name}/api) and not from our own table of them, so that an
input which ours builds wrongly is refused as Replicate would refuse it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

FLUX = ("flux-schnell", "flux-dev", "flux-1.1-pro")
KONTEXT = ("flux-kontext-pro", "flux-kontext-max")
SEEDANCE = ("seedance-1-lite", "seedance-1-pro", "seedance-1-pro-fast")
MODELS = {
    **{f"black-forest-labs/{name}": "flux" for name in FLUX},
    **{f"black-forest-labs/{name}": "kontext" for name in KONTEXT},
    "flux-kontext-apps/multi-image-kontext-pro": "kontext",
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
PICTURES = {
    "black-forest-labs/flux-kontext-pro": ("input_image",),
    "black-forest-labs/flux-kontext-max": ("input_image",),
    "flux-kontext-apps/multi-image-kontext-pro": ("input_image_1", "input_image_2"),
}
"""The inputs of Kontext models that take pictures. That of the first two is optional at Replicate, which then makes a
picture of words alone; nobody means that here."""
_OF_ONE_PICTURE = ("prompt_upsampling",)
EDGES = range(256, 1441, 32)
"""Of a `custom` picture, in pixels. Replicate itself rounds what is no multiple of 32; a size that it would change is
refused here, because nobody meant it."""


def invalid_fields(model: str, fields: Mapping[str, Any]) -> list[str]:
    """Sentences about what the model would not take; empty when all is well."""
    match MODELS[model]:
        case "seedance":
            problems = _of_seedance(fields)
        case "kontext":
            problems = _of_kontext(model, fields)
        case _:
            problems = _of_flux(fields)
    return [*_of_every_model(model, fields), *problems]


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


def _of_kontext(model: str, fields: Mapping[str, Any]) -> Iterator[str]:
    pictures = PICTURES[model]
    for name in pictures:
        if not isinstance(fields.get(name), str):
            yield f"{name}: is required"
        elif not fields[name].startswith(("https://", "http://", "data:")):
            yield f"{name}: does not match format 'uri'"
    optional = {"prompt", "aspect_ratio", "seed", "output_format", "safety_tolerance"}
    known = {*pictures, *optional, *(_OF_ONE_PICTURE if len(pictures) == 1 else ())}
    for name in sorted(set(fields) - known):
        yield f"{name}: Additional property is not allowed"
    if fields.get("output_format", "png") not in ("jpg", "png"):
        yield 'output_format: must be one of "jpg", "png"'
    tolerance = fields.get("safety_tolerance", 2)
    if not _is_whole(tolerance) or not 0 <= tolerance <= 2:
        yield "safety_tolerance: must be an integer from 0 to 2 when input images are used"
    if not isinstance(fields.get("prompt_upsampling", False), bool):
        yield "prompt_upsampling: must be a boolean"


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
