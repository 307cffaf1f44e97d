"""The provider's models as a table: what each takes, and what it costs. Which one is used is a setting.

`domain.model_inputs` turns what a client asks for into what a model takes.

Sources (2026-11): the models' own pages, https://replicate.com/{name}/api, for inputs and list prices. Two hold good
for all of a family: Flux takes an `aspect_ratio` from a list, and SeeDance makes 2 to 12 whole seconds in three
resolutions, in the shape of the picture that it starts from. What flux-1.1-pro is asked for is `custom`, with edges of
256 to 1440 pixels in multiples of 32: so it makes larger pictures than with a ratio of its list, at the same price.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.domain.errors import ConfigurationError

SEEDANCE_SECONDS = range(2, 13)


@dataclass(frozen=True)
class EdgeRange:
    """The edges of the pictures that a model makes, in pixels: multiples of `step`, which divides both limits."""

    smallest: int
    largest: int
    step: int


@dataclass(frozen=True)
class ImageModel:
    """A text-to-image model. `usd_per_image` is the list price."""

    name: str
    usd_per_image: float
    shapes: tuple[str, ...] | EdgeRange  # the aspect ratios that it offers, or the edges
    always: Mapping[str, Any] = field(default_factory=dict)  # inputs that are the same for every picture


@dataclass(frozen=True)
class VideoModel:
    """An image-to-video model. Prices in US dollars per second of output, by the resolutions that it offers."""

    name: str
    usd_per_second: Mapping[str, float]
    seconds: range = SEEDANCE_SECONDS

    def cost_usd(self, duration_seconds: int, resolution: str) -> float:
        return round(self.usd_per_second[resolution] * duration_seconds, 6)


@dataclass(frozen=True)
class BlendModel:
    """A model that puts a product into a scene. `picture_inputs` are the inputs that take pictures.

    With one, it is given a composite that is made already, and makes it look natural; with two, scene and product.
    """

    name: str
    usd_per_image: float
    picture_inputs: tuple[str, ...]
    shapes: tuple[str, ...] = ()  # the aspect ratios to choose from; none: it is told to keep that of its one picture
    always: Mapping[str, Any] = field(default_factory=dict)


_FLUX_RATIOS = ("1:1", "16:9", "21:9", "3:2", "2:3", "4:5", "5:4", "3:4", "4:3", "9:16", "9:21")
_ONE_PNG = {"num_outputs": 1, "output_format": "png"}
_EDITED_RATIOS = (*_FLUX_RATIOS, "2:1", "1:2")
_EDITED_PNG = {"aspect_ratio": "match_input_image", "output_format": "png"}

IMAGE_MODELS = {
    model.name: model
    for model in (
        ImageModel("black-forest-labs/flux-schnell", 0.003, _FLUX_RATIOS, _ONE_PNG),
        ImageModel("black-forest-labs/flux-dev", 0.025, _FLUX_RATIOS, _ONE_PNG),
        ImageModel("black-forest-labs/flux-1.1-pro", 0.04, EdgeRange(256, 1440, 32), {"output_format": "png"}),
    )
}
BLEND_MODELS = {
    model.name: model
    for model in (
        BlendModel("black-forest-labs/flux-kontext-pro", 0.04, ("input_image",), always=_EDITED_PNG),
        BlendModel("black-forest-labs/flux-kontext-max", 0.08, ("input_image",), always=_EDITED_PNG),
        BlendModel(
            "flux-kontext-apps/multi-image-kontext-pro",
            0.04,  # no list price was found: that of the model it is built on
            ("input_image_1", "input_image_2"),
            _EDITED_RATIOS,  # which of two pictures would be matched is not documented
            {"output_format": "png"},
        ),
    )
}
VIDEO_MODELS = {
    model.name: model
    for model in (
        VideoModel("bytedance/seedance-1-lite", {"480p": 0.018, "720p": 0.036, "1080p": 0.072}),
        VideoModel("bytedance/seedance-1-pro", {"480p": 0.03, "720p": 0.06, "1080p": 0.15}),
        VideoModel("bytedance/seedance-1-pro-fast", {"480p": 0.015, "720p": 0.025, "1080p": 0.06}),
    )
}


def image_model(name: str) -> ImageModel:
    """The model a setting names. Raises ConfigurationError when it is unknown."""
    if name not in IMAGE_MODELS:
        raise ConfigurationError(f"IMAGE_MODEL is '{name}'; known are {', '.join(IMAGE_MODELS)}.")
    return IMAGE_MODELS[name]


def blend_model(name: str) -> BlendModel:
    """The model a setting names. Raises ConfigurationError when it is unknown."""
    if name not in BLEND_MODELS:
        raise ConfigurationError(f"KONTEXT_MODEL is '{name}'; known are {', '.join(BLEND_MODELS)}.")
    return BLEND_MODELS[name]


def video_model(name: str) -> VideoModel:
    """The model a setting names. Raises ConfigurationError when it is unknown."""
    if name not in VIDEO_MODELS:
        raise ConfigurationError(f"VIDEO_MODEL is '{name}'; known are {', '.join(VIDEO_MODELS)}.")
    return VIDEO_MODELS[name]
