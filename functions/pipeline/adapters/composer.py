"""Carries out a composition plan, with one ffmpeg at a time.

    up to CLIPS_PER_SEGMENT clips   one graph -> final file
    more                            a graph for each segment -> segment files -> joined without encoding -> final file

Pictures are encoded once, whichever way they take; copied pictures never are. `compose` goes the whole way at once;
`render_segment` and `join_segments` are its two halves, for those who stop in between.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import ffmpeg

from pipeline.adapters.ffmpeg import run_ffmpeg
from pipeline.adapters.filter_graphs import (
    AUDIO_RATE_HZ,
    exact_audio,
    seconds,
    segment_audio,
    segment_video,
    with_music,
)
from pipeline.adapters.media_probe import DEMUXERS, probe_media
from pipeline.domain.errors import MediaError
from pipeline.domain.media import MediaProbe
from pipeline.domain.media_plans import CompositionPlan
from pipeline.domain.media_segments import Segment, split_plan

CLIPS_PER_SEGMENT = 2
"""And the head of a third: 460 MB with 1080p clips, however many there are (eight at once: 800 MB, and no faster)."""

RECIPE = "1"
"""To be changed with whatever changes a segment's file: those that an older version made are then made again."""

COPIED_VIDEO = {"vcodec": "copy", "bsf:v": "setts=pts=PTS-STARTPTS:dts=DTS-STARTPTS"}
"""Copied pictures begin at 0 too: ffmpeg puts there what comes first in the file, which may be an encoder's silence."""

JOIN_SHARE = 0.05
"""Of the progress, for joining the segments: nothing is decoded but sound."""


@dataclass(frozen=True)
class SegmentPath:
    """A segment's file on this machine, and how many pictures are in it."""

    path: Path
    frames: int


@dataclass(frozen=True)
class _Watch:
    """How the ffmpegs of one call are watched."""

    on_progress: Callable[[float], None]
    ends_at: float
    should_stop: Callable[[], None]

    def ffmpeg(self, output: Any, *, frames: int, progress: tuple[float, float] = (0.0, 1.0)) -> None:
        """Run one graph, whose end is `frames` away and brings the whole from `progress[0]` to `progress[1]`."""
        start, end = progress
        run_ffmpeg(
            ffmpeg.get_args(output),
            deadline_seconds=self.ends_at - time.monotonic(),
            total_frames=frames,
            on_progress=lambda share: self.on_progress(start + share * (end - start)),
            should_stop=self.should_stop,
        )


def compose(
    plan: CompositionPlan,
    sources: Sequence[Path],
    music: Path | None,
    target: Path,
    *,
    workdir: Path,
    on_progress: Callable[[float], None],
    deadline_seconds: float,
    should_stop: Callable[[], None],
) -> MediaProbe:
    """Make the MP4 of `plan` out of `sources`, in the plan's order, and return what was made.

    Segments are kept in `workdir`, which belongs to the caller, until the end. `on_progress` gets shares from 0 to 1,
    never backwards; `should_stop` may raise to end it. Raises DeadlineExceeded, OutOfSpace, MediaError.
    """
    watch = _Watch(on_progress, time.monotonic() + deadline_seconds, should_stop)
    segments = split_plan(plan, CLIPS_PER_SEGMENT)
    if len(segments) == 1 or (plan.copies_video and not plan.has_clip_audio):
        copied = plan.copies_video
        video = _copied_video(plan, sources, workdir) if copied else segment_video(plan, segments[0], sources)
        audio = segment_audio(plan, segments[0], sources) if plan.has_clip_audio else None
        return _finish(plan, video, audio, music, target, watch, copies=copied)
    files, frames = [], 0
    for number, segment in enumerate(segments, start=1):
        path = workdir / f"segment_{number}.mov"
        shares = [done / plan.total_frames * (1 - JOIN_SHARE) for done in (frames, frames + segment.frames)]
        _render(plan, segment, sources, path, watch, progress=(shares[0], shares[1]))
        frames += segment.frames
        files.append(SegmentPath(path, segment.frames))
    joined = _joined_segments(plan, files, workdir)
    video = _copied_video(plan, sources, workdir) if plan.copies_video else joined.video
    audio = joined.audio if plan.has_clip_audio else None
    return _finish(plan, video, audio, music, target, watch, copies=True, done=1 - JOIN_SHARE)


def render_segment(
    plan: CompositionPlan,
    segment: Segment,
    sources: Mapping[int, Path],
    target: Path,
    *,
    on_progress: Callable[[float], None],
    deadline_seconds: float,
    should_stop: Callable[[], None],
) -> SegmentPath:
    """Encode one segment of a plan that copies nothing; `sources` has its clips, by their place in the plan.

    `target` ends in .mov: pictures as they will stay, sound as PCM. Progress, stop and errors as in `compose`.
    """
    watch = _Watch(on_progress, time.monotonic() + deadline_seconds, should_stop)
    # a clip that is not needed has no file: nothing refers to it
    everywhere = [sources.get(clip, Path()) for clip in range(len(plan.clips))]
    _render(plan, segment, everywhere, target, watch)
    with av.open(str(target)) as container:
        frames = container.streams.video[0].frames
    if frames != segment.frames:
        raise MediaError(f"A segment of the video has {frames} frames instead of {segment.frames}.")
    return SegmentPath(target, frames)


