"""Clips of every kind beside prepared ones: what cannot be copied is encoded, in its place and its colours."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import ImageColor

from tests.composition_clips import KINDS, X264, CompositionClips
from tests.composition_files import (
    Made,
    Studio,
    assert_plays_everywhere,
    gray_pictures,
    mean_yuv,
    middle_yuv,
    video_of,
)
from tests.media_samples import MediaSamples

ODD_COLOR, USUAL_COLOR = "orange", "navy"
CROSSFADE_SECONDS = 0.25


def yuv_of(color: str) -> np.ndarray:
    """A colour in 8 bit BT.709 of limited range (ITU-R BT.709-6, 3)."""
    red, green, blue = (part / 255 for part in ImageColor.getrgb(color)[:3])
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return np.array([16 + 219 * luma, 128 + 224 * (blue - luma) / 1.8556, 128 + 224 * (red - luma) / 1.5748])


@dataclass(frozen=True)
class Mixture:
    """Odd clips between usual ones: the first is usual, the second odd, and so on."""

    made: Made
    kinds: tuple[str, ...]
    colors: np.ndarray  # of the middle of each picture

    @property
    def starts(self) -> list[int]:
        """Which frame each clip begins with."""
        lengths = [clip.frames for clip in self.made.plan.clips]
        shared = [0, *self.made.plan.joints]
        return [sum(lengths[:place]) - sum(shared[: place + 1]) for place in range(len(lengths))]

    def middle(self, place: int) -> np.ndarray:
        return self.colors[self.starts[place] + self.made.plan.clips[place].frames // 2]


@pytest.fixture(scope="module", params=["crossfade", "hard cut"])
def mixture(
    request: pytest.FixtureRequest, clips: CompositionClips, tmp_path_factory: pytest.TempPathFactory
) -> Mixture:
    usual = clips.prepared(USUAL_COLOR, seconds=1.5, fade_seconds=CROSSFADE_SECONDS)
    odd = {**{name: clips.of_kind(name, ODD_COLOR) for name in KINDS}, "turned": clips.turned(ODD_COLOR)}
    sources = [source for path in odd.values() for source in (usual, path)]
    studio = Studio(tmp_path_factory.mktemp("mixture"))
    made = studio.compose(
        [*sources, usual], crossfade=request.param == "crossfade", crossfade_seconds=CROSSFADE_SECONDS
    )
    return Mixture(made, tuple(odd), middle_yuv(made.path))


def test_the_form_is_that_of_most_clips_and_these_are_copied(mixture: Mixture):
    plan = mixture.made.plan
    assert (plan.form.width, plan.form.height, plan.form.frame_rate) == (160, 284, 24)
    copied = {segment.left.clip for segment in plan.segments if segment.is_copied}
    assert copied == set(range(0, len(plan.clips), 2))
    assert len(plan.clips) == 2 * len(mixture.kinds) + 1


def test_it_plays_everywhere_and_every_picture_is_in_its_place(mixture: Mixture):
    assert_plays_everywhere(mixture.made)
    assert len(mixture.colors) == mixture.made.plan.total_frames


@pytest.mark.parametrize("kind", [*KINDS, "turned"])
def test_a_clip_of_any_kind_has_its_length_and_its_color(mixture: Mixture, kind: str):
    place = 2 * mixture.kinds.index(kind) + 1
    assert mixture.made.plan.clips[place].frames == {"one picture": 1, "a varying rate": 26}.get(kind, 24)
    expected, found = yuv_of(ODD_COLOR), mixture.middle(place)
    if kind in KINDS and KINDS[kind].keeps_hue_only:
        assert found[0] > 60
        assert hue_difference(found, expected) < 15
    else:
        assert np.allclose(found, expected, atol=3)


def test_a_hard_cut_is_where_one_clip_ends_and_the_next_begins(mixture: Mixture):
    if any(mixture.made.plan.joints):
        assert {joint for joint in mixture.made.plan.joints if joint} == {6}
        return
    is_odd = np.abs(mixture.colors[:, 0] - yuv_of(USUAL_COLOR)[0]) > 30
    starts = [0, *(number for number, (one, next_one) in enumerate(pairwise(is_odd), start=1) if one != next_one)]
    assert starts == mixture.starts


def test_what_is_copied_keeps_its_colors(mixture: Mixture):
    for place in range(0, len(mixture.made.plan.clips), 2):
        assert np.allclose(mixture.middle(place), yuv_of(USUAL_COLOR), atol=2)


def hue_difference(one: np.ndarray, other: np.ndarray) -> float:
    """In degrees."""
    angles = [np.degrees(np.arctan2(color[2] - 128, color[1] - 128)) for color in (one, other)]
    return float(abs((angles[0] - angles[1] + 180) % 360 - 180))


class TestColorsAtJoints:
    """A clip that is part copied, part encoded has one colour all the same."""

    @pytest.mark.parametrize("names_colors", [True, False])
    @pytest.mark.parametrize("color", ["orange", "green", "gray"])
    def test_nothing_jumps(self, clips: CompositionClips, studio: Studio, color: str, names_colors: bool):
        clip = clips.prepared(color, names_colors=names_colors)
        made = studio.compose([clip] * 3)
        assert made.plan.tags_color == names_colors
        assert 0 < made.plan.encoded_frames < made.plan.total_frames
        assert np.abs(mean_yuv(made.path) - mean_yuv(clip)[0]).max() <= 2
        with av.open(str(made.path)) as container:
            said = {(int(frame.colorspace), int(frame.color_range)) for frame in container.decode(video=0)}
        assert said == {(1, 1) if names_colors else (2, 0)}
        assert_plays_everywhere(made)


def test_interlaced_pictures_lose_their_combs(clips: CompositionClips, studio: Studio):
    graph = "testsrc2=s=160x284:r=48:d=1,tinterlace=interleave_top,setfield=tff"
    interlaced = clips.of(graph, *X264, "-flags", "+ilme+ildct", "-x264-params", "tff=1")
    assert video_of(interlaced).is_interlaced
    made = studio.compose([interlaced])
    assert made.plan.total_frames == 24
    assert combs(gray_pictures(made.path)) < 0.7 * combs(gray_pictures(interlaced))


def combs(pictures: np.ndarray) -> float:
    """How much rows differ from both rows beside them, in the same direction."""
    rows = np.diff(pictures, axis=1)
    return float(np.mean(np.clip(-rows[:, 1:] * rows[:, :-1], 0, None)))


def test_hdr_white_becomes_white(media_samples: MediaSamples, studio: Studio):
    made = studio.compose([media_samples.hdr()])
    luma, blue, red = mean_yuv(made.path)[10]
    assert luma > 200
    assert (blue, red) == (pytest.approx(128, abs=3), pytest.approx(128, abs=3))


def test_a_clip_of_another_shape_stands_on_black(media_samples: MediaSamples, studio: Studio):
    made = studio.compose([media_samples.solid("white", seconds=2), media_samples.solid("white", size="320x160")])
    last = gray_pictures(made.path)[-1]
    assert last[:90].max() < 24
    assert last[142].min() > 200


def test_clips_without_a_majority_become_one_video(media_samples: MediaSamples, studio: Studio):
    sources: list[Path] = [
        media_samples.solid("red", sound_hz=300),
        media_samples.solid("blue", size="320x180", rate="60"),
        media_samples.rotated("yellow", degrees=90),
        media_samples.variable_rate(),
        media_samples.hdr(),
    ]
    made = studio.compose(sources)
    assert (video_of(made.path).displayed_size, video_of(made.path).frame_rate) == ((160, 284), 24)
    assert_plays_everywhere(made)
