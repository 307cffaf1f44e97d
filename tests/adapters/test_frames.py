"""Thumbnails of clips: small, upright, and not the black a clip begins with."""

from pathlib import Path

import pytest
from PIL import Image, ImageStat

from pipeline.adapters.frames import write_clip_thumbnail
from pipeline.domain.errors import MediaError
from tests.media_samples import MediaSamples

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


def picture_of(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image


def test_a_thumbnail_keeps_shape_and_colour(media_samples: MediaSamples, tmp_path: Path):
    write_clip_thumbnail(media_samples.solid("red", size="1440x2560", seconds=0.2), tmp_path / "thumbnail.jpg")
    picture = picture_of(tmp_path / "thumbnail.jpg")
    assert (picture.format, picture.size) == ("JPEG", (270, 480))
    assert ImageStat.Stat(picture).mean == pytest.approx([254, 0, 0], abs=6)


@pytest.mark.parametrize(
    ("size", "expected"), [("160x284", (160, 284)), ("720x1280", (270, 480)), ("1280x720", (480, 270))]
)
def test_a_thumbnail_is_never_enlarged(
    media_samples: MediaSamples, tmp_path: Path, size: str, expected: tuple[int, int]
):
    write_clip_thumbnail(media_samples.solid("blue", size=size, seconds=0.2), tmp_path / "thumbnail.jpg")
    assert picture_of(tmp_path / "thumbnail.jpg").size == expected


def test_the_black_beginning_is_passed_over(media_samples: MediaSamples, tmp_path: Path):
    fading = media_samples.solid("white", seconds=2, options=("-vf", "fade=in:0:12", *X264))
    write_clip_thumbnail(fading, tmp_path / "thumbnail.jpg")
    assert ImageStat.Stat(picture_of(tmp_path / "thumbnail.jpg")).mean[0] > 200


def test_turned_and_stretched_clips_are_shown_as_players_show_them(media_samples: MediaSamples, tmp_path: Path):
    write_clip_thumbnail(media_samples.rotated("red", degrees=90), tmp_path / "turned.jpg")
    assert picture_of(tmp_path / "turned.jpg").size == (284, 160)
    write_clip_thumbnail(media_samples.solid("red", options=("-vf", "setsar=2/1", *X264)), tmp_path / "stretched.jpg")
    assert picture_of(tmp_path / "stretched.jpg").size == (320, 284)


def test_one_picture_is_enough(media_samples: MediaSamples, tmp_path: Path):
    write_clip_thumbnail(media_samples.solid("red", seconds=1 / 24), tmp_path / "thumbnail.jpg")
    assert picture_of(tmp_path / "thumbnail.jpg").size == (160, 284)


def test_what_is_no_video_fails(media_samples: MediaSamples, tmp_path: Path):
    playlist = media_samples.broken("thumbnail.mp4", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n")
    with pytest.raises(MediaError, match="ffmpeg failed"):
        write_clip_thumbnail(playlist, tmp_path / "thumbnail.jpg")
