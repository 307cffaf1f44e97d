"""The sound of a video, made as a whole before the pictures are: clips crossfaded, music under them, encoded once.

    clips 1 to 8    one ffmpeg ──┐
    clips 9 to 16   one ffmpeg ──┴─ raw samples, through a pipe ──> one ffmpeg: music, loudness, length ──> sound.m4a

What is open does not grow with the number of clips, and no raw sound lies on the disk.
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import ffmpeg

from pipeline.adapters.encoding import AUDIO_RATE_HZ, sound_options
from pipeline.adapters.ffmpeg import STALL_SECONDS
from pipeline.adapters.filter_graphs import batch_sound, exact_sound, raw_sound, with_music
from pipeline.adapters.threads import Threads
from pipeline.adapters.watch import Watch, naming
from pipeline.domain.errors import JobError
from pipeline.domain.media_plans import CompositionPlan
from pipeline.domain.media_segments import SoundBatch, cut_sound

CLIPS_PER_BATCH = 8
LEVEL = "lavfi.astats.Overall.RMS_level"


class ClipFiles(Protocol):
    """The clips of a plan on this machine, by their place in it."""

    def clip(self, place: int) -> Path:
        """The file of a clip, fetched if need be."""

    def spare(self, place: int) -> None:
        """The clip is not needed now, but may be again."""


@dataclass(frozen=True)
class Sound:
    """An M4A file, exactly as long as the video. `levels_db`: how loud each second is, RMS; -inf is silence."""

    path: Path
    levels_db: tuple[float, ...]


def make_sound(plan: CompositionPlan, clips: ClipFiles, music: Path | None, target: Path, watch: Watch) -> Sound:
    """Make the sound of a plan that has any, as `target`, an .m4a. Raises DeadlineExceeded, OutOfSpace, MediaError."""
    levels = target.with_suffix(".levels")
    if plan.has_clip_audio:
        _encode_clips(plan, clips, music, target, levels, watch)
    else:
        _encode(plan, None, music, target, levels, watch)
    return Sound(target, _read_levels(levels))


def _encode_clips(
    plan: CompositionPlan, clips: ClipFiles, music: Path | None, target: Path, levels: Path, watch: Watch
) -> None:
    reading, writing = os.pipe()

    def encode() -> None:
        try:
            _encode(plan, raw_sound("pipe:0"), music, target, levels, watch, stdin=reading)
        finally:
            os.close(reading)  # whoever still writes into the pipe is not left waiting

    with Threads(1, "sound") as thread:
        encoded = thread.submit(encode)
        try:
            _decode_all(plan, clips, writing, watch)
        except JobError:
            encoded.result()  # if that one failed, this one only lost its reader
            raise
        encoded.result()


def _decode_all(plan: CompositionPlan, clips: ClipFiles, writing: int, watch: Watch) -> None:
    """Write the raw samples of all clips into a pipe, and close it: whoever reads it is not left waiting."""
    try:
        for batch in cut_sound([clip.frames for clip in plan.clips], plan.joints, CLIPS_PER_BATCH):
            _decode(plan, batch, clips, writing, watch)
    finally:
        os.close(writing)


def _decode(plan: CompositionPlan, batch: SoundBatch, clips: ClipFiles, writing: int, watch: Watch) -> None:
    """Write the raw samples of some clips into a pipe."""
    sound = batch_sound(plan, batch, clips.clip)
    raw = ffmpeg.output(sound, "pipe:1", f="s16le", acodec="pcm_s16le", ar=AUDIO_RATE_HZ, ac=2)
    with naming([piece.clip for piece in batch.pieces]):
        watch.telling(lambda _: None).run(raw, "-copyts", stdout=writing)
    for piece in batch.pieces:
        clips.spare(piece.clip)


def _encode(
    plan: CompositionPlan,
    sound: Any | None,
    music: Path | None,
    target: Path,
    levels: Path,
    watch: Watch,
    stdin: int = subprocess.DEVNULL,
) -> None:
    if music is not None:
        sound = with_music(plan, sound, music)
    measured = (
        exact_sound(plan, sound)
        .filter("asetnsamples", n=AUDIO_RATE_HZ, p=0)
        .filter("astats", metadata=1, reset=1)
        .filter("ametadata", mode="print", key=LEVEL, file=str(levels))
    )
    output = ffmpeg.output(measured, str(target), f="mp4", map_metadata=-1, **sound_options(plan.encode))
    # who waits for clips that are being fetched does not hang
    patience = STALL_SECONDS if stdin == subprocess.DEVNULL else watch.seconds_left
    watch.run(output, stdin=stdin, stall_seconds=patience)


def _read_levels(levels: Path) -> tuple[float, ...]:
    """One level for each second. A last part of a second counts as one."""
    lines = (line.partition("=") for line in levels.read_text().splitlines())
    return tuple(float(value) for name, _, value in lines if name == LEVEL)
