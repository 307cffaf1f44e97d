import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageCms, ImageOps, ImageStat

from localdev.stub_replicate.pictures import render_picture
from pipeline.adapters.images import (
    ImageInfo,
    inspect_image,
    load_upright,
    small_jpeg,
    upright_file,
    write_thumbnail,
)
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


def test_a_large_webp_is_refused_with_a_way_out(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.webp", "WEBP", size=(4100, 4000), method=0, lossless=True, quality=0)
    with pytest.raises(SourceTooLarge, match=r"16 million pixels.*send it as a JPEG"):
        inspect_image(path)


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


class TestMadeSmaller:
    """Read at a part of its size: `enough_pixels`."""

    @pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "MPO"])
    @pytest.mark.parametrize("orientation", [1, 3, 6])
    def test_it_shows_the_same(self, image_format: str, orientation: int, tmp_path: Path) -> None:
        path = tmp_path / "large"
        corners = corner_picture(path, "PNG", orientation)
        with Image.open(path) as image:
            more = {"save_all": True, "append_images": [Image.new("RGB", (9, 9))]} if image_format == "MPO" else {}
            exif = image.getexif()
            image.resize((1260, 840), Image.Resampling.NEAREST).save(path, image_format, exif=exif, **more)
        small = load_upright(path, enough_pixels=1260 * 840 // 16)
        assert (max(small.size), min(small.size)) == (315, 210)
        assert small.format == ("JPEG" if image_format == "MPO" else image_format)
        assert small.getexif().get(ORIENTATION, 1) == 1
        assert_alike(small.resize(corners.size), corners)

    @pytest.mark.parametrize(("pixels", "size"), [(None, (300, 200)), (60_000, (300, 200)), (59_999, (150, 100))])
    def test_it_has_no_more_pixels_than_are_enough(
        self, pixels: int | None, size: tuple[int, int], tmp_path: Path
    ) -> None:
        assert load_upright(picture(tmp_path / "a", "PNG", size=(300, 200)), enough_pixels=pixels).size == size

    @pytest.mark.parametrize("size", [(301, 211), (1, 5000), (5000, 3), (129, 64)])
    def test_no_edge_is_lost(self, size: tuple[int, int], tmp_path: Path) -> None:
        path = tmp_path / "odd.png"
        image = Image.new("L", size, 60)
        image.paste(250, (0, 0, size[0], 1) if size[0] > size[1] else (0, 0, 1, size[1]))
        image.save(path)
        for enough in (2000, 500, 10):
            small = load_upright(path, enough_pixels=enough)
            assert small.width * small.height <= enough + small.width + small.height
            assert small.getpixel((0, 0))[0] > 60
            assert small.getpixel((small.width - 1, small.height - 1))[0] in range(60, 251)

    @pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA", "I;16"])
    def test_every_kind_of_png_keeps_its_colours(self, mode: str, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        grey = np.full((300, 400), 200, np.uint8)
        grey[:, 200:] = 40
        deep = Image.fromarray(grey.astype(np.uint16) * 256)
        (deep if mode == "I;16" else Image.fromarray(grey).convert(mode)).save(path)
        small = load_upright(path, enough_pixels=10_000)
        assert small.mode == ("RGBA" if mode in ("LA", "RGBA") else "RGB")
        assert small.getpixel((10, 10))[:3] == pytest.approx((200,) * 3, abs=1)
        assert small.getpixel((90, 60))[:3] == pytest.approx((40,) * 3, abs=1)

    def test_what_is_transparent_does_not_darken_the_edge(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        image = Image.new("RGBA", (301, 301), (0, 0, 0, 0))
        image.paste((255, 200, 100, 255), (100, 100, 200, 200))
        image.save(path)
        small = load_upright(path, enough_pixels=101 * 101)
        edge = small.getpixel((33, 50))
        assert 0 < edge[3] < 255
        assert edge[:3] == pytest.approx((255, 200, 100), abs=3)

    def test_the_colour_profile_is_kept(self, tmp_path: Path) -> None:
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        for image_format in ("PNG", "JPEG"):
            path = picture(tmp_path / "a", image_format, size=(300, 200), icc_profile=profile)
            assert load_upright(path, enough_pixels=9_000).info["icc_profile"] == profile

    @pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
    def test_one_that_is_cut_short_is_still_broken(self, image_format: str, tmp_path: Path) -> None:
        written = io.BytesIO()
        Image.effect_noise((400, 400), 80).convert("RGB").save(written, image_format)
        path = tmp_path / "cut"
        path.write_bytes(written.getvalue()[: len(written.getvalue()) // 2])
        with pytest.raises(UnsupportedMedia, match="broken or cut short"):
            load_upright(path, enough_pixels=1000)


class TestSmallJpeg:
    def test_it_is_upright_small_and_says_nothing_of_the_photo(self, tmp_path: Path) -> None:
        path = tmp_path / "photo.jpg"
        corners = corner_picture(path, "JPEG", 6).resize((2000, 3000), Image.Resampling.NEAREST)
        exif = Image.Exif()
        exif[ORIENTATION] = 6
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        lying = corners.transpose(Image.Transpose.ROTATE_90)
        lying.save(path, "JPEG", exif=exif, icc_profile=profile, comment="at home")
        with Image.open(io.BytesIO(small_jpeg(path))) as small:
            assert (small.format, small.mode, small.size) == ("JPEG", "RGB", (512, 768))
            assert {"exif", "icc_profile", "comment"} & small.info.keys() == set()
            assert_alike(small, corners.resize(small.size))

    def test_nothing_is_enlarged(self, tmp_path: Path) -> None:
        with Image.open(io.BytesIO(small_jpeg(picture(tmp_path / "a.png", "PNG", size=(30, 20))))) as small:
            assert small.size == (30, 20)

    @pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0)])
    def test_what_is_white_or_black_is_seen_on_what_is_transparent(
        self, colour: tuple[int, int, int], tmp_path: Path
    ) -> None:
        path = tmp_path / "words.png"
        image = Image.new("RGBA", (2000, 2000), (*colour, 0))
        image.paste((*colour, 255), (500, 500, 1500, 1500))
        image.save(path)
        with Image.open(io.BytesIO(small_jpeg(path))) as small:
            drawn, around = small.getpixel((384, 384)), small.getpixel((20, 20))
        assert drawn == pytest.approx(colour, abs=3)
        assert all(abs(one - other) > 100 for one, other in zip(drawn, around, strict=True))

    def test_a_picture_of_nothing_but_noise_has_no_more_bytes_either(self, tmp_path: Path) -> None:
        path = tmp_path / "noise.png"
        channels = [Image.effect_noise((1500, 1500), 120) for _ in range(3)]
        Image.merge("RGB", channels).save(path)
        usual, few = small_jpeg(path), small_jpeg(path, 768, 20_000)
        assert len(usual) <= 200_000
        assert len(few) <= 20_000
        with Image.open(io.BytesIO(few)) as small:
            assert 200 < small.width < 768

    def test_it_ends_where_no_picture_is_small_enough(self, tmp_path: Path) -> None:
        with Image.open(io.BytesIO(small_jpeg(picture(tmp_path / "a.png", "PNG"), 768, 10))) as small:
            assert small.size == (1, 1)

    def test_what_is_no_picture_is_named(self, tmp_path: Path) -> None:
        page = tmp_path / "page"
        page.write_bytes(b"<html></html>")
        with pytest.raises(UnsupportedMedia, match="text/html"):
            small_jpeg(page)


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


def test_a_jpeg_of_a_hundred_thousand_scans_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    """Each scan is a look at every pixel: of a megabyte with 40 million pixels, an hour of them."""
    written = io.BytesIO()
    Image.effect_noise((64, 64), 40).save(written, "JPEG", progressive=True)
    content = written.getvalue()
    last = content.rindex(b"\xff\xda")
    honest, hostile = tmp_path / "honest.jpg", tmp_path / "hostile.jpg"
    honest.write_bytes(content)
    hostile.write_bytes(content[:last] + content[last:-2] * 100_000 + content[-2:])
    assert inspect_image(honest).width == 64
    with pytest.raises(UnsupportedMedia, match="more than 100 scans"):
        inspect_image(hostile)
