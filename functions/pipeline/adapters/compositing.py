"""Puts a product into a scene, standing on its own soft shadow in the scene's light (Pillow).

scene ───────────────────────────────────────────┬──────────────┐
product ── cut out ── scale ── scene's light ────┴─> shadow ── product ── scene's format

One at a time, and each bounded: the product's photo is decoded at about PHOTO_PIXELS, a scene that is larger than any
model makes at about SCENE_PIXELS, and the scene itself is what the product is drawn on.
"""

import threading
from collections.abc import Callable
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
SCENE_PIXELS = 4096 * 4096
"""Eight times what a model makes. A scene with more becomes smaller, by a half or a third."""
PHOTO_PIXELS = 12_500_000
"""What a phone's camera makes; of one with more, a half or a third of its width and height is read."""
_LARGEST_EDGE_PIXELS = 2400
"""A product is cut out at no more than this; beyond, memory would grow and nobody would see it."""
_SHARPNESS = 1.5
"""A product is cut out this much larger than it is shown."""
ONE_AT_A_TIME = threading.Lock()
"""For all jobs of an instance: a composite takes up to 300 MB, and keeps its CPU busy."""
_LOOK_SECONDS = 1.0


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


def composite_product(
    scene: Path,
    product: Path,
    target: Path,
    options: ProductPlacement | None = None,
    *,
    should_stop: Callable[[], None] = lambda: None,
) -> Composite:
    """Write the scene with the product in it to `target`: PNG for a PNG scene, else JPEG, in the scene's
    size, if that is not above SCENE_PIXELS.

    The product keeps its proportions and transparency, and is moved inside where it would leave the scene. Waits until
    no other composite is being made here; `should_stop` is called meanwhile, and may raise to end it.
    Raises SourceTooLarge, UnsupportedMedia, OutOfSpace.
    """
    while not ONE_AT_A_TIME.acquire(timeout=_LOOK_SECONDS):
        should_stop()
    try:
        return _composited(scene, product, target, options or ProductPlacement())
    finally:
        ONE_AT_A_TIME.release()


def _composited(scene: Path, product: Path, target: Path, placement: ProductPlacement) -> Composite:
    canvas = load_upright(scene, enough_pixels=SCENE_PIXELS)
    cut = _cut_out(product, canvas.size, placement.scale)
    shown = _fitted(cut.image, canvas.size, placement.scale)
    left, top = _position(shown.size, canvas.size, placement)
    if placement.match and canvas.mode == "RGB":
        # A transparent scene has no light yet.
        shown = in_light(shown, scene_light(canvas, (left, top, left + shown.width, top + shown.height)))
    if placement.shadow:
        draw_shadow(canvas, shown.getchannel("A"), left, top)
    if canvas.mode == "RGB":
        canvas.paste(shown, (left, top), shown)
    else:
        canvas.alpha_composite(shown, (left, top))
    return Composite(_write(canvas, target), cut.background_removed)


def _cut_out(product: Path, scene_size: tuple[int, int], scale: float) -> CutOut:
    """The product in about the size that is needed. The photo, which may be large, is let go of here."""
    shown_pixels = scale * max(scene_size)
    photo = load_upright(product, enough_pixels=PHOTO_PIXELS)
    return cut_out(photo, min(_LARGEST_EDGE_PIXELS, max(64, round(_SHARPNESS * shown_pixels))))


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


def _write(canvas: Image.Image, target: Path) -> ImageInfo:
    profile = canvas.info.get("icc_profile")
    with full_disk_is_out_of_space():
        if canvas.format == "PNG":
            canvas.save(target, "PNG", icc_profile=profile)
            return image_info(canvas, "PNG")
        flattened(canvas).save(target, "JPEG", quality=_JPEG_QUALITY, icc_profile=profile)
        return image_info(canvas, "JPEG")
