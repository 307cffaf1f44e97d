"""Cuts the product out of its photo: transparency that it brings is kept, a plain background is removed (Pillow).

photo ── small look: where is it? ── closer look: mask ── matte at the wanted size ── RGBA, trimmed
    │                  └ nothing plain, or doubtful ──┐
    └ has transparency ── as it is                    └── the whole photo as a card with rounded corners

The matte weighs each pixel of the product's edge between the colours inside and the background (as a keyer does), and
then replaces what of the background is in its colour: so no white line is left around a dark product.
"""

from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageMath

from pipeline.adapters.plain_backgrounds import (
    WHOLE,
    Box,
    PlainBackground,
    background_mask,
    distance,
    plain_background,
    shows_a_faint_product,
    widened,
)
from pipeline.domain.errors import UnsupportedMedia

_OPAQUE = 250
"""An alpha from here on is as good as opaque."""
_FIRST_LOOK_EDGE, _CLOSE_LOOK_EDGE = 400, 800
_MARGIN = 0.03
"""Room around the product for the closer look, as a share of the photo's edges."""
_SMALLEST_SHARE, _LARGEST_SHARE = 0.005, 0.98
"""Of the photo: a product that covers less or more was not told from its background."""
_SMALLEST_FILL = 0.06
"""Of its own box: what covers less is a rest of something eaten away."""
_LEAST_SHARP_RIM = 0.55
"""The share of the product's rim that must differ clearly from the background."""
_FOOT = 0.1
"""The part of the product's height, from below, where its shadow would be."""
_CLEAR_DIFFERENCE = 24
"""Between the colour inside and the background; below it, pixels of the edge cannot be weighed by colour."""
_CARD_CORNER = 0.025
"""The radius of a card's corners, of its shorter side."""


@dataclass(frozen=True)
class CutOut:
    """A product to be put into a scene."""

    image: Image.Image
    """In mode RGBA, without empty margins."""
    background_removed: bool


def cut_out(photo: Image.Image, longest_edge_pixels: int) -> CutOut:
    """The product in a photo (RGB or RGBA), no larger than wanted.

    Raises UnsupportedMedia if it is fully transparent.
    """
    if photo.mode == "RGBA" and any(photo.getchannel("A").histogram()[:_OPAQUE]):
        return CutOut(_reduced(photo, longest_edge_pixels, _visible_box(photo)), background_removed=False)
    small = _reduced(photo, _FIRST_LOOK_EDGE).convert("RGB")
    background = plain_background(small)
    if background is not None:
        part = _part_with_product(small, background, photo.size)
        if part is not None:
            closer = _closer(photo, part, max(longest_edge_pixels, _CLOSE_LOOK_EDGE))
            mask = _product_mask(closer, photo, part, background)
            if mask is not None:
                product = _matted(closer, mask, background, part)
                return CutOut(_reduced(product, longest_edge_pixels, _visible_box(product)), background_removed=True)
    return CutOut(_card(_reduced(photo, longest_edge_pixels)), background_removed=False)


def _visible_box(product: Image.Image) -> tuple[int, int, int, int]:
    """Where the product is. Empty margins around it would make it float above its place."""
    visible = product.getchannel("A").getbbox()
    if visible is None:
        raise UnsupportedMedia("The picture of the product is fully transparent.")
    return visible


def _reduced(
    picture: Image.Image, longest_edge_pixels: int, box: tuple[int, int, int, int] | None = None
) -> Image.Image:
    """The picture, or what of it is in the box, made as small as wanted; nothing is enlarged."""
    left, top, right, bottom = box or (0, 0, *picture.size)
    width, height = right - left, bottom - top
    ratio = longest_edge_pixels / max(width, height)
    if ratio >= 1:
        return picture.crop(box) if box else picture
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    return picture.resize(size, Image.Resampling.LANCZOS, (left, top, right, bottom), reducing_gap=2.0)


def _part_with_product(small: Image.Image, background: PlainBackground, full: tuple[int, int]) -> Box | None:
    """Where in the photo the product is, with a margin; none if in doubt."""
    block_pixels = _block_pixels(small.size, full)
    product = ImageChops.invert(background_mask(small, background, WHOLE, block_pixels))
    box = product.getbbox()
    if box is None or shows_a_faint_product(small, background, WHOLE, product, block_pixels):
        return None
    width, height = small.size
    return (
        max(0.0, box[0] / width - _MARGIN),
        max(0.0, box[1] / height - _MARGIN),
        min(1.0, box[2] / width + _MARGIN),
        min(1.0, box[3] / height + _MARGIN),
    )


def _closer(photo: Image.Image, part: Box, longest_edge_pixels: int) -> Image.Image:
    left, top, right, bottom = part
    width, height = photo.size
    box = (round(left * width), round(top * height), round(right * width), round(bottom * height))
    return _reduced(photo, longest_edge_pixels, box).convert("RGB")


