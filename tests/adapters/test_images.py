import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from pipeline.adapters.images import ImageInfo, inspect_image, load_upright, write_thumbnail
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


def test_a_thumbnail_is_small_upright_and_a_jpeg(tmp_path: Path) -> None:
    target = tmp_path / "thumbnail.jpg"
    source = picture(tmp_path / "wide.png", "PNG", size=(1920, 1080))
    assert write_thumbnail(source, target) == ImageInfo(480, 270, "JPEG", "image/jpeg")
    assert inspect_image(target) == ImageInfo(480, 270, "JPEG", "image/jpeg")
    assert write_thumbnail(turned_photo(tmp_path / "photo.jpg"), target, 30).height == 30
    assert inspect_image(target).width == 20


def test_a_thumbnail_is_never_enlarged_and_white_where_nothing_was(tmp_path: Path) -> None:
    target = tmp_path / "thumbnail.jpg"
    write_thumbnail(picture(tmp_path / "clear.png", "PNG", mode="RGBA"), target)
    assert inspect_image(target).width == 60
    assert Image.open(target).getpixel((30, 20)) == (255, 255, 255)


def test_a_thumbnail_on_a_full_disk_is_out_of_space(tmp_path: Path) -> None:
    with pytest.raises(OutOfSpace):
        write_thumbnail(picture(tmp_path / "a.png", "PNG"), Path("/dev/full"))
