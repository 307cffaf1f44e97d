"""Compositions of local files for tests: planned, composed, and read back with other eyes than the composer's own."""

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
import pytest

from pipeline.adapters.composer import compose
from pipeline.adapters.media_probe import probe_media
from pipeline.adapters.muxing import SeekableFile
from pipeline.adapters.picture_check import PictureCheck
from pipeline.adapters.sound import Sound, make_sound
from pipeline.adapters.watch import Watch
from pipeline.domain.media import MediaProbe, VideoStream
from pipeline.domain.media_plans import CompositionOptions, CompositionPlan, plan_composition

UNTAGGED, BT709 = (2, 2, 2, 0), (1, 1, 1, 1)
"""Matrix, curve, primaries and range, as ISO/IEC 23091-2 numbers them."""


class LocalMaterial:
    """Clips that lie on this machine. Remembers how many were held at a time, and what lay in a folder then."""

    def __init__(self, paths: Sequence[Path], watched: Path, encoded: dict[int, Path] | None = None) -> None:
        self.held: set[int] = set()
        self.most_held = self.most_files = 0
        self.released: list[int] = []
        self._paths, self._watched, self._encoded = paths, watched, encoded or {}
        self._lock = Lock()

    def clip(self, place: int) -> Path:
        with self._lock:
            assert place not in self.released, f"clip {place} is asked for after it was released"
            self.held.add(place)
            self.most_held = max(self.most_held, len(self.held))
            self.most_files = max(self.most_files, sum(1 for _ in self._watched.iterdir()))
        return self._paths[place]

    def spare(self, place: int) -> None:
        with self._lock:
            self.held.discard(place)

    def release(self, place: int) -> None:
        with self._lock:
            self.held.discard(place)
            self.released.append(place)

    def encoded(self, number: int) -> Path | None:
        return self._encoded.get(number)


@dataclass
class Made:
    """A composition that is done."""

    plan: CompositionPlan
    path: Path
    sound: Sound | None
    check: PictureCheck
    material: LocalMaterial

    @property
    def probe(self) -> MediaProbe:
        return probe_media(self.path)


@dataclass
class Studio:
    """Plans and composes in a folder of the test's own."""

    folder: Path
    shares: list[float] = field(default_factory=list)  # what was told while the pictures were made

    @property
    def workdir(self) -> Path:
        made = self.folder / "work"
        made.mkdir(exist_ok=True)
        return made

    @property
    def target(self) -> Path:
        return self.folder / "it's final.mp4"

    def plan(self, sources: Sequence[Path], music: Path | None = None, **options: Any) -> CompositionPlan:
        probes = [probe_media(source) for source in sources]
        return plan_composition(probes, CompositionOptions(**options), probe_media(music) if music else None)

    def compose(
        self,
        sources: Sequence[Path],
        music: Path | None = None,
        *,
        target: Path | SeekableFile | None = None,
        seconds: float = 60,
        should_stop: Callable[[], None] = lambda: None,
        material: Callable[[Sequence[Path], Path], LocalMaterial] = LocalMaterial,
        **options: Any,
    ) -> Made:
        """Compose within so many seconds. `options` are those of CompositionOptions."""
        plan = self.plan(sources, music, **options)
        clips = material(sources, self.workdir)
        watch = Watch.until(seconds, should_stop)
        sound = make_sound(plan, clips, music, self.folder / "sound.m4a", watch) if plan.has_sound else None
        shares = self.shares = []
        check = compose(
            plan,
            clips,
            sound.path if sound else None,
            target or self.target,
            workdir=self.workdir,
            watch=watch.telling(shares.append),
            stored=clips.encoded,
        )
        return Made(plan, self.target, sound, check, clips)


def video_of(path: Path) -> VideoStream:
    """What a file's pictures are like."""
    video = probe_media(path).video
    assert video is not None
    return video


