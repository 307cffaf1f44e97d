"""Reads pictures that came from elsewhere, with limits, turns them upright, and makes thumbnails of them (Pillow).

JPEG, PNG and WebP only: what browsers upload and the models return. Every further decoder is one more to
trust. A file is decoded whole before it counts as a picture, because only that finds one that is cut short.

Memory, of which a job has little and shares it with others: a picture of 40 million pixels takes 160 MB, and twice that
where it is turned or converted. So large ones are decoded one at a time, and at a half, a third ... of their size where
their reader needs no more:

    JPEG          ──> decoded at 1/2, 1/4, 1/8 (its blocks are read at that size) ──┐
    PNG, WebP     ──> decoded whole ────────────────────────────────────────────────┴─> averaged, strip by strip
"""

import io
import math
import mmap
import re
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from struct import error as struct_error
from typing import Any

from PIL import Image, ImageOps

from pipeline.adapters.freed_memory import give_back_freed_memory
from pipeline.adapters.local_disk import full_disk_is_out_of_space
from pipeline.domain.errors import SourceTooLarge, UnsupportedMedia
from pipeline.domain.media_types import SNIFF_BYTES, sniff_media_type

MAX_IMAGE_PIXELS = 40_000_000
"""An 8K frame has 33 million. Decoded, each pixel takes up to four bytes."""

MAX_WEBP_PIXELS = 16_000_000
"""WebP's decoder takes 16 bytes for each pixel."""
LARGE_PIXELS = 4_000_000
"""Larger than what the models make: these are decoded one at a time."""

MAX_SCANS = 100
"""Of a JPEG: a progressive one has ten. Each is a look at all its pixels, and sixty bytes can ask for one."""
_SCAN = b"\xff\xda"

_ONE_LARGE_AT_A_TIME = threading.Lock()
"""For all jobs of an instance."""
_STRIP_ROWS = 64
_MEDIA_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
_WITH_MORE_PICTURES = {"MPO": "JPEG"}
"""A JPEG that has others behind it, as phones write them (depth, brightness); any reader takes it for a JPEG."""
_WHITE = (255, 255, 255, 255)
_GREY = (128, 128, 128, 255)
_ORIENTATION = 0x0112
_TURNED = range(2, 9)
"""The EXIF orientations that show a picture otherwise than it is stored."""
_ON_ITS_SIDE = range(5, 9)
_UPRIGHT_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0, "optimize": True},
    "PNG": {},
    "WEBP": {"quality": 95, "method": 4},
}
_THUMBNAIL_QUALITY = 80
_LOOK_QUALITIES = (85, 70, 50, 30)


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
    with _opened(path, max_pixels) as image:
        width, height = image.size
        lies = image.getexif().get(_ORIENTATION) in _ON_ITS_SIDE
        shown = _upright(image, LARGE_PIXELS)
    image_format = shown.format or ""
    return ImageInfo(*((height, width) if lies else (width, height)), image_format, _MEDIA_TYPES[image_format])


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
    image = load_upright(source, enough_pixels=_enough_for(max_edge_pixels))
    image.thumbnail((max_edge_pixels, max_edge_pixels), Image.Resampling.LANCZOS)
    profile = image.info.get("icc_profile")
    with full_disk_is_out_of_space():
        image.save(target, "WEBP", quality=_THUMBNAIL_QUALITY, method=6, icc_profile=profile, exif=b"", xmp=b"")
    return image_info(image, "WEBP")


