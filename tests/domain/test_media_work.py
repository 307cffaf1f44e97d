"""How long work takes, about: only ratios and bounds matter."""

import pytest

from pipeline.domain.media_work import FAST, MAX_SEGMENT_SECONDS, SMALL, EncodeSettings, encoding_seconds, frames_within

FULL_HD = 1080 * 1920
BOTH = pytest.mark.parametrize("encode", [FAST, SMALL])


@BOTH
def test_work_grows_with_frames_and_with_pixels(encode: EncodeSettings):
    start = encoding_seconds(0, FULL_HD, encode)
    once = encoding_seconds(100, FULL_HD, encode) - start
    assert start > 0
    assert encoding_seconds(200, FULL_HD, encode) - start == pytest.approx(2 * once)
    assert encoding_seconds(100, 4 * FULL_HD, encode) - start == pytest.approx(4 * once)


def test_a_small_video_takes_longer_and_has_fewer_bytes():
    assert encoding_seconds(100, FULL_HD, SMALL) > 2 * encoding_seconds(100, FULL_HD, FAST)
    assert SMALL.crf > FAST.crf
    assert SMALL.keyframe_seconds > FAST.keyframe_seconds


@BOTH
@pytest.mark.parametrize("pixels", [160 * 284, FULL_HD, 4096 * 2304])
def test_as_many_frames_are_encoded_in_one_go_as_fit_into_the_time(encode: EncodeSettings, pixels: int):
    frames = frames_within(MAX_SEGMENT_SECONDS, pixels, encode)
    start = encoding_seconds(0, pixels, encode)
    assert encoding_seconds(frames, pixels, encode) - start <= MAX_SEGMENT_SECONDS
    assert encoding_seconds(frames + 1, pixels, encode) - start > MAX_SEGMENT_SECONDS


def test_one_frame_is_encoded_in_one_go_however_large():
    assert frames_within(1.0, 10**9, SMALL) == 1
