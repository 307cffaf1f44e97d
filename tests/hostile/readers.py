"""Everything that opens a file which came from a URL: each a function of its path, that raises JobErrors alone."""

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from pipeline.adapters.clip_preparation import prepare_clip
from pipeline.adapters.cutouts import cut_out
from pipeline.adapters.ffmpeg import run_ffmpeg
from pipeline.adapters.frames import write_clip_thumbnail
from pipeline.adapters.images import inspect_image, load_upright, upright_file, write_thumbnail
from pipeline.adapters.media_probe import probe_media
from tests.composition_files import Studio


def probe(path: Path) -> None:
    probe_media(path)


def thumbnail(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_clip_thumbnail(path, Path(folder) / "thumbnail.jpg")


def prepare(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        prepare_clip(path, Path(folder) / "prepared.mp4", probe_media(path), deadline_seconds=60)


def compose(path: Path) -> None:
    """The clip with itself, faded."""
    with tempfile.TemporaryDirectory() as folder:
        Studio(Path(folder)).compose([path, path])


@cache
def _clip() -> bytes:
    """A clip of our own, made once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        source = ["-f", "lavfi", "-i", "color=red:s=64x64:r=24:d=1", "-c:v", "libx264", "-preset", "ultrafast"]
        run_ffmpeg([*source, "-pix_fmt", "yuv420p", str(path)], deadline_seconds=30)
        return path.read_bytes()


def compose_with_music(path: Path) -> None:
    """The file under a clip as its music."""
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        clip.write_bytes(_clip())
        Studio(Path(folder)).compose([clip], path)


def picture(path: Path) -> None:
    """Whatever is done with a scene's or a product's picture."""
    with tempfile.TemporaryDirectory() as folder:
        inspect_image(path)
        write_thumbnail(path, Path(folder) / "thumbnail.webp")
        inspect_image(upright_file(path, Path(folder) / "upright"))
        cut_out(load_upright(path), 512)


MEDIA_READERS: dict[str, Callable[[Path], None]] = {
    reader.__name__: reader for reader in (probe, thumbnail, prepare, compose, compose_with_music)
}
READERS = {**MEDIA_READERS, "picture": picture}