def join_segments(
    plan: CompositionPlan,
    files: Sequence[SegmentPath],
    music: Path | None,
    target: Path,
    *,
    workdir: Path,
    on_progress: Callable[[float], None],
    deadline_seconds: float,
    should_stop: Callable[[], None],
) -> MediaProbe:
    """Make the MP4 of `plan` out of all its segments, in order. Progress, stop and errors as in `compose`."""
    watch = _Watch(on_progress, time.monotonic() + deadline_seconds, should_stop)
    joined = _joined_segments(plan, files, workdir)
    audio = joined.audio if plan.has_clip_audio else None
    return _finish(plan, joined.video, audio, music, target, watch, copies=True)


def _finish(
    plan: CompositionPlan,
    video: Any,
    audio: Any | None,
    music: Path | None,
    target: Path,
    watch: _Watch,
    *,
    copies: bool,
    done: float = 0.0,
) -> MediaProbe:
    """The final file, from pictures and sound that are in order; `done` is the share of the work that lies behind."""
    if music is not None:
        audio = with_music(plan, audio, music)
    if audio is not None:
        audio = exact_audio(plan, audio)
    final = _final_output(plan, video, audio, target, copies=copies)
    watch.ffmpeg(final, frames=plan.total_frames, progress=(done, 1.0))
    return _checked(plan, probe_media(target))


def _render(
    plan: CompositionPlan,
    segment: Segment,
    sources: Sequence[Path],
    path: Path,
    watch: _Watch,
    *,
    progress: tuple[float, float] = (0.0, 1.0),
) -> None:
    """A segment's file: pictures as they will stay, sound uncompressed, because it is encoded at the end."""
    streams = []
    options: dict[str, Any] = {}
    if not plan.copies_video:
        streams.append(segment_video(plan, segment, sources))
        options |= _video_options(plan)
    if plan.has_clip_audio:
        streams.append(segment_audio(plan, segment, sources))
        options |= {"acodec": "pcm_s16le"}
    watch.ffmpeg(ffmpeg.output(*streams, str(path), **options), frames=segment.frames, progress=progress)


def _joined_segments(plan: CompositionPlan, files: Sequence[SegmentPath], workdir: Path) -> Any:
    listed = [_Listed(file.path, file.frames, start_seconds=0.0) for file in files]
    return _joined_files(plan, listed, workdir / "segments.txt")


def _copied_video(plan: CompositionPlan, sources: Sequence[Path], workdir: Path) -> Any:
    """The clips' own pictures, packet by packet."""
    files = [_Listed(path, clip.frames, clip.start_seconds) for path, clip in zip(sources, plan.clips, strict=True)]
    return _joined_files(plan, files, workdir / "clips.txt").video


@dataclass(frozen=True)
class _Listed:
    """A file to be joined: `frames` long, its first picture at `start_seconds`."""

    path: Path
    frames: int
    start_seconds: float


def _joined_files(plan: CompositionPlan, files: Sequence[_Listed], listing: Path) -> Any:
    """The files, read one after the other by ffmpeg's concat demuxer.

    The one place where a playlist may be opened: we wrote it, and the files it names were probed with the whitelist.
    """
    lines = ["ffconcat version 1.0"]
    for file in files:
        quoted = str(file.path.absolute()).replace("'", "'\\''")
        # without an inpoint, files would be laid end to end by where their sound begins, which is before the pictures
        lines += [f"file '{quoted}'", f"inpoint {file.start_seconds:.6f}"]
        lines += [f"duration {seconds(file.frames, plan.form.frame_rate)}"]
    listing.write_text("\n".join(lines))
    # auto_convert would rewrite every packet, to no use: all the files are MP4 with the same parameter sets
    whitelists = {"protocol_whitelist": "file", "format_whitelist": f"concat,{DEMUXERS}"}
    return ffmpeg.input(str(listing), f="concat", safe=0, auto_convert=0, **whitelists)


def _video_options(plan: CompositionPlan) -> dict[str, Any]:
    rate = plan.form.frame_rate
    return {
        "vcodec": "libx264",
        "crf": plan.encode.crf,
        "preset": plan.encode.preset,
        "profile:v": "high",
        "pix_fmt": "yuv420p",
        "colorspace": "bt709",
        "color_primaries": "bt709",
        "color_trc": "bt709",
        "color_range": "tv",
        "video_track_timescale": rate.numerator * (1 if rate.numerator > 1000 else 1000),
    }


def _final_output(plan: CompositionPlan, video: Any, audio: Any | None, target: Path, *, copies: bool) -> Any:
    options: dict[str, Any] = {"f": "mp4", "movflags": "+faststart", "map_metadata": -1}
    options |= COPIED_VIDEO if copies else _video_options(plan)
    if audio is None:
        return ffmpeg.output(video, str(target), **options)
    options |= {"acodec": "aac", "audio_bitrate": plan.encode.audio_bitrate, "ar": AUDIO_RATE_HZ, "ac": 2}
    return ffmpeg.output(video, audio, str(target), **options)


def _checked(plan: CompositionPlan, made: MediaProbe) -> MediaProbe:
    """Raises MediaError when the file is not what was planned."""
    if made.video is None:
        raise MediaError("The composed file has no picture.")
    if made.video.frame_count != plan.total_frames:
        raise MediaError(f"The composed video has {made.video.frame_count} frames instead of {plan.total_frames}.")
    if (plan.has_clip_audio or plan.has_music) and made.audio is None:
        raise MediaError("The composed video has no sound.")
    return made
