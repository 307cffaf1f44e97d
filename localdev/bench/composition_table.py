"""A table of compositions by their number of clips: ours, one graph of all, and a copy without fades.

Each in a process of its own, ours with Python and all imports. The more clips, the smaller and shorter they are, so
that the table ends in time: compare along a row.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

from localdev.bench.composition_material import RATE, drawn_clips
from localdev.bench.composition_memory import composition_usage
from localdev.bench.ffmpeg_peers import concat_copy, full_graph
from localdev.bench.process_sampling import Usage, usage_of

DIFFERENT_CLIPS = 3
"""As many are made; a row with more has them again and again."""


@dataclass(frozen=True)
class Row:
    """So many clips of this size and length."""

    clips: int
    size: str
    seconds: float


ROWS = (Row(3, "1080x1920", 4.0), Row(10, "720x1280", 3.0), Row(30, "360x640", 3.0), Row(100, "270x480", 2.0))
HEAD = (
    "| clips | each | way | wall s | CPU s | peak MB |",
    "|------:|:-----|:----|-------:|------:|--------:|",
)


def composition_table() -> Iterator[str]:
    """The table in Markdown, line by line as it is measured."""
    yield from HEAD
    for row in ROWS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            different = drawn_clips(folder, DIFFERENT_CLIPS, row.size, row.seconds).prepared
            clips = [different[number % DIFFERENT_CLIPS] for number in range(row.clips)]
            yield _line(row, "ours, crossfade", composition_usage(clips))
            yield _line(row, "one graph, crossfade", _graph(clips, folder, round(row.seconds * RATE)))
            yield _line(row, "ours, hard cut", composition_usage(clips, crossfade=False))
            yield _line(row, "concat -c copy", _ffmpeg_usage(concat_copy(clips, folder / "copied.mp4"), folder))


def _graph(clips: Sequence[Path], folder: Path, frames: int) -> Usage:
    return _ffmpeg_usage(full_graph(clips, folder / "graph.mp4", frames), folder)


def _ffmpeg_usage(arguments: Sequence[str], folder: Path) -> Usage:
    """Memory only: its clips and its output lie on a disk."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *arguments]
    return usage_of(command, folder / "no files")


def _line(row: Row, way: str, usage: Usage) -> str:
    each = f"{row.size}, {row.seconds:.0f} s"
    return (
        f"| {row.clips} | {each} | {way} | {usage.wall_seconds:.2f} | {usage.cpu_seconds:.2f} | {usage.peak_mb:.0f} |"
    )
