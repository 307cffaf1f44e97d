"""Files whose first stream of pictures is a cover: what plays is what is used, and a huge cover is never decoded."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageStat

from pipeline.adapters.frames import write_clip_thumbnail
from tests.composition_files import Studio, mean_yuv
from tests.hostile.containers import box, with_more_in_moov
from tests.hostile.memory import read_apart
from tests.media_samples import MediaSamples

RED = (81, 90, 240)
"""In luma and chroma."""


def covered(clip: Path, cover: bytes, target: Path) -> Path:
    """`clip` with a JPEG as its cover, which FFmpeg takes for the first of its streams."""
    data = box(b"data", (13).to_bytes(4, "big"), bytes(4), cover)
    handler = box(b"hdlr", bytes(8), b"mdir", b"appl", bytes(9))
    meta = box(b"meta", bytes(4), handler, box(b"ilst", box(b"covr", data)))
    movie = clip.read_bytes()
    target.write_bytes(with_more_in_moov(movie, box(b"udta", meta), first=True))
    return target


@pytest.fixture
def covered_clip(media_samples: MediaSamples, tmp_path: Path) -> Path:
    picture = tmp_path / "cover.jpg"
    Image.new("RGB", (160, 284), "blue").save(picture)
    return covered(media_samples.solid("red"), picture.read_bytes(), tmp_path / "covered.mp4")


def test_the_thumbnail_shows_the_clip(covered_clip: Path, tmp_path: Path):
    write_clip_thumbnail(covered_clip, tmp_path / "thumbnail.jpg")
    with Image.open(tmp_path / "thumbnail.jpg") as image:
        assert ImageStat.Stat(image).mean == pytest.approx([254, 0, 0], abs=6)


@pytest.mark.parametrize("crossfade", [False, True])
def test_a_composition_shows_the_clip_copied_or_encoded(
    covered_clip: Path, media_samples: MediaSamples, studio: Studio, crossfade: bool
):
    made = studio.compose([covered_clip, media_samples.solid("red")], crossfade=crossfade)
    pictures = mean_yuv(made.path)
    assert len(pictures) == made.plan.total_frames
    assert pictures == pytest.approx(np.tile(RED, (len(pictures), 1)), abs=6)


def test_a_huge_cover_is_not_decoded(media_samples: MediaSamples, tmp_path: Path):
    """Decoded, it would take 430 MB."""
    huge = media_samples.solid(
        "white", seconds=1 / 24, size="12000x12000", options=("-frames:v", "1", "-c:v", "mjpeg"), suffix=".jpg"
    )
    clip = covered(media_samples.solid("red"), huge.read_bytes(), tmp_path / "huge.mp4")
    [reading] = read_apart("thumbnail", media_samples.solid("red"), [clip])
    assert reading.outcome == "read"
    assert reading.children_mb < 120
