"""Products cut out of photos: facts about what is kept, what goes, and what the edges look like."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from pipeline.adapters.cutouts import cut_out
from pipeline.domain.errors import UnsupportedMedia

SIZE = (900, 900)
WHITE = (255, 255, 255)
NAVY = (25, 30, 70)
Color = tuple[int, int, int]


def mug_shape(*, with_hole: bool = True) -> Image.Image:
    """A mug with a handle, 630 wide and 600 high, with smooth edges."""
    large = Image.new("L", (SIZE[0] * 3, SIZE[1] * 3))
    draw = ImageDraw.Draw(large)
    draw.ellipse([3 * edge for edge in (480, 250, 780, 650)], fill=255)
    if with_hole:
        draw.ellipse([3 * edge for edge in (560, 330, 700, 570)], fill=0)
    draw.rectangle([3 * edge for edge in (150, 150, 540, 750)], fill=255)
    return large.resize(SIZE, Image.Resampling.BOX)


def photo_of(
    shape: Image.Image,
    colour: Color = NAVY,
    background: Color = WHITE,
    *,
    shadow: bool = False,
    shadow_blur: float = 22,
    noise: float = 1.0,
) -> Image.Image:
    """What a camera makes of it: a little blur, noise, and JPEG's own marks."""
    picture = Image.new("RGB", SIZE, background)
    if shadow:
        mask = Image.new("L", SIZE)
        ImageDraw.Draw(mask).ellipse((110, 720, 580, 790), fill=110)
        picture.paste((0, 0, 0), mask=mask.filter(ImageFilter.GaussianBlur(shadow_blur)))
    picture.paste(colour, mask=shape)
    pixels = np.asarray(picture.filter(ImageFilter.GaussianBlur(0.7))).astype(float)
    pixels += np.random.default_rng(4).normal(0, noise, pixels.shape)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=85)
    return Image.open(buffer).convert("RGB")


def alpha_of(image: Image.Image) -> np.ndarray:
    return np.asarray(image.getchannel("A")).astype(int)


def share_kept(image: Image.Image, shape: Image.Image) -> float:
    """The opaque area, of the shape's."""
    return float(alpha_of(image).sum() / np.asarray(shape).astype(int).sum())


@pytest.mark.parametrize("background", [WHITE, (238, 228, 214), (70, 120, 90), (200, 60, 160)])
@pytest.mark.parametrize("shadow", [False, True])
def test_a_plain_background_is_removed(background: Color, shadow: bool) -> None:
    shape = mug_shape()
    cut = cut_out(photo_of(shape, background=background, shadow=shadow), 900)
    assert cut.background_removed
    assert cut.image.size == pytest.approx((630, 600), abs=12)
    assert share_kept(cut.image, shape) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("colour", [NAVY, (190, 40, 40)])
@pytest.mark.parametrize("blur", [6, 14])
def test_the_shadow_of_a_lamp_that_is_near_is_left_behind(colour: Color, blur: float) -> None:
    shape = mug_shape()
    photo = photo_of(shape, colour, shadow=True, shadow_blur=blur)
    ImageDraw.Draw(photo).rectangle((150, 300, 540, 600), fill=(240, 232, 210))  # a pale label, as wide as the mug
    cut = cut_out(photo, 900)
    assert cut.background_removed
    assert cut.image.size == pytest.approx((630, 600), abs=12)
    assert share_kept(cut.image, shape) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("grey", [150, 215, 232])
@pytest.mark.parametrize("blur", [None, 9])
def test_a_grey_product_is_not_taken_for_its_own_shadow(grey: int, blur: float | None) -> None:
    photo = photo_of(mug_shape(), (grey, grey, grey), shadow=blur is not None, shadow_blur=blur or 0)
    cut = cut_out(photo, 900)
    if cut.background_removed:
        assert share_kept(cut.image, mug_shape()) > 0.95
    else:
        assert cut.image.size == photo.size


def test_the_hole_in_a_handle_shows_the_scene() -> None:
    alpha = alpha_of(cut_out(photo_of(mug_shape()), 900).image)
    assert alpha[240:360, 440:520].max() == 0
    assert alpha[10:590, 10:380].min() == 255


