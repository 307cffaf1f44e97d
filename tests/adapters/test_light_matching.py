import numpy as np
import pytest
from PIL import Image

from pipeline.adapters.light_matching import LARGEST_SHIFT, in_light, scene_light

PLACE = (100, 100, 200, 200)


def product(colour: tuple[int, int, int] = (128, 128, 128)) -> Image.Image:
    image = Image.new("RGBA", (60, 60), (*colour, 255))
    image.paste((0, 0, 0, 0), (0, 0, 20, 60))
    return image


def scene(colour: tuple[int, int, int]) -> Image.Image:
    """Texture around a colour, so that it has some contrast."""
    noise = np.random.default_rng(1).normal(0, 40, (300, 300, 1))
    return Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8))


def shown(colour: tuple[int, int, int], around: Image.Image) -> tuple[int, ...]:
    lit = in_light(product(colour), scene_light(around, PLACE))
    pixel = lit.getpixel((40, 30))
    assert isinstance(pixel, tuple)
    return pixel[:3]


def test_a_dark_scene_darkens_and_a_bright_one_brightens():
    grey = (128, 128, 128)
    assert 85 <= sum(shown(grey, scene((45, 45, 45)))) / 3 < 115
    assert 130 < sum(shown(grey, scene((225, 225, 225)))) / 3 <= 150


def test_brightness_does_not_go_past_the_scene():
    black = sum(shown((20, 20, 20), scene((60, 60, 60)))) / 3
    assert 18 <= black <= 60


@pytest.mark.parametrize(("light", "stronger"), [((210, 150, 110), 0), ((90, 120, 180), 2)])
def test_the_tint_of_the_light_is_taken_over(light: tuple[int, int, int], stronger: int):
    pixel = shown((128, 128, 128), scene(light))
    assert pixel[stronger] > pixel[2 - stronger] + 4
    assert pixel[stronger] / pixel[2 - stronger] < 1.3


@pytest.mark.parametrize("light", [(0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 200, 0)])
@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 30, 30), (30, 200, 90), (128, 128, 128)])
def test_no_channel_moves_further_than_a_fifth(light: tuple[int, int, int], colour: tuple[int, int, int]):
    around = Image.new("RGB", (300, 300), light)
    assert np.abs(np.array(shown(colour, around)) - colour).max() <= LARGEST_SHIFT


def test_transparency_stays():
    before = product()
    after = in_light(before, scene_light(scene((40, 40, 60)), PLACE))
    assert after.getchannel("A").tobytes() == before.getchannel("A").tobytes()


def test_a_product_like_the_scene_stays_nearly_the_same():
    assert shown((150, 150, 150), scene((150, 150, 150))) == pytest.approx((150, 150, 150), abs=6)


def test_what_is_hardly_visible_is_left_alone():
    ghost = Image.new("RGBA", (20, 20), (200, 200, 200, 60))
    assert in_light(ghost, scene_light(scene((40, 40, 40)), PLACE)).tobytes() == ghost.tobytes()


@pytest.mark.parametrize("place", [(0, 0, 300, 300), (299, 299, 300, 300), (0, 0, 1, 1)])
def test_a_place_at_the_edge_has_light_too(place: tuple[int, int, int, int]):
    assert scene_light(scene((100, 100, 100)), place).luma == pytest.approx(100, abs=60)
