"""Files to upload: music, and a product that was drawn for it."""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

from localdev.demo.music import write_music

SIDE = 900
FINER = 3
"""Drawn that many times larger, so that edges are smooth."""
GLASS, LIQUID, LABEL, CAP, SHINE = "#1d4a4f", "#123337", "#f1e6d2", "#c9a227", (255, 255, 255, 70)


def write_samples(folder: Path) -> dict[str, Path]:
    """Write what is not there yet; returns the files by what they are for."""
    folder.mkdir(parents=True, exist_ok=True)
    product, music = folder / "product.png", folder / "music.m4a"
    if not product.exists():
        product_picture().save(product)
    if not music.exists():
        write_music(music)
    return {"product": product, "music": music}


def product_picture() -> Image.Image:
    """A bottle of scent that stands free, on nothing."""
    picture = Image.new("RGBA", (SIDE * FINER, SIDE * FINER), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle(_box(360, 90, 540, 235), 22 * FINER, fill=CAP)
    draw.rectangle(_box(385, 225, 515, 290), fill=GLASS)
    draw.rounded_rectangle(_box(230, 275, 670, 830), 70 * FINER, fill=GLASS)
    draw.rounded_rectangle(_box(262, 410, 638, 798), 48 * FINER, fill=LIQUID)
    draw.rounded_rectangle(_box(300, 485, 600, 715), 14 * FINER, fill=LABEL)
    for row, (left, right) in enumerate(((350, 550), (385, 515), (400, 500))):
        draw.rounded_rectangle(_box(left, 545 + row * 48, right, 557 + row * 48), 6 * FINER, fill=GLASS)
    shine = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    ImageDraw.Draw(shine).rounded_rectangle(_box(258, 320, 288, 780), 15 * FINER, fill=SHINE)
    ImageDraw.Draw(shine).rounded_rectangle(_box(378, 105, 394, 220), 8 * FINER, fill=SHINE)
    picture.alpha_composite(shine.filter(ImageFilter.GaussianBlur(4 * FINER)))
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _box(left: int, top: int, right: int, bottom: int) -> tuple[int, int, int, int]:
    return left * FINER, top * FINER, right * FINER, bottom * FINER
