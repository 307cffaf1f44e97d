"""Carries out a composition plan: graphs built with ffmpeg-python, run by one ffmpeg at a time.

    up to GROUP clips        one graph: normalise, crossfade or join, mix -> final
    more                     groups of GROUP -> intermediate files -> one graph of those

so that the number of open decoders, and with it the memory, does not grow with the number of clips.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from pipeline.adapters.ffmpeg import INPUT_OPTIONS, run_ffmpeg
from pipeline.adapters.media_probe import probe_media
from pipeline.domain.errors import MediaError
from pipeline.domain.media import MediaProbe
from pipeline.domain.media_plans import CompositionPlan, VideoForm

GROUP = 8
AUDIO_RATE_HZ = 48_000
MUSIC_FADE_SECONDS = 1.5
MUSIC_VOLUME_UNDER_CLIPS = 0.5
LOUDNESS = {"I": -14, "TP": -1.5, "LRA": 11}  # EBU R 128 measures, at the level that video platforms play at


@dataclass(frozen=True)
class _Source:
    """A clip, or some clips joined already, with everything the graph needs to know."""

    path: Path
    frames: int
    has_audio: bool
    filters: tuple[tuple[str, dict[str, Any]], ...]  # that bring its pictures to the form


@dataclass(frozen=True)
class _Run:
    """What every ffmpeg of one composition shares."""

    plan: CompositionPlan
    deadline_seconds: Callable[[], float]
    should_stop: Callable[[], None]
    on_frames: Callable[[int], None]

    def ffmpeg(self, output: Any, frames: int, done_before: int) -> None:
        run_ffmpeg(
            ffmpeg.get_args(output),
            deadline_seconds=self.deadline_seconds(),
            total_frames=frames,
            on_progress=lambda share: self.on_frames(done_before + round(share * frames)),
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
    """Make the video of `plan` out of `sources`, in the plan's order, and return what was made.

    `on_progress` gets shares from 0 to 1, never backwards; `should_stop` may raise to end it. Raises DeadlineExceeded,
    OutOfSpace, MediaError.
    """
    clock = _Countdown(deadline_seconds)
    work = plan.total_frames * (2 if len(sources) > GROUP and not plan.copies_video else 1)
    progress = _Monotonic(on_progress, work)
    run = _Run(plan, clock.left, should_stop, progress.show)
    parts = [_source(path, clip, plan.form) for path, clip in zip(sources, plan.clips, strict=True)]
    joints, done = list(plan.joints), 0
    if not plan.copies_video:
        parts, joints, done = _grouped(run, parts, joints, workdir)
    video = _copied_video(plan, sources, workdir) if plan.copies_video else _joined_video(run, parts, joints)
    audio = _with_music(plan, _joined_audio(plan, parts, joints), music)
    run.ffmpeg(_final(plan, video, audio, target), plan.total_frames, done)
    return _checked(plan, probe_media(target))


def _grouped(run: _Run, parts: list[_Source], joints: list[int], workdir: Path) -> tuple[list[_Source], list[int], int]:
    """Join each GROUP of parts into an intermediate file, until GROUP or fewer are left."""
    done = 0
    level = 0
    while len(parts) > GROUP:
        level += 1
        merged: list[_Source] = []
        for number, start in enumerate(range(0, len(parts), GROUP)):
            group, inner = parts[start : start + GROUP], joints[start : start + GROUP - 1]
            frames = sum(part.frames for part in group) - sum(inner)
            path = workdir / f"group_{level}_{number}.mov"
            streams = [_joined_video(run, group, inner)]
            if run.plan.has_clip_audio:
                streams.append(_joined_audio(run.plan, group, inner))
            # nearly lossless and quick: this is decoded once more
            output = ffmpeg.output(
                *streams, str(path), vcodec="libx264", crf=8, preset="ultrafast", pix_fmt="yuv420p", acodec="pcm_s16le"
            )
            run.ffmpeg(output, frames, done)
            done += frames
            merged.append(_Source(path, frames, run.plan.has_clip_audio, filters=()))
        joints = [joints[start - 1] for start in range(GROUP, len(parts), GROUP)]
        parts = merged
    return parts, joints, done


def _source(path: Path, clip: Any, form: VideoForm) -> _Source:
    filters: list[tuple[str, dict[str, Any]]] = []
    if clip.is_hdr:
        filters += [
            ("zscale", {"transfer": "linear", "npl": 100}),
            ("tonemap", {"tonemap": "hable"}),
            ("zscale", {"transfer": "bt709", "matrix": "bt709", "primaries": "bt709", "range": "tv"}),
        ]
    if clip.sample_aspect_ratio != 1:
        filters += [("scale", {"w": "trunc(iw*sar/2+0.5)*2", "h": "ih"}), ("setsar", {"sar": 1})]
    if clip.needs_scaling:
        size = {"w": form.width, "h": form.height}
        filters += [
            ("scale", {**size, "force_original_aspect_ratio": "decrease", "force_divisible_by": 2, "flags": "bicubic"}),
            ("pad", {**size, "x": "(ow-iw)/2", "y": "(oh-ih)/2"}),
        ]
    return _Source(path, clip.frames, clip.has_audio, tuple(filters))


def _joined_video(run: _Run, parts: Sequence[_Source], joints: Sequence[int]) -> Any:
    """All pictures, one after the other, with every clip exactly as long as planned."""
    form = run.plan.form
    joined, length = _pictures(parts[0], form), parts[0].frames
    for part, shared in zip(parts[1:], joints, strict=True):
        picture = _pictures(part, form)
        if shared:
            joined = ffmpeg.filter(
                [joined, picture],
                "xfade",
                transition=run.plan.transition,
                duration=_seconds(shared, form.frame_rate),
                offset=_seconds(length - shared, form.frame_rate),
            )
        else:
            joined = ffmpeg.concat(joined, picture, v=1, a=0).filter("settb", f"1/{form.frame_rate}")
        length += part.frames - shared
    return joined


def _pictures(part: _Source, form: VideoForm) -> Any:
    stream = _input(part.path).video
    for name, options in part.filters:
        stream = stream.filter(name, **options)
    rate = f"{form.frame_rate.numerator}/{form.frame_rate.denominator}"
    return (
        stream.filter("setpts", "PTS-STARTPTS")
        .filter("fps", rate)
        # the last picture stands still until the clip is as long as planned, then it is cut to the frame
        .filter("tpad", stop_mode="clone", stop=part.frames)
        .filter("trim", end_frame=part.frames)
        .filter("setpts", "PTS-STARTPTS")
        .filter("settb", f"1/({rate})")
        .filter("setsar", "1")
        .filter("format", "yuv420p")
        .filter("setparams", colorspace="bt709", color_primaries="bt709", color_trc="bt709", range="tv")
    )


def _joined_audio(plan: CompositionPlan, parts: Sequence[_Source], joints: Sequence[int]) -> Any:
    """The clips' sound, each exactly as long as its pictures; None when no clip has any."""
    if not plan.has_clip_audio:
        return None
    joined = _sound(parts[0], plan.form)
    for part, shared in zip(parts[1:], joints, strict=True):
        sound = _sound(part, plan.form)
        if shared:
            joined = ffmpeg.filter(
                [joined, sound], "acrossfade", nb_samples=_samples(shared, plan.form), c1="tri", c2="tri"
            )
        else:
            joined = ffmpeg.concat(joined, sound, v=0, a=1)
    return joined


