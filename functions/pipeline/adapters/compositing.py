"""Puts the cut-out picture of a product into a scene, standing on its own soft shadow (Pillow).

scene ──────────────────────────────────┐
product ── trim empty margins ── scale ─┼─> contact shadow ── product ── scene's format
"""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

from pipeline.adapters.images import ImageInfo, flattened, image_info, load_upright
from pipeline.adapters.local_disk import full_disk_is_out_of_space
from pipeline.domain.errors import InvalidRequest, UnsupportedMedia

_JPEG_QUALITY = 92
_BLACK = (0, 0, 0, 255)
_FOOT_FRACTION = 0.06
"""The part of the product's height, from below, that touches the ground."""


@dataclass(frozen=True)
class ProductPlacement:
    """Where a product stands in a scene. Raises InvalidRequest for values out of range."""

    scale: float = 0.4
    """The product fits in this fraction of the scene's width and of its height; above 0, at most 1."""
    horizontal: float = 0.5
    """The product's middle, as a fraction of the scene's width from the left."""
    vertical: float = 0.85
    """The ground the product stands on, as a fraction of the scene's height from the top."""
    shadow: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.scale <= 1:
            raise InvalidRequest("scale must be above 0 and at most 1.")
        for field, value in (("horizontal", self.horizontal), ("vertical", self.vertical)):
            if not 0 <= value <= 1:
                raise InvalidRequest(f"{field} must be between 0 and 1.")


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


def composite_product(scene: Path, product: Path, target: Path, options: ProductPlacement | None = None) -> ImageInfo:
    """Write the scene with the product in it to `target`: PNG for a PNG scene, else JPEG, in the scene's
    size.

    The product keeps its proportions and transparency, and is moved inside where it would leave the scene.
    Raises SourceTooLarge, UnsupportedMedia, OutOfSpace.
    """
    placement = options or ProductPlacement()
    scene_image = load_upright(scene)
    canvas = scene_image.convert("RGBA")
    cut_out = _fitted(_trimmed(load_upright(product)), canvas.size, placement.scale)
    left, top = _position(cut_out.size, canvas.size, placement)
    if placement.shadow:
        _draw_shadow(canvas, cut_out, left, top)
    canvas.alpha_composite(cut_out, (left, top))
    return _write(canvas, target, scene_image)


def _trimmed(product: Image.Image) -> Image.Image:
    """The product without empty margins, which would make it float above its place."""
    product = product.convert("RGBA")
    visible = product.getchannel("A").getbbox()
    if visible is None:
        raise UnsupportedMedia("The picture of the product is fully transparent.")
    return product.crop(visible)


def _fitted(product: Image.Image, scene_size: tuple[int, int], scale: float) -> Image.Image:
    ratio = min(scene_size[0] * scale / product.width, scene_size[1] * scale / product.height)
    size = (max(1, round(product.width * ratio)), max(1, round(product.height * ratio)))
    return product.resize(size, Image.Resampling.LANCZOS)


def _position(size: tuple[int, int], scene_size: tuple[int, int], placement: ProductPlacement) -> tuple[int, int]:
    left = round(scene_size[0] * placement.horizontal - size[0] / 2)
    top = round(scene_size[1] * placement.vertical) - size[1]
    return _clamped(left, scene_size[0] - size[0]), _clamped(top, scene_size[1] - size[1])


def _clamped(offset: int, largest: int) -> int:
    return max(0, min(offset, largest))


def _draw_shadow(canvas: Image.Image, product: Image.Image, left: int, top: int) -> None:
    """Darken the ground under the product's foot, which may be narrower than the rest (a glass, a lamp)."""
    foot_top = int(product.height * (1 - _FOOT_FRACTION))
    foot = product.getchannel("A").crop((0, foot_top, product.width, product.height)).getbbox()
    foot_left, foot_right = (foot[0], foot[2]) if foot else (0, product.width)
    middle_x = left + (foot_left + foot_right) / 2
    ground_y = top + product.height
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
    canvas.paste(_BLACK, box, mask.filter(ImageFilter.GaussianBlur(blur)))


def _write(canvas: Image.Image, target: Path, scene: Image.Image) -> ImageInfo:
    opaque = scene.mode == "RGB"
    image = canvas.convert("RGB") if opaque else canvas
    profile = scene.info.get("icc_profile")
    with full_disk_is_out_of_space():
        if scene.format == "PNG":
            image.save(target, "PNG", icc_profile=profile)
            return image_info(image, "PNG")
        flattened(image).save(target, "JPEG", quality=_JPEG_QUALITY, icc_profile=profile)
        return image_info(image, "JPEG")
