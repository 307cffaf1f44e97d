"""What Kontext makes of pictures: the very ones that it is given, so that a person sees what went through it.

    one picture     a composite       ──> warmer, darker towards its corners, softer in its lights
    two pictures    scene, product    ──> the product stands in the scene, on a shadow; then the same

Shares no code with the compositing that it may replace: a mistake there is not repeated here.
"""

import io
from collections.abc import Sequence

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from localdev.stub_replicate.pictures import SIZES

LARGEST_PIXELS, LARGEST_BYTES = 20_000_000, 20_000_000
"""Of an input. Source: https://docs.bfl.ai/kontext/kontext_image_editing"""
FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
WARMTH = (1.06, 1.01, 0.93)
"""Gains of red, green and blue."""
CORNER_LIGHT = 0.72
"""What is left of the light in the corners."""
PRODUCT_SHARE, GROUND = 0.42, 0.88
"""The product's part of the scene, and where it stands, from the top."""
LOOK_EDGE = 300
PLAIN = 40
"""How far the colours of a plain background may be apart."""


def blended(pictures: Sequence[bytes], aspect_ratio: str) -> Image.Image:
    """The picture that one or two inputs become; `match_input_image` keeps the size of the first.

    Raises ValueError for an input that is too large, OSError for one that is no picture.
    """
    scene, *products = [_opened(content) for content in pictures]
    picture = _flat(scene)
    if aspect_ratio in SIZES:
        picture = ImageOps.fit(picture, SIZES[aspect_ratio], Image.Resampling.LANCZOS)
    for product in products:
        _put_in(picture, product)
    return _developed(picture)


def _opened(content: bytes) -> Image.Image:
    if len(content) > LARGEST_BYTES:
        raise ValueError("more than 20 MB")
    image = Image.open(io.BytesIO(content), formats=FORMATS)
    if image.width * image.height > LARGEST_PIXELS:
        raise ValueError("more than 20 megapixels")
    return ImageOps.exif_transpose(image)


def _flat(image: Image.Image) -> Image.Image:
    canvas = Image.new("RGBA", image.size, "white")
    canvas.alpha_composite(image.convert("RGBA"))
    return canvas.convert("RGB")


def _developed(picture: Image.Image) -> Image.Image:
    """Warmer, with its lights glowing a little, and darker towards the corners."""
    glow = ImageChops.screen(picture, picture.filter(ImageFilter.GaussianBlur(max(picture.size) / 60)))
    warm = Image.blend(picture, glow, 0.15).point(
        [min(255, round(value * gain)) for gain in WARMTH for value in range(256)]
    )
    # radial_gradient is 0 in the middle, 128 times the square root of 2 in the corners
    shade = [
        255 if away < 90 else round(255 * (1 - (1 - CORNER_LIGHT) * ((away - 90) / 91) ** 1.5)) for away in range(182)
    ]
    vignette = Image.radial_gradient("L").point([*shade, *[shade[-1]] * 74]).resize(picture.size)
    return ImageChops.multiply(warm, Image.merge("RGB", (vignette, vignette, vignette)))


def _put_in(scene: Image.Image, product: Image.Image) -> None:
    cut = _cut_out(product)
    cut.thumbnail((round(scene.width * PRODUCT_SHARE), round(scene.height * PRODUCT_SHARE)), Image.Resampling.LANCZOS)
    left, top = (scene.width - cut.width) // 2, round(scene.height * GROUND) - cut.height
    shadow = Image.new("L", scene.size)
    flat = max(3, cut.width // 14)
    foot = (left + cut.width * 0.04, top + cut.height - flat, left + cut.width * 0.96, top + cut.height + flat)
    ImageDraw.Draw(shadow).ellipse(foot, fill=150)
    scene.paste((12, 12, 16), mask=shadow.filter(ImageFilter.GaussianBlur(flat * 0.7)))
    scene.paste(cut.convert("RGB"), (left, top), cut.getchannel("A"))


def _cut_out(product: Image.Image) -> Image.Image:
    """As it is where it brings transparency; else without the plain colour that its four corners share; else whole."""
    image = product.convert("RGBA")
    image.thumbnail((1600, 1600))
    if image.getchannel("A").getextrema()[0] > 250:
        image.putalpha(_mask(image.convert("RGB")))
    return image.crop(image.getchannel("A").getbbox())


def _mask(photo: Image.Image) -> Image.Image:
    small = photo.copy()
    small.thumbnail((LOOK_EDGE, LOOK_EDGE))
    small = ImageOps.expand(small, 1, small.getpixel((0, 0)))  # a way around the product
    marked = small.copy()
    right, bottom = small.width - 2, small.height - 2
    corners = [small.getpixel(at) for at in ((1, 1), (right, 1), (1, bottom), (right, bottom))]
    if any(max(channel) - min(channel) > PLAIN for channel in zip(*corners, strict=True)):
        return Image.new("L", photo.size, 255)
    ImageDraw.floodfill(marked, (0, 0), (255, 0, 255), thresh=PLAIN)
    filled = ImageChops.difference(marked, Image.new("RGB", small.size, (255, 0, 255))).convert("L")
    found = filled.point([0, *[255] * 255]).crop((1, 1, small.width - 1, small.height - 1))
    if found.getbbox() is None:
        return Image.new("L", photo.size, 255)
    return found.resize(photo.size, Image.Resampling.BICUBIC).filter(ImageFilter.MinFilter(3))
