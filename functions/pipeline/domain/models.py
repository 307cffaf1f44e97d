"""The provider's models: which inputs they take and what they cost.

Inputs and prices are those of the vendors' pages (2026-11). Which model is used is a setting.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.domain.errors import ConfigurationError

SEEDANCE_SECONDS = range(2, 13)


@dataclass(frozen=True)
class ImageModel:
    """A text-to-image model. `usd_per_image` is the list price."""

    name: str
    usd_per_image: float
    build_input: Callable[[str], Mapping[str, Any]]


@dataclass(frozen=True)
class VideoModel:
    """An image-to-video model. Prices in US dollars per second of output, by resolution."""

    name: str
    usd_per_second: Mapping[str, float]

    def duration_seconds(self, wanted: float) -> int:
        """The allowed duration nearest to the wanted one."""
        return min(SEEDANCE_SECONDS, key=lambda allowed: abs(allowed - wanted))

    def build_input(self, prompt: str, image_url: str, duration_seconds: int, resolution: str) -> Mapping[str, Any]:
        if resolution not in self.usd_per_second:
            raise ConfigurationError(
                f"VIDEO_RESOLUTION is '{resolution}'; {self.name} offers {', '.join(self.usd_per_second)}."
            )
        return {"prompt": prompt, "image": image_url, "duration": duration_seconds, "resolution": resolution}

    def cost_usd(self, duration_seconds: int, resolution: str) -> float:
        return round(self.usd_per_second[resolution] * duration_seconds, 6)


def _schnell_or_dev(prompt: str) -> Mapping[str, Any]:
    return {"prompt": prompt, "aspect_ratio": "9:16", "num_outputs": 1, "output_format": "png"}


def _pro(prompt: str) -> Mapping[str, Any]:
    # 9:16 in the multiples of 32 that the model takes, just under its 1440 limit
    return {
        "prompt": prompt,
        "aspect_ratio": "custom",
        "width": 810 // 32 * 32,
        "height": 1440,
        "output_format": "png",
    }


IMAGE_MODELS = {
    model.name: model
    for model in (
        ImageModel("black-forest-labs/flux-schnell", 0.003, _schnell_or_dev),
        ImageModel("black-forest-labs/flux-dev", 0.025, _schnell_or_dev),
        ImageModel("black-forest-labs/flux-1.1-pro", 0.04, _pro),
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


def video_model(name: str) -> VideoModel:
    """The model a setting names. Raises ConfigurationError when it is unknown."""
    if name not in VIDEO_MODELS:
        raise ConfigurationError(f"VIDEO_MODEL is '{name}'; known are {', '.join(VIDEO_MODELS)}.")
    return VIDEO_MODELS[name]
