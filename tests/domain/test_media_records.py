import json
from dataclasses import replace
from fractions import Fraction

import pytest

from pipeline.adapters.picture_packets import MAX_PARAMETER_SETS_BYTES, MAX_PICTURES
from pipeline.domain.copy_points import ENTRY_FRAMES
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
    color_matrix="bt2020nc",
    is_full_range=True,
    is_interlaced=True,
    parameter_sets="01640028ffe1001a67640028acd9404403c6c044000003000400000300c03c60c65801000668ebe3cb22c0fdf8f800",
    entry_frames=(0, *range(24, 48), 121),
    exit_frames=(3, 5, 6, 119, 121),
    reorder_frames=2,
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


def test_runs_of_frames_are_written_as_ranges():
    record = media_record(MediaProbe("mov", 5.0, 1, VIDEO, None))
    assert json.loads(record)["video"]["entry_frames"] == "0,24-47,121"
    assert json.loads(record)["video"]["exit_frames"] == "3,5-6,119,121"


def test_two_hundred_clips_take_a_quarter_of_a_document():
    """Six seconds of B-frames at 30 frames a second, as x264 writes them, with an entry every half second."""
    entries, exits = tuple(range(0, 196, 15)), tuple(number for number in range(181) if number % 7 not in (1, 3, 4))
    video = replace(VIDEO, entry_frames=entries, exit_frames=exits)
    record = media_record(MediaProbe("mov,mp4,m4a,3gp,3g2,mj2", 5.1, 31_000_000, video, AUDIO))
    assert 200 * len(json.dumps(record)) < 1_048_576 / 4


def test_the_worst_record_still_leaves_room_for_two_hundred():
    """As many points as are kept, not two of them neighbours, and the longest parameter sets."""
    last = MAX_PICTURES
    video = replace(
        VIDEO,
        parameter_sets="ff" * MAX_PARAMETER_SETS_BYTES,
        entry_frames=tuple(range(0, ENTRY_FRAMES + 2, 2)),
        exit_frames=tuple(range(last - ENTRY_FRAMES - 2, last + 2, 2)),
    )
    record = media_record(MediaProbe("mov,mp4,m4a,3gp,3g2,mj2", 5.1, 31_000_000, video, AUDIO))
    assert 200 * len(json.dumps(record)) < 1_048_576 * 2 / 3
