"""The final video at a glance: frames in rows, each with its time."""

from pathlib import Path

import av
from PIL import Image, ImageDraw, ImageFont

COLUMNS, ROWS = 6, 2
TILE_HEIGHT, GAP = 320, 10


def write_contact_sheet(video: Path, target: Path) -> Path:
    """Write a picture of frames that are spread evenly over the video."""
    frames = _frames(video, COLUMNS * ROWS)
    tile_width = max(2, round(TILE_HEIGHT * frames[0][1].width / frames[0][1].height))
    sheet = Image.new("RGB", (COLUMNS * (tile_width + GAP) + GAP, ROWS * (TILE_HEIGHT + GAP) + GAP), color=(24, 24, 28))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=16)
    for index, (seconds, frame) in enumerate(frames):
        x = GAP + index % COLUMNS * (tile_width + GAP)
        y = GAP + index // COLUMNS * (TILE_HEIGHT + GAP)
        sheet.paste(frame.resize((tile_width, TILE_HEIGHT)), (x, y))
        draw.rectangle((x, y, x + 58, y + 24), fill=(0, 0, 0))
        draw.text((x + 6, y + 3), f"{seconds:.1f} s", font=font, fill=(255, 255, 255))
    sheet.save(target)
    return target


def _frames(video: Path, count: int) -> list[tuple[float, Image.Image]]:
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        total = stream.frames or 1
        wanted = {round((index + 0.5) * total / count) for index in range(count)}
        return [
            (float(frame.time or 0.0), frame.to_image())
            for index, frame in enumerate(container.decode(stream))
            if index in wanted
        ]