def ffmpeg_words(*arguments: str) -> str:
    """What ffmpeg writes to its standard output. Fails with its last words."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    return ended.stdout


def mean_yuv(path: Path) -> np.ndarray:
    """Of every picture, the mean of its luma and its two chroma planes: shape (pictures, 3)."""
    return _means(path, lambda plane: plane)


def middle_yuv(path: Path) -> np.ndarray:
    """The same of the middle of every picture, a quarter as wide and high."""

    def middle(plane: np.ndarray) -> np.ndarray:
        height, width = plane.shape
        return plane[height * 3 // 8 : height * 5 // 8, width * 3 // 8 : width * 5 // 8]

    return _means(path, middle)


def _means(path: Path, part: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.array([[part(plane).mean() for plane in _planes(frame)] for frame in container.decode(video=0)])


def _planes(frame: av.VideoFrame) -> list[np.ndarray]:
    """Luma and chroma as they are coded, whatever the range is said to be."""
    assert frame.format.name == "yuv420p"
    rows = [np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size) for plane in frame.planes]
    return [row[:, : plane.width].astype(float) for row, plane in zip(rows, frame.planes, strict=True)]


def gray_pictures(path: Path) -> np.ndarray:
    """The luma of every picture."""
    with av.open(str(path)) as container:
        return np.array([_planes(frame)[0] for frame in container.decode(video=0)])


def video_packets(path: Path) -> list[bytes]:
    """In the order of decoding."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def sound_of(path: Path) -> np.ndarray:
    """Samples of both channels at 48 kHz, as an array of shape (2, samples)."""
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


def loudness(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


def similarity(one: Path, other: Path) -> np.ndarray:
    """The SSIM of each picture of one video with the same of another, which has as many."""
    assert video_of(one).frame_count == video_of(other).frame_count
    graph = "[0:v]settb=1/1000,setpts=N[a];[1:v]settb=1/1000,setpts=N[b];[a][b]ssim=stats_file=-"
    words = ffmpeg_words("-i", str(one), "-i", str(other), "-lavfi", graph, "-f", "null", "-")
    return np.array([float(line.partition("All:")[2].split()[0]) for line in words.splitlines()])


def frame_count(made: Made) -> int:
    """How many pictures a video has, which are shown for as long as planned."""
    video = video_of(made.path)
    assert not video.is_variable_rate
    assert video.frame_rate == made.plan.form.frame_rate
    assert made.probe.duration_seconds == pytest.approx(made.plan.total_seconds, abs=0.02)
    return video.frame_count


def assert_plays_everywhere(made: Made) -> None:
    """As many pictures as planned, decoded without a word of complaint, in order: H.264, 4:2:0, square pixels, index
    first.
    """
    content = made.path.read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")
    strictly = ["-v", "warning", "-xerror", "-err_detect", "explode"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), *strictly, "-i", str(made.path), "-f", "null", "-"]
    decoded = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (decoded.returncode, decoded.stderr) == (0, "")
    with av.open(str(made.path)) as container:
        video = container.streams.video[0]
        context = video.codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert context.profile in ("Constrained Baseline", "Main", "High")
        colors = (context.colorspace, context.color_trc, context.color_primaries, context.color_range)
        assert colors == (BT709 if made.plan.tags_color else UNTAGGED)
        assert video.sample_aspect_ratio in (None, 1)
        packets = [packet for packet in container.demux() if packet.size]
    for stream in {packet.stream_index for packet in packets}:
        own = [packet for packet in packets if packet.stream_index == stream]
        assert all(earlier.dts < later.dts for earlier, later in pairwise(own))
        assert all(packet.pts >= packet.dts for packet in own)
        assert min(packet.pts for packet in own if not packet.is_discard) == 0
    assert frame_count(made) == made.plan.total_frames
    shown = sorted(float(packet.pts * packet.time_base) for packet in packets if packet.stream_index == 0)
    rate = float(made.plan.form.frame_rate)
    assert shown == pytest.approx([number / rate for number in range(made.plan.total_frames)], abs=1e-4)


def assert_sound_lasts_as_long_as_pictures(path: Path) -> None:
    """Both begin together, and end within 20 ms."""
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        lengths = [float(stream.duration * stream.time_base) for stream in (video, audio)]
        assert lengths[1] == pytest.approx(lengths[0], abs=0.02)
        assert (video.start_time, audio.start_time) == (0, 0)


def has_children(name: str) -> bool:
    """Whether a program whose name begins so runs that this process has started."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            facts = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        except (FileNotFoundError, ProcessLookupError):
            continue
        if facts["Name"].startswith(name) and facts["PPid"] == str(os.getpid()):
            return True
    return False
