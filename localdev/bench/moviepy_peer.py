"""The same crossfade by MoviePy, in an environment of its own under build/, which is made when it is missing."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from localdev.bench.composition_material import RATE, installed_version
from localdev.bench.ffmpeg_peers import FADE_SECONDS
from pipeline.domain.media_work import FAST

MOVIEPY = "moviepy==2.2.1"
SCRIPT = """
import sys
from moviepy import CompositeVideoClip, VideoFileClip, vfx
target, rate, fade, preset, crf, *paths = sys.argv[1:]
fade, layers, start = float(fade), [], 0.0
for path in paths:
    clip = VideoFileClip(path, audio=False).with_start(start)
    layers.append(clip.with_effects([vfx.CrossFadeIn(fade)]) if layers else clip)
    start += clip.duration - fade
video = CompositeVideoClip(layers)
encoder = ["-crf", crf, "-profile:v", "high", "-pix_fmt", "yuv420p"]
video.write_videofile(
    target, fps=int(rate), codec="libx264", preset=preset, audio=False, ffmpeg_params=encoder, logger=None
)
"""


def moviepy_python(folder: Path) -> Path:
    """The interpreter that has MoviePy, and the ffmpeg that we have; installs both. Raises OSError when it cannot."""
    python = folder / "bin/python"
    installed = folder / MOVIEPY
    if not installed.exists():
        print(f"installing {MOVIEPY} into {folder}, from the registry that pip is set to")
        wanted = [MOVIEPY, f"imageio-ffmpeg=={installed_version('imageio-ffmpeg')}"]
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        for command in ([sys.executable, "-m", "venv", str(folder)], [*pip, *wanted]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise OSError(f"{MOVIEPY} cannot be installed: {(done.stderr.strip() or 'no reason given')[-200:]}")
        installed.touch()
    return python


def moviepy_crossfade(python: Path, clips: Sequence[Path], target: Path) -> list[str]:
    """The command that crossfades clips with our encoder's settings."""
    settings = [str(RATE), str(FADE_SECONDS), FAST.preset, str(FAST.crf)]
    return [str(python), "-c", SCRIPT, str(target), *settings, *map(str, clips)]
