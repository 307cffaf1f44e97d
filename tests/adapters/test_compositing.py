import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw

from pipeline.adapters import compositing
from pipeline.adapters.compositing import Composite, ProductPlacement, composite_product
from pipeline.adapters.images import ImageInfo
from pipeline.domain.errors import InvalidRequest, OutOfSpace, UnsupportedMedia

SCENE_GREY = (200, 200, 200)
FLAT = ProductPlacement(shadow=False, match=False)
SHADOW_ONLY = ProductPlacement(match=False)


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    path = tmp_path / "scene.png"
    Image.new("RGB", (400, 600), SCENE_GREY).save(path)
    return path


@pytest.fixture
def product(tmp_path: Path) -> Path:
    """A red disc on a green foot, 100 wide and 200 high, in wide empty margins."""
    image = Image.new("RGBA", (300, 400))
    draw = ImageDraw.Draw(image)
    draw.ellipse((100, 100, 199, 199), fill="red")
    draw.rectangle((130, 200, 169, 299), fill="lime")
    path = tmp_path / "product.png"
    image.save(path)
    return path


def composited(scene: Path, product: Path, options: ProductPlacement | None = None) -> np.ndarray:
    target = scene.with_name("composite")
    composite_product(scene, product, target, options)
    with Image.open(target) as image:
        return np.asarray(image).astype(int)


