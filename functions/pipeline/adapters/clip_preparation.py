"""Brings a clip into the form in which compositions can copy it, once, when it is stored.

    as delivered   |I..................................................|   one keyframe: a fade costs the whole clip
    prepared       |I....I....I..........I..........I..........I..I....|   keyframes where fades end and begin
                    0   0.5   1          2          3          4  -0.5

H.264 that every player takes, square pixels, upright, BT.709, a steady usual rate, index in front. The size stays: what
a storyboard's clips have in common is what their model makes. Nothing that was prepared alike differs in its parameter
sets, so that the packets of all can stand in one file.
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import ffmpeg

from pipeline.adapters.encoding import encoder_options, sound_options
from pipeline.adapters.filter_graphs import batch_sound, exact_sound, segment_pictures
from pipeline.adapters.media_probe import probe_media
from pipeline.adapters.watch import Watch
from pipeline.domain.errors import DeadlineExceeded, MediaError
from pipeline.domain.media import MediaProbe
from pipeline.domain.media_copies import joint_keyframes
from pipeline.domain.media_plans import CompositionOptions, CompositionPlan, plan_composition
from pipeline.domain.media_segments import Piece, Segment, cut_sound
from pipeline.domain.media_work import PREPARED

_ONE_AT_A_TIME = threading.Lock()
"""For all jobs of an instance: an encoder takes up to 300 MB, and one keeps its CPU busy."""

LOOK_SECONDS = 1.0


def prepare_clip(
    source: Path,
    target: Path,
    probe: MediaProbe,
    *,
    deadline_seconds: float = 300.0,
    should_stop: Callable[[], None] = lambda: None,
) -> MediaProbe:
    """Write `source`, which was probed, as `target`, an MP4 that compositions can copy, and return what was written.

    Waits until no other clip is being prepared here; `should_stop` is called meanwhile. Raises DeadlineExceeded,
    OutOfSpace, MediaError, and UnsupportedMedia or SourceTooLarge for what no composition would take.
    """
    plan = _plan(probe)
    watch = Watch.until(deadline_seconds, should_stop)
    while not _ONE_AT_A_TIME.acquire(timeout=LOOK_SECONDS):
        should_stop()
        if watch.seconds_left < 0:
            raise DeadlineExceeded("Other clips were being prepared for too long.")
    try:
        _encode(plan, source, target, watch)
    finally:
        _ONE_AT_A_TIME.release()
    made = probe_media(target)
    if made.video is None or made.video.frame_count != plan.total_frames or not made.video.parameter_sets:
        raise MediaError("The prepared clip is not what it was to be.")
    return made


def _plan(probe: MediaProbe) -> CompositionPlan:
    """The clip alone, all of it encoded."""
    plan = plan_composition([probe], CompositionOptions(crossfade=False))
    whole = Segment(Piece(0, 0, plan.clips[0].frames))
    return replace(plan, segments=(whole,), copied_parameter_sets="", tags_color=True, encode=PREPARED)


def _encode(plan: CompositionPlan, source: Path, target: Path, watch: Watch) -> None:
    rate = plan.form.frame_rate
    # ffmpeg takes the first picture at or after each time
    keyframes = [f"{float((frame - 0.5) / rate):.6f}" for frame in joint_keyframes(plan.total_frames, rate)]
    options = encoder_options(plan.form, plan.encode)
    options |= {"force_key_frames": ",".join(keyframes), "f": "mp4", "movflags": "+faststart", "map_metadata": -1}
    streams = [segment_pictures(plan, plan.segments[0], lambda _: source)]
    if plan.has_clip_audio:
        (batch,) = cut_sound([plan.total_frames], (), 1)
        streams.append(exact_sound(plan, batch_sound(plan, batch, lambda _: source)))
        options |= sound_options(plan.encode)
    output = ffmpeg.output(*streams, str(target), **options)
    watch.run(output, "-copyts", "-filter_complex_threads", "1", frames=plan.total_frames)
