"""Pictures that differ by prompt: its words choose the light, the land and what stands in it."""

import hashlib
import io
import math
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFilter, ImageFont

Color = tuple[int, int, int]

SIZES = {
    "9:21": (640, 1536), "9:16": (768, 1344), "1:2": (704, 1408), "2:3": (832, 1216), "3:4": (896, 1152),
    "21:9": (1536, 640), "16:9": (1344, 768), "2:1": (1408, 704), "3:2": (1216, 832), "4:3": (1152, 896),
    "4:5": (896, 1088), "1:1": (1024, 1024), "5:4": (1088, 896),
}  # fmt: skip
FORMATS = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "webp": "WEBP"}


@dataclass(frozen=True)
class Light:
    """Colours of the sky from top to horizon, of the sun or moon, and of the land."""

    top: Color
    horizon: Color
    disc: Color
    land: Color
    is_night: bool = False


LIGHTS = {
    "night": Light((10, 14, 42), (48, 62, 110), (238, 236, 214), (12, 18, 38), is_night=True),
    "sunrise": Light((92, 130, 196), (255, 196, 138), (255, 240, 200), (74, 62, 92)),
    "sunset": Light((66, 48, 120), (255, 128, 84), (255, 214, 130), (48, 30, 66)),
    "day": Light((54, 128, 206), (196, 228, 244), (255, 250, 226), (52, 96, 92)),
    "forest": Light((120, 170, 150), (232, 240, 196), (255, 252, 220), (28, 74, 54)),
}
LIGHT_WORDS = {
    "night": ("night", "moon", "star", "midnight", "dark"),
    "sunrise": ("sunrise", "dawn", "morning", "wakes"),
    "sunset": ("sunset", "dusk", "evening", "golden", "warm"),
    "forest": ("forest", "green", "jungle", "garden"),
    "day": ("day", "blue", "noon", "calm"),
}
SUBJECT_WORDS = {
    "lighthouse": ("lighthouse", "tower"),
    "boat": ("boat", "sail", "ship"),
    "city": ("city", "street", "skyline", "office"),
    "village": ("village", "house", "cottage", "town"),
    "trees": ("forest", "tree", "wood", "path", "jungle"),
    "sea": ("sea", "ocean", "beach", "river", "lake"),
}


def render_picture(prompt: str, seed: int, size: tuple[int, int]) -> Image.Image:
    """The picture of a prompt; `seed` moves its hills and waves."""
    height = size[1]
    dice = random.Random(hashlib.sha256(f"{prompt}{seed}".encode()).digest())  # noqa: S311  a look, not a secret
    light, subject = _light(prompt, dice), _first(SUBJECT_WORDS, prompt.lower()) or dice.choice(list(SUBJECT_WORDS))
    picture = _sky(light, size, dice)
    ground = round(height * 0.62)
    if subject in ("sea", "boat", "lighthouse", "village"):
        _sea(picture, light, ground, dice)
    for depth in range(3):
        _hills(picture, light, ground + round(height * (0.02 + 0.11 * depth)), depth, dice, subject)
    DRAW[subject](picture, light, ground, dice)
    _caption(picture, prompt)
    return picture


def encode(picture: Image.Image, output_format: str) -> bytes:
    """The file's bytes in one of FORMATS."""
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, FORMATS.get(output_format, "WEBP"), quality=90)
    return buffer.getvalue()


def _first(words: dict[str, tuple[str, ...]], text: str) -> str | None:
    return next((name for name, marks in words.items() if any(mark in text for mark in marks)), None)


def _light(prompt: str, dice: random.Random) -> Light:
    # what the scene itself says counts; the style that follows its first sentence does not
    return LIGHTS[_first(LIGHT_WORDS, prompt.split(".")[0].lower()) or dice.choice(list(LIGHTS))]


def _mix(a: Color, b: Color, share: float) -> Color:
    return tuple(round(x + (y - x) * share) for x, y in zip(a, b, strict=True))  # type: ignore[return-value]


def _sky(light: Light, size: tuple[int, int], dice: random.Random) -> Image.Image:
    width, height = size
    column = Image.new("RGB", (1, height))
    for y in range(height):
        column.putpixel((0, y), _mix(light.top, light.horizon, min(1.0, y / (height * 0.64)) ** 1.3))
    picture = column.resize(size)
    x, y, radius = dice.uniform(0.25, 0.75) * width, dice.uniform(0.2, 0.4) * height, width * 0.075
    glow = Image.new("L", size, 0)
    ImageDraw.Draw(glow).ellipse((x - radius * 3, y - radius * 3, x + radius * 3, y + radius * 3), fill=150)
    glow = glow.filter(ImageFilter.GaussianBlur(radius * 1.6))
    picture.paste(Image.new("RGB", size, light.disc), mask=glow)
    draw = ImageDraw.Draw(picture)
    if light.is_night:
        for _ in range(160):
            at = (dice.uniform(0, width), dice.uniform(0, height * 0.55))
            draw.ellipse((*at, at[0] + dice.choice((1, 2, 3)), at[1] + 2), fill=_mix(light.top, (255, 255, 255), 0.85))
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=light.disc)
    if not light.is_night:
        _clouds(picture, light, dice)
    return picture


