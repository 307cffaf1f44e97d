"""Carries out a composition plan, with one ffmpeg at a time.

    up to CLIPS_PER_SEGMENT clips   one graph -> final file
    more                            a graph for each segment -> segment files -> joined without encoding -> final file

Pictures are encoded once, whichever way they take; copied pictures never are.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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

COPIED_VIDEO = {"vcodec": "copy", "bsf:v": "setts=pts=PTS-STARTPTS:dts=DTS-STARTPTS"}
"""Copied pictures begin at 0 too: ffmpeg puts there what comes first in the file, which may be an encoder's silence."""

JOIN_SHARE = 0.05
"""Of the progress, for joining the segments: nothing is decoded but sound."""


@dataclass(frozen=True)
class _Run:
    """What every ffmpeg of one composition shares."""

    plan: CompositionPlan
    sources: Sequence[Path]
    on_progress: Callable[[float], None]
    ends_at: float
    should_stop: Callable[[], None]

    def ffmpeg(self, output: Any, *, frames: int, progress: tuple[float, float]) -> None:
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
    run = _Run(plan, sources, on_progress, time.monotonic() + deadline_seconds, should_stop)
    segments = split_plan(plan, CLIPS_PER_SEGMENT)
    if len(segments) == 1:
        video, audio, done = _whole(run, segments[0], workdir)
    else:
        video, audio, done = _in_segments(run, segments, workdir)
    if music is not None:
        audio = with_music(plan, audio, music)
    if audio is not None:
        audio = exact_audio(plan, audio)
    copies = plan.copies_video or len(segments) > 1
    final = _final_output(plan, video, audio, target, copies=copies)
    run.ffmpeg(final, frames=plan.total_frames, progress=(done, 1.0))
    return _checked(plan, probe_media(target))


def _whole(run: _Run, segment: Segment, workdir: Path) -> tuple[Any, Any | None, float]:
    plan = run.plan
    video = _copied_video(run, workdir) if plan.copies_video else segment_video(plan, segment, run.sources)
    audio = segment_audio(plan, segment, run.sources) if plan.has_clip_audio else None
    return video, audio, 0.0


def _in_segments(run: _Run, segments: Sequence[Segment], workdir: Path) -> tuple[Any, Any | None, float]:
    """Make the segment files; return what reads them: pictures, sound, and the share of the work that is done."""
    plan = run.plan
    if plan.copies_video and not plan.has_clip_audio:
        return _copied_video(run, workdir), None, 0.0
    files, frames, total = [], 0, plan.total_frames
    for number, segment in enumerate(segments, start=1):
        path = workdir / f"segment_{number}.mov"
        before = frames
        frames += segment.frames
        shares = (before / total * (1 - JOIN_SHARE), frames / total * (1 - JOIN_SHARE))
        run.ffmpeg(_segment_output(run, segment, path), frames=segment.frames, progress=shares)
        files.append(_Listed(path, segment.frames, start_seconds=0.0))
    joined = _joined_files(plan, files, workdir / "segments.txt")
    video = _copied_video(run, workdir) if plan.copies_video else joined.video
    return video, joined.audio if plan.has_clip_audio else None, 1 - JOIN_SHARE


def _segment_output(run: _Run, segment: Segment, path: Path) -> Any:
    """A segment's file: pictures as they will stay, sound uncompressed, because it is encoded at the end."""
    plan = run.plan
    streams = []
    options: dict[str, Any] = {}
    if not plan.copies_video:
        streams.append(segment_video(plan, segment, run.sources))
        options |= _video_options(plan)
    if plan.has_clip_audio:
        streams.append(segment_audio(plan, segment, run.sources))
        options |= {"acodec": "pcm_s16le"}
    return ffmpeg.output(*streams, str(path), **options)


def _copied_video(run: _Run, workdir: Path) -> Any:
    """The clips' own pictures, packet by packet."""
    clips = run.plan.clips
    files = [_Listed(path, clip.frames, clip.start_seconds) for path, clip in zip(run.sources, clips, strict=True)]
    return _joined_files(run.plan, files, workdir / "clips.txt").video


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
