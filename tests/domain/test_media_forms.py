"""To what form a video's clips are brought."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.media import VideoStream
from pipeline.domain.media_forms import MAX_FRAME_RATE, VideoForm, majority_form, usual_rate
from tests.media_probes import NTSC, video_stream

PORTRAIT = VideoForm(1080, 1920, Fraction(24))
FILM = Fraction(24000, 1001)
FAST_NTSC = Fraction(60000, 1001)


def sized(width: int, height: int, **differences: object) -> VideoStream:
    return video_stream(width=width, height=height, **differences)


@pytest.mark.parametrize(
    ("streams", "size"),
    [
        ([sized(1080, 1920), sized(1080, 1920), sized(1920, 1080)], (1080, 1920)),
        ([sized(1080, 1920), sized(1920, 1080)], (1080, 1920)),  # the earlier one, of two that are as long
        ([sized(1080, 1920, duration_seconds=2.0), sized(1920, 1080, duration_seconds=2.1)], (1920, 1080)),
        ([sized(640, 480), sized(1920, 1080), sized(640, 480)], (640, 480)),
        ([sized(1920, 1080, rotation_degrees=90), sized(1920, 1080)], (1080, 1920)),
        ([sized(720, 576, sample_aspect_ratio=Fraction(64, 45))], (1024, 576)),
        ([sized(161, 285)], (160, 284)),
        ([sized(1, 1)], (2, 2)),
    ],
)
def test_the_size_is_that_of_most_seconds_of_the_material(streams: list[VideoStream], size: tuple[int, int]):
    form = majority_form(streams)
    assert (form.width, form.height) == size


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([24, 24, 30], 24),
        ([30, 24], 30),
        ([NTSC, 24, NTSC], NTSC),
        ([FILM], FILM),
        ([Fraction(2999, 100)], Fraction(2999, 100)),  # unusual, and meant so
        ([Fraction(239999, 10000)], 24),  # 24, but for rounding
        ([Fraction(2997, 50)], FAST_NTSC),
        ([24, Fraction(239999, 10000), 30], 24),  # the two that are alike have more
        ([120], 60),
        ([Fraction(1, 2)], FILM),
    ],
)
def test_the_rate_is_that_of_most_seconds_of_the_material(rates: list[Fraction], expected: Fraction):
    streams = [video_stream(rate=rate, duration_seconds=2.0) for rate in rates]
    assert majority_form(streams).frame_rate == expected


@pytest.mark.parametrize(
    ("average", "usual"), [(Fraction(53, 2), 25), (Fraction(299, 10), NTSC), (59, FAST_NTSC), (7, FILM), (240, 60)]
)
def test_a_varying_rate_becomes_the_nearest_usual_one(average: Fraction, usual: Fraction):
    assert usual_rate(video_stream(rate=average, is_variable_rate=True)) == usual


@pytest.mark.parametrize(
    ("stream", "is_kept", "frames"),
    [
        (video_stream(48), True, 48),
        (video_stream(48, rate=Fraction(239999, 10000)), True, 48),
        (video_stream(48, is_variable_rate=True), False, 48),
        (video_stream(48, rate=FILM), False, 48),  # a thousandth slower is another rate
        (video_stream(60, rate=30), False, 48),
        (video_stream(1, rate=30), False, 1),
        (video_stream(1, rate=1000), False, 1),  # never none
    ],
)
def test_pictures_are_frames_only_at_the_forms_own_rate(stream: VideoStream, is_kept: bool, frames: int):
    assert (PORTRAIT.is_kept_by(stream), PORTRAIT.frames_of(stream)) == (is_kept, frames)


@pytest.mark.parametrize("rate", [61, 120, 240, Fraction(1, 2), Fraction(1, 5)])
def test_a_rate_that_no_video_may_have_is_retimed_not_played_at_another_speed(rate: Fraction):
    stream = video_stream(round(10 * rate), rate=rate)
    form = majority_form([stream])
    assert not form.is_kept_by(stream)
    assert form.frames_of(stream) == round(10 * form.frame_rate)


@pytest.mark.parametrize(
    ("stream", "picture"),
    [
        (sized(1080, 1920), (1080, 1920)),
        (sized(540, 960), (1080, 1920)),
        (sized(1920, 1080), (1080, 606)),
        (sized(1920, 1080, rotation_degrees=90), (1080, 1920)),
        (sized(540, 1920, sample_aspect_ratio=Fraction(2)), (1080, 1920)),
        (sized(1088, 1920), (1080, 1920)),  # a hair wider: no hairline bars
        (sized(1100, 1920), (1080, 1884)),
        (sized(1, 1), (1080, 1080)),
        (sized(4000, 2), (1080, 2)),
    ],
)
def test_a_picture_is_as_large_as_fits(stream: VideoStream, picture: tuple[int, int]):
    assert PORTRAIT.fitted(stream) == picture


@given(
    st.integers(1, 4096),
    st.integers(1, 4096),
    st.sampled_from([Fraction(1), Fraction(64, 45), Fraction(8, 9), Fraction(1, 50)]),
    st.sampled_from([0, 90, 180, 270]),
)
def test_no_picture_is_larger_than_the_form_or_odd(width: int, height: int, aspect: Fraction, rotation: int):
    stream = sized(width, height, sample_aspect_ratio=aspect, rotation_degrees=rotation)
    for form in (PORTRAIT, majority_form([stream]), VideoForm(2, 2, Fraction(24))):
        fitted = form.fitted(stream)
        assert all(2 <= mine <= whole for mine, whole in zip(fitted, (form.width, form.height), strict=True))
        assert not any(edge % 2 for edge in fitted)
    assert majority_form([stream]).fitted(stream) == stream.displayed_size


@given(st.fractions(Fraction(1, 10), 500, max_denominator=1001), st.booleans())
def test_a_frame_is_a_whole_number_of_ticks_and_no_rate_is_too_high(rate: Fraction, varies: bool):
    form = majority_form([video_stream(rate=rate, is_variable_rate=varies)])
    assert 1 <= form.frame_rate <= MAX_FRAME_RATE
    assert (form.ticks_per_second / form.frame_rate).denominator == 1
    assert form.ticks_per_second >= 1000
