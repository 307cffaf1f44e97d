import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageCms, ImageOps, ImageStat

from localdev.stub_replicate.pictures import render_picture
from pipeline.adapters.images import ImageInfo, inspect_image, load_upright, upright_file, write_thumbnail
from pipeline.domain.errors import OutOfSpace, SourceTooLarge, UnsupportedMedia

ORIENTATION = 0x0112


def picture(path: Path, image_format: str, *, size: tuple[int, int] = (60, 40), mode: str = "RGB", **options) -> Path:
    Image.new(mode, size).save(path, image_format, **options)
    return path


def turned_photo(path: Path) -> Path:
    """A camera's photo, 60x40 as stored and 40x60 as shown: red stored at the left is shown at the top."""
    photo = Image.new("RGB", (60, 40), "blue")
    photo.paste("red", (0, 0, 20, 40))
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    photo.save(path, "JPEG", exif=exif, quality=95)
    return path


def corner_picture(path: Path, image_format: str, orientation: int) -> Image.Image:
    """Write a picture of four colours, 60x40 as stored; returns it as it is shown."""
    stored = Image.new("RGB", (60, 40), "white")
    for color, at in (("red", (0, 0)), ("lime", (30, 0)), ("blue", (0, 20))):
        stored.paste(color, (*at, at[0] + 30, at[1] + 20))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored.save(path, image_format, exif=exif, quality=95)
    stored.getexif()[ORIENTATION] = orientation
    return ImageOps.exif_transpose(stored)


