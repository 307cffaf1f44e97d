"""What of a clip is copied, and what keeps it from being copied."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.media import VideoStream
from pipeline.domain.media_copies import copied_frames, copied_parameter_sets, why_encoded
from pipeline.domain.media_forms import VideoForm
from tests.media_probes import NTSC, SETS_0, SETS_0_OTHER, video_stream

FORM = VideoForm(1080, 1920, Fraction(24))


@pytest.mark.parametrize(
    ("difference", "why"),
    [
        ({}, ""),
        ({"color_matrix": ""}, ""),  # most files do not say: BT.709 is what players take them for
        ({"start_seconds": 1.5}, ""),
        ({"reorder_frames": 3}, ""),
        ({"entry_frames": (), "exit_frames": ()}, ""),  # alike, though there is nothing to copy
        ({"frame_rate": Fraction(239999, 10000)}, ""),  # the same but for rounding
        ({"width": 720, "height": 1280}, "720x1280 is scaled"),
        ({"width": 1080, "height": 1918}, "1080x1918 is scaled"),
        ({"frame_rate": Fraction(30)}, "30.000 fps is retimed"),
        ({"frame_rate": Fraction(24000, 1001)}, "23.976 fps is retimed"),
        ({"is_variable_rate": True}, "24.000 fps is retimed"),
        ({"width": 540, "sample_aspect_ratio": Fraction(2)}, "pixels are made square"),
        ({"width": 1920, "height": 1080, "rotation_degrees": 90}, "rotated by 90 degrees"),
        ({"rotation_degrees": 180}, "rotated by 180 degrees"),
        ({"color_transfer": "smpte2084"}, "HDR is mapped to SDR"),
        ({"color_transfer": "arib-std-b67"}, "HDR is mapped to SDR"),
        ({"width": 1081}, "odd edges are cut"),
        ({"height": 1921}, "odd edges are cut"),
        ({"codec": "hevc"}, "not every player takes hevc"),
        ({"codec": "vp9", "parameter_sets": ""}, "not every player takes vp9"),
        ({"pixel_format": "yuv420p10le"}, "not every player takes yuv420p10le"),
        ({"pixel_format": "yuv444p"}, "not every player takes yuv444p"),
        ({"color_matrix": "smpte170m"}, "its colours are converted"),
        ({"color_matrix": "bt2020nc"}, "its colours are converted"),
        ({"is_full_range": True}, "its colours are converted"),
        ({"is_interlaced": True}, "it is interlaced"),
        ({"parameter_sets": ""}, "its packets cannot be joined with others"),
        ({"parameter_sets": SETS_0_OTHER}, "it was encoded in another way than what is copied"),
        (
            {"width": 720, "height": 1280, "frame_rate": NTSC, "codec": "hevc", "parameter_sets": SETS_0_OTHER},
            "720x1280 is scaled, 29.970 fps is retimed, not every player takes hevc",
        ),
    ],
)
def test_why_a_clip_is_encoded(difference: dict[str, object], why: str):
    stream = video_stream(**difference)
    assert why_encoded(stream, FORM, SETS_0) == why


@pytest.mark.parametrize(
    ("streams", "sets"),
    [
        ([], ""),
        ([video_stream()], SETS_0),
        ([video_stream(parameter_sets="")], ""),
        ([video_stream(codec="hevc", parameter_sets=SETS_0_OTHER)], ""),
        ([video_stream(), video_stream(parameter_sets=SETS_0_OTHER)], SETS_0),  # the earlier one's
        ([video_stream(48), video_stream(96, parameter_sets=SETS_0_OTHER)], SETS_0_OTHER),
        ([video_stream(), video_stream(96, parameter_sets=SETS_0_OTHER), video_stream(72)], SETS_0),
        # what is not copied for another reason does not count
        ([video_stream(), video_stream(96, parameter_sets=SETS_0_OTHER, is_interlaced=True)], SETS_0),
    ],
)
def test_those_parameter_sets_are_copied_that_most_whole_clips_have(streams: list[VideoStream], sets: str):
    assert copied_parameter_sets(streams, [(0, 0)] * len(streams), FORM) == sets


def test_those_parameter_sets_are_copied_with_which_most_can_be():
    """Of a long clip with one keyframe, between two fades, nothing is."""
    streams = [video_stream(48), video_stream(480, parameter_sets=SETS_0_OTHER), video_stream(48, entry_frames=(0, 12))]
    assert copied_parameter_sets(streams, [(0, 12), (12, 12), (12, 0)], FORM) == SETS_0
    assert copied_parameter_sets(streams, [(0, 0), (0, 12), (12, 0)], FORM) == SETS_0_OTHER
    assert copied_parameter_sets(streams[1:], [(12, 0), (48, 0)], FORM) == SETS_0_OTHER  # nothing of either


EVERY_FRAME = tuple(range(49))


@pytest.mark.parametrize(
    ("entries", "exits", "fade_in", "fade_out", "copied"),
    [
        # no fades: a whole clip has an entry at its beginning and an exit at its end
        ((0,), (48,), 0, 0, (0, 48)),
        ((0, 24), (24, 48), 0, 0, (0, 48)),
        # prepared for fades of twelve frames
        ((0, 12, 36), (12, 36, 48), 12, 12, (12, 36)),
        ((0, 12, 36), (12, 36, 48), 0, 12, (0, 36)),
        ((0, 12, 36), (12, 36, 48), 12, 0, (12, 48)),
        # and faded for less long: all that lies between is copied; for longer: what is left
        ((0, 12, 36), (12, 36, 48), 6, 6, (12, 36)),
        ((0, 12, 36), (12, 36, 48), 13, 6, None),
        ((0, 12, 24, 36), (12, 24, 36, 48), 13, 13, None),
        ((0, 12, 24, 36), (12, 24, 36, 48), 6, 13, (12, 24)),
        # one keyframe, the first: nothing can begin after a fade
        ((0,), EVERY_FRAME, 0, 12, (0, 36)),
        ((0,), EVERY_FRAME, 12, 0, None),
        ((0,), EVERY_FRAME, 12, 12, None),
        # B-frames: a copy ends where the packets so far are the pictures so far
        ((0,), (1, 5, 9, 13, 17, 21, 25, 29, 33, 37, 41, 45, 48), 0, 12, (0, 33)),
        ((0,), (1, 4, 48), 0, 1, None),
        # a hard cut of what has no exit at its very end, or no entry at its very beginning
        ((0,), (1, 44), 0, 0, (0, 44)),
        ((24,), (48,), 0, 0, (24, 48)),
        # a quarter of a second is worth it, less is not
        ((0, 30), (36, 48), 12, 12, (30, 36)),
        ((0, 31), (36, 48), 12, 12, None),
        ((36,), (12,), 0, 0, None),
        ((), (), 0, 0, None),
    ],
)
def test_a_copy_begins_at_an_entry_after_the_first_fade_and_ends_at_an_exit_before_the_last(
    entries: tuple[int, ...], exits: tuple[int, ...], fade_in: int, fade_out: int, copied: tuple[int, int] | None
):
    stream = video_stream(48, entry_frames=entries, exit_frames=exits)
    assert copied_frames(stream, fade_in, fade_out, FORM) == copied


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_a_whole_clip_is_copied_however_short(frames: int):
    assert copied_frames(video_stream(frames), 0, 0, FORM) == (0, frames)


@given(
    points=st.tuples(st.sets(st.integers(0, 100)), st.sets(st.integers(1, 100))),
    fades=st.tuples(st.integers(0, 50), st.integers(0, 50)),
)
def test_no_copy_touches_a_fade_or_begins_or_ends_elsewhere(points: tuple[set[int], set[int]], fades: tuple[int, int]):
    entries, exits = (tuple(sorted(numbers)) for numbers in points)
    stream = video_stream(100, entry_frames=entries, exit_frames=exits)
    copied = copied_frames(stream, *fades, FORM)
    longest = max(
        (end - start for start in entries for end in exits if start >= fades[0] and end <= 100 - fades[1]), default=0
    )
    if copied is None:
        assert longest < 6
    else:
        start, end = copied
        assert start in entries
        assert end in exits
        assert fades[0] <= start < end <= 100 - fades[1]
        assert end - start == longest