def _clouds(picture: Image.Image, light: Light, dice: random.Random) -> None:
    width, height = picture.size
    mask = Image.new("L", picture.size, 0)
    draw = ImageDraw.Draw(mask)
    for _ in range(5):
        x, y = dice.uniform(-0.1, 1.0) * width, dice.uniform(0.06, 0.45) * height
        for _ in range(7):
            dx, dy, r = dice.uniform(0, width * 0.22), dice.uniform(-8, 8), dice.uniform(10, 26)
            draw.ellipse((x + dx - r * 2, y + dy - r * 0.6, x + dx + r * 2, y + dy + r * 0.6), fill=120)
    picture.paste(
        Image.new("RGB", picture.size, _mix(light.horizon, (255, 255, 255), 0.6)),
        mask=mask.filter(ImageFilter.GaussianBlur(12)),
    )


def _sea(picture: Image.Image, light: Light, ground: int, dice: random.Random) -> None:
    width, height = picture.size
    draw = ImageDraw.Draw(picture)
    near, far = _mix(light.land, light.top, 0.55), _mix(light.horizon, light.top, 0.35)
    for y in range(ground, height):
        draw.line((0, y, width, y), fill=_mix(far, near, (y - ground) / (height - ground)))
    for _ in range(140):
        depth = dice.random()
        y, x, length = ground + depth * (height - ground), dice.uniform(0, width), 6 + depth * 60
        draw.line(
            (x, y, x + length, y), fill=_mix(light.disc, near, 0.45 + 0.4 * dice.random()), width=1 + int(depth * 2)
        )


def _hills(picture: Image.Image, light: Light, base: int, depth: int, dice: random.Random, subject: str) -> None:
    if subject in ("sea", "boat") or (subject in ("lighthouse", "village") and depth < 2):
        return
    width, height = picture.size
    phase, swing = dice.uniform(0, 6.28), height * (0.05 - 0.008 * depth)
    points = [
        (x, base + swing * (math.sin(x / width * 5 + phase) + 0.5 * math.sin(x / width * 11 + phase * 2)))
        for x in range(0, width + 8, 8)
    ]
    color = _mix(light.horizon, light.land, 0.45 + 0.25 * depth)
    ImageDraw.Draw(picture).polygon([(0, height), *points, (width, height)], fill=color)


def _lighthouse(picture: Image.Image, light: Light, ground: int, _dice: random.Random) -> None:
    width, height = picture.size
    draw = ImageDraw.Draw(picture)
    x, foot, top = width * 0.68, ground + height * 0.1, ground - height * 0.2
    cliff = [(width * 0.4, height), (width * 0.48, foot + 20), (width * 0.6, foot), (width, foot - 30), (width, height)]
    draw.polygon(cliff, fill=_mix(light.land, (0, 0, 0), 0.25))
    bands = 5
    for band in range(bands):
        y0, y1 = foot + (top - foot) * band / bands, foot + (top - foot) * (band + 1) / bands
        w0, w1 = width * (0.055 - 0.004 * band), width * (0.055 - 0.004 * (band + 1))
        color = (196, 60, 52) if band % 2 else (244, 240, 230)
        draw.polygon([(x - w0, y0), (x + w0, y0), (x + w1, y1), (x - w1, y1)], fill=_mix(color, light.land, 0.12))
    draw.rectangle((x - width * 0.03, top - height * 0.03, x + width * 0.03, top), fill=(255, 238, 170))
    draw.polygon(
        [(x - width * 0.042, top - height * 0.03), (x + width * 0.042, top - height * 0.03), (x, top - height * 0.055)],
        fill=(80, 40, 46),
    )
    beam = Image.new("L", picture.size, 0)
    ImageDraw.Draw(beam).polygon([(x, top - 16), (0, top - height * 0.12), (0, top + height * 0.02)], fill=110)
    picture.paste(Image.new("RGB", picture.size, (255, 244, 200)), mask=beam.filter(ImageFilter.GaussianBlur(14)))


def _boat(picture: Image.Image, light: Light, ground: int, dice: random.Random) -> None:
    width, height = picture.size
    draw = ImageDraw.Draw(picture)
    x, y, s = width * dice.uniform(0.38, 0.6), ground + height * 0.13, width * 0.16
    dark = _mix(light.land, (20, 14, 20), 0.5)
    draw.polygon([(x - s, y), (x + s, y), (x + s * 0.7, y + s * 0.32), (x - s * 0.7, y + s * 0.32)], fill=dark)
    draw.line((x, y, x, y - s * 2.3), fill=dark, width=5)
    draw.polygon([(x + 8, y - s * 2.2), (x + 8, y - 12), (x + s * 1.05, y - 12)], fill=(250, 244, 230))
    draw.polygon([(x - 8, y - s * 1.9), (x - 8, y - 12), (x - s * 0.8, y - 12)], fill=(236, 222, 204))