def _product_mask(
    closer: Image.Image, photo: Image.Image, part: Box, background: PlainBackground
) -> Image.Image | None:
    """White where the product is, in a size for looking; none if in doubt."""
    look = _reduced(closer, _CLOSE_LOOK_EDGE)
    full = (round(photo.width * (part[2] - part[0])), round(photo.height * (part[3] - part[1])))
    block_pixels = _block_pixels(look.size, full)
    mask = ImageChops.invert(background_mask(look, background, part, block_pixels))
    box = mask.getbbox()
    if box is None:
        return None
    area = mask.histogram()[255]
    share_of_part = area / (mask.width * mask.height)
    share_of_photo = share_of_part * (part[2] - part[0]) * (part[3] - part[1])
    fill = area / ((box[2] - box[0]) * (box[3] - box[1]))
    if not _SMALLEST_SHARE <= share_of_photo <= _LARGEST_SHARE or fill < _SMALLEST_FILL:
        return None
    doubtful = shows_a_faint_product(look, background, part, mask, block_pixels) or not _rim_is_sharp(
        look, mask, background, part
    )
    return None if doubtful else mask


def _rim_is_sharp(look: Image.Image, mask: Image.Image, background: PlainBackground, part: Box) -> bool:
    """A mask that runs through a white product, instead of around it, has a rim that is nearly background; so has, at
    its foot, one that still holds the photo's own shadow."""
    rim = ImageChops.subtract(mask, mask.filter(ImageFilter.MinFilter(7)))
    away = distance(look, background.picture(look.size, part))
    left, top, right, bottom = mask.getbbox() or (0, 0, *mask.size)
    foot = (left, bottom - max(1, round(_FOOT * (bottom - top))), right, bottom)
    whole, low = away.histogram(rim), away.crop(foot).histogram(rim.crop(foot))
    first = 2 * background.tolerance + 6
    return all(sum(counts[first:]) >= _LEAST_SHARP_RIM * sum(counts) for counts in (whole, low))


def _block_pixels(size: tuple[int, int], full: tuple[int, int]) -> int:
    """How many pixels of a reduced picture a JPEG block of the full one takes."""
    return max(1, round(8 * max(size) / max(full)))


def _matted(photo: Image.Image, mask: Image.Image, background: PlainBackground, part: Box) -> Image.Image:
    """The photo with a soft edge along the mask, and no background in the edge's colours."""
    coarseness = max(1.0, photo.width / mask.width)
    soft = mask.resize(photo.size, Image.Resampling.BICUBIC)
    rough = soft.point([0] * 128 + [255] * 128)
    inwards, outwards = round(coarseness) + 2, round(coarseness)
    inside = ImageChops.invert(widened(ImageChops.invert(rough), inwards))
    reach = widened(rough, outwards)
    colours = _continued(photo, inside, inwards + outwards)
    plain = background.picture(photo.size, part)
    alpha = _weighed(distance(photo, plain), distance(colours, plain), soft)
    alpha = ImageChops.darker(ImageChops.lighter(alpha, inside), reach)
    own = ImageChops.lighter(inside, alpha.point([max(0, min(255, (value - 205) * 6)) for value in range(256)]))
    product = Image.composite(photo, colours, own)
    product.putalpha(alpha.point([0 if value < 6 else value for value in range(256)]))
    return product


def _continued(photo: Image.Image, inside: Image.Image, pixels: int) -> Image.Image:
    """The photo with the colours from inside the product carried outwards over its edge."""
    known, colours = inside, photo
    for _ in range(4):
        layer = colours.copy()
        layer.putalpha(known)
        # Blurred with its transparency multiplied in, so that only known colours count.
        spread = layer.convert("RGBa").filter(ImageFilter.BoxBlur(max(1, pixels // 2))).convert("RGBA")
        found = spread.getchannel("A").point([255 if weight >= 24 else 0 for weight in range(256)])
        colours = Image.composite(colours, spread.convert("RGB"), ImageChops.lighter(known, ImageChops.invert(found)))
        known = ImageChops.lighter(known, found)
    return colours


def _weighed(away: Image.Image, inside_away: Image.Image, soft: Image.Image) -> Image.Image:
    """How much of each pixel is product: its distance from the background against that of the colour inside. Where
    the two are nearly the same, the mask's own soft edge."""
    weighed = ImageMath.lambda_eval(
        lambda args: args["convert"](args["min"](args["away"] * 255 / args["max"](args["inside_away"], 1), 255), "L"),
        away=away.convert("I"),
        inside_away=inside_away.convert("I"),
    )
    clear = inside_away.point([255 if value >= _CLEAR_DIFFERENCE else 0 for value in range(256)])
    return Image.composite(weighed, soft, clear)


def _card(photo: Image.Image) -> Image.Image:
    """The whole photo with rounded corners: what cannot be cut out looks like a card, and not like a mistake."""
    card = photo.convert("RGBA")
    radius = min(card.size) * _CARD_CORNER
    if radius < 1:
        return card
    large = Image.new("L", (card.width * 2, card.height * 2))
    ImageDraw.Draw(large).rounded_rectangle((0, 0, large.width - 1, large.height - 1), 2 * radius, fill=255)
    card.putalpha(large.resize(card.size, Image.Resampling.BOX))
    return card