def _sound(part: _Source, form: VideoForm) -> Any:
    samples = _samples(part.frames, form)
    if part.has_audio:
        stream = _input(part.path).audio.filter("aresample", AUDIO_RATE_HZ, **{"async": 1, "first_pts": 0})
        stream = stream.filter("aformat", sample_fmts="fltp", channel_layouts="stereo").filter("apad")
    else:
        stream = ffmpeg.input(f"anullsrc=r={AUDIO_RATE_HZ}:cl=stereo", f="lavfi").audio
        stream = stream.filter("aformat", sample_fmts="fltp", channel_layouts="stereo")
    return stream.filter("atrim", end_sample=samples).filter("asetpts", "PTS-STARTPTS")


def _with_music(plan: CompositionPlan, sound: Any, music: Path | None) -> Any:
    """Music looped or cut to the video's length, faded at both ends, under the clips' sound, at a usual loudness."""
    if music is None:
        return sound
    seconds = plan.total_seconds
    fade = min(MUSIC_FADE_SECONDS, seconds / 4)
    track = (
        _input(music, stream_loop=-1)
        .audio.filter("aresample", AUDIO_RATE_HZ)
        .filter("aformat", sample_fmts="fltp", channel_layouts="stereo")
        .filter("atrim", end_sample=_samples(plan.total_frames, plan.form))
        .filter("asetpts", "PTS-STARTPTS")
        .filter("afade", type="in", start_time=0, duration=fade)
        .filter("afade", type="out", start_time=seconds - fade, duration=fade)
    )
    if sound is None:
        mixed = track
    else:
        heard = sound.filter_multi_output("asplit")
        ducked = ffmpeg.filter(
            [track.filter("volume", MUSIC_VOLUME_UNDER_CLIPS), heard[0]],
            "sidechaincompress",
            threshold=0.05,
            ratio=6,
            attack=50,
            release=500,
        )
        mixed = ffmpeg.filter([heard[1], ducked], "amix", inputs=2, duration="first", normalize=0)
    # loudnorm looks ahead and hands out a little more than it got
    level = mixed.filter("loudnorm", **LOUDNESS).filter("aresample", AUDIO_RATE_HZ)
    return level.filter("atrim", end_sample=_samples(plan.total_frames, plan.form))


