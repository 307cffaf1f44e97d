"""Media files put together by hand: boxes of MP4, elements of Matroska, chunks of PNG and RIFF."""

import struct
import zlib
from collections.abc import Iterator

FILE_TYPE = struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 512)
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def box(name: bytes, *contents: bytes) -> bytes:
    """ISO/IEC 14496-12."""
    content = b"".join(contents)
    return struct.pack(">I4s", 8 + len(content), name) + content


def table(name: bytes, *numbers: int) -> bytes:
    """A full box, version 0."""
    return box(name, struct.pack(f">{1 + len(numbers)}I", 0, *numbers))


def boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes side by side in `content`: (name, whole box)."""
    at = 0
    while at + 8 <= len(content):
        size = int.from_bytes(content[at : at + 4], "big") or len(content) - at
        yield content[at + 4 : at + 8], content[at : at + size]
        at += size


def with_more_in_moov(movie: bytes, *more: bytes, first: bool = False) -> bytes:
    """`movie`, whose index is at its end, with further boxes in the index: after the others, or as the first ones."""
    *before, (name, moov) = boxes(movie)
    assert name == b"moov"
    contents = [*more, moov[8:]] if first else [moov[8:], *more]
    return b"".join([*(whole for _, whole in before), box(b"moov", *contents)])


def element(number: str, *contents: bytes) -> bytes:
    """RFC 8794: an EBML element, its ID as hex, its size in eight bytes."""
    content = b"".join(contents)
    return bytes.fromhex(number) + (1 << 56 | len(content)).to_bytes(8, "big") + content


def matroska(*contents: bytes) -> bytes:
    """A file of one segment (RFC 9559)."""
    head = element("1A45DFA3", element("4282", b"matroska"), element("4287", b"\4"), element("4285", b"\2"))
    return head + element("18538067", *contents)


def matroska_tracks(*more: bytes) -> bytes:
    """One track of small JPEGs; `more` is in it."""
    entry = [element("D7", b"\1"), element("73C5", b"\1"), element("83", b"\1"), element("86", b"V_MJPEG")]
    return element(
        "1654AE6B", element("AE", *entry, element("E0", element("B0", b"\xa0"), element("BA", b"\xa0")), *more)
    )


def matroska_cluster(picture: bytes, *more: bytes) -> bytes:
    """One picture; `more` is beside it."""
    return element("1F43B675", element("E7", b"\0"), element("A3", b"\x81\0\0\x80" + picture), *more)


def chunk(name: bytes, content: bytes) -> bytes:
    """Of a PNG."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, *more: bytes, pixels: bytes | None = None, mode: int = 2) -> bytes:
    """An RGB picture (mode 2) that says it is so large; `more` are chunks before its pixels, black if not given."""
    header = struct.pack(">IIBBBBB", width, height, 8, mode, 0, 0, 0)
    data = zlib.compress(bytes((1 + 3 * width) * height)) if pixels is None else pixels
    return PNG_SIGNATURE + b"".join([chunk(b"IHDR", header), *more, chunk(b"IDAT", data), chunk(b"IEND", b"")])


def deflated_zeros(size_bytes: int) -> bytes:
    """So many zeros, a thousandth of the size, made without having them in memory."""
    packer = zlib.compressobj(9)
    parts = [packer.compress(bytes(1_000_000)) for _ in range(size_bytes // 1_000_000)]
    return b"".join([*parts, packer.flush()])


def riff(form: bytes, *chunks: bytes) -> bytes:
    content = form + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(content)) + content


def riff_chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def wave(rate_hz: int, channels: int, samples: int) -> bytes:
    """Silence of 16 bits."""
    frame = 2 * channels & 0xFFFF
    form = struct.pack("<HHIIHH", 1, channels, rate_hz, rate_hz * frame & 0xFFFFFFFF, frame, 16)
    return riff(b"WAVE", riff_chunk(b"fmt ", form), riff_chunk(b"data", bytes(2 * channels * samples)))
