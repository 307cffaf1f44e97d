"""Compositions against what ffmpeg alone and MoviePy make of the same clips, and what memory they take.

Every ratio is of medians of runs in turns, so that a busy machine meets both.
"""

import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from localdev.bench.composition_material import (
    FOOTAGE_CLIP_SECONDS,
    RATE,
    Clips,
    drawn_clips,
    footage_clips,
    music,
    run_ffmpeg,
    with_sound,
)
from localdev.bench.composition_memory import composition_usage
from localdev.bench.composition_table import composition_table
from localdev.bench.ffmpeg_peers import Likeness, concat_copy, full_graph, likeness
from localdev.bench.figures import Figure, medians_of, seconds_of
from localdev.bench.local_composition import compose_ours
from localdev.bench.moviepy_peer import MOVIEPY, moviepy_crossfade, moviepy_python
from localdev.bench.process_sampling import can_sample
from pipeline.adapters.media_probe import probe_media

CLIPS, CLIP_FRAMES = 10, 120
MOVIEPY_CLIPS = 3
MEMORY_CLIPS = (6, 60)
KEPT = Path("build")
TABLE = KEPT / "bench_compositions.md"


def measure() -> list[Figure]:
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn = drawn_clips(folder, CLIPS)
        figures += _looking(drawn.prepared)
        figures += _hard_cuts(drawn.prepared, folder)
        figures += _crossfades(drawn, folder)
        figures += _memory(drawn.prepared, folder)
        figures += _against_moviepy(drawn.prepared, folder)
        figures += _footage(folder)
    if can_sample():
        _write_table()
    return figures


def _write_table() -> None:
    TABLE.parent.mkdir(exist_ok=True)
    with TABLE.open("w") as written:
        for line in composition_table():
            print(line)
            written.write(f"{line}\n")


def _looking(clips: Sequence[Path]) -> list[Figure]:
    seconds = statistics.median(seconds_of(partial(probe_media, clip)) for clip in clips)
    return [Figure("look_ms_per_clip", seconds * 1000, "ms for 5 s of 1080p", "<= 30")]


def _hard_cuts(clips: Sequence[Path], folder: Path) -> list[Figure]:
    ours, copied = medians_of(
        partial(compose_ours, clips, folder / "ours.mp4", crossfade=False),
        lambda: run_ffmpeg(*concat_copy(clips, folder / "copied.mp4")),
        rounds=9,
    )
    return [Figure("hard_cut_ratio", ours / copied, f"x of concat -c copy ({copied * 1000:.0f} ms)", "<= 1.5")]


def _crossfades(clips: Clips, folder: Path) -> list[Figure]:
    ours, graph = folder / "ours.mp4", folder / "graph.mp4"
    prepared, unprepared, peer = medians_of(
        partial(compose_ours, clips.prepared, ours),
        partial(compose_ours, clips.delivered, folder / "unprepared.mp4"),
        lambda: run_ffmpeg(*full_graph(clips.prepared, graph, CLIP_FRAMES)),
        rounds=3,
    )
    alike = _alike(ours, graph)
    return [
        Figure("crossfade_prepared_speedup", peer / prepared, f"x of one graph ({peer:.1f} s)", ">= 5"),
        Figure("crossfade_prepared_ssim", alike.mean, f"to the graph, {alike.pictures} pictures", ">= 0.98"),
        Figure("crossfade_prepared_ssim_worst", alike.worst, "to the graph, the worst picture", ">= 0.95"),
        Figure("crossfade_unprepared_speedup", peer / unprepared, f"x of one graph ({peer:.1f} s)", ">= 1"),
    ]


def _memory(clips: Sequence[Path], folder: Path) -> list[Figure]:
    if not can_sample():
        print("memory: left out, this machine has no /proc to read it from")
        return []
    fewer, more = MEMORY_CLIPS
    different = with_sound(clips[:fewer])
    track = music(folder)
    usages = {count: composition_usage([different[n % fewer] for n in range(count)], track) for count in MEMORY_CLIPS}
    told = ", ".join(f"{count} clips: {usage.peak_mb:.0f} MB" for count, usage in usages.items())
    growth = usages[more].peak_bytes / usages[fewer].peak_bytes
    peak = max(usage.peak_mb for usage in usages.values())
    return [
        Figure("memory_growth_60_vs_6", growth, f"x ({told})", "<= 1.25"),
        Figure("memory_peak_mb", peak, "MB with Python and files, 60 clips of 1080p", "<= 512"),
    ]


def _against_moviepy(clips: Sequence[Path], folder: Path) -> list[Figure]:
    clips = clips[:MOVIEPY_CLIPS]
    ours, theirs = folder / "ours_of_three.mp4", folder / "moviepy.mp4"
    try:
        python = moviepy_python(KEPT / "moviepy")
    except OSError as error:
        print(f"moviepy_speedup: left out. {error}")
        return []
    fast, slow = medians_of(
        partial(compose_ours, clips, ours),
        lambda: subprocess.run(moviepy_crossfade(python, clips, theirs), check=True),
        rounds=1,
    )
    _alike(ours, theirs)
    return [Figure("moviepy_speedup", slow / fast, f"x of {MOVIEPY}, {MOVIEPY_CLIPS} clips ({slow:.1f} s)", ">= 10")]


def _footage(folder: Path) -> list[Figure]:
    try:
        clips = footage_clips(folder, KEPT / "footage").prepared
    except OSError as error:
        print(f"crossfade_footage_speedup: left out. {error}")
        return []
    ours, graph = folder / "ours_of_footage.mp4", folder / "graph_of_footage.mp4"
    frames = round(FOOTAGE_CLIP_SECONDS * RATE)
    prepared, peer = medians_of(
        partial(compose_ours, clips, ours), lambda: run_ffmpeg(*full_graph(clips, graph, frames)), rounds=3
    )
    alike = _alike(ours, graph)
    each = f"{len(clips)} clips of {FOOTAGE_CLIP_SECONDS:.0f} s, real footage at 720p"
    return [
        Figure("crossfade_footage_speedup", peer / prepared, f"x of one graph ({peer:.1f} s), {each}", ">= 3"),
        Figure("crossfade_footage_ssim", alike.mean, f"to the graph, {alike.pictures} pictures", ">= 0.98"),
    ]


def _alike(ours: Path, theirs: Path) -> Likeness:
    """How alike they are, who must have the same number of pictures."""
    counts = [stream.frame_count for path in (ours, theirs) if (stream := probe_media(path).video)]
    if len(counts) != 2 or counts[0] != counts[1]:
        raise RuntimeError(f"{ours.name} and {theirs.name} have {counts} pictures.")
    return likeness(ours, theirs)
