"""How much work a composition is, before it begins: what progress is a share of, and what is too much.

The paces are those of two usual cloud CPUs, rounded down: a job may be faster than was thought, rarely slower.
"""

from dataclasses import dataclass

MAX_WORK_SECONDS = 7200.0
"""More is refused before it starts."""

SECONDS_PER_SEGMENT = 0.3  # an encoder is started, its clips are opened
COPIED_FRAMES_PER_SECOND = 10_000
SOUND_SECONDS_PER_SECOND = 40.0
MAX_SEGMENT_SECONDS = 60.0
"""Of work: what is lost, at most, when an instance dies."""

MAX_WHOLE_SECONDS = 300.0
"""The same of a segment that may turn out to be copied, and can be so only as a whole."""

ENCODED_REORDER_FRAMES = 2  # x264's, with B-frames that others refer to


@dataclass(frozen=True)
class EncodeSettings:
    """x264's quality and effort, and how many pixels it encodes in a second."""

    crf: int
    preset: str
    keyframe_seconds: int
    audio_bitrate: str
    pixels_per_second: float


FAST = EncodeSettings(crf=20, preset="veryfast", keyframe_seconds=2, audio_bitrate="192k", pixels_per_second=60e6)
PREPARED = EncodeSettings(crf=18, preset="veryfast", keyframe_seconds=2, audio_bitrate="192k", pixels_per_second=60e6)
SMALL = EncodeSettings(crf=26, preset="slow", keyframe_seconds=5, audio_bitrate="128k", pixels_per_second=10e6)


def encoding_seconds(frames: int, pixels: int, encode: EncodeSettings) -> float:
    """How long it takes to encode so many frames of so many pixels each."""
    return SECONDS_PER_SEGMENT + frames * pixels / encode.pixels_per_second


def frames_within(seconds: float, pixels: int, encode: EncodeSettings) -> int:
    """How many frames are encoded in that time; at least one."""
    return max(int(seconds * encode.pixels_per_second / pixels), 1)
