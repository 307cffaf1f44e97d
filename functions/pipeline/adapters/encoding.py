"""How pictures and sound are encoded: H.264 that every player takes, and that may stand in one file with other H.264.

`stitchable` and closed groups of pictures keep everything that is encoded with the same settings alike, to the last bit
of its parameter sets, however long it is; `set_id` sets it apart from what it is joined with.
"""

from typing import Any

from pipeline.domain.media_forms import VideoForm
from pipeline.domain.media_work import EncodeSettings

AUDIO_RATE_HZ = 48_000

BT709 = {"colorspace": "bt709", "color_primaries": "bt709", "color_trc": "bt709", "color_range": "tv"}


def encoder_options(
    form: VideoForm, encode: EncodeSettings, *, set_id: int = 0, tags_color: bool = True, threads: int = 0
) -> dict[str, Any]:
    """ffmpeg's options for an output of this form. `threads`: 0 is as many as there are CPUs."""
    keyframes = max(round(encode.keyframe_seconds * form.frame_rate), 1)
    parameters = f"open-gop=0:stitchable=1:sps-id={set_id}:keyint={keyframes}"
    return {
        "vcodec": "libx264",
        "crf": encode.crf,
        "preset": encode.preset,
        "profile:v": "high",
        "pix_fmt": "yuv420p",
        "x264-params": parameters,
        "threads": threads,
        "video_track_timescale": form.ticks_per_second,
        **(BT709 if tags_color else {}),
    }


def sound_options(encode: EncodeSettings) -> dict[str, Any]:
    """ffmpeg's options for the sound of an output: AAC, stereo."""
    return {"acodec": "aac", "audio_bitrate": encode.audio_bitrate, "ar": AUDIO_RATE_HZ, "ac": 2}