def _city(picture: Image.Image, light: Light, ground: int, dice: random.Random) -> None:
    width, height = picture.size
    draw = ImageDraw.Draw(picture)
    for row in range(2):
        x = -20.0
        while x < width:
            w, h = dice.uniform(0.08, 0.16) * width, dice.uniform(0.12, 0.36 - 0.1 * row) * height
            base = ground + height * (0.08 + 0.16 * row)
            draw.rectangle((x, base - h, x + w, height), fill=_mix(light.horizon, light.land, 0.55 + 0.35 * row))
            for wx in range(int(x + 8), int(x + w - 12), 20):
                for wy in range(int(base - h + 12), int(base + height * 0.1), 28):
                    if dice.random() < (0.62 if light.is_night else 0.3):
                        draw.rectangle((wx, wy, wx + 9, wy + 13), fill=(255, 220, 140))
            x += w + dice.uniform(0, 12)


def _village(picture: Image.Image, light: Light, ground: int, dice: random.Random) -> None:
    width, height = picture.size
    draw = ImageDraw.Draw(picture)
    for number in range(7):
        w = width * dice.uniform(0.12, 0.17)
        x, y = width * (0.02 + 0.14 * number), ground + height * (0.16 + 0.04 * (number % 3))
        wall = _mix(dice.choice([(244, 226, 200), (226, 190, 160), (200, 214, 220)]), light.land, 0.22)
        draw.rectangle((x, y - w * 0.8, x + w, y + height * 0.06), fill=wall)
        draw.polygon([(x - 8, y - w * 0.8), (x + w + 8, y - w * 0.8), (x + w / 2, y - w * 1.35)], fill=(150, 70, 58))
        draw.rectangle((x + w * 0.2, y - w * 0.5, x + w * 0.42, y - w * 0.25), fill=(255, 226, 150))
        draw.rectangle((x + w * 0.6, y - w * 0.42, x + w * 0.82, y + height * 0.06), fill=(92, 62, 54))


def _trees(picture: Image.Image, light: Light, ground: int, dice: random.Random) -> None:
    width, height = picture.size
    draw = ImageDraw.Draw(picture)
    middle = width * dice.uniform(0.42, 0.58)
    path = [(middle - 12, ground + 60), (middle + 12, ground + 60), (width * 0.8, height), (width * 0.2, height)]
    draw.polygon(path, fill=_mix(light.horizon, (196, 160, 110), 0.5))
    for number in range(26):
        depth = number / 26
        x = dice.uniform(0, width)
        if abs(x - middle) < width * (0.07 + 0.2 * depth):
            x = middle + math.copysign(width * (0.12 + 0.25 * depth), x - middle)
        y, s = ground + height * (0.03 + 0.3 * depth), width * (0.07 + 0.12 * depth)
        color = _mix(_mix(light.horizon, light.land, 0.5 + 0.5 * depth), (20, 60, 40), 0.3)
        draw.rectangle((x - s * 0.07, y - s * 0.3, x + s * 0.07, y), fill=(70, 50, 40))
        for tier in range(3):
            top, half = y - s * (0.25 + 0.55 * tier), s * (0.55 - 0.13 * tier)
            draw.polygon([(x - half, top), (x + half, top), (x, top - s * 0.85)], fill=color)


def _nothing(picture: Image.Image, light: Light, ground: int, dice: random.Random) -> None:
    """The sea is subject enough."""


DRAW = {
    "lighthouse": _lighthouse,
    "boat": _boat,
    "city": _city,
    "village": _village,
    "trees": _trees,
    "sea": _nothing,
}


def _caption(picture: Image.Image, prompt: str) -> None:
    words = prompt.split(".")[0].split()
    lines = [" ".join(words[start : start + 5]) for start in range(0, min(len(words), 10), 5)]
    size = max(picture.width // 26, 12)
    font, draw = ImageFont.load_default(size=size), ImageDraw.Draw(picture)
    y = picture.height * 0.86  # well inside: the camera of a clip cuts off the edges
    shade = Image.new("L", (1, picture.height), 0)
    for row in range(int(y - size * 2), picture.height):
        shade.putpixel((0, row), min(170, round(170 * (row - y + size * 2) / (picture.height - y))))
    picture.paste(Image.new("RGB", picture.size, (8, 10, 18)), mask=shade.resize(picture.size))
    for line in lines:
        draw.text((size * 1.3 + 1, y + 1), line, font=font, fill=(0, 0, 0))
        draw.text((size * 1.3, y), line, font=font, fill=(255, 255, 255))
        y += size * 1.3
