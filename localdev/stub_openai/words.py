"""What the stand-in for OpenAI writes: words that differ by scene, style and look, so that a person sees them arrive.

The same material always gives the same words.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image, ImageStat

PALETTES = (
    "teal and burnt orange, led by teal",
    "dusty rose, cream and slate, led by cream",
    "moss green, ochre and bone white, led by ochre",
    "midnight blue, silver and amber, led by midnight blue",
)
LIGHTS = ("low golden light from the left", "soft overcast light", "hard noon light", "cool moonlight with warm lamps")
LENSES = ("35 mm lens, fine grain", "85 mm lens, shallow focus", "24 mm lens, deep focus", "50 mm lens, soft halation")
COLOURS = ("crimson", "ivory", "cobalt blue", "sea green", "saffron", "charcoal")
MOTIONS = ("cloth and hair stir in a light wind", "dust drifts through the light", "shadows lengthen slowly")
CAMERAS = (
    "The camera pushes in slowly",
    "The camera pans gently to the left",
    "The camera glides beside the subject",
    "The camera rises slowly",
)
LONG_WORD = re.compile(r"[^\W\d_]{5,}")
MOST_RECURRING = 3


@dataclass(frozen=True)
class Material:
    """What a request gives to write about. `text` is empty where a look is asked for."""

    text: str = ""
    style: str = ""
    look: str = ""
    title: str = ""
    scenes: tuple[str, ...] = ()

    @classmethod
    def of(cls, request_input: Any) -> "Material":
        """From the user's messages: the pipeline's JSON, or any text."""
        text = _user_text(request_input)
        try:
            message = json.loads(text)
        except ValueError:
            return cls(text=text)
        match message:
            case {"scene": {"text": str(scene), "style": str(style)}, "look": str(look)}:
                return cls(text=scene, style=style, look=look)
            case {"title": str(title), "style": str(style), "scenes": [*scenes]}:
                return cls(title=title, style=style, scenes=tuple(map(str, scenes)))
        return cls(text=text)

    @property
    def marked(self) -> str:
        """Where markers count: what the request is about, not what it mentions besides."""
        return " ".join((self.text, self.style, self.title))

    def without(self, marker: re.Pattern[str]) -> "Material":
        text, style, look, title = (marker.sub("", part).strip() for part in self._parts())
        scenes = tuple(marker.sub("", scene).strip() for scene in self.scenes)
        return replace(self, text=text, style=style, look=look, title=title, scenes=scenes)

    def _parts(self) -> tuple[str, str, str, str]:
        return self.text, self.style, self.look, self.title


def invented(material: Material) -> dict[str, str]:
    """All fields that may be asked for."""
    text, style = material.text, material.style
    camera = _pick(CAMERAS, text)
    described = [text, style, material.look, "Soft cinematic light, rich detail"]
    return {
        "image_prompt": " ".join(f"{part.rstrip('. ')}." for part in described if part),
        "motion": f"{text.rstrip('. ')}: {_pick(MOTIONS, text)}.",
        "camera": f"{camera}.",
        "motion_prompt": f"{text}. {camera}.",
        "title": " ".join(text.split()[:6]),
        "description": text,
        "look": _look(material),
    }


def looks_red(picture: Image.Image) -> bool:
    """The rule by which a picture is flagged: hardly anything but red."""
    red, green, blue = ImageStat.Stat(picture.convert("RGB")).mean
    return red > 180 and green < 60 and blue < 60


def _look(story: Material) -> str:
    seed = f"{story.title}|{story.style}"
    sentences = [story.style, f"Palette of {_pick(PALETTES, seed)}", _pick(LIGHTS, seed), _pick(LENSES, seed)]
    sentences += [f"The {word} is always {_pick(COLOURS, seed + word)}" for word in _recurring(story.scenes)]
    return " ".join(f"{part[0].upper()}{part[1:].rstrip('. ')}." for part in sentences if part)


def _recurring(scenes: Sequence[str]) -> list[str]:
    """The long words that come up in several scenes, the most frequent first."""
    found = Counter(word for scene in scenes for word in set(LONG_WORD.findall(scene.lower())))
    return [word for word, count in sorted(found.items(), key=lambda item: (-item[1], item[0])) if count > 1][
        :MOST_RECURRING
    ]


def _pick(choices: Sequence[str], seed: str) -> str:
    return choices[hashlib.sha256(seed.encode()).digest()[0] % len(choices)]


def _user_text(value: Any) -> str:
    """The text of the user's messages, in whatever form the API takes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return " ".join(filter(None, (_user_text(item) for item in value)))
    if isinstance(value, dict) and value.get("role") not in ("system", "developer"):
        return _user_text(value.get("content", value.get("text", "")))
    return ""
