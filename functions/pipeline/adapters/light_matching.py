"""Brings the light and colours of a product nearer to those of the scene it stands in (Pillow).

A product is photographed in a studio, the scene is at dusk. What is estimated of the scene, and how far a product
goes towards it:

    exposure   how bright the place is where the product stands; never beyond it
    colour     the tint of the scene's light, from its bright parts and the place; grass must not make a shoe green
    contrast   how far the whole scene's dark and bright parts are apart

All three are folded into one table for each channel, and no value of a channel moves further than LARGEST_SHIFT.
"""

from dataclasses import dataclass

from PIL import Image, ImageStat

LARGEST_SHIFT = 50
"""Of 255: a fifth. More would falsify what is for sale."""

_EXPOSURE_STRENGTH, _EXPOSURE_RANGE = 0.35, (0.76, 1.12)
_COLOUR_STRENGTH, _COLOUR_RANGE = 0.5, (0.88, 1.12)
_CONTRAST_STRENGTH, _CONTRAST_RANGE = 0.25, (0.86, 1.08)
_STUDIO_LUMA = 150.0
"""The middle brightness of a well exposed picture."""
_STUDIO_SPREAD = 58.0
"""The standard deviation of the brightness of such a picture."""
_LOOK_EDGE = 256
"""Statistics need no more pixels."""
_BRIGHT_SHARE = 0.15
_LUMA = (0.299, 0.587, 0.114)

Rgb = tuple[float, float, float]


@dataclass(frozen=True)
class SceneLight:
    """What a scene's pixels say of its light."""

    luma: float
    """Mean brightness around the place, 0 to 255."""
    tint: Rgb
    """The light's colour: gains of red, green and blue around 1."""
    spread: float
    """Standard deviation of the whole scene's brightness."""


def scene_light(scene: Image.Image, place: tuple[int, int, int, int]) -> SceneLight:
    """The light in a scene in mode RGB or RGBA, around a place: left, top, right, bottom in pixels."""
    around = _small(scene, _widened(place, scene.size))
    whole = _small(scene, (0, 0, *scene.size))
    luma = whole.convert("L")
    bright = _tint(ImageStat.Stat(whole, _brightest(luma)).mean)
    near = _tint(ImageStat.Stat(around).mean)
    red, green, blue = ((near_gain + 2 * gain) / 3 for near_gain, gain in zip(near, bright, strict=True))
    near_luma = ImageStat.Stat(around.convert("L")).mean[0]
    return SceneLight(luma=near_luma, tint=(red, green, blue), spread=ImageStat.Stat(luma).stddev[0])


def in_light(product: Image.Image, light: SceneLight) -> Image.Image:
    """The product, in mode RGBA, as that light would show it. Its transparency stays as it is."""
    small = product.copy()
    small.thumbnail((_LOOK_EDGE, _LOOK_EDGE), Image.Resampling.BOX)
    visible = small.getchannel("A").point([255 if alpha >= 128 else 0 for alpha in range(256)])
    if visible.getbbox() is None:
        return product
    own_luma = ImageStat.Stat(small.convert("L"), visible).mean[0]
    exposure = _exposure(own_luma, light.luma)
    contrast = _within((max(light.spread, 1.0) / _STUDIO_SPREAD) ** _CONTRAST_STRENGTH, _CONTRAST_RANGE)
    table: list[int] = []
    for gain in light.tint:
        colour = _within(gain**_COLOUR_STRENGTH, _COLOUR_RANGE)
        table += [_shifted(value, own_luma, exposure * colour, contrast) for value in range(256)]
    return product.point([*table, *range(256)])


def _shifted(value: int, middle: float, gain: float, contrast: float) -> int:
    wanted = (middle + (value - middle) * contrast) * gain
    return round(max(0, value - LARGEST_SHIFT, min(255, value + LARGEST_SHIFT, wanted)))


def _exposure(own_luma: float, scene_luma: float) -> float:
    """The gain of the product's brightness: towards the scene's, and never past it."""
    gain = _within((max(scene_luma, 1.0) / _STUDIO_LUMA) ** _EXPOSURE_STRENGTH, _EXPOSURE_RANGE)
    reached = scene_luma / max(own_luma, 1.0)
    return max(gain, min(1.0, reached)) if gain < 1 else min(gain, max(1.0, reached))


def _tint(mean: list[float]) -> Rgb:
    luma = max(1.0, sum(weight * value for weight, value in zip(_LUMA, mean, strict=True)))
    red, green, blue = (max(value, 1.0) / luma for value in mean)
    return red, green, blue


def _brightest(luma: Image.Image) -> Image.Image:
    """A mask of the brightest part, where the light's colour shows best."""
    wanted, threshold = luma.width * luma.height * _BRIGHT_SHARE, 255
    for value, count in reversed(list(enumerate(luma.histogram()))):
        wanted -= count
        threshold = value
        if wanted <= 0:
            break
    return luma.point([255 if value >= threshold else 0 for value in range(256)])


def _small(picture: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """What of a picture is in the box. Not cropped first: that would copy a part of a scene that may be large."""
    size = (min(_LOOK_EDGE, box[2] - box[0]), min(_LOOK_EDGE, box[3] - box[1]))
    return picture.resize(size, Image.Resampling.BOX, box, reducing_gap=2.0).convert("RGB")


def _widened(place: tuple[int, int, int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The place and half as much around it, inside the scene."""
    left, top, right, bottom = place
    more_x, more_y = (right - left) // 2, (bottom - top) // 2
    return (
        max(0, left - more_x),
        max(0, top - more_y),
        max(1, min(size[0], right + more_x)),
        max(1, min(size[1], bottom + more_y)),
    )


def _within(value: float, limits: tuple[float, float]) -> float:
    return max(limits[0], min(value, limits[1]))
