"""Graphs of ffmpeg filters, built with ffmpeg-python: pictures and sound of a segment, and music under it.

Nothing runs here. ffmpeg-python merges nodes that are equal, and then refuses what hangs on two filters: every clip has
an input of its own, told apart by its number, so that one file may be two clips and two silences may be as long.
"""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg
from ffmpeg.nodes import InputNode

from pipeline.adapters.media_probe import INPUT_OPTIONS
from pipeline.domain.media_plans import ClipPlan, CompositionPlan, VideoForm
from pipeline.domain.media_segments import Piece, Segment

AUDIO_RATE_HZ = 48_000
SOUND_FORM = {"sample_fmts": "fltp", "channel_layouts": "stereo"}
BT709 = {"color_primaries": "bt709", "color_trc": "bt709", "colorspace": "bt709", "range": "tv"}
MUSIC_FADE_SECONDS = 1.5
MUSIC_VOLUME_UNDER_CLIPS = 0.5
LOUDNESS = {"I": -14, "TP": -1.5, "LRA": 11}  # EBU R 128 measures, at the level that video platforms play at


def segment_video(plan: CompositionPlan, segment: Segment, sources: Sequence[Path]) -> Any:
    """All pictures of a segment, every piece exactly as long as planned."""
    form, pieces = plan.form, segment.pieces
    joined, length = _pictures(plan, pieces[0], sources), pieces[0].frames
    for piece, shared in zip(pieces[1:], segment.joints, strict=True):
        pictures = _pictures(plan, piece, sources)
        if shared:
            joined = ffmpeg.filter(
                [joined, pictures],
                "xfade",
                transition=plan.transition,
                duration=seconds(shared, form.frame_rate),
                offset=seconds(length - shared, form.frame_rate),
            )
        else:
            # concat counts in microseconds: without its frame rate and time base back, a later xfade refuses
            joined = ffmpeg.concat(joined, pictures, v=1, a=0).filter("fps", _rate(form))
        length += piece.frames - shared
    return joined.filter("format", "yuv420p")


def segment_audio(plan: CompositionPlan, segment: Segment, sources: Sequence[Path]) -> Any:
    """The sound of a segment's clips, silence for those that have none, each exactly as long as its pictures."""
    joined = _sound(plan, segment.pieces[0], sources)
    for piece, shared in zip(segment.pieces[1:], segment.joints, strict=True):
        sound = _sound(plan, piece, sources)
        if shared:
            samples = _samples(shared, plan.form)
            joined = ffmpeg.filter([joined, sound], "acrossfade", nb_samples=samples, c1="tri", c2="tri")
        else:
            joined = ffmpeg.concat(joined, sound, v=0, a=1)
    return joined


def exact_audio(plan: CompositionPlan, sound: Any) -> Any:
    """`sound`, exactly as long as the plan."""
    samples = _samples(plan.total_frames, plan.form)
    return sound.filter("asetpts", "N/SR/TB").filter("apad").filter("atrim", end_sample=samples)


def with_music(plan: CompositionPlan, sound: Any | None, music: Path) -> Any:
    """Music looped or cut to the plan's length, faded at both ends, under `sound`, at a usual loudness."""
    length = plan.total_seconds
    fade = min(MUSIC_FADE_SECONDS, length / 4)
    track = (
        media_input(music, stream_loop=-1)
        .audio.filter("aresample", AUDIO_RATE_HZ)
        .filter("aformat", **SOUND_FORM)
        .filter("asetpts", "N/SR/TB")
        .filter("atrim", end_sample=_samples(plan.total_frames, plan.form))
        .filter("afade", type="in", start_time=0, duration=fade)
        .filter("afade", type="out", start_time=length - fade, duration=fade)
    )
    mixed = track if sound is None else _ducked(sound, track)
    return mixed.filter("loudnorm", **LOUDNESS).filter("aresample", AUDIO_RATE_HZ).filter("aformat", **SOUND_FORM)


