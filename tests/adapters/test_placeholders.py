import io

import blurhash
import pytest
from PIL import Image, ImageDraw

from pipeline.adapters.placeholders import placeholder_of

RED, BLUE, TEAL = (200, 30, 30), (20, 40, 180), (0, 120, 130)


def written(image: Image.Image, image_format: str = "WEBP") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, quality=95)
    return buffer.getvalue()


def shown(text: str, width: int = 20, height: int = 20) -> Image.Image:
    """What a frontend draws."""
    rows = blurhash.decode(text, width, height)
    image = Image.new("RGB", (width, height))
    image.putdata([tuple(pixel) for row in rows for pixel in row])
    return image


def halves(first: tuple[int, int, int], second: tuple[int, int, int], size: tuple[int, int]) -> Image.Image:
    """The first colour on the left, the second on the right."""
    image = Image.new("RGB", size, first)
    image.paste(second, (size[0] // 2, 0, *size))
    return image


@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (128, 128, 128), RED, BLUE, TEAL])
@pytest.mark.parametrize("size", [(1, 1), (270, 480), (480, 1), (1, 480)])
def test_a_plain_picture_is_plain_to_its_corners(color: tuple[int, int, int], size: tuple[int, int]) -> None:
    image = shown(placeholder_of(written(Image.new("RGB", size, color), "PNG")))
    for low, high in image.getextrema():
        assert high - low <= 6
    assert image.getpixel((10, 10)) == pytest.approx(color, abs=5)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_colours_are_where_they_are_in_the_picture(image_format: str) -> None:
    image = shown(placeholder_of(written(halves(RED, BLUE, (270, 480)), image_format)))
    assert image.getpixel((3, 10)) == pytest.approx(RED, abs=40)
    assert image.getpixel((16, 10)) == pytest.approx(BLUE, abs=40)
    turned = halves(RED, BLUE, (270, 480)).transpose(Image.Transpose.ROTATE_270)
    image = shown(placeholder_of(written(turned, image_format)))
    assert image.getpixel((10, 3)) == pytest.approx(RED, abs=40)
    assert image.getpixel((10, 16)) == pytest.approx(BLUE, abs=40)


def test_a_landscape_has_its_sky_sun_and_ground() -> None:
    picture = Image.new("RGB", (270, 480), (90, 150, 220))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 300, 270, 480), fill=(30, 60, 30))
    draw.ellipse((150, 60, 250, 160), fill=(255, 240, 180))
    image = shown(placeholder_of(written(picture)), 27, 48)
    sky, sun, ground = (image.getpixel(at) for at in ((4, 10), (20, 11), (13, 42)))
    assert sky[2] > sky[0] + 60
    assert sum(sun) > sum(sky) + 60
    assert sum(ground) < 250


def test_a_longer_edge_has_more_components() -> None:
    for size, components in (((270, 480), (4, 5)), ((480, 270), (5, 4)), ((400, 400), (4, 5)), ((480, 1), (5, 4))):
        text = placeholder_of(written(Image.new("RGB", size, RED)))
        assert (blurhash.components(text), len(text)) == (components, 44)


def test_transparency_is_white() -> None:
    image = Image.new("RGBA", (100, 100), (255, 0, 0, 0))
    assert shown(placeholder_of(written(image))).getpixel((10, 10)) == pytest.approx((255, 255, 255), abs=3)


def test_the_same_picture_has_the_same_placeholder() -> None:
    content = written(halves(RED, TEAL, (200, 100)))
    assert placeholder_of(content) == placeholder_of(content)
    assert placeholder_of(content) != placeholder_of(written(halves(TEAL, RED, (200, 100))))
