"""Files that stand for those that a job names and that cannot be had here."""

import subprocess
from pathlib import Path
from typing import Literal

import imageio_ffmpeg
from PIL import Image

from localdev.studio.samples import write_samples

Sample = Literal["picture", "clip", "music", "product"]

PICTURE_SIZE = (576, 1024)
CLIP_SIZE = "270x480"
_SUFFIXES: tuple[tuple[Sample, tuple[str, ...]], ...] = (
    ("clip", (".mp4", ".mov", ".webm", ".m4v")),
    ("picture", (".jpg", ".jpeg", ".png", ".webp")),
    ("music", (".m4a", ".mp3", ".aac", ".wav", ".mka")),
)


def sample_kind(name: str) -> Sample | None:
    """What a file of that name is; None where its name does not say."""
    path = name.partition("?")[0].lower()
    return next((kind for kind, suffixes in _SUFFIXES if path.endswith(suffixes)), None)


def write_sample(kind: Sample, folder: Path, *, seconds: float = 2.0, number: int = 0) -> Path:
    """Write it, unless it is there. Clips of different `number` differ."""
    folder.mkdir(parents=True, exist_ok=True)
    match kind:
        case "picture":
            return _picture(folder / "picture.png")
        case "clip":
            return _clip(folder / f"clip-{number}-{seconds:.2f}.mp4", seconds, number)
    return write_samples(folder)[kind]


def _picture(path: Path) -> Path:
    if not path.exists():
        shades = [Image.linear_gradient("L").rotate(angle).resize(PICTURE_SIZE) for angle in (0, 90, 180)]
        Image.merge("RGB", shades).save(path)
    return path


def _clip(path: Path, seconds: float, number: int) -> Path:
    if not path.exists():
        source = f"testsrc2=s={CLIP_SIZE}:r=24:d={seconds:.3f}:alpha=255,hue=h={number * 47 % 360}"
        encoded = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
        command = [
            imageio_ffmpeg.get_ffmpeg_exe(),
            "-v",
            "error",
            "-y",
            "-f",
            "lavfi",
            "-i",
            source,
            *encoded,
            str(path),
        ]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path
