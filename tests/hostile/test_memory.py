"""All hostile files, read one after another by one process: its memory stays that of an ordinary file, or nearly."""

from collections.abc import Sequence
from pathlib import Path

from tests.hostile.files import MOVIES, PICTURES, FileAttack, Source
from tests.hostile.memory import read_apart
from tests.media_samples import MediaSamples


def written(attacks: Sequence[FileAttack], source: Source, folder: Path) -> list[Path]:
    paths = [folder / f"file_{number}" for number in range(len(attacks))]
    for path, attack in zip(paths, attacks, strict=True):
        path.write_bytes(attack.build(source))
    return paths


def test_of_pictures(source: Source, tmp_path: Path, media_samples: MediaSamples):
    """One of them is decoded, of 36 million pixels: in three bytes each, and once more while it is worked on."""
    readings = read_apart("picture", media_samples.picture(), written(PICTURES, source, tmp_path))
    assert [reading.outcome for reading in readings] == [attack.picture for attack in PICTURES]
    assert sum(reading.grown_mb for reading in readings) < 2 * 3 * 36 + 100


def test_of_movies(source: Source, tmp_path: Path, media_samples: MediaSamples):
    readings = read_apart("probe", media_samples.solid("red"), written(MOVIES, source, tmp_path))
    assert [reading.outcome for reading in readings] == [attack.media for attack in MOVIES]
    assert sum(reading.grown_mb for reading in readings) < 64
    assert readings[-1].children_mb < 300


def test_of_movies_that_are_composed(source: Source, tmp_path: Path, media_samples: MediaSamples):
    read = [attack for attack in MOVIES if attack.media == "read"]
    readings = read_apart("compose_with_music", media_samples.music(), written(read, source, tmp_path))
    assert {reading.outcome for reading in readings} <= {"read", "unsupported_media", "media_failed"}
    assert sum(reading.grown_mb for reading in readings) < 100
    assert readings[-1].children_mb < 300
