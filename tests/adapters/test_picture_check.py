"""What a composition's pictures look like: its poster, and warnings of what is black or does not move."""

import io
from pathlib import Path

import pytest
from PIL import Image, ImageStat

from pipeline.adapters.picture_check import PictureCheck
from pipeline.domain.errors import MediaError
from pipeline.domain.media_warnings import MediaWarning
from tests.composition_clips import X264, CompositionClips
from tests.composition_files import Studio

PREPARED = (*X264, "-x264-params", "open-gop=0:stitchable=1", "-force_key_frames", "0.5,3.5")
UNPREPARED = (*X264, "-x264-params", "open-gop=0:stitchable=1", "-force_key_frames", "3")
FOUR_SECONDS = "testsrc2=s=160x284:r=24:d=4"
BLACK = "drawbox=c=black:t=fill:enable='{}'"


def summary(warnings: list[MediaWarning]) -> list[tuple[str, int]]:
    return [(warning.code, warning.clip) for warning in warnings]


def assert_times(warning: MediaWarning, start: float, end: float) -> None:
    """A still picture may take a few more pictures to become sharp."""
    assert start - 0.05 < warning.start_seconds < start + 0.25
    assert warning.end_seconds == pytest.approx(end, abs=0.05)
    assert f"{warning.start_seconds:.1f} s to {warning.end_seconds:.1f} s" in warning.message


@pytest.fixture
def usual(clips: CompositionClips) -> Path:
    return clips.of(FOUR_SECONDS, *PREPARED)


@pytest.fixture
def black(clips: CompositionClips) -> Path:
    """Black from its first second to its third."""
    return clips.of(f"{FOUR_SECONDS},{BLACK.format('gte(t,1)*lt(t,3)')}", *PREPARED)


@pytest.fixture
def frozen(clips: CompositionClips) -> Path:
    """From its first second to its third, all pictures are that of its first second."""
    freeze = "freezeframes=first=24:last=71:replace=24"
    graph = f"{FOUR_SECONDS},split[a][b];[a][b]{freeze}"
    return clips.of(graph, *PREPARED)


@pytest.mark.parametrize("options", [{}, {"crossfade": False}, {"optimize_size": True}])
class TestWarnings:
    def test_a_black_stretch_is_warned_of(self, studio: Studio, usual: Path, black: Path, options: dict[str, bool]):
        made = studio.compose([usual, black, usual], **options)
        assert summary(made.check.warnings) == [("black", 2)]
        start = 4.0 if "crossfade" in options else 3.5
        assert_times(made.check.warnings[0], start + 1, start + 3)

    def test_a_frozen_stretch_is_warned_of(self, studio: Studio, usual: Path, frozen: Path, options: dict[str, bool]):
        made = studio.compose([usual, usual, frozen], **options)
        assert summary(made.check.warnings) == [("frozen", 3)]
        start = 8.0 if "crossfade" in options else 7.0
        assert_times(made.check.warnings[0], start + 1, start + 3)

    def test_clips_that_move_are_not(
        self, clips: CompositionClips, studio: Studio, usual: Path, options: dict[str, bool]
    ):
        others = [clips.prepared(number, seconds=4.0) for number in (1, 2)]
        assert studio.compose([usual, *others], **options).check.warnings == []


def test_a_clip_that_is_black_all_through_is_one_warning(clips: CompositionClips, studio: Studio, usual: Path):
    dark = clips.of("color=black:s=160x284:r=24:d=4", *PREPARED)
    made = studio.compose([usual, dark, dark, usual], crossfade=False)
    assert summary(made.check.warnings) == [("black", 2), ("black", 3)]
    assert_times(made.check.warnings[0], 4, 8)
    assert_times(made.check.warnings[1], 8, 12)


def test_what_is_encoded_up_to_the_next_cut_is_its_own_clip(clips: CompositionClips, studio: Studio, usual: Path):
    """Of an unprepared clip, what lies before its next keyframe is encoded together with the joint before it."""
    late = clips.of(f"{FOUR_SECONDS},{BLACK.format('gte(t,1)*lt(t,2.8)')}", *UNPREPARED)
    made = studio.compose([usual, late, usual])
    joint = made.plan.segments[1]
    assert joint.right is not None
    assert joint.left.clip == 0
    assert joint.right.frames > 60
    assert summary(made.check.warnings) == [("black", 2)]
    assert_times(made.check.warnings[0], 3.5 + 1, 3.5 + 2.8)


def test_pictures_that_change_slowly_move(clips: CompositionClips, studio: Studio):
    slow = clips.of("color=orange:s=160x284:r=24:d=4,fade=in:d=4", *PREPARED)
    assert studio.compose([slow]).check.warnings == []


@pytest.mark.parametrize("darkened", ["eq=brightness=-0.2,noise=alls=8:allf=t", "eq=brightness=-0.55"])
def test_dark_pictures_that_move_are_not_black(clips: CompositionClips, studio: Studio, darkened: str):
    dim = clips.of(f"{FOUR_SECONDS},{darkened}", *PREPARED)
    assert studio.compose([dim]).check.warnings == []


class TestPoster:
    def test_it_is_a_picture_of_the_video_and_not_black(self, studio: Studio, usual: Path, clips: CompositionClips):
        dark = clips.of("color=black:s=160x284:r=24:d=4", *PREPARED)
        check = studio.compose([dark, usual, dark]).check
        for content in (check.poster(), check.thumbnail()):
            with Image.open(io.BytesIO(content)) as picture:
                assert (picture.format, picture.size, picture.mode) == ("JPEG", (160, 284), "RGB")
                assert ImageStat.Stat(picture.convert("L")).mean[0] > 60
                assert ImageStat.Stat(picture.convert("L")).stddev[0] > 30

    def test_it_has_the_shape_of_the_video_within_bounds(self, studio: Studio, clips: CompositionClips):
        tall = clips.of("testsrc2=s=720x1600:r=24:d=0.5")
        check = studio.compose([tall]).check
        with Image.open(io.BytesIO(check.poster())) as poster, Image.open(io.BytesIO(check.thumbnail())) as thumbnail:
            assert (poster.size, thumbnail.size) == ((576, 1280), (216, 480))

    def test_its_colors_are_those_of_the_video(self, studio: Studio, clips: CompositionClips):
        check = studio.compose([clips.prepared("orange"), clips.prepared("orange")]).check
        with Image.open(io.BytesIO(check.poster())) as picture:
            assert picture.getpixel((80, 142)) == pytest.approx((255, 165, 0), abs=8)

    def test_there_is_none_before_anything_was_looked_at(self, studio: Studio, usual: Path):
        with pytest.raises(MediaError, match="no picture"):
            PictureCheck(studio.plan([usual])).poster()
