"""Types told by first bytes; the media themselves are made by the encoders that users have (ffmpeg, Pillow)."""

import io
import subprocess
from pathlib import Path

import imageio_ffmpeg
import pytest
from PIL import Image

from pipeline.domain.media_types import SNIFF_BYTES, media_kind, serves_as, sniff_media_type

VIDEO = ["-f", "lavfi", "-i", "color=red:size=64x64:duration=0.2"]
SOUND = ["-f", "lavfi", "-i", "sine=frequency=440:duration=0.2"]


@pytest.mark.parametrize(
    ("arguments", "name", "expected"),
    [
        (VIDEO, "a.mp4", "video/mp4"),
        ([*VIDEO, "-movflags", "+faststart"], "fast.mp4", "video/mp4"),
        ([*VIDEO, "-movflags", "frag_keyframe+empty_moov"], "fragmented.mp4", "video/mp4"),
        (VIDEO, "a.mov", "video/quicktime"),
        (VIDEO, "a.m4v", "video/x-m4v"),
        ([*VIDEO, "-c:v", "libvpx"], "a.webm", "video/webm"),
        (VIDEO, "a.mkv", "video/x-matroska"),
        (VIDEO, "a.avi", "video/x-msvideo"),
        (SOUND, "a.m4a", "audio/mp4"),
        (SOUND, "a.mp3", "audio/mpeg"),
        ([*SOUND, "-id3v2_version", "0", "-write_xing", "0"], "bare.mp3", "audio/mpeg"),
        (SOUND, "a.wav", "audio/wav"),
        (SOUND, "a.flac", "audio/flac"),
        ([*SOUND, "-c:a", "libopus"], "a.ogg", "audio/ogg"),
        (SOUND, "a.aac", "audio/aac"),
    ],
)
def test_what_ffmpeg_writes_is_recognised(arguments: list[str], name: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / name
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *arguments, str(path)], check=True)
    assert sniff_media_type(path.read_bytes()[:SNIFF_BYTES]) == expected


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
def test_what_pillow_writes_is_recognised(image_format: str) -> None:
    written = io.BytesIO()
    Image.new("RGB", (8, 8)).save(written, image_format)
    assert sniff_media_type(written.getvalue()[:SNIFF_BYTES]) == f"image/{image_format.lower()}"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\x00\x00\x00\x08wide\x00\x00\x00\x00mdat", "video/quicktime"),
        (b"\x00\x00\x00\x18ftypheic", "image/heic"),
        (b"\x00\x00\x00\x18ftypcrx ", None),
        (b"ID3\x04\x00", "audio/mpeg"),
        (b"OggS" + bytes(24) + b"\x80theora", "video/ogg"),
        (b"%PDF-1.7", "application/pdf"),
        (b"PK\x03\x04", "application/zip"),
        (b"\x1f\x8b\x08", "application/gzip"),
        (b"  \r\n<!DOCTYPE HTML>", "text/html"),
        (b"\xef\xbb\xbf<HTML lang=en>", "text/html"),
        (b"<!-- served by x --><html>", "text/html"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code>", "text/xml"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'>", "image/svg+xml"),
        (b"<svg onload='alert(1)'>", "image/svg+xml"),
        (b"<?xml version='1.0'?><MPD>", "application/dash+xml"),
        (b"#EXTM3U\n", "application/vnd.apple.mpegurl"),
        (b"ffconcat version 1.0\nfile /etc/passwd", "text/plain"),
        (b'{"detail": "not found"}', "application/json"),
        (b"[1, 2]", "application/json"),
        ("Zoë hört Musik".encode(), "text/plain"),
        (("x" + "ë" * 600).encode()[:SNIFF_BYTES], "text/plain"),
        (b"\xff\xfeh\x00i\x00", "text/plain"),
        (b"", None),
        (b"   \n", None),
        (b"\x00\x01\x02", None),
        (b"\x7fELF\x02\x01", None),
        (b"\xff\xff\xff\xff", None),
        (b"\xff\xe0", None),
        (b"RIFF\x00\x00\x00\x00XXXX", None),
        (b"caf\xe9 in Latin-1, not UTF-8", None),
    ],
)
def test_what_comes_instead_is_named_or_unknown(head: bytes, expected: str | None) -> None:
    assert sniff_media_type(head) == expected


@pytest.mark.parametrize("cut", range(1, 16))
def test_a_head_cut_short_is_no_error(cut: int) -> None:
    for head in (
        b"\x00\x00\x00\x18ftypmp42",
        b"\x1a\x45\xdf\xa3webm",
        b"RIFF\x00\x00\x00\x00WEBP",
        b"\xff\xfb\x90\x00",
    ):
        sniff_media_type(head[:cut])


def test_kinds_are_what_may_be_shown_or_played() -> None:
    kinds = {
        media_type: media_kind(media_type)
        for media_type in ("image/png", "video/mp4", "audio/mpeg", "image/svg+xml", "text/html", None)
    }
    assert kinds == {
        "image/png": "image",
        "video/mp4": "video",
        "audio/mpeg": "audio",
        "image/svg+xml": None,
        "text/html": None,
        None: None,
    }


def test_a_container_that_may_hold_only_sound_serves_as_audio() -> None:
    assert serves_as("video/mp4", "audio")
    assert serves_as("audio/wav", "audio")
    assert not serves_as("video/x-msvideo", "audio")
    assert not serves_as("audio/mp4", "video")
    assert not serves_as(None, "image")