def assert_alike(one: Image.Image, other: Image.Image) -> None:
    """The middles of their four quarters have about the same colours."""
    assert one.size == other.size
    for x in (one.width // 4, 3 * one.width // 4):
        for y in (one.height // 4, 3 * one.height // 4):
            assert one.convert("RGB").getpixel((x, y)) == pytest.approx(other.getpixel((x, y)), abs=12)


def png_that_claims(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("image_format", "media_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")]
)
def test_a_picture_is_described_whatever_its_name(image_format: str, media_type: str, tmp_path: Path) -> None:
    path = picture(tmp_path / "file.bin", image_format)
    assert inspect_image(path) == ImageInfo(60, 40, image_format, media_type)


def test_a_phones_jpeg_with_more_pictures_behind_the_first_is_a_jpeg(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    more = {"save_all": True, "append_images": [Image.new("RGB", (30, 20))]}
    path = picture(tmp_path / "phone.jpg", "MPO", exif=exif, **more)
    assert inspect_image(path) == ImageInfo(40, 60, "JPEG", "image/jpeg")
    target = upright_file(path, tmp_path / "upright.jpg")
    assert inspect_image(target) == ImageInfo(40, 60, "JPEG", "image/jpeg")
    assert write_thumbnail(path, tmp_path / "thumbnail").height == 60


def test_size_and_pixels_are_those_that_are_shown(tmp_path: Path) -> None:
    path = turned_photo(tmp_path / "photo.jpg")
    assert inspect_image(path) == ImageInfo(40, 60, "JPEG", "image/jpeg")
    red, _, blue = load_upright(path).getpixel((20, 5))
    assert red > 200
    assert blue < 60


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_becomes_rgb_or_rgba(mode: str, tmp_path: Path) -> None:
    image = load_upright(picture(tmp_path / "a.png", "PNG", mode=mode))
    assert image.mode == ("RGBA" if mode in ("LA", "RGBA") else "RGB")


def test_cmyk_and_palette_transparency_are_understood(tmp_path: Path) -> None:
    assert load_upright(picture(tmp_path / "a.jpg", "JPEG", mode="CMYK")).mode == "RGB"
    assert load_upright(picture(tmp_path / "a.png", "PNG", mode="P", transparency=0)).getpixel((0, 0))[3] == 0


def test_sixteen_bit_grey_keeps_its_middle(tmp_path: Path) -> None:
    path = tmp_path / "grey.png"
    Image.new("I;16", (4, 4), 0x8000).save(path)
    assert load_upright(path).getpixel((0, 0)) == (128, 128, 128)


@pytest.mark.parametrize("size", [(7000, 7000), (12_000, 8_000), (60_000, 60_000)])
def test_a_bomb_is_too_large_before_it_is_decoded(size: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_that_claims(*size))
    with pytest.raises(SourceTooLarge, match="40 million pixels"):
        inspect_image(path)


def test_the_limit_is_the_callers(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png", "PNG")
    assert inspect_image(path, max_pixels=2400).width == 60
    with pytest.raises(SourceTooLarge):
        inspect_image(path, max_pixels=2399)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_a_picture_cut_short_is_broken(image_format: str, tmp_path: Path) -> None:
    written = io.BytesIO()
    Image.effect_noise((200, 200), 80).convert("RGB").save(written, image_format)
    path = tmp_path / "cut"
    path.write_bytes(written.getvalue()[: len(written.getvalue()) // 2])
    with pytest.raises(UnsupportedMedia, match="broken or cut short"):
        inspect_image(path)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_no_flipped_byte_raises_anything_else(image_format: str, tmp_path: Path) -> None:
    written = io.BytesIO()
    Image.effect_noise((24, 24), 80).convert("RGB").save(written, image_format)
    path = tmp_path / "flipped"
    whole = written.getvalue()
    outcomes = set()
    for position in range(min(len(whole), 400)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :])
        try:
            inspect_image(path)
        except (UnsupportedMedia, SourceTooLarge) as exc:
            outcomes.add(type(exc))
    assert UnsupportedMedia in outcomes


@pytest.mark.parametrize(
    ("content", "came"),
    [(b"<html></html>", "text/html"), (b"<svg/>", "image/svg"), (b"GIF89a" + bytes(20), "image/gif"), (b"", "unknown")],
)
def test_what_is_no_picture_is_named(content: bytes, came: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(UnsupportedMedia, match=came):
        inspect_image(path)


class TestUprightFile:
    @pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
    def test_a_picture_that_lies_as_it_is_shown_is_left_alone(self, image_format: str, tmp_path: Path) -> None:
        plain = picture(tmp_path / "plain", image_format)
        exif = Image.Exif()
        exif[ORIENTATION] = 1
        told = picture(tmp_path / "told", image_format, exif=exif)
        before = told.read_bytes()
        for path in (plain, told):
            assert upright_file(path, tmp_path / "target") == path
        assert told.read_bytes() == before
        assert not (tmp_path / "target").exists()

    @pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
    @pytest.mark.parametrize("orientation", range(2, 9))
    def test_a_turned_one_is_written_upright_in_its_own_format(
        self, image_format: str, orientation: int, tmp_path: Path
    ) -> None:
        path, target = tmp_path / "turned", tmp_path / "target"
        corners = corner_picture(path, image_format, orientation)
        assert upright_file(path, target) == target
        with Image.open(target) as written:  # by a reader that knows nothing of EXIF
            assert (written.format, written.size) == (image_format, (40, 60) if orientation > 4 else (60, 40))
            assert ORIENTATION not in written.getexif()
            assert_alike(written, corners)
        assert upright_file(target, tmp_path / "again") == target

    def test_hardly_anything_is_lost(self, tmp_path: Path) -> None:
        path, target = tmp_path / "photo.jpg", tmp_path / "target.jpg"
        exif = Image.Exif()
        exif[ORIENTATION] = 3
        Image.effect_mandelbrot((320, 200), (-2.0, -1.2, 1.0, 1.2), 60).convert("RGB").save(path, quality=90, exif=exif)
        upright_file(path, target)
        with Image.open(path) as before, Image.open(target) as after:
            turned_back = after.transpose(Image.Transpose.ROTATE_180)
            assert max(ImageStat.Stat(ImageChops.difference(before.convert("RGB"), turned_back)).rms) < 2.0

    def test_transparency_and_the_colour_profile_stay(self, tmp_path: Path) -> None:
        path, target = tmp_path / "a.png", tmp_path / "target.png"
        exif = Image.Exif()
        exif[ORIENTATION] = 6
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        image = Image.new("RGBA", (60, 40), (255, 0, 0, 255))
        image.paste((0, 0, 0, 0), (0, 0, 20, 40))
        image.save(path, exif=exif, icc_profile=profile)
        with Image.open(upright_file(path, target)) as written:
            assert written.info["icc_profile"] == profile
            assert (written.getpixel((20, 5)), written.getpixel((20, 50))) == ((0, 0, 0, 0), (255, 0, 0, 255))

    def test_what_is_no_picture_is_named_and_a_full_disk_too(self, tmp_path: Path) -> None:
        page = tmp_path / "page"
        page.write_bytes(b"<html></html>")
        with pytest.raises(UnsupportedMedia, match="text/html"):
            upright_file(page, tmp_path / "target")
        with pytest.raises(OutOfSpace):
            upright_file(turned_photo(tmp_path / "photo.jpg"), Path("/dev/full"))

    def test_a_bomb_is_too_large_before_it_is_decoded(self, tmp_path: Path) -> None:
        path = tmp_path / "bomb.png"
        path.write_bytes(png_that_claims(7000, 7000))
        with pytest.raises(SourceTooLarge):
            upright_file(path, tmp_path / "target")


class TestThumbnail:
    def test_it_is_small_upright_and_a_webp(self, tmp_path: Path) -> None:
        target = tmp_path / "thumbnail"
        source = picture(tmp_path / "tall.png", "PNG", size=(1080, 1920))
        assert write_thumbnail(source, target) == ImageInfo(270, 480, "WEBP", "image/webp")
        assert inspect_image(target) == ImageInfo(270, 480, "WEBP", "image/webp")
        assert write_thumbnail(turned_photo(tmp_path / "photo.jpg"), target, 30).height == 30
        assert inspect_image(target).width == 20
        with Image.open(target) as written:
            assert not written.getexif()

    @pytest.mark.parametrize(
        ("size", "expected"),
        [((1, 1), (1, 1)), ((60, 40), (60, 40)), ((12_000, 30), (480, 1)), ((2, 9000), (1, 480))],
    )
    def test_it_is_never_enlarged_and_never_nothing(
        self, size: tuple[int, int], expected: tuple[int, int], tmp_path: Path
    ) -> None:
        target = tmp_path / "thumbnail"
        written = write_thumbnail(picture(tmp_path / "odd.png", "PNG", size=size), target)
        assert (
            (written.width, written.height) == expected == (inspect_image(target).width, inspect_image(target).height)
        )

    def test_what_is_transparent_stays_so(self, tmp_path: Path) -> None:
        target = tmp_path / "thumbnail"
        image = Image.new("RGBA", (600, 600), (0, 0, 0, 0))
        image.paste((255, 0, 0, 255), (300, 0, 600, 600))
        image.save(tmp_path / "half.png")
        write_thumbnail(tmp_path / "half.png", target)
        with Image.open(target) as written:
            assert written.mode == "RGBA"
            assert written.getpixel((60, 240))[3] == 0
            assert written.getpixel((420, 240)) == pytest.approx((255, 0, 0, 255), abs=6)

    def test_it_takes_few_bytes(self, tmp_path: Path) -> None:
        """Half of what a JPEG of these pixels takes; and a picture of nothing but noise is still small."""
        source, target, jpeg = tmp_path / "source.png", tmp_path / "thumbnail", tmp_path / "thumbnail.jpg"
        render_picture("A lighthouse at dusk", 7, (768, 1344)).save(source)
        write_thumbnail(source, target)
        with Image.open(source) as image:
            image.thumbnail((480, 480), Image.Resampling.LANCZOS)
            image.save(jpeg, quality=82, optimize=True, progressive=True)
        assert target.stat().st_size < min(6_000, 0.6 * jpeg.stat().st_size)
        Image.effect_noise((1024, 1024), 60).convert("RGB").save(source)
        write_thumbnail(source, target)
        assert target.stat().st_size < 120_000

    def test_a_full_disk_is_out_of_space(self, tmp_path: Path) -> None:
        with pytest.raises(OutOfSpace):
            write_thumbnail(picture(tmp_path / "a.png", "PNG"), Path("/dev/full"))
