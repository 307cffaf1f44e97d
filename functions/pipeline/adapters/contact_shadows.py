"""The soft shadow under a product, where it keeps light from the ground (Pillow)."""

from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFilter

_BLACK = {"RGB": (0, 0, 0), "RGBA": (0, 0, 0, 255)}
_FOOT_FRACTION = 0.06
"""The part of the product's height, from below, that touches the ground."""
_VISIBLE = 48
"""The alpha from which on a pixel can stand on something; a shadow that came with the product cannot."""


@dataclass(frozen=True)
class _Layer:
    """One soft ellipse of the shadow; sizes in widths of the product's foot."""

    width: float
    height: float
    blur: float
    opacity: int


# The wide one is the light that the product keeps away, the narrow one the line where it touches the ground.
_SHADOW_LAYERS = (
    _Layer(width=1.25, height=0.22, blur=0.07, opacity=90),
    _Layer(width=1.0, height=0.07, blur=0.02, opacity=130),
)


def draw_shadow(canvas: Image.Image, alpha: Image.Image, left: int, top: int) -> None:
    """Darken the ground of a canvas under a product's foot, which may be narrower than the rest (a glass, a lamp).

    The canvas is in mode RGB or RGBA; `alpha` is the product's, in mode L; left and top are its place, in pixels.
    """
    foot_top = min(int(alpha.height * (1 - _FOOT_FRACTION)), alpha.height - 1)
    solid = alpha.point([255 if value >= _VISIBLE else 0 for value in range(256)])
    foot = solid.crop((0, foot_top, alpha.width, alpha.height)).getbbox()
    foot_left, foot_right = (foot[0], foot[2]) if foot else (0, alpha.width)
    middle_x = left + (foot_left + foot_right) / 2
    ground_y = top + alpha.height
    for layer in _SHADOW_LAYERS:
        _draw_ellipse(canvas, (middle_x, ground_y), foot_right - foot_left, layer)


def _draw_ellipse(canvas: Image.Image, middle: tuple[float, float], foot_width: int, layer: _Layer) -> None:
    """Blend one blurred black ellipse into the canvas, with a mask no larger than the ellipse and its blur."""
    half_width, half_height = foot_width * layer.width / 2, foot_width * layer.height / 2
    blur = max(1.0, foot_width * layer.blur)
    margin = 3 * blur
    left, top = round(middle[0] - half_width - margin), round(middle[1] - half_height - margin)
    mask = Image.new("L", (round(2 * (half_width + margin)), round(2 * (half_height + margin))))
    ellipse = (margin, margin, margin + 2 * half_width, margin + 2 * half_height)
    ImageDraw.Draw(mask).ellipse(ellipse, fill=layer.opacity)
    # Pasting clips at the canvas' edges; the mask's box may lie partly outside.
    box = (left, top, left + mask.width, top + mask.height)
    canvas.paste(_BLACK[canvas.mode], box, mask.filter(ImageFilter.GaussianBlur(blur)))