def test_no_white_line_is_left_around_a_dark_product() -> None:
    cut = cut_out(photo_of(mug_shape()), 900).image
    pixels, alpha = np.asarray(cut.convert("RGB")).astype(int), alpha_of(cut)
    edge = (alpha > 20) & (alpha < 235)
    assert edge.sum() > 500  # it is soft
    assert np.percentile(pixels[edge].mean(axis=1), 99) < 100  # of 255; where handle and mug meet, JPEG leaves more
    assert np.abs(pixels[edge].mean(axis=0) - NAVY).max() < 20


def test_a_label_is_no_hole() -> None:
    photo = photo_of(mug_shape(with_hole=False), (160, 30, 40))
    draw = ImageDraw.Draw(photo)
    draw.rectangle((200, 300, 490, 600), fill=(247, 245, 240))
    draw.text((230, 400), "COFFEE", font_size=60, fill=(40, 30, 30))
    cut = cut_out(photo, 900)
    assert cut.background_removed
    assert alpha_of(cut.image)[160:440, 60:330].min() == 255


@pytest.mark.parametrize("colour", [(250, 250, 250), (246, 246, 244), (255, 255, 255)])
def test_a_white_product_on_white_is_not_eaten(colour: Color) -> None:
    photo = photo_of(mug_shape(), colour)
    cut = cut_out(photo, 900)
    if cut.background_removed:
        assert share_kept(cut.image, mug_shape()) > 0.95
    else:
        assert cut.image.size == photo.size


def test_a_white_cap_is_not_eaten_with_the_background() -> None:
    photo = photo_of(mug_shape(), (30, 110, 70))
    ImageDraw.Draw(photo).rectangle((250, 60, 440, 150), fill=(244, 244, 242))
    cut = cut_out(photo, 900)
    if cut.background_removed:
        assert cut.image.height > 680
    else:
        assert cut.image.size == photo.size


def test_a_busy_background_stays_and_the_photo_becomes_a_card() -> None:
    pixels = np.random.default_rng(2).integers(0, 255, (300, 400, 3), np.uint8)
    photo = Image.fromarray(pixels)
    photo.paste(NAVY, (100, 60, 300, 240))
    cut = cut_out(photo, 900)
    alpha = alpha_of(cut.image)
    assert not cut.background_removed
    assert cut.image.size == (400, 300)
    assert alpha[0, 0] < 128
    assert alpha[0, 20] == alpha[20, 0] == 255
    assert alpha[8:-8, 8:-8].min() == 255


def test_a_uniform_picture_is_not_cut_to_nothing() -> None:
    cut = cut_out(Image.new("RGB", (300, 200), "white"), 900)
    assert not cut.background_removed
    assert cut.image.size == (300, 200)


def test_transparency_that_a_product_brings_is_kept() -> None:
    product = Image.new("RGBA", (400, 400), (255, 255, 255, 0))
    product.paste((255, 255, 255, 255), (100, 100, 300, 300))
    product.paste((0, 0, 200, 120), (150, 150, 250, 250))
    cut = cut_out(product, 900)
    assert not cut.background_removed
    assert cut.image.size == (200, 200)
    assert cut.image.getpixel((100, 100)) == (0, 0, 200, 120)
    assert cut.image.getpixel((5, 5)) == (255, 255, 255, 255)


def test_an_alpha_channel_that_hides_nothing_is_no_cut_out() -> None:
    assert cut_out(photo_of(mug_shape()).convert("RGBA"), 900).background_removed


def test_what_nobody_can_see_is_refused() -> None:
    with pytest.raises(UnsupportedMedia, match="transparent"):
        cut_out(Image.new("RGBA", (50, 50)), 900)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (15, 15), (17, 500), (40, 40)])
def test_pictures_of_any_shape_are_taken(mode: str, size: tuple[int, int]) -> None:
    assert cut_out(Image.new(mode, size, "red"), 100).image.mode == "RGBA"


@pytest.mark.parametrize("edge", [120, 400, 900])
def test_no_more_pixels_than_wanted(edge: int) -> None:
    cut = cut_out(photo_of(mug_shape()), edge)
    assert cut.background_removed
    assert max(cut.image.size) <= edge
    assert cut.image.width / cut.image.height == pytest.approx(630 / 600, abs=0.03)
