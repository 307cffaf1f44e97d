"""What one ffmpeg makes of the same clips, by a graph of all or by a copy without fades; how alike two videos are.

The graph crossfades every clip with the next by `xfade`, decodes all that there is and encodes it again with our
settings; its threads are as many as ffmpeg likes.
"""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from localdev.bench.composition_material import RATE, run_ffmpeg
from pipeline.domain.media_work import FAST

FADE_SECONDS = 0.5
SSIM_OF_PICTURE = re.compile(r"All:([\d.]+)")


@dataclass(frozen=True)
class Likeness:
    """SSIM of two videos, picture by picture: 1 is the same."""

    mean: float
    worst: float
    pictures: int


def full_graph(clips: Sequence[Path], target: Path, clip_frames: int) -> list[str]:
    """ffmpeg's arguments for one graph over clips of so many frames each."""
    fade_frames = round(FADE_SECONDS * RATE)
    graph = [f"[{number}:v]fps={RATE},settb=1/{RATE}[v{number}]" for number in range(len(clips))]
    joined = "v0"
    for number in range(1, len(clips)):
        offset = number * (clip_frames - fade_frames) / RATE
        fade = f"xfade=transition=fade:duration={FADE_SECONDS}:offset={offset:.6f}"
        graph.append(f"[{joined}][v{number}]{fade}[x{number}]")
        joined = f"x{number}"
    graph.append(f"[{joined}]format=yuv420p[video]")
    inputs = [part for clip in clips for part in ("-i", str(clip))]
    encoder = ["-c:v", "libx264", "-preset", FAST.preset, "-crf", str(FAST.crf), "-profile:v", "high"]
    encoder += ["-g", str(FAST.keyframe_seconds * RATE), "-movflags", "+faststart"]
    return [*inputs, "-filter_complex", ";".join(graph), "-map", "[video]", *encoder, str(target)]


def concat_copy(clips: Sequence[Path], target: Path) -> list[str]:
    """ffmpeg's arguments for a copy of all packets, one clip after the other."""
    listing = target.with_suffix(".txt")
    listing.write_text("".join(f"file '{clip}'\n" for clip in clips))
    copy = ["-c", "copy", "-movflags", "+faststart"]
    return ["-f", "concat", "-safe", "0", "-i", str(listing), *copy, str(target)]


def likeness(made: Path, reference: Path) -> Likeness:
    """How alike two videos of the same size are, in all their pictures."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "ssim.log"
        numbered = "[{0}:v]settb=1/24,setpts=N[{0}n]"
        graph = f"{numbered.format(0)};{numbered.format(1)};[0n][1n]ssim=stats_file={told}"
        run_ffmpeg("-i", str(made), "-i", str(reference), "-lavfi", graph, "-f", "null", "-")
        values = [float(value) for value in SSIM_OF_PICTURE.findall(told.read_text())]
    return Likeness(sum(values) / len(values), min(values), len(values))
