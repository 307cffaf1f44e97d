"""Probes of clips that nobody has to make: what a file of that kind would be found to be."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

from pipeline.domain.media import AudioStream, MediaProbe, VideoStream

SOUND = AudioStream(codec="aac", sample_rate_hz=48000, channels=2)
MUSIC = MediaProbe("mp3", 3.0, 1000, None, SOUND)
NTSC = Fraction(30000, 1001)

# avcC records of version 1, high profile, level 4.0: one SPS and one PPS, both of the id in the name
SETS_0 = "01640028ffe1000567640028ac01000468ee3cb0fdf8f800"
SETS_0_OTHER = "01640028ffe1000567640028ad01000468ee3cb0fdf8f800"


def video_stream(frames: int = 48, *, rate: Fraction | int = 24, **differences: Any) -> VideoStream:
    """1080x1920 H.264 that may be copied from its only keyframe, the first, to any of its ends."""
    stream = VideoStream(
        codec="h264",
        width=1080,
        height=1920,
        pixel_format="yuv420p",
        frame_rate=Fraction(rate),
        frame_count=frames,
        duration_seconds=float(frames / Fraction(rate)),
        color_matrix="bt709",
        parameter_sets=SETS_0,
        entry_frames=(0,),
        exit_frames=tuple(range(1, frames + 1)),
    )
    return replace(stream, **differences)


def clip(frames: int = 48, *, rate: Fraction | int = 24, sound: bool = False, **differences: Any) -> MediaProbe:
    """A file with such a stream."""
    stream = video_stream(frames, rate=rate, **differences)
    return MediaProbe("mov,mp4", stream.duration_seconds, 1000, stream, SOUND if sound else None)


def prepared(frames: int = 48, *, fade: int = 12, **differences: Any) -> MediaProbe:
    """A clip that was prepared for fades of so many frames: with keyframes where they end and begin."""
    keyframes = (0, fade, frames - fade)
    return clip(frames, **{"entry_frames": keyframes, "exit_frames": (fade, frames - fade, frames), **differences})
