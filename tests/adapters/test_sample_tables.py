"""Headers put together by hand, of a kilobyte each, that claim more than there is."""

import struct
from pathlib import Path

import pytest

from pipeline.adapters.media_probe import probe_media
from pipeline.adapters.sample_tables import MAX_SAMPLES, check_sample_tables
from pipeline.domain.errors import SourceTooLarge, UnsupportedMedia
from tests.media_samples import MediaSamples

FILE_TYPE = struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 512)


def box(name: bytes, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return struct.pack(">I4s", 8 + len(content), name) + content


def table(name: bytes, *numbers: int) -> bytes:
    """A full box, version 0."""
    return box(name, struct.pack(f">{1 + len(numbers)}I", 0, *numbers))


def track(samples: int, *, kind: bytes = b"vide", per_sample: int = 1, edits: int = 0) -> bytes:
    handler = box(b"hdlr", bytes(8), kind, bytes(13))
    tables = table(b"stts", 1, samples, per_sample), table(b"stsz", 1, samples)
    return box(b"trak", table(b"elst", edits), box(b"mdia", handler, box(b"minf", box(b"stbl", *tables))))


def movie(*tracks: bytes) -> bytes:
    return FILE_TYPE + box(b"mdat", b"\0" * 64) + box(b"moov", *tracks)


def check(folder: Path, content: bytes) -> None:
    path = folder / "claims.mp4"
    path.write_bytes(content)
    check_sample_tables(path)


@pytest.mark.parametrize(
    "content",
    [
        movie(track(MAX_SAMPLES + 1)),
        movie(track(2**32 - 1)),
        movie(track(MAX_SAMPLES // 2), track(MAX_SAMPLES // 2 + 1, kind=b"soun", per_sample=1024)),
        movie(track(MAX_SAMPLES // 1000, edits=1001)),
        FILE_TYPE + box(b"free", track(MAX_SAMPLES + 1)),
        FILE_TYPE + track(MAX_SAMPLES + 1),
        FILE_TYPE + box(b"moof", box(b"traf", table(b"trun", MAX_SAMPLES + 1))),
        FILE_TYPE + struct.pack(">I4sQ", 1, b"mdat", 16) + box(b"moov", track(MAX_SAMPLES + 1)),
        FILE_TYPE + struct.pack(">I4s", 0, b"moov") + track(MAX_SAMPLES + 1),
    ],
)
def test_more_samples_than_any_video_has_are_refused(tmp_path: Path, content: bytes):
    with pytest.raises(SourceTooLarge, match=r"claims [0-9]+ pictures"):
        check(tmp_path, content)


@pytest.mark.parametrize(
    "content",
    [
        movie(track(MAX_SAMPLES)),
        movie(track(240_000), track(48_000 * 3600, kind=b"soun")),  # PCM
        FILE_TYPE + box(b"mdat", track(MAX_SAMPLES + 1)),  # what looks like a table amid media
        FILE_TYPE + struct.pack(">I4s", 0, b"mdat") + track(MAX_SAMPLES + 1),
        b"\0",
    ],
)
def test_what_a_video_may_have_is_let_through(tmp_path: Path, content: bytes):
    check(tmp_path, content)


def test_a_compressed_header_is_refused(tmp_path: Path):
    with pytest.raises(UnsupportedMedia, match="compressed"):
        check(tmp_path, FILE_TYPE + box(b"moov", box(b"cmov", bytes(32))))


def test_a_real_file_that_claims_too_much_is_refused_before_it_is_opened(media_samples: MediaSamples):
    clip = media_samples.solid("red")
    size = struct.pack(">4s3I", b"stsz", 0, 0, 24)
    for name, claim in [("as_one.mp4", (0, 1, 2**31)), ("as_table.mp4", (0, 0, MAX_SAMPLES + 1))]:
        with pytest.raises(SourceTooLarge):
            probe_media(media_samples.patched(clip, name, size, struct.pack(">4s3I", b"stsz", *claim)))
