"""A few letters on a document that show roughly what a picture looks like, until it is loaded: its BlurHash.

A BlurHash is a very small cosine transform in linear light, as text; there are decoders for every kind of frontend.
Source: https://github.com/woltapp/blurhash/blob/master/Algorithm.md
"""

import io
from collections.abc import Sequence

import blurhash
from PIL import Image, ImageFilter

from pipeline.adapters.images import flattened

_GRID_PIXELS = 24
"""A picture is reduced to so many columns and rows, whatever its shape: a BlurHash knows no proportions."""
_SOFTENED = ImageFilter.GaussianBlur(1.5)
"""Detail that so few waves cannot draw would come out as blotches of colours that the picture has not."""
_LONG_EDGE, _SHORT_EDGE = 5, 4
"""Components along the edges of a picture."""
_CHANNELS = range(3)


def placeholder_of(picture: bytes) -> str:
    """The BlurHash, 44 characters, of a small picture that we have written ourselves; transparency counts as white."""
    with Image.open(io.BytesIO(picture)) as image:
        components = (_LONG_EDGE, _SHORT_EDGE) if image.width > image.height else (_SHORT_EDGE, _LONG_EDGE)
        grid = flattened(image).resize((_GRID_PIXELS, _GRID_PIXELS), Image.Resampling.BOX)
    grid = grid.filter(_SOFTENED)
    return _encoded([blurhash.srgb_to_linear(value) for value in grid.tobytes()], *components)


def _encoded(values: Sequence[float], columns: int, rows: int) -> str:
    """The BlurHash of the grid's linear red, green, blue, red, ...

    The waves are encoded of what differs from the mean, and the mean apart. The format samples a wave at the left edge
    of each pixel, so that over a plain colour it does not quite add up to nothing, and a plain picture would get a
    corner that is brighter than the rest.
    """
    mean = [sum(values[channel::3]) / len(values[channel::3]) for channel in _CHANNELS]
    pixels = [[values[at + channel] - mean[channel] for channel in _CHANNELS] for at in range(0, len(values), 3)]
    lines = [pixels[at : at + _GRID_PIXELS] for at in range(0, len(pixels), _GRID_PIXELS)]
    waves: str = blurhash.encode(lines, columns, rows, linear=True)
    level: str = blurhash.encode([[mean]], 1, 1, linear=True)
    return waves[:2] + level[2:6] + waves[6:]
