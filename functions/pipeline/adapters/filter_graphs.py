"""Graphs of ffmpeg filters, built with ffmpeg-python: the pictures of a segment, the sound of clips, music under it.

Nothing runs here. ffmpeg-python merges nodes that are equal, and then refuses what hangs on two filters: every clip has
an input of its own, told apart by its number, so that one file may be two clips and two silences may be as long.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ffmpeg
from ffmpeg.nodes import InputNode

from pipeline.adapters.encoding import AUDIO_RATE_HZ
from pipeline.adapters.media_probe import INPUT_OPTIONS
from pipeline.domain.media_forms import VideoForm
from pipeline.domain.media_plans import ClipPlan, CompositionPlan
from pipeline.domain.media_segments import Piece, Segment, SoundBatch

SOUND_FORM = {"sample_fmts": "fltp", "channel_layouts": "stereo"}
TAGS = {"color_primaries": "bt709", "color_trc": "bt709", "colorspace": "bt709", "range": "tv"}
NO_TAGS = {"color_primaries": "unknown", "color_trc": "unknown", "colorspace": "unknown", "range": "unknown"}
MUSIC_FADE_SECONDS = 1.5
MUSIC_VOLUME_UNDER_CLIPS = 0.5
BESIDE_SECONDS = 1.0
"""So much sound before and after the pictures is used."""
HOLE_SECONDS = 300
"""ffmpeg makes the silence of a hole at once, a gigabyte for twenty minutes: after a longer one all is silent."""
BEFORE_A_HOLE = f"isnan(t)+lte(t-if(isnan(prev_selected_t),0,prev_selected_t),{HOLE_SECONDS})"
LOUDNESS = {"I": -14, "TP": -1.5, "LRA": 11}  # EBU R 128 measures, at the level that video platforms play at

ClipPath = Callable[[int], Path]
"""Where a clip, named by its place in the plan, lies on this machine."""


def segment_pictures(plan: CompositionPlan, segment: Segment, path: ClipPath) -> Any:
    """All pictures of a segment, exactly as many as planned."""
    left = _pictures(plan, segment.left, path)
    if segment.right is None:
        return left
    right = _pictures(plan, segment.right, path)
    fade = _faded if plan.transition == "fade" else _crossed
    return fade(plan, segment, left, right)


def batch_sound(plan: CompositionPlan, batch: SoundBatch, path: ClipPath) -> Any:
    """The sound of some clips, silence for those that have none, each exactly as long as its pictures."""
    joined = _sound(plan, batch.pieces[0], path)
    for piece, shared in zip(batch.pieces[1:], batch.joints, strict=True):
        sound = _sound(plan, piece, path)
        if shared:
            samples = _samples(shared, plan.form)
            joined = ffmpeg.filter([joined, sound], "acrossfade", nb_samples=samples, c1="tri", c2="tri")
        else:
            joined = ffmpeg.concat(joined, sound, v=0, a=1)
    return joined.filter("asetpts", "N/SR/TB")


def raw_sound(source: str) -> Any:
    """Sound as `batch_sound` makes it, written as signed 16 bit samples."""
    return _input(0, filename=source, f="s16le", ar=AUDIO_RATE_HZ, ac=2).audio.filter("aformat", **SOUND_FORM)


def exact_sound(plan: CompositionPlan, sound: Any) -> Any:
    """`sound`, exactly as long as the plan."""
    samples = _samples(plan.total_frames, plan.form)
    return sound.filter("asetpts", "N/SR/TB").filter("apad").filter("atrim", end_sample=samples)


def with_music(plan: CompositionPlan, sound: Any | None, music: Path) -> Any:
    """Music looped or cut to the plan's length, faded at both ends, under `sound`, at a usual loudness."""
    length = plan.total_seconds
    fade = min(MUSIC_FADE_SECONDS, length / 4)
    track = (
        media_input(music, clip=1, stream_loop=-1)
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
    return _input(clip, filename=f"file:{path}", **INPUT_OPTIONS, **options)


def media_pictures(path: Path, *, clip: int = 0, **options: Any) -> Any:
    """The pictures that play of a file from outside, and no cover that it may have before them."""
    return media_input(path, clip=clip, **options)["V"]


def _ducked(sound: Any, track: Any) -> Any:
    heard = sound.filter_multi_output("asplit")
    quiet = track.filter("volume", MUSIC_VOLUME_UNDER_CLIPS)
    ducked = ffmpeg.filter([quiet, heard[0]], "sidechaincompress", threshold=0.05, ratio=6, attack=50, release=500)
    return ffmpeg.filter([heard[1], ducked], "amix", inputs=2, duration="first", normalize=0)


def _faded(_: CompositionPlan, segment: Segment, left: Any, right: Any) -> Any:
    """The right pictures become visible over the left ones.

    As xfade's `fade` does it, but in 4:2:0, which is half the work and half the memory, and only where both are seen.
    """
    begins = segment.left.frames - segment.fade
    base = left.filter("tpad", stop_mode="clone", stop=segment.frames - segment.left.frames)
    shown = (
        right.filter("format", "yuva420p")
        .filter("fade", type="in", start_frame=0, nb_frames=segment.fade, alpha=1)
        .filter("setpts", f"PTS+{begins}")  # a tick is a frame
    )
    return ffmpeg.filter([base, shown], "overlay", format="yuv420", eof_action="pass").filter(
        "trim", end_frame=segment.frames
    )


def _crossed(plan: CompositionPlan, segment: Segment, left: Any, right: Any) -> Any:
    """A transition by name, of those frames only that both have: it works in 4:4:4."""
    length = f"{float(segment.fade / plan.form.frame_rate):.6f}"
    before, tail = _split(left, segment.left.frames - segment.fade)
    head, after = _split(right, segment.fade)
    crossed = ffmpeg.filter([tail, head], "xfade", transition=plan.transition, duration=length, offset=0)
    parts = [before] if segment.left.frames > segment.fade else []
    parts += [crossed.filter("format", "yuv420p")]
    parts += [after] if segment.right and segment.right.frames > segment.fade else []
    if len(parts) == 1:
        return parts[0]
    return _numbered(ffmpeg.concat(*parts, v=1, a=0), plan.form)


def _split(pictures: Any, frames: int) -> tuple[Any, Any]:
    """The first so many frames, and the rest."""
    both = pictures.filter_multi_output("split")
    first = both[0].filter("trim", end_frame=frames).filter("setpts", "PTS-STARTPTS")
    rest = both[1].filter("trim", start_frame=frames).filter("setpts", "PTS-STARTPTS")
    return first, rest


def _pictures(plan: CompositionPlan, piece: Piece, path: ClipPath) -> Any:
    """A piece's pictures in the plan's form."""
    clip, form = plan.clips[piece.clip], plan.form
    if clip.is_steady:
        stream = _steady_pictures(clip, piece, plan, path(piece.clip))
    else:
        stream = media_pictures(path(piece.clip), clip=piece.clip).filter("setpts", "PTS-STARTPTS")
        stream = (
            _in_form(stream, clip, plan)
            .filter("fps", _rate(form))
            # the last picture stands still until the clip is as long as planned, then it is cut to the frame
            .filter("tpad", stop_mode="clone", stop=clip.frames)
            .filter("trim", start_frame=piece.start, end_frame=piece.end)
        )
    return _numbered(stream, form).filter("format", "yuv420p")


def _numbered(pictures: Any, form: VideoForm) -> Any:
    """A tick of the clock is a frame, and the pictures come one a tick."""
    return pictures.filter("settb", f"1/({_rate(form)})").filter("setpts", "N").filter("fps", _rate(form))


def _steady_pictures(clip: ClipPlan, piece: Piece, plan: CompositionPlan, path: Path) -> Any:
    """Of a clip whose pictures are the frames: what lies before them is passed over, not decoded, as far as that goes.

    ffmpeg begins at the last keyframe before; which one that is, the pictures' own times tell.
    """
    options: dict[str, Any] = {}
    if piece.start:
        wanted = clip.start_seconds + (piece.start + 0.5) * clip.frame_seconds
        options = {"ss": f"{wanted:.6f}", "noaccurate_seek": None, "seek_timestamp": 1}
    stream = media_pictures(path, clip=piece.clip, threads=1, **options)
    if piece.start:
        earliest = clip.start_seconds + (piece.start - 0.5) * clip.frame_seconds
        stream = stream.filter("trim", start=f"{earliest:.6f}")
    return _in_form(stream.filter("trim", end_frame=piece.frames), clip, plan)


def _in_form(stream: Any, clip: ClipPlan, plan: CompositionPlan) -> Any:
    """Bring pictures to the form's size, square pixels, and the plan's colours."""
    form = plan.form
    width, height = clip.picture_size
    if clip.is_interlaced:
        stream = stream.filter("bwdif", mode="send_frame")
    if clip.hdr_transfer:
        stream = (
            stream.filter("scale", width, height, flags="bicubic")
            .filter("zscale", tin=clip.hdr_transfer, min="bt2020nc", pin="bt2020", transfer="linear", npl=100)
            .filter("format", "gbrpf32le")
            .filter("zscale", primaries="bt709")
            .filter("tonemap", tonemap="hable", desat=0)
            .filter("zscale", transfer="bt709", matrix="bt709", range="tv")
            .filter("scale", in_color_matrix="bt709", out_color_matrix=plan.color_matrix)
        )
    else:
        colors = {"in_color_matrix": clip.color_matrix, "out_color_matrix": plan.color_matrix, "out_range": "tv"}
        stream = stream.filter("scale", width, height, flags="bicubic", **colors)
    stream = stream.filter("format", "yuv420p").filter("setparams", **(TAGS if plan.tags_color else NO_TAGS))
    stream = stream.filter("setsar", "1")
    if (width, height) == (form.width, form.height):
        return stream
    return stream.filter("pad", form.width, form.height, x="(ow-iw)/2", y="(oh-ih)/2")


def _sound(plan: CompositionPlan, piece: Piece, path: ClipPath) -> Any:
    """The sound of a piece. Times are those of the file (`-copyts`), counted from its first picture."""
    clip = plan.clips[piece.clip]
    start, end = _samples(piece.start, plan.form), _samples(piece.end, plan.form)
    if clip.has_audio:
        stream = media_input(path(piece.clip), clip=piece.clip).audio
        stream = stream.filter("asetpts", f"PTS-{clip.start_seconds:.6f}/TB")
        seconds = float(piece.end / plan.form.frame_rate) + BESIDE_SECONDS
        stream = stream.filter("atrim", start=-BESIDE_SECONDS, end=f"{seconds:.6f}").filter("aselect", BEFORE_A_HOLE)
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
