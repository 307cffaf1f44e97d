"""Compositions against what ffmpeg alone can do with the same clips."""

import subprocess
import tempfile
from pathlib import Path

import imageio_ffmpeg

from localdev.bench.figures import Figure, ratio_of
from pipeline.adapters.composer import compose
from pipeline.adapters.media_probe import probe_media
from pipeline.domain.media_plans import CompositionOptions, plan_composition

CLIPS, SECONDS = 10, 5


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = [_clip(folder / f"clip_{number}.mp4", number) for number in range(CLIPS)]
        ratio = ratio_of(lambda: _hard_cut(clips, folder), lambda: _concat_copy(clips, folder), rounds=5)
    return [Figure("hard_cut_ratio", ratio, "x of concat -c copy", "<= 1.5")]


def _clip(path: Path, number: int) -> Path:
    """A 1080p clip as SeeDance makes them: 24 fps, one keyframe, no sound."""
    source = f"testsrc2=s=1088x1920:r=24:d={SECONDS},hue=h={number * 36}"
    _ffmpeg("-f", "lavfi", "-i", source, "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", str(path))
    return path


def _hard_cut(clips: list[Path], folder: Path) -> None:
    plan = plan_composition([probe_media(clip) for clip in clips], CompositionOptions(crossfade=False))
    compose(
        plan,
        clips,
        None,
        folder / "ours.mp4",
        workdir=folder,
        on_progress=lambda _: None,
        deadline_seconds=300,
        should_stop=lambda: None,
    )


def _concat_copy(clips: list[Path], folder: Path) -> None:
    listing = folder / "list.txt"
    listing.write_text("".join(f"file '{clip}'\n" for clip in clips))
    _ffmpeg(
        "-f", "concat", "-safe", "0", "-i", str(listing), "-c", "copy", "-movflags", "+faststart", str(folder / "t.mp4")
    )


def _ffmpeg(*arguments: str) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *arguments]
    subprocess.run(command, check=True)
