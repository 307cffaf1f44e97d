"""Clips with camera moves over a picture, as an image-to-video model makes them: H.264, one keyframe, no sound."""

import hashlib
import subprocess
import tempfile
from pathlib import Path

import imageio_ffmpeg
from PIL import Image

FRAME_RATE = 24
SHORT_EDGE = {"480p": 480, "720p": 704, "1080p": 1088}
ROOM = 1.18
"""How much larger than the clip the picture is that the camera moves over."""

# where the camera's window is at share t of the clip, as fractions of the room it has
MOVES = ("rise", "fall", "left", "right", "in")


def render_clip(
    picture: bytes, prompt: str, seed: int, seconds: int, resolution: str, *, camera_fixed: bool = False
) -> bytes:
    """An MP4 of 24 * seconds + 1 frames. Raises OSError for no picture, CalledProcessError from ffmpeg."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "source", Path(folder) / "clip.mp4"
        source.write_bytes(picture)
        with Image.open(source) as image:
            width, height = _size(image.size, resolution)
        camera = "hold" if camera_fixed else MOVES[_digest(prompt, seed) % len(MOVES)]
        frames = FRAME_RATE * seconds + 1
        subprocess.run(
            [
                imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-loop", "1", "-framerate", str(FRAME_RATE),
                "-i", str(source), "-vf", _camera(camera, frames, width, height), "-frames:v", str(frames),
                "-c:v", "libx264", "-preset", "ultrafast", "-crf", "21", "-pix_fmt", "yuv420p", "-g", "9999",
                "-keyint_min", "9999", "-sc_threshold", "0", "-movflags", "+faststart", str(target),
            ],
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )  # fmt: skip
        return target.read_bytes()


def _size(picture: tuple[int, int], resolution: str) -> tuple[int, int]:
    """(width, height) of the clip: the resolution's short edge, the picture's shape, multiples of 16."""
    width, height = picture
    scale = SHORT_EDGE[resolution] / min(width, height)
    return max(round(width * scale / 16) * 16, 16), max(round(height * scale / 16) * 16, 16)


def _digest(prompt: str, seed: int) -> int:
    return hashlib.sha256(f"{prompt}{seed}".encode()).digest()[0]


def _camera(move: str, frames: int, width: int, height: int) -> str:
    if move == "hold":
        return f"scale={width}:{height}"
    wide, high = int(width * ROOM / 2) * 2, int(height * ROOM / 2) * 2
    share = f"(0.5-0.5*cos(PI*n/{frames}))"  # slow at both ends
    if move == "in":
        zoom = f"(1+{ROOM - 1}*{share})"
        return f"scale=w='trunc({width}*{zoom}/2)*2':h='trunc({height}*{zoom}/2)*2':eval=frame,crop={width}:{height}"
    at_x = {"left": f"(1-{share})", "right": share}.get(move, "0.5")
    at_y = {"rise": f"(1-{share})", "fall": share}.get(move, "0.5")
    return f"scale={wide}:{high},crop=w={width}:h={height}:x='(iw-ow)*{at_x}':y='(ih-oh)*{at_y}'"