def _copied_video(plan: CompositionPlan, sources: Sequence[Path], workdir: Path) -> Any:
    """The clips' own pictures, packet by packet."""
    listing = workdir / "clips.txt"
    lines = ["ffconcat version 1.0"]
    for path, clip in zip(sources, plan.clips, strict=True):
        lines += [f"file '{path}'", f"duration {_seconds(clip.frames, plan.form.frame_rate)}"]
    listing.write_text("\n".join(lines))  # of paths that we made: no quoting is needed
    # the one place where concat may be opened; the files it names were probed with the whitelist
    return ffmpeg.input(str(listing), f="concat", safe=0, protocol_whitelist="file").video


def _final(plan: CompositionPlan, video: Any, audio: Any, target: Path) -> Any:
    options: dict[str, Any] = {"movflags": "+faststart", "map_metadata": -1}
    if plan.copies_video:
        options |= {"vcodec": "copy"}
    else:
        options |= {
            "vcodec": "libx264",
            "crf": plan.encode.crf,
            "preset": plan.encode.preset,
            "profile:v": "high",
            "pix_fmt": "yuv420p",
            "colorspace": "bt709",
            "color_primaries": "bt709",
            "color_trc": "bt709",
            "video_track_timescale": plan.form.frame_rate.numerator
            * (1 if plan.form.frame_rate.numerator > 1000 else 1000),
        }
    if audio is None:
        return ffmpeg.output(video, str(target), **options)
    options |= {"acodec": "aac", "audio_bitrate": plan.encode.audio_bitrate, "ar": AUDIO_RATE_HZ, "ac": 2}
    return ffmpeg.output(video, audio, str(target), **options)


def _checked(plan: CompositionPlan, made: MediaProbe) -> MediaProbe:
    """Raises MediaError when the file is not what was planned."""
    if made.video is None:
        raise MediaError("The composed file has no picture.")
    if abs(made.video.frame_count - plan.total_frames) > 1:
        raise MediaError(f"The composed video has {made.video.frame_count} frames instead of {plan.total_frames}.")
    if (plan.has_clip_audio or plan.has_music) and made.audio is None:
        raise MediaError("The composed video has no sound.")
    return made


def _input(path: Path, **options: Any) -> Any:
    known = {name: value for name, value in INPUT_OPTIONS.items() if name != "enable_drefs"}
    return ffmpeg.input(str(path), **known, **options)


def _seconds(frames: int, rate: Fraction) -> str:
    return f"{float(frames / rate):.6f}"


def _samples(frames: int, form: VideoForm) -> int:
    return round(frames / form.frame_rate * AUDIO_RATE_HZ)


class _Countdown:
    """What is left of a time limit that several ffmpegs share."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds

    def left(self) -> float:
        return max(self._ends_at - time.monotonic(), 0.1)


class _Monotonic:
    """Shares of the whole work, never backwards."""

    def __init__(self, on_progress: Callable[[float], None], frames: int) -> None:
        self._on_progress = on_progress
        self._frames = max(frames, 1)
        self._most = 0.0

    def show(self, frames: int) -> None:
        self._most = max(self._most, min(frames / self._frames, 1.0))
        self._on_progress(self._most)
