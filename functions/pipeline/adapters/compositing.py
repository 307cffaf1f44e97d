"""Puts a product into a scene, standing on its own soft shadow in the scene's light (Pillow).

scene ───────────────────────────────────────────┬──────────────┐
product ── cut out ── scale ── scene's light ────┴─> shadow ── product ── scene's format
"""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from pipeline.adapters.contact_shadows import draw_shadow
from pipeline.adapters.cutouts import CutOut, cut_out
from pipeline.adapters.images import ImageInfo, flattened, image_info, load_upright
from pipeline.adapters.light_matching import in_light, scene_light
from pipeline.adapters.local_disk import full_disk_is_out_of_space
from pipeline.domain.errors import InvalidRequest

_JPEG_QUALITY = 92
_LARGEST_EDGE_PIXELS = 3000
"""A product is cut out at no more than this; beyond, memory would grow and nobody would see it."""
_SHARPNESS = 1.5
"""A product is cut out this much larger than it is shown."""


@dataclass(frozen=True)
class ProductPlacement:
    """Where a product stands in a scene, and how. Raises InvalidRequest for values out of range."""

    scale: float = 0.4
    """The product fits in this fraction of the scene's width and of its height; above 0, at most 1."""
    horizontal: float = 0.5
    """The product's middle, as a fraction of the scene's width from the left."""
    vertical: float = 0.85
    """The ground the product stands on, as a fraction of the scene's height from the top."""
    shadow: bool = True
    match: bool = True
    """Bring the product's light and colours nearer to the scene's."""

    def __post_init__(self) -> None:
        if not 0 < self.scale <= 1:
            raise InvalidRequest("scale must be above 0 and at most 1.")
        for field, value in (("horizontal", self.horizontal), ("vertical", self.vertical)):
            if not 0 <= value <= 1:
                raise InvalidRequest(f"{field} must be between 0 and 1.")


@dataclass(frozen=True)
class Composite:
    """A picture with a product in it."""

    image: ImageInfo
    background_removed: bool
    """The product was cut out of a plain background."""


def composite_product(scene: Path, product: Path, target: Path, options: ProductPlacement | None = None) -> Composite:
    """Write the scene with the product in it to `target`: PNG for a PNG scene, else JPEG, in the scene's
    size.

    The product keeps its proportions and transparency, and is moved inside where it would leave the scene.
    Raises SourceTooLarge, UnsupportedMedia, OutOfSpace.
    """
    placement = options or ProductPlacement()
    scene_image = load_upright(scene)
    cut = _cut_out(product, scene_image.size, placement.scale)
    shown = _fitted(cut.image, scene_image.size, placement.scale)
    left, top = _position(shown.size, scene_image.size, placement)
    if placement.match and scene_image.mode == "RGB":
        # A transparent scene has no light yet.
        shown = in_light(shown, scene_light(scene_image, (left, top, left + shown.width, top + shown.height)))
    canvas = scene_image.convert("RGBA")
    if placement.shadow:
        draw_shadow(canvas, shown.getchannel("A"), left, top)
    canvas.alpha_composite(shown, (left, top))
    return Composite(_write(canvas, target, scene_image), cut.background_removed)


def _cut_out(product: Path, scene_size: tuple[int, int], scale: float) -> CutOut:
    """The product in about the size that is needed. The photo, which may be large, is let go of here."""
    shown_pixels = scale * max(scene_size)
    return cut_out(load_upright(product), min(_LARGEST_EDGE_PIXELS, max(64, round(_SHARPNESS * shown_pixels))))


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