def media_input(path: Path, *, clip: int = 0, **options: Any) -> Any:
    """A file from outside, opened with the whitelists. Inputs of different `clip` are different."""
    return _input(clip, filename=str(path), **INPUT_OPTIONS, **options)


def seconds(frames: int, rate: Fraction) -> str:
    """A length in seconds, to the microsecond."""
    return f"{float(frames / rate):.6f}"


def _ducked(sound: Any, track: Any) -> Any:
    heard = sound.filter_multi_output("asplit")
    quiet = track.filter("volume", MUSIC_VOLUME_UNDER_CLIPS)
    ducked = ffmpeg.filter([quiet, heard[0]], "sidechaincompress", threshold=0.05, ratio=6, attack=50, release=500)
    return ffmpeg.filter([heard[1], ducked], "amix", inputs=2, duration="first", normalize=0)


def _pictures(plan: CompositionPlan, piece: Piece, sources: Sequence[Path]) -> Any:
    clip, form = plan.clips[piece.clip], plan.form
    stream = media_input(sources[piece.clip], clip=piece.clip).video.filter("setpts", "PTS-STARTPTS")
    return (
        _in_form(stream, clip, form)
        .filter("fps", _rate(form))
        # the last picture stands still until the clip is as long as planned, then it is cut to the frame
        .filter("tpad", stop_mode="clone", stop=clip.frames)
        .filter("trim", start_frame=piece.start, end_frame=piece.end)
        .filter("setpts", "PTS-STARTPTS")
        .filter("settb", f"1/({_rate(form)})")
        .filter("format", "yuv420p")
    )


def _in_form(stream: Any, clip: ClipPlan, form: VideoForm) -> Any:
    """Bring pictures to the form's size, square pixels, and BT.709; a file that names no colours is taken for that."""
    width, height = clip.picture_size
    if clip.hdr_transfer:
        stream = (
            stream.filter("scale", width, height, flags="bicubic")
            .filter("zscale", tin=clip.hdr_transfer, min="bt2020nc", pin="bt2020", transfer="linear", npl=100)
            .filter("format", "gbrpf32le")
            .filter("zscale", primaries="bt709")
            .filter("tonemap", tonemap="hable", desat=0)
            .filter("zscale", transfer="bt709", matrix="bt709", range="tv")
        )
    else:
        said = "auto" if clip.names_color_matrix else "bt709"
        colors = {"in_color_matrix": said, "out_color_matrix": "bt709", "out_range": "tv"}
        stream = stream.filter("scale", width, height, flags="bicubic", **colors)
    stream = stream.filter("format", "yuv420p").filter("setparams", **BT709).filter("setsar", "1")
    if (width, height) == (form.width, form.height):
        return stream
    return stream.filter("pad", form.width, form.height, x="(ow-iw)/2", y="(oh-ih)/2")


def _sound(plan: CompositionPlan, piece: Piece, sources: Sequence[Path]) -> Any:
    start, end = _samples(piece.start, plan.form), _samples(piece.end, plan.form)
    if plan.clips[piece.clip].has_audio:
        stream = media_input(sources[piece.clip], clip=piece.clip).audio
        # gaps and a late beginning become silence, so that sound stays with its pictures
        stream = stream.filter("aresample", AUDIO_RATE_HZ, **{"async": 1, "first_pts": 0})
        stream = stream.filter("aformat", **SOUND_FORM).filter("apad")
    else:
        silence = _input(piece.clip, filename=f"anullsrc=r={AUDIO_RATE_HZ}:cl=stereo", f="lavfi")
        stream = silence.audio.filter("aformat", **SOUND_FORM)
    return stream.filter("atrim", start_sample=start, end_sample=end).filter("asetpts", "PTS-STARTPTS")


def _input(clip: int, **options: Any) -> Any:
    return InputNode("input", args=[clip], kwargs=options).stream()


def _rate(form: VideoForm) -> str:
    return f"{form.frame_rate.numerator}/{form.frame_rate.denominator}"


def _samples(frames: int, form: VideoForm) -> int:
    return round(frames / form.frame_rate * AUDIO_RATE_HZ)
