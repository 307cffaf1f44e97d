"""Reads pictures that came from elsewhere, with limits, turns them upright, and makes thumbnails of them (Pillow).

JPEG, PNG and WebP only: what browsers upload and the models return. Every further decoder is one more to
trust. A file is decoded whole before it counts as a picture, because only that finds one that is cut short.
"""

import io
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from struct import error as struct_error
from typing import Any

from PIL import Image, ImageOps

from pipeline.adapters.local_disk import full_disk_is_out_of_space
from pipeline.domain.errors import SourceTooLarge, UnsupportedMedia
from pipeline.domain.media_types import SNIFF_BYTES, sniff_media_type

MAX_IMAGE_PIXELS = 40_000_000
"""An 8K frame has 33 million. Decoded, each pixel takes up to four bytes."""

_MEDIA_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
_WITH_MORE_PICTURES = {"MPO": "JPEG"}
"""A JPEG that has others behind it, as phones write them (depth, brightness); any reader takes it for a JPEG."""
_WHITE = (255, 255, 255, 255)
_ORIENTATION = 0x0112
_TURNED = range(2, 9)
"""The EXIF orientations that show a picture otherwise than it is stored."""
_UPRIGHT_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0, "optimize": True},
    "PNG": {},
    "WEBP": {"quality": 95, "method": 4},
}
_THUMBNAIL_QUALITY = 80


@dataclass(frozen=True)
class ImageInfo:
    """A picture that can be decoded."""

    width: int
    """In pixels, as shown: an EXIF orientation is already applied."""
    height: int
    format: str
    """Pillow's name: JPEG, PNG or WEBP."""
    media_type: str


def inspect_image(path: Path, *, max_pixels: int = MAX_IMAGE_PIXELS) -> ImageInfo:
    """Prove that a file is a whole picture. Raises SourceTooLarge, UnsupportedMedia."""
    image = load_upright(path, max_pixels=max_pixels)
    return image_info(image, image.format or "")


def upright_file(path: Path, target: Path) -> Path:
    """The file as it is, or `target`, where an EXIF orientation says that a picture is shown otherwise than stored.

    Only then is the picture encoded again, in its own format, with no loss that is seen. Of what the file says about it
    the colour profile is kept. Raises SourceTooLarge, UnsupportedMedia, OutOfSpace.
    """
    with _opened(path, MAX_IMAGE_PIXELS) as image:
        if image.getexif().get(_ORIENTATION) not in _TURNED:
            return path
        upright = _upright(image)
    image_format = upright.format or ""
    profile = upright.info.get("icc_profile")
    with full_disk_is_out_of_space():
        upright.save(target, image_format, icc_profile=profile, **_UPRIGHT_OPTIONS[image_format])
    return target


def write_thumbnail(source: Path, target: Path, max_edge_pixels: int = 480) -> ImageInfo:
    """Write a WebP whose longer edge is at most `max_edge_pixels`; nothing is enlarged, transparency stays.

    Raises SourceTooLarge, UnsupportedMedia, OutOfSpace.
    """
    image = load_upright(source)
    image.thumbnail((max_edge_pixels, max_edge_pixels), Image.Resampling.LANCZOS)
    profile = image.info.get("icc_profile")
    with full_disk_is_out_of_space():
        image.save(target, "WEBP", quality=_THUMBNAIL_QUALITY, method=6, icc_profile=profile, exif=b"", xmp=b"")
    return image_info(image, "WEBP")


def load_upright(path: Path, *, max_pixels: int = MAX_IMAGE_PIXELS) -> Image.Image:
    """Decode a picture, turned as its EXIF orientation says, in mode RGB or (with transparency) RGBA.

    Its `format` and ICC profile are kept. Raises SourceTooLarge, UnsupportedMedia.
    """
    with _opened(path, max_pixels) as image:
        return _upright(image)


def flattened(image: Image.Image) -> Image.Image:
    """The picture without transparency, on white."""
    if image.mode == "RGB":
        return image
    canvas = Image.new("RGBA", image.size, _WHITE)
    canvas.alpha_composite(image.convert("RGBA"))
    return canvas.convert("RGB")


def image_info(image: Image.Image, image_format: str) -> ImageInfo:
    """The facts of a picture that was decoded, or written in `image_format`."""
    return ImageInfo(image.width, image.height, image_format, _MEDIA_TYPES[image_format])


@contextmanager
def _opened(path: Path, max_pixels: int) -> Iterator[Image.Image]:
    """A picture that is not too large, for a body that decodes it; what Pillow raises there becomes ours."""
    with _decoding_errors(path, max_pixels), Image.open(path, formats=tuple(_MEDIA_TYPES)) as image:
        if image.width * image.height > max_pixels:
            raise SourceTooLarge(_too_large(max_pixels))
        yield image


def _upright(image: Image.Image) -> Image.Image:
    image.load()
    ImageOps.exif_transpose(image, in_place=True)  # a copy of 40 million pixels is 160 MB
    upright = _in_eight_bits(image)
    upright.format = _WITH_MORE_PICTURES.get(image.format or "", image.format)
    return upright


def _in_eight_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # 16-bit grey: converting it to RGB directly would cut everything above 255 to white.
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    mode = "RGBA" if image.has_transparency_data else "RGB"
    converted = image if image.mode == mode else image.convert(mode)
    if image.mode not in ("RGB", "RGBA", "P"):
        # A profile for grey or CMYK says nothing about the RGB that it became.
        converted.info.pop("icc_profile", None)
    return converted


@contextmanager
def _decoding_errors(path: Path, max_pixels: int) -> Iterator[None]:
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise SourceTooLarge(_too_large(max_pixels)) from exc
    except FileNotFoundError:
        raise
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        IndexError,
        KeyError,
        OverflowError,
        TypeError,
        struct_error,
        zlib.error,
    ) as exc:
        # What Pillow's parsers let through when the bytes are hostile; it documents only some of it.
        with path.open("rb") as file:
            came = sniff_media_type(file.read(SNIFF_BYTES)) or "unknown data"
        if came in _MEDIA_TYPES.values():
            raise UnsupportedMedia(f"The picture ({came}) is broken or cut short.") from exc
        raise UnsupportedMedia(f"Pictures must be JPEG, PNG or WebP; this is {came}.") from exc


def _too_large(max_pixels: int) -> str:
    return f"The picture has more than {max_pixels / 1e6:.0f} million pixels."


def small_jpeg(path: Path, longest_edge: int = 768) -> bytes:
    """The picture, small, for somebody who only has to see what is on it. Raises SourceTooLarge, UnsupportedMedia."""
    image = load_upright(path)
    image.thumbnail((longest_edge, longest_edge))
    written = io.BytesIO()
    image.convert("RGB").save(written, "JPEG", quality=85)
    return written.getvalue()
