"""The seeded files: small real pictures and clips, drawn and encoded here. The same bytes each time.

picture ──crop that moves──> clip ──┐
picture ──────────────────> clip ──┼──> film, its poster and thumbnail
picture ──────────────────> clip ──┘
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from operations.staging.seed_story import CLIP_SECONDS, HARBOUR, SEA, BoardStory, Color
from pipeline.adapters.ffmpeg import run_ffmpeg
from pipeline.adapters.frames import write_clip_thumbnail
from pipeline.adapters.images import write_thumbnail
from pipeline.adapters.media_probe import probe_media
from pipeline.adapters.placeholders import placeholder_of

WIDTH, HEIGHT = 270, 480
LARGER = 1.1
"""A picture before a clip moves over it."""

FRAMES_PER_SECOND = 24
DEADLINE_SECONDS = 120.0
SAME_BYTES = ("-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-threads", "1")
ENCODED = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "30", "-pix_fmt", "yuv420p", "-movflags", "+faststart")


@dataclass(frozen=True)
class Piece:
    """A picture or a video with its thumbnail; `seconds` is 0 of a picture."""

    path: Path
    thumbnail: Path
    placeholder: str
    seconds: float = 0.0

    @property
    def size_bytes(self) -> int:
        return self.path.stat().st_size


@dataclass(frozen=True)
class Media:
    """Pictures and clips by (slug of the storyboard, number of the scene from 1)."""

    pictures: dict[tuple[str, int], Piece]
    clips: dict[tuple[str, int], Piece]
    film: Piece
    poster: Path
    product: Path


def make_media(folder: Path) -> Media:
    """Write all files into the folder. Raises MediaError where ffmpeg fails."""
    pictured = [*_scenes(SEA, 1, 2, 3), *_scenes(HARBOUR, 1, 2)]
    pictures = {(board.slug, number): _picture(folder, board, number) for board, number in pictured}
    moving = [*_scenes(SEA, 1, 2, 3), *_scenes(HARBOUR, 1)]
    clips = {
        (board.slug, number): _clip(folder / f"{board.slug}-{number}.mp4", pictures[board.slug, number].path)
        for board, number in moving
    }
    poster, product = folder / "poster.jpg", folder / "product.png"
    with Image.open(pictures[SEA.slug, 1].path) as first:
        first.convert("RGB").save(poster, quality=85)
    _tin().save(product)
    film = _film(folder / "film.mp4", [clips[SEA.slug, number].path for number in (1, 2, 3)])
    return Media(pictures, clips, film, poster, product)


def _scenes(board: BoardStory, *numbers: int) -> list[tuple[BoardStory, int]]:
    return [(board, number) for number in numbers]


def _picture(folder: Path, board: BoardStory, number: int) -> Piece:
    scene = board.scenes[number - 1]
    path, thumbnail = folder / f"{board.slug}-{number}.png", folder / f"{board.slug}-{number}.webp"
    _landscape(scene.sky, scene.ground, number).save(path, optimize=True)
    write_thumbnail(path, thumbnail)
    return Piece(path, thumbnail, placeholder_of(thumbnail.read_bytes()))


def _landscape(sky: Color, ground: Color, number: int) -> Image.Image:
    """A sky that grows lighter towards the horizon, a sun, and land."""
    column = Image.new("RGB", (1, HEIGHT))
    horizon = round(HEIGHT * 0.62)
    for row in range(HEIGHT):
        light = 0.6 + 0.4 * row / horizon if row < horizon else 1.0 - 0.5 * (row - horizon) / (HEIGHT - horizon)
        red, green, blue = (round(part * light) for part in (sky if row < horizon else ground))
        column.putpixel((0, row), (red, green, blue))
    picture = column.resize((WIDTH, HEIGHT))
    draw = ImageDraw.Draw(picture)
    middle, height, radius = WIDTH * number // 4, horizon - 60 * number, 34
    draw.ellipse((middle - radius, height - radius, middle + radius, height + radius), fill=(255, 244, 214))
    draw.polygon([(0, horizon), (WIDTH * 0.4, horizon - 26 * number), (WIDTH * 0.9, horizon)], fill=_darker(ground))
    return picture


def _darker(color: Color) -> Color:
    red, green, blue = color
    return red * 2 // 3, green * 2 // 3, blue * 2 // 3


def _tin() -> Image.Image:
    """A tin on nothing."""
    picture = Image.new("RGBA", (240, 300), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((40, 30, 200, 280), 18, fill="#8c2f2b")
    draw.rounded_rectangle((32, 20, 208, 64), 12, fill="#c9a227")
    draw.rounded_rectangle((62, 120, 178, 220), 8, fill="#f1e6d2")
    return picture


def _clip(path: Path, picture: Path) -> Piece:
    width, height = round(WIDTH * LARGER), round(HEIGHT * LARGER)
    share = f"t/{CLIP_SECONDS:g}"
    moves = f"scale={width}:{height},crop={WIDTH}:{HEIGHT}:(iw-ow)*{share}:(ih-oh)*{share}"
    source = ["-loop", "1", "-framerate", str(FRAMES_PER_SECOND), "-t", f"{CLIP_SECONDS:g}", "-i", str(picture)]
    return _encoded(path, [*source, "-vf", moves])


def _film(path: Path, clips: Sequence[Path]) -> Piece:
    sources = [argument for clip in clips for argument in ("-i", str(clip))]
    joined = "".join(f"[{number}:v]" for number in range(len(clips))) + f"concat=n={len(clips)}:v=1:a=0"
    return _encoded(path, [*sources, "-filter_complex", joined])


def _encoded(path: Path, arguments: Sequence[str]) -> Piece:
    run_ffmpeg([*arguments, *ENCODED, *SAME_BYTES, str(path)], deadline_seconds=DEADLINE_SECONDS)
    thumbnail = path.with_suffix(".jpg") if path.stem != "film" else path.with_name("film_thumbnail.jpg")
    write_clip_thumbnail(path, thumbnail)
    return Piece(path, thumbnail, placeholder_of(thumbnail.read_bytes()), probe_media(path).duration_seconds)