def small_jpeg(path: Path, longest_edge: int = 768, max_bytes: int = 200_000) -> bytes:
    """A picture as somebody sees it who only looks at it (moderation): upright, in RGB, nothing enlarged.

    What is transparent counts as grey, on which white and black are both seen. Raises SourceTooLarge, UnsupportedMedia.
    """
    image = flattened(load_upright(path, enough_pixels=_enough_for(longest_edge)), _GREY)
    while True:
        image.thumbnail((longest_edge, longest_edge), Image.Resampling.LANCZOS)
        for quality in _LOOK_QUALITIES:
            written = io.BytesIO()
            image.save(written, "JPEG", quality=quality, comment="")
            if written.tell() <= max_bytes or max(image.size) == 1:
                return written.getvalue()
        longest_edge = max(1, min(longest_edge, max(image.size)) * 3 // 4)


def load_upright(path: Path, *, max_pixels: int = MAX_IMAGE_PIXELS, enough_pixels: int | None = None) -> Image.Image:
    """Decode a picture, turned as its EXIF orientation says, in mode RGB or (with transparency) RGBA.

    One with more than `enough_pixels` is made smaller, by a whole number: to no more than these, and no less than a
    quarter of them. Its `format` and ICC profile are kept. Raises SourceTooLarge, UnsupportedMedia.
    """
    with _opened(path, max_pixels) as image:
        return _upright(image, enough_pixels)


def flattened(image: Image.Image, background: tuple[int, int, int, int] = _WHITE) -> Image.Image:
    """The picture without transparency, on white or another colour."""
    if image.mode == "RGB":
        return image
    canvas = Image.new("RGBA", image.size, background)
    canvas.alpha_composite(image.convert("RGBA"))
    return canvas.convert("RGB")


def image_info(image: Image.Image, image_format: str) -> ImageInfo:
    """The facts of a picture that was decoded, or written in `image_format`."""
    return ImageInfo(image.width, image.height, image_format, _MEDIA_TYPES[image_format])


@contextmanager
def _opened(path: Path, max_pixels: int) -> Iterator[Image.Image]:
    """A picture that is not too large, for a body that decodes it; what Pillow raises there becomes ours."""
    give_back_freed_memory()
    with _decoding_errors(path, max_pixels), Image.open(path, formats=tuple(_MEDIA_TYPES)) as image:
        pixels = image.width * image.height
        if pixels > max_pixels:
            raise SourceTooLarge(_too_large(max_pixels))
        if image.format == "WEBP" and pixels > MAX_WEBP_PIXELS:
            raise SourceTooLarge(f"{_too_large(MAX_WEBP_PIXELS)} As WebP it needs too much memory; send it as a JPEG.")
        if image.format in ("JPEG", "MPO"):
            _check_scans(path)
        with _ONE_LARGE_AT_A_TIME if pixels > LARGE_PIXELS else nullcontext():
            yield image


def _check_scans(path: Path) -> None:
    """Amid the pixels of a JPEG, the mark of a scan cannot stand."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        scans = sum(1 for _ in islice(re.finditer(_SCAN, content), MAX_SCANS + 1))
    if scans > MAX_SCANS:
        raise UnsupportedMedia(f"The picture is stored in more than {MAX_SCANS} scans.")


def _upright(image: Image.Image, enough_pixels: int | None = None) -> Image.Image:
    image_format = _WITH_MORE_PICTURES.get(image.format or "", image.format)
    if enough_pixels:
        steps = _steps_down(image, enough_pixels)
        image.draft(image.mode, (image.width // steps, image.height // steps))
    image.load()
    steps = _steps_down(image, enough_pixels) if enough_pixels else 1
    upright = _averaged(image, steps) if steps > 1 else image
    if upright is not image:
        image.close()  # its pixels are let go of before the next large one is decoded
    ImageOps.exif_transpose(upright, in_place=True)  # a copy of 40 million pixels is 160 MB
    upright = _in_eight_bits(upright)
    upright.format = image_format
    return upright


def _enough_for(longest_edge: int) -> int:
    """Pixels of which a picture of any shape can be made as small as that, without being soft."""
    return 4 * longest_edge * longest_edge


def _steps_down(image: Image.Image, enough_pixels: int) -> int:
    """1: as it is; 2: at half its width and height ..."""
    return max(1, math.ceil(math.sqrt(image.width * image.height / enough_pixels)))


def _averaged(image: Image.Image, steps: int) -> Image.Image:
    """The picture at a part of its size, in RGB or RGBA. In strips, so that no second one of its size is needed."""
    width, height = (math.ceil(edge / steps) for edge in image.size)
    small = Image.new("RGBA" if image.has_transparency_data else "RGB", (width, height))
    rows = _STRIP_ROWS * steps
    for top in range(0, image.height, rows):
        strip = _in_eight_bits(image.crop((0, top, image.width, min(top + rows, image.height))))
        small.paste(strip.reduce(steps), (0, top // steps))
        small.info = strip.info
    small.getexif()[_ORIENTATION] = image.getexif().get(_ORIENTATION, 1)  # nothing but pixels went through the strips
    return small


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