def box_of(where: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the true pixels, the last two exclusive."""
    rows, columns = np.where(where)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def changed(pixels: np.ndarray) -> np.ndarray:
    return np.abs(pixels[..., :3] - SCENE_GREY).max(axis=2) > 2


def test_the_product_stands_where_it_was_placed(scene: Path, product: Path) -> None:
    left, top, right, bottom = box_of(changed(composited(scene, product, FLAT)))
    # 40 % of 400 and 600 allow 160x240; the trimmed 100x200 becomes 120x240, its foot at 85 % of the height.
    assert (left, top, right, bottom) == pytest.approx((140, 270, 260, 510), abs=1)


@pytest.mark.parametrize(
    ("horizontal", "vertical", "expected"),
    [(0.0, 0.0, (0, 0)), (1.0, 1.0, (280, 360)), (0.25, 1.0, (40, 360))],
)
def test_the_product_never_leaves_the_scene(
    scene: Path, product: Path, horizontal: float, vertical: float, expected: tuple[int, int]
) -> None:
    options = ProductPlacement(horizontal=horizontal, vertical=vertical, shadow=False, match=False)
    left, top, right, bottom = box_of(changed(composited(scene, product, options)))
    assert (left, top) == pytest.approx(expected, abs=1)
    assert (right - left, bottom - top) == pytest.approx((120, 240), abs=2)


def test_transparency_shows_the_scene(scene: Path, product: Path) -> None:
    pixels = composited(scene, product, FLAT)
    assert tuple(pixels[275, 142]) == SCENE_GREY  # beside the disc, within the product's box
    assert tuple(pixels[330, 200]) == (255, 0, 0)
    assert tuple(pixels[450, 200]) == (0, 255, 0)


def test_half_transparency_mixes(scene: Path, tmp_path: Path) -> None:
    glass = tmp_path / "glass.png"
    Image.new("RGBA", (50, 50), (0, 0, 255, 128)).save(glass)
    assert composited(scene, glass, FLAT)[450, 200] == pytest.approx([100, 100, 228], abs=2)


def test_the_shadow_darkens_the_ground_under_the_foot_only(scene: Path, product: Path) -> None:
    with_shadow, without = composited(scene, product, SHADOW_ONLY), composited(scene, product, FLAT)
    darkened = (without - with_shadow).max(axis=2) > 2
    left, top, right, bottom = box_of(darkened)
    # The foot is 48 wide around 200, at 510: its shadow is near it, soft, and never on the product itself.
    assert 140 < left < 176
    assert 224 < right < 260
    assert 490 < top < bottom < 530
    assert not darkened[:508, 178:222].any()
    below = with_shadow[510:530, 200, 0]
    assert below[0] < 150
    assert (np.diff(below) >= 0).all()


def test_a_shadow_at_the_scenes_edge_is_cut_there(scene: Path, product: Path) -> None:
    pixels = composited(scene, product, ProductPlacement(scale=1.0, horizontal=0.0, vertical=1.0))
    assert pixels.shape == (600, 400, 3)


@pytest.mark.parametrize(("scene_format", "expected"), [("JPEG", "JPEG"), ("PNG", "PNG"), ("WEBP", "JPEG")])
def test_the_format_follows_the_scene(scene_format: str, expected: str, product: Path, tmp_path: Path) -> None:
    scene, target = tmp_path / "scene", tmp_path / "target"
    Image.new("RGB", (400, 600), SCENE_GREY).save(scene, scene_format)
    info = composite_product(scene, product, target)
    assert info == Composite(ImageInfo(400, 600, expected, f"image/{expected.lower()}"), background_removed=False)
    with Image.open(target) as written:
        assert (written.format, written.size, written.mode) == (expected, (400, 600), "RGB")


def test_a_transparent_scene_stays_transparent(product: Path, tmp_path: Path) -> None:
    scene = tmp_path / "scene.png"
    Image.new("RGBA", (400, 600)).save(scene)
    pixels = composited(scene, product)  # it has no light to match
    assert pixels[0, 0, 3] == 0
    assert tuple(pixels[330, 200]) == (255, 0, 0, 255)
    assert 0 < pixels[513, 200, 3] < 255


def test_a_photo_on_its_side_is_turned_before_it_is_used(scene: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = tmp_path / "photo.jpg"
    Image.new("RGB", (200, 100), "red").save(photo, exif=exif)
    left, top, right, bottom = box_of(changed(composited(scene, photo, FLAT)))
    assert (right - left, bottom - top) == pytest.approx((120, 240), abs=2)
    turned_scene = tmp_path / "turned.jpg"
    Image.new("RGB", (600, 400), SCENE_GREY).save(turned_scene, exif=exif)
    assert composited(turned_scene, photo).shape == (600, 400, 3)


def test_the_scenes_colour_profile_is_kept(product: Path, tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    scene, target = tmp_path / "scene.jpg", tmp_path / "target.jpg"
    Image.new("RGB", (400, 600)).save(scene, icc_profile=profile)
    composite_product(scene, product, target)
    with Image.open(target) as written:
        assert written.info["icc_profile"] == profile


def test_a_product_that_nobody_can_see_is_refused(scene: Path, tmp_path: Path) -> None:
    invisible = tmp_path / "invisible.png"
    Image.new("RGBA", (50, 50)).save(invisible)
    with pytest.raises(UnsupportedMedia, match="fully transparent"):
        composite_product(scene, invisible, tmp_path / "target")


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (5000, 5000)])
def test_products_of_any_shape_fit(scene: Path, tmp_path: Path, size: tuple[int, int]) -> None:
    odd = tmp_path / "odd.png"
    Image.new("RGBA", size, "red").save(odd)
    assert composited(scene, odd).shape == (600, 400, 3)


@pytest.mark.parametrize(
    ("field", "value"),
    [("scale", 0), ("scale", 1.1), ("scale", float("nan")), ("horizontal", -0.1), ("vertical", 1.1)],
)
def test_a_placement_out_of_range_names_its_field(field: str, value: float) -> None:
    with pytest.raises(InvalidRequest, match=field):
        ProductPlacement(**{field: value})


@pytest.mark.parametrize("colour", [(255, 255, 255), (90, 140, 90)])
def test_a_product_on_a_plain_background_is_cut_out(scene: Path, tmp_path: Path, colour: tuple[int, int, int]) -> None:
    photo = tmp_path / "photo.jpg"
    image = Image.new("RGB", (600, 800), colour)
    ImageDraw.Draw(image).ellipse((200, 200, 399, 599), fill=(150, 20, 30))
    image.save(photo, quality=85)
    target = tmp_path / "target.png"
    assert composite_product(scene, photo, target, FLAT).background_removed
    with Image.open(target) as picture:
        pixels = np.asarray(picture).astype(int)
    # 200x400 fits as 120x240 around the middle; beside it, within its box, the scene is untouched.
    assert box_of(changed(pixels)) == pytest.approx((140, 270, 260, 510), abs=3)
    assert tuple(pixels[275, 145]) == SCENE_GREY
    assert pixels[390, 200] == pytest.approx([150, 20, 30], abs=8)


def test_a_product_is_shown_in_the_scenes_light(product: Path, tmp_path: Path) -> None:
    night, target = tmp_path / "night.png", tmp_path / "target.png"
    Image.new("RGB", (400, 600), (20, 24, 50)).save(night)
    composite_product(night, product, target, ProductPlacement(shadow=False))
    with Image.open(target) as picture:
        red = np.asarray(picture).astype(int)[330, 200]
    assert 200 <= red[0] < 250


@pytest.mark.parametrize(("image_format", "expected"), [("PNG", "PNG"), ("JPEG", "JPEG")])
def test_a_scene_larger_than_any_models_becomes_smaller(
    image_format: str, expected: str, product: Path, tmp_path: Path
) -> None:
    scene, target = tmp_path / "scene", tmp_path / "target"
    Image.new("RGB", (6000, 4000), SCENE_GREY).save(scene, image_format)
    assert composite_product(scene, product, target).image == ImageInfo(
        3000, 2000, expected, f"image/{expected.lower()}"
    )
    with Image.open(target) as written:
        assert written.size == (3000, 2000)
        assert written.getpixel((1500, 1400))[1] > 200  # the product's foot, lime
        assert written.getpixel((100, 100)) == SCENE_GREY


def test_whoever_waits_for_another_composite_can_be_stopped(scene: Path, product: Path) -> None:
    class Canceled(Exception):
        pass

    def canceled() -> None:
        raise Canceled

    with compositing.ONE_AT_A_TIME, pytest.raises(Canceled):
        composite_product(scene, product, scene.with_name("target"), should_stop=canceled)
    composite_product(scene, product, scene.with_name("target"), should_stop=canceled)  # nobody else: nothing to ask


def test_one_that_fails_lets_the_next_one_in(scene: Path, product: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"<html>")
    with pytest.raises(UnsupportedMedia):
        composite_product(scene, broken, tmp_path / "target")
    assert composite_product(scene, product, tmp_path / "target").image.width == 400


def large_photo(path: Path) -> Path:
    """A blue box on white, of forty megapixels."""
    image = Image.new("RGB", (6300, 6300), "white")
    ImageDraw.Draw(image).rectangle((2000, 1000, 4000, 5000), fill=(20, 60, 120))
    image.save(path, compress_level=1)
    return path


def peak_mb(work: str, *arguments: Path) -> int:
    """The most memory that a process of its own has had after some work, in which `paths` are the arguments."""
    script = (
        "import re, sys; from concurrent.futures import ThreadPoolExecutor; from pathlib import Path;"
        "from pipeline.adapters.compositing import composite_product; from pipeline.adapters.images import small_jpeg;"
        f"paths = [Path(path) for path in sys.argv[1:]]; {work};"
        # not ru_maxrss: that begins with what the process had that started this one
        "print(int(re.search(r'VmHWM:\\s*([0-9]+)', Path('/proc/self/status').read_text())[1]) // 1024)"
    )
    functions = Path(compositing.__file__).parents[2]
    command = [sys.executable, "-c", script, *arguments]
    ran = subprocess.run(command, env={"PYTHONPATH": str(functions)}, capture_output=True, text=True, check=True)
    return int(ran.stdout)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="how much memory it took is told by Linux")
class TestMemory:
    """Decoded whole, a photo of forty megapixels takes 160 MB; four jobs at once have 1 GB."""

    @pytest.mark.parametrize(("name", "most_mb"), [("photo.jpg", 150), ("photo.png", 270)])
    def test_a_large_photo_takes_little(self, name: str, most_mb: int, scene: Path, tmp_path: Path) -> None:
        photo = large_photo(tmp_path / name)
        assert peak_mb("assert composite_product(*paths).background_removed", scene, photo, tmp_path / "t") < most_mb

    def test_a_large_scene_takes_little(self, tmp_path: Path) -> None:
        scene, photo = tmp_path / "scene.jpg", large_photo(tmp_path / "photo.jpg")
        Image.new("RGB", (4096, 4096), SCENE_GREY).save(scene)
        assert peak_mb("composite_product(*paths)", scene, photo, tmp_path / "target") < 360

    def test_four_at_once_take_what_one_takes(self, scene: Path, tmp_path: Path) -> None:
        photo = large_photo(tmp_path / "photo.png")
        work = "[*ThreadPoolExecutor(4).map(lambda n: composite_product(*paths[:2], paths[2].with_name(n)), 'abcd')]"
        assert peak_mb(work, scene, photo, tmp_path / "target") < 300
        assert peak_mb("[*ThreadPoolExecutor(4).map(small_jpeg, paths * 4)]", photo) < 300


def test_a_full_disk_is_out_of_space(scene: Path, product: Path) -> None:
    with pytest.raises(OutOfSpace):
        composite_product(scene, product, Path("/dev/full"))
