"""Files of every kind that we read, with bytes changed: read, or refused with a name, in bounded time and memory."""

import io
import resource
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.adapters.frames import write_clip_thumbnail
from pipeline.adapters.images import inspect_image, small_jpeg, upright_file, write_thumbnail
from pipeline.adapters.media_probe import probe_media
from pipeline.adapters.sample_tables import check_sample_tables
from pipeline.domain.avc_packets import PacketKind, read_avc_record
from pipeline.domain.errors import MediaError, SourceError
from pipeline.domain.media_types import SNIFF_BYTES, media_kind, serves_as, sniff_media_type
from pipeline.domain.parameter_sets import free_id, merge_parameter_sets, read_parameter_sets
from tests.fuzz.broken_bytes import Change, broken, changes, heads
from tests.fuzz.profile import fuzzing
from tests.media_samples import MediaSamples

LONGEST_SECONDS = 20.0
"""For one small file, on a machine that is busy with other things."""

MOST_BYTES = 400_000_000
"""By which all of them together let this process grow."""

SMALL = "64x114"
FRAGMENTED = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-movflags", "frag_keyframe+empty_moov")
CLIPS: Mapping[str, Callable[[MediaSamples], Path]] = {
    "mp4": lambda samples: samples.solid("red", size=SMALL, sound_hz=440),
    "fragments": lambda samples: samples.solid("red", size=SMALL, options=FRAGMENTED),
    "mov": lambda samples: samples.h264(suffix=".mov", seconds=0.5),
    "mkv": lambda samples: samples.h264(suffix=".mkv", seconds=0.5),
    "m4a": lambda samples: samples.music(seconds=0.5),
    "mp3": lambda samples: samples.music(seconds=0.5, options=("-c:a", "libmp3lame"), suffix=".mp3"),
    "ogg": lambda samples: samples.music(seconds=0.5, options=("-c:a", "libvorbis"), suffix=".ogg"),
    "wav": lambda samples: samples.music(seconds=0.5, options=("-c:a", "pcm_s16le"), suffix=".wav"),
    "flac": lambda samples: samples.music(seconds=0.5, options=("-c:a", "flac"), suffix=".flac"),
}
PICTURES = ("PNG", "JPEG", "WEBP", "GIF", "MPO")


def growth_of(work: Callable[[], None]) -> int:
    """By how many bytes this process has grown meanwhile, at its largest."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    work()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024


def within_time(work: Callable[[], object]) -> None:
    """Refusals are as good as results, if they have a name."""
    started = time.monotonic()
    with suppress(MediaError, SourceError):
        work()
    assert time.monotonic() - started < LONGEST_SECONDS


@pytest.mark.parametrize("form", CLIPS)
def test_clips_and_sounds(form: str, media_samples: MediaSamples, tmp_path: Path):
    content = CLIPS[form](media_samples).read_bytes()
    path, thumbnail = tmp_path / "clip", tmp_path / "thumbnail.jpg"

    def look() -> None:
        check_sample_tables(path)
        if probe_media(path).video is not None:
            write_clip_thumbnail(path, thumbnail)

    @fuzzing(25)
    @given(changes, heads)
    def read(todo: list[Change], near_head: bool) -> None:
        path.write_bytes(broken(content, todo, near_head))
        within_time(look)

    assert growth_of(read) < MOST_BYTES


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # of metadata that it makes nothing of
@pytest.mark.parametrize("form", PICTURES)
def test_pictures(form: str, tmp_path: Path):
    file = io.BytesIO()
    first = Image.effect_noise((97, 61), 60).convert("RGB")
    first.save(
        file, form, **({"save_all": True, "append_images": [first.rotate(90)]} if form in ("GIF", "MPO") else {})
    )
    content, path = file.getvalue(), tmp_path / "picture"

    def look() -> None:
        inspect_image(path)
        write_thumbnail(upright_file(path, tmp_path / "upright"), tmp_path / "thumbnail.webp")
        small_jpeg(path)

    @fuzzing(40)
    @given(changes, heads)
    def read(todo: list[Change], near_head: bool) -> None:
        path.write_bytes(broken(content, todo, near_head))
        within_time(look)

    assert growth_of(read) < MOST_BYTES


def avc_record(media_samples: MediaSamples) -> bytes:
    content = media_samples.h264(suffix=".mp4", seconds=0.5).read_bytes()
    at = content.index(b"avcC")
    return content[at + 4 : at - 4 + int.from_bytes(content[at - 4 : at])]


def test_configuration_records_and_packets(media_samples: MediaSamples):
    content = avc_record(media_samples)
    whole = read_avc_record(content)
    assert whole is not None

    @fuzzing(200)
    @given(changes, st.binary(max_size=200))
    def read(todo: list[Change], packet: bytes) -> None:
        record = broken(content, todo, near_head=True)
        for parse in (read_parameter_sets, free_id, lambda one: merge_parameter_sets([content, one])):
            with suppress(ValueError):
                parse(record)
        found = read_avc_record(record) or whole
        assert found.kind(memoryview(packet)) in PacketKind
        counted = len(packet).to_bytes(4) + packet
        assert found.kind(memoryview(counted)) in PacketKind

    read()


def test_heads_of_files(media_samples: MediaSamples):
    known = [make(media_samples).read_bytes()[:SNIFF_BYTES] for make in CLIPS.values()]

    @fuzzing(200)
    @given(st.sampled_from(known) | st.binary(max_size=SNIFF_BYTES), changes)
    def read(content: bytes, todo: list[Change]) -> None:
        media_type = sniff_media_type(broken(content, todo, near_head=True))
        assert media_type is None or media_type.isascii()
        kind = media_kind(media_type)
        assert kind is None or serves_as(media_type, kind)

    read()
