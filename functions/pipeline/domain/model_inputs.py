"""From what a client asks for to what a model takes, the same for the estimate, the order and what the job says.

    asked            offered             used     on the job
    "1080:1920"      ... 9:16 ...        9:16     nothing: it is the same
    "2.39:1"         ... 16:9, 21:9 ...  21:9     an adjustment: field, asked, used, reason
    7.6 seconds      2 to 12             8        an adjustment

Whatever is not offered becomes the nearest that is. What is no ratio or no resolution at all has been refused before:
`domain.requests`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from pipeline.domain.models import BlendModel, EdgeRange, ImageModel, VideoModel
from pipeline.domain.requests import ClipWish

DEFAULT_ASPECT_RATIO = "9:16"

Offered = TypeVar("Offered")


@dataclass(frozen=True)
class Adjustment:
    """What was asked for, by the client or by a setting, and could not be had, and what is used in its place."""

    field: str  # of the job, or what a setting is about (`model`); `scenes.0.duration` inside a list
    asked: str | float
    used: str | int
    reason: str


@dataclass(frozen=True)
class PictureTerms:
    """What a picture is ordered with beside its prompt. Cost in US dollars."""

    model: str
    inputs: Mapping[str, Any]
    width_to_height: float
    cost_usd: float
    adjustments: tuple[Adjustment, ...]

    def model_input(self, prompt: str) -> Mapping[str, Any]:
        return {"prompt": prompt, **self.inputs}


@dataclass(frozen=True)
class ClipTerms:
    """What a clip is ordered with beside its prompt and its picture. Cost in US dollars."""

    model: str
    duration_seconds: int
    resolution: str
    camera_fixed: bool
    cost_usd: float
    adjustments: tuple[Adjustment, ...]

    def model_input(self, prompt: str, image_url: str) -> Mapping[str, Any]:
        fixed = {"camera_fixed": True} if self.camera_fixed else {}
        duration = {"duration": self.duration_seconds, "resolution": self.resolution}
        return {"prompt": prompt, "image": image_url, **duration, **fixed}


@dataclass(frozen=True)
class BlendTerms:
    """What a product is put into a scene with, beside the prompt and the pictures. Cost in US dollars."""

    model: str
    picture_inputs: tuple[str, ...]
    inputs: Mapping[str, Any]
    cost_usd: float

    def model_input(self, prompt: str, *picture_urls: str) -> Mapping[str, Any]:
        """As many pictures as the model takes, the scene or the composite first; else ValueError."""
        return {"prompt": prompt, **dict(zip(self.picture_inputs, picture_urls, strict=True)), **self.inputs}


def picture_terms(model: ImageModel, aspect_ratio: str | None) -> PictureTerms:
    """The terms of a picture of that aspect ratio, `W:H`; None is upright."""
    asked = aspect_ratio or DEFAULT_ASPECT_RATIO
    wanted = _ratio(asked)
    if isinstance(model.shapes, EdgeRange):
        width, height = _edges(wanted, model.shapes)
        used, is_near = f"{width}:{height}", _is_rounded_only(wanted, model.shapes)
        shape: Mapping[str, Any] = {"aspect_ratio": "custom", "width": width, "height": height}
        offer = f"edges of {model.shapes.smallest} to {model.shapes.largest} pixels"
    else:
        used = _nearest(wanted, {ratio: _ratio(ratio) for ratio in model.shapes})
        is_near = math.isclose(_ratio(used), wanted)
        shape, offer = {"aspect_ratio": used}, ", ".join(model.shapes)
    noted = () if is_near else (Adjustment("aspect_ratio", asked, used, f"{model.name} offers {offer}."),)
    return PictureTerms(model.name, {**shape, **model.always}, _ratio(used), model.usd_per_image, noted)


def clip_terms(model: VideoModel, wish: ClipWish, default_resolution: str) -> ClipTerms:
    """The terms of a clip. `default_resolution` is for a client that does not care."""
    noted = []
    duration = nearest_seconds(wish.duration, model.seconds)
    if duration != wish.duration:
        offer = f"{model.name} makes whole seconds, from {model.seconds[0]} to {model.seconds[-1]}."
        noted.append(Adjustment("duration", wish.duration, duration, offer))
    asked = wish.resolution or default_resolution
    resolution = _nearest(_lines(asked), {offered: _lines(offered) for offered in model.usd_per_second})
    if resolution != asked:
        offer = f"{model.name} offers {', '.join(model.usd_per_second)}."
        noted.append(Adjustment("resolution", asked, resolution, offer))
    cost_usd = model.cost_usd(duration, resolution)
    return ClipTerms(model.name, duration, resolution, wish.camera_fixed, cost_usd, tuple(noted))


def blend_terms(model: BlendModel, width_to_height: float) -> BlendTerms:
    """The terms of putting a product into a scene of that shape. Nobody asked for it in numbers, so a ratio that is
    not quite the scene's is no adjustment."""
    offered = {ratio: _ratio(ratio) for ratio in model.shapes}
    shape = {"aspect_ratio": _nearest(width_to_height, offered)} if offered else {}
    return BlendTerms(model.name, model.picture_inputs, {**shape, **model.always}, model.usd_per_image)


def nearest_seconds(wanted: float, allowed: Iterable[int]) -> int:
    """The allowed duration nearest to the wanted one; of two as near, the shorter."""
    return min(allowed, key=lambda seconds: (abs(seconds - wanted), seconds))


def scene_adjustments(terms: Sequence[ClipTerms]) -> list[Adjustment]:
    """Those of a job with many scenes, by their place in it. The resolution is the same for all, and noted once."""
    noted = {}
    for number, scene in enumerate(terms):
        for adjustment in scene.adjustments:
            of_job = adjustment.field == "resolution"
            field = adjustment.field if of_job else f"scenes.{number}.{adjustment.field}"
            noted[field] = replace(adjustment, field=field)
    return list(noted.values())


def as_fields(adjustments: Iterable[Adjustment]) -> list[Mapping[str, Any]]:
    """As the job document shows them."""
    return [asdict(adjustment) for adjustment in adjustments]


def noted_adjustments(fields: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Those that a job document shows, by their field; whatever is none is left out."""
    noted = fields.get("adjustments")
    entries = [entry for entry in noted if isinstance(entry, dict)] if isinstance(noted, list) else []
    return {entry["field"]: entry for entry in entries if isinstance(entry.get("field"), str)}


def _ratio(text: str) -> float:
    width, _, height = text.partition(":")
    return float(width) / float(height)


def _lines(resolution: str) -> int:
    return int(resolution.removesuffix("p"))


def _nearest(wanted: float, offered: Mapping[Offered, float]) -> Offered:
    """By factor, not by difference: 1:2 is as far from 1:1 as 2:1 is. Of two as near, the first."""
    return min(offered, key=lambda one: abs(math.log(offered[one] / wanted)))


def _edges(wanted: float, edges: EdgeRange) -> tuple[int, int]:
    """(width, height) nearest to the ratio, as large as it may be."""
    short = max(_rounded_short_edge(wanted, edges), edges.smallest)
    return (short, edges.largest) if wanted < 1 else (edges.largest, short)


def _is_rounded_only(wanted: float, edges: EdgeRange) -> bool:
    return _rounded_short_edge(wanted, edges) >= edges.smallest


def _rounded_short_edge(wanted: float, edges: EdgeRange) -> int:
    return round(edges.largest * min(wanted, 1 / wanted) / edges.step) * edges.step
