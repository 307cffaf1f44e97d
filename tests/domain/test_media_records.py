import json
from fractions import Fraction

import pytest

from pipeline.domain.media import AudioStream, MediaProbe, VideoStream
from pipeline.domain.media_records import media_record, recorded_media

VIDEO = VideoStream(
    codec="h264",
    width=1088,
    height=1920,
    pixel_format="yuv420p",
    frame_rate=Fraction(24000, 1001),
    frame_count=121,
    duration_seconds=5.046708333333333,
    start_seconds=1 / 3,
    sample_aspect_ratio=Fraction(4, 3),
    rotation_degrees=90,
    is_variable_rate=True,
    color_transfer="smpte2084",
    names_color_matrix=True,
    stream_digest="0123456789abcdef" * 4 + ":1088x1920:1:24000/1001:1/24000",
)
AUDIO = AudioStream(codec="aac", sample_rate_hz=44100, channels=2)


@pytest.mark.parametrize("video", [VIDEO, None])
@pytest.mark.parametrize("audio", [AUDIO, None])
def test_a_probe_comes_back_as_it_was(video: VideoStream | None, audio: AudioStream | None):
    probe = MediaProbe("mov,mp4,m4a,3gp,3g2,mj2", 5.1, 31_000_000, video, audio)
    assert recorded_media(media_record(probe)) == probe


def test_a_whole_number_comes_back_as_a_fraction():
    probe = MediaProbe("mov", 5.0, 1, VideoStream("h264", 2, 2, "yuv420p", Fraction(24), 120, 5.0), None)
    back = recorded_media(media_record(probe)).video
    assert back is not None
    assert isinstance(back.frame_rate, Fraction)
    assert isinstance(back.sample_aspect_ratio, Fraction)


def test_two_hundred_clips_take_a_seventh_of_a_document():
    record = media_record(MediaProbe("mov,mp4,m4a,3gp,3g2,mj2", 5.1, 31_000_000, VIDEO, AUDIO))
    assert 200 * len(json.dumps(record)) < 150_000
