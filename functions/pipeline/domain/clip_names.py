"""The filenames of clips: `clip_<priority>_<scene>_<slug>_<style>.mp4`.

The slug holds no underscore, so the name can be read back even when the style does (`left_focus`).
"""

import re
import unicodedata
from dataclasses import dataclass

from pipeline.domain.clips import check_amount
from pipeline.domain.errors import InvalidRequest

DEFAULT_STYLE = "original"
SLUG_LETTERS = 60

_NUMBER = "([0-9]{2}|[1-9][0-9]{2,8})"  # not \d: that matches the digits of every script
_FILENAME = re.compile(rf"clip_{_NUMBER}_{_NUMBER}_([a-z0-9-]+)_([a-z0-9_-]+)\.mp4")


@dataclass(frozen=True)
class ClipName:
    """What a clip's filename says."""

    priority: int
    scene: int
    slug: str
    style: str


def build_clip_filename(priority: int, scene: int, title: str, style: str) -> str:
    """The filename of a clip: numbers of at least two digits, a slug of the title, the style."""
    check_amount("priority", priority)
    check_amount("scene_id", scene)
    return f"clip_{priority:02d}_{scene:02d}_{title_slug(title)}_{style_slug(style)}.mp4"


def parse_clip_filename(filename: str) -> ClipName:
    """The inverse of `build_clip_filename`. Raises InvalidRequest when the name is not of that form."""
    match = _FILENAME.fullmatch(filename)
    if match is None:
        raise InvalidRequest(f"'{filename[:120]}' is not named clip_<priority>_<scene>_<slug>_<style>.mp4.")
    return ClipName(int(match[1]), int(match[2]), match[3], match[4])


def title_slug(title: str) -> str:
    """A title as lower-case ASCII words with hyphens between them; `scene` when nothing is left of it."""
    return _ascii_words(title, "-")[:SLUG_LETTERS].strip("-") or "scene"


def style_slug(style: str) -> str:
    """A style as lower-case ASCII words with underscores between them."""
    return _ascii_words(style, "_")[:SLUG_LETTERS].strip("_") or DEFAULT_STYLE


def _ascii_words(text: str, between: str) -> str:
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return between.join(re.findall(r"[a-z0-9]+", folded))
