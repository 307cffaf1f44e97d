"""What a file is, told by its first bytes: never by its name, nor by what its server says it is.

Owns the list of media this pipeline can use and the names of what is often sent instead of them (a web page,
a playlist, an error in JSON), so that a message can say what came. Decides nothing about whether the file is
whole or sound.

Sources: https://mimesniff.spec.whatwg.org (signatures), ISO/IEC 14496-12 (ftyp), RFC 3533 (Ogg), RFC 8794
(EBML).
"""

from typing import Literal

MediaKind = Literal["image", "video", "audio"]

SNIFF_BYTES = 1024
"""How much of a file's head is worth reading before asking what it is."""

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
)

_RIFF_FORMS = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}

_FTYP_BRANDS = {
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"M4V ": "video/x-m4v",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"avif": "image/avif",
    b"avis": "image/avif",
}
_MP4_BRAND_STARTS = (
    b"iso",
    b"mp4",
    b"avc",
    b"3gp",
    b"3g2",
    b"dash",
    b"MSNV",
    b"mmp4",
    b"f4v",
    b"M4V",
    b"cmf",
    b"hvc",
)
_QUICKTIME_ATOMS = (b"moov", b"mdat", b"wide", b"free", b"skip")

_MARKUP: tuple[tuple[bytes, str], ...] = (
    (b"#extm3u", "application/vnd.apple.mpegurl"),
    (b"<!doctype html", "text/html"),
    (b"<html", "text/html"),
    (b"<head", "text/html"),
    (b"<body", "text/html"),
    (b"<script", "text/html"),
    (b"<svg", "image/svg+xml"),
    (b"<mpd", "application/dash+xml"),
)
_TEXT_CONTROLS = frozenset(b"\t\n\r\f\x1b")
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")

# Extensible containers that may as well hold nothing but sound: only a probe can tell.
_MAY_BE_SOUND_ONLY = frozenset({"video/mp4", "video/quicktime", "video/webm", "video/x-matroska", "video/ogg"})


def sniff_media_type(head: bytes) -> str | None:
    """The media type of a file that starts with `head` (SNIFF_BYTES suffice), or None if unknown."""
    for signature, media_type in _SIGNATURES:
        if head.startswith(signature):
            return media_type
    return _riff(head) or _iso_media(head) or _matroska(head) or _ogg(head) or _mpeg_audio(head) or _text(head)


def media_kind(media_type: str | None) -> MediaKind | None:
    """What a sniffed type shows or plays; None for documents, SVG (a program) and the unknown."""
    if media_type is None or media_type == "image/svg+xml":
        return None
    family = media_type.partition("/")[0]
    if family == "image":
        return "image"
    if family == "video":
        return "video"
    return "audio" if family == "audio" else None


def serves_as(media_type: str | None, kind: MediaKind) -> bool:
    """Whether a file of this type may be used where `kind` was asked for.

    A container made for video may hold a sound track alone, so it passes as audio until it is probed.
    """
    return media_kind(media_type) == kind or (kind == "audio" and media_type in _MAY_BE_SOUND_ONLY)


def _riff(head: bytes) -> str | None:
    return _RIFF_FORMS.get(head[8:12]) if head.startswith(b"RIFF") else None


def _iso_media(head: bytes) -> str | None:
    atom, brand = head[4:8], head[8:12]
    if atom == b"ftyp":
        known = _FTYP_BRANDS.get(brand)
        return known or ("video/mp4" if brand.startswith(_MP4_BRAND_STARTS) else None)
    # QuickTime files older than the ftyp atom begin with one of its other atoms.
    return "video/quicktime" if len(head) >= 8 and atom in _QUICKTIME_ATOMS else None


def _matroska(head: bytes) -> str | None:
    if not head.startswith(b"\x1a\x45\xdf\xa3"):
        return None
    return "video/webm" if b"webm" in head[:64] else "video/x-matroska"


def _ogg(head: bytes) -> str | None:
    if not head.startswith(b"OggS"):
        return None
    return "video/ogg" if b"\x80theora" in head[:256] else "audio/ogg"


def _mpeg_audio(head: bytes) -> str | None:
    """MPEG audio frames have no signature, only eleven sync bits and fields that exclude some values."""
    if len(head) < 3 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    layer = head[1] >> 1 & 0b11
    if layer == 0b00:
        is_adts = head[1] & 0xF0 == 0xF0 and head[2] >> 2 & 0b1111 < 13
        return "audio/aac" if is_adts else None
    is_frame = layer in (0b01, 0b10) and head[2] >> 4 != 0b1111 and head[2] >> 2 & 0b11 != 0b11
    return "audio/mpeg" if is_frame and head[1] >> 3 & 0b11 != 0b01 else None


def _text(head: bytes) -> str | None:
    if head.startswith(_BYTE_ORDER_MARKS):
        return "text/plain"
    start = head[:SNIFF_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start or any(byte < 0x20 and byte not in _TEXT_CONTROLS for byte in start):
        return None
    lowered = start.lower()
    for opening, media_type in _MARKUP:
        if lowered.startswith(opening):
            return media_type
    if lowered.startswith((b"<?xml", b"<!--")):
        return _markup_after_prolog(lowered)
    if start[:1] in (b"{", b"["):
        return "application/json"
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as exc:
        # A character cut in two by the end of the head is no fault of the text.
        return "text/plain" if exc.start >= len(start) - 3 and exc.start > 0 else None
    return "text/plain"


def _markup_after_prolog(lowered: bytes) -> str:
    for opening, media_type in _MARKUP:
        if opening.startswith(b"<") and opening in lowered:
            return media_type
    return "text/xml" if lowered.startswith(b"<?xml") else "text/html"
