"""Files of which a demuxer would keep a hundred times as much as they hold, and ordinary ones."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.adapters.media_probe import PROBE_OPTIONS, probe_media
from pipeline.adapters.sample_tables import is_plain_movie
from pipeline.adapters.trial_reading import try_reading
from pipeline.domain.errors import SourceTooLarge
from tests.hostile.containers import box, element, matroska, matroska_cluster, matroska_tracks, table, with_more_in_moov
from tests.hostile.memory import read_apart
from tests.media_samples import MediaSamples

JPEG = ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-frames:v", "1")
CLUSTER = matroska_cluster(b"\xff\xd8\xff\xd9")


def of_nothing(number: str, count: int) -> bytes:
    """So many empty elements."""
    return (bytes.fromhex(number) + b"\x80") * count


MATROSKA: dict[str, Callable[[], bytes]] = {
    "cue points": lambda: matroska(matroska_tracks(), element("1C53BB6B", of_nothing("BB", 20_000_000)), CLUSTER),
    "tags": lambda: matroska(matroska_tracks(), element("1254C367", of_nothing("7373", 10_000_000)), CLUSTER),
    "tags in a tag": lambda: matroska(
        matroska_tracks(), element("1254C367", element("7373", of_nothing("67C8", 10_000_000))), CLUSTER
    ),
    "chapters": lambda: matroska(
        matroska_tracks(), element("1043A770", element("45B9", of_nothing("B6", 15_000_000))), CLUSTER
    ),
    "attachments": lambda: matroska(matroska_tracks(), element("1941A469", of_nothing("61A7", 10_000_000)), CLUSTER),
    "encodings of a track": lambda: matroska(matroska_tracks(element("6D80", of_nothing("6240", 8_000_000))), CLUSTER),
    "additions to a block": lambda: matroska(
        matroska_tracks(),
        matroska_cluster(
            b"", element("A0", element("A1", b"\x81\0\0\x80x"), element("75A1", of_nothing("A6", 15_000_000)))
        ),
    ),
}


def movie_with(make: Callable[[], list[bytes]]) -> Callable[[bytes], bytes]:
    return lambda movie: with_more_in_moov(movie, *make())


def fragments_of_many_tracks(movie: bytes) -> bytes:
    """A megabyte: each fragment would take a note for every track."""
    extends = box(b"mvex", table(b"trex", 1, 1, 512, 100, 0))
    tracks = box(b"trak", box(b"tkhd", bytes(12))) * 62
    return with_more_in_moov(movie, tracks, extends) + box(b"moof", table(b"mfhd")) * 150_000


def references(movie: bytes) -> bytes:
    entries = table(b"dref", 4_000_000)[8:] + struct.pack(">I4sI", 12, b"alis", 1) * 4_000_000
    handler = box(b"hdlr", bytes(8), b"vide", bytes(13))
    media = box(b"mdia", box(b"mdhd", bytes(24)), handler, box(b"minf", box(b"dinf", box(b"dref", entries))))
    return with_more_in_moov(movie, box(b"trak", box(b"tkhd", bytes(84)), media))


def keys(movie: bytes) -> bytes:
    entries = struct.pack(">2I", 0, 4_000_000) + struct.pack(">I4s", 8, b"mdta") * 4_000_000
    return with_more_in_moov(
        movie, box(b"meta", bytes(4), box(b"hdlr", bytes(8), b"mdta", bytes(13)), box(b"keys", entries))
    )


MOVIES: dict[str, Callable[[bytes], bytes]] = {
    "fragments": fragments_of_many_tracks,
    "references": references,
    "keys": keys,
    "tracks": lambda movie: with_more_in_moov(movie, box(b"trak") * 1_000_000),
}


def test_files_that_claim_much_memory_are_refused_and_this_process_takes_none_of_it(
    media_samples: MediaSamples, tmp_path: Path
):
    movie = media_samples.solid("red").read_bytes()
    made: dict[str, Callable[[], bytes]] = {f"{name}.mkv": make for name, make in MATROSKA.items()}
    made |= {f"{name}.mp4": lambda make=make: make(movie) for name, make in MOVIES.items()}
    for name, make in made.items():
        (tmp_path / name).write_bytes(make())
    paths = [tmp_path / name for name in made]
    found = read_apart("probe", media_samples.h264(), paths)
    refused = {name: reading.outcome for name, reading in zip(made, found, strict=True)}
    assert refused == dict.fromkeys(made, "source_too_large")
    assert max(reading.children_mb for reading in found) < 300
    assert max(reading.grown_mb for reading in found) < 64  # a file that is searched through a memory map counts, too


@pytest.mark.parametrize(
    ("options", "suffix"),
    [
        (("-c:v", "libx264"), ".mkv"),
        (("-c:v", "libvpx-vp9", "-cpu-used", "8"), ".webm"),
        (("-c:v", "libx264", "-movflags", "frag_keyframe+empty_moov+default_base_moof"), ".mp4"),
        (JPEG, ".mov"),
    ],
)
def test_honest_files_pass_the_trial(media_samples: MediaSamples, options: tuple[str, ...], suffix: str):
    path = media_samples.h264(options=options, seconds=0.5, suffix=suffix)
    try_reading(path, PROBE_OPTIONS)
    assert probe_media(path).video is not None


def test_what_is_no_media_passes_the_trial_too(media_samples: MediaSamples):
    try_reading(media_samples.broken("noise.bin", bytes(range(256)) * 64), PROBE_OPTIONS)
    try_reading(media_samples.broken("-i.mp4", b"a name that looks like an option"), PROBE_OPTIONS)


def test_ordinary_movies_need_no_trial_and_odd_ones_do(media_samples: MediaSamples):
    movie = media_samples.solid("red", sound_hz=300)
    assert is_plain_movie(movie)
    odd = {
        "fragments.mp4": with_more_in_moov(movie.read_bytes()) + box(b"moof", table(b"mfhd")),
        "index.mp4": with_more_in_moov(movie.read_bytes()) + table(b"sidx", 1),
        "header.mp4": with_more_in_moov(movie.read_bytes(), box(b"udta", bytes(1_000_000))),
        "tracks.mp4": with_more_in_moov(movie.read_bytes(), box(b"trak") * 8),
        "parts.mp4": movie.read_bytes() + box(b"free") * 64,
        "none.mp4": b"\0" * 9,
    }
    assert not any(is_plain_movie(media_samples.broken(name, content)) for name, content in odd.items())


def test_tables_of_as_many_samples_as_a_video_may_have_pass(tmp_path: Path):
    """Two million, of which none is there: what the tables take must not look like an attack."""
    samples = 1_990_000
    handler = box(b"hdlr", bytes(8), b"vide", bytes(13))
    entry = box(b"avc1", bytes(24), struct.pack(">HH", 64, 64), bytes(50))
    tables = [
        box(b"stsd", struct.pack(">2I", 0, 1), entry),
        table(b"stts", 1, samples, 1),
        box(b"ctts", struct.pack(">2I", 0, samples), struct.pack(">2I", 1, 2) * samples),
        box(b"stsz", struct.pack(">3I", 0, 0, samples), struct.pack(">I", 8) * samples),
        table(b"stsc", 1, 1, samples, 1),
        table(b"stco", 1, 2**31),
    ]
    head = table(b"tkhd", 0, 0, 1, *[0] * 17), box(b"mdhd", struct.pack(">5I", 0, 0, 0, 1000, samples), bytes(4))
    track = box(b"trak", head[0], box(b"mdia", head[1], handler, box(b"minf", box(b"stbl", *tables))))
    path = tmp_path / "long.mp4"
    movie = box(b"moov", box(b"mvhd", struct.pack(">5I", 0, 0, 0, 1000, samples), bytes(80)), track)
    path.write_bytes(box(b"ftyp", b"isom", bytes(4)) + movie)
    assert not is_plain_movie(path)
    try_reading(path, PROBE_OPTIONS)


def test_a_file_without_end_is_left_when_its_time_is_over(media_samples: MediaSamples):
    """An input that never ends stands before the file."""
    endless = {"f": "lavfi", "i": "anullsrc"}
    with pytest.raises(SourceTooLarge, match="more memory or time"):
        try_reading(media_samples.solid("red"), endless, cpu_seconds=1)
