"""The filenames of clips: `clip_<priority>_<scene>_<slug>_<style>.mp4`.

The slug holds no underscore, so the name can be read back even when the style does (`left_focus`). Old buckets hold
names that other software made: `read_clip_filename` makes the best of each, and says what was odd about it.
"""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

from pipeline.domain.clips import check_amount, check_style
from pipeline.domain.errors import InvalidRequest

DEFAULT_STYLE = "original"
SLUG_LETTERS = 60

COMMON_STYLES = (
    "split",
    "split_fast",
    "left_focus",
    "right_focus",
    "center_focus",
    "intelligent",
    "intelligent_split",
    "intelligent_speaker",
    "intelligent_motion",
    "speaker_focus",
    "streamer",
    "streamer_split",
    "fill",
    "blur",
    "crop",
    DEFAULT_STYLE,
)
"""Styles as tools for short videos name them."""

_NUMBER = "([0-9]{2}|[1-9][0-9]{2,8})"  # not \d: that matches the digits of every script
_FILENAME = re.compile(rf"clip_{_NUMBER}_{_NUMBER}_([a-z0-9-]+)_([a-z0-9_-]+)\.mp4")
_START = re.compile("clip[_ ]", re.IGNORECASE | re.ASCII)
_FIELD = re.compile("([0-9]{0,9})(?:[_ ]|$)")
_PLAIN_NUMBER = re.compile(_NUMBER)


@dataclass(frozen=True)
class ClipName:
    """What a clip's filename says."""

    priority: int
    scene: int
    slug: str
    style: str


@dataclass(frozen=True)
class ReadClipName:
    """What can be read from any filename. Numbers are None where it has none; `remarks` say what is odd about it."""

    priority: int | None
    scene: int | None
    slug: str
    style: str
    remarks: tuple[str, ...]


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


def read_clip_filename(filename: str, styles: Collection[str] = ()) -> ReadClipName:
    """What a filename says, whoever made it; raises nothing.

    A name of our own form is read as `parse_clip_filename` does, without remarks. In others, and where a known style
    (of `styles` or COMMON_STYLES) is only the end of what our rule takes for the style, the longest known style at the
    end of the name is the style, and all before it the slug. Without one, our rule: the first word is the slug.
    """
    known = _Styles(styles)
    match = _FILENAME.fullmatch(filename)
    if match is not None and known.at_end_of(match[4]) in (None, match[4]) and _can_be_style(match[4]):
        return ReadClipName(int(match[1]), int(match[2]), match[3], match[4], ())
    remarks = [] if filename.endswith(".mp4") else ["it does not end in .mp4"]
    text = unicodedata.normalize("NFC", filename.removesuffix(".mp4"))
    start = _START.match(text)
    priority = scene = None
    if start is None:
        remarks.append("it does not begin with clip_<priority>_<scene>_")
    else:
        priority, text = _take_number("priority", text[start.end() :], remarks)
        scene, text = _take_number("scene", text, remarks)
    slug, style = _slug_and_style(text, known, start is not None, remarks)
    remarks += _odd_letters("title", slug) + _odd_letters("style", style)
    if filename.lower() != filename:
        remarks.append("it holds capital letters")
    if "_" in slug:
        remarks.append(f"its title holds underscores, if its style is '{style}'")
    return ReadClipName(priority, scene, slug, style, tuple(remarks or ["it is not written as our own names are"]))


def title_slug(title: str) -> str:
    """A title as lower-case ASCII words with hyphens between them; `scene` when nothing is left of it."""
    return _ascii_words(title, "-")[:SLUG_LETTERS].strip("-") or "scene"


def style_slug(style: str) -> str:
    """A style as lower-case ASCII words with underscores between them."""
    return _ascii_words(style, "_")[:SLUG_LETTERS].strip("_") or DEFAULT_STYLE


def slug_words(slug: str) -> str:
    """A slug as a title: words with blanks between them, the first letter a capital."""
    words = " ".join(re.split(r"[\s_-]+", slug)).strip()
    return words[:1].upper() + words[1:]


class _Styles:
    """The styles that are known, the longest first."""

    def __init__(self, styles: Collection[str]) -> None:
        spelled = {style.lower(): style for style in (*COMMON_STYLES, *styles) if style}
        self._spelled = sorted(spelled.items(), key=lambda one: (-len(one[0]), one))

    def at_end_of(self, text: str) -> str | None:
        """The longest that is all of the text, or its last words."""
        lowered = text.lower().replace(" ", "_")
        for lower, style in self._spelled:
            if lowered.endswith(lower) and lowered[: -len(lower)][-1:] in ("", "_", "."):
                return style
        return None


def _take_number(what: str, text: str, remarks: list[str]) -> tuple[int | None, str]:
    """The number that the text begins with, None where there is none, and the text behind it."""
    match = _FIELD.match(text)
    if match is None:
        remarks.append(f"it has no {what}")
        return None, text
    digits, rest = match[1], text[match.end() :]
    if not digits:
        remarks.append(f"it has no {what}")
        return None, rest
    if not _PLAIN_NUMBER.fullmatch(digits):
        remarks.append(f"its {what} is written '{digits}', not '{int(digits):02d}'")
    return int(digits), rest


def _slug_and_style(text: str, known: _Styles, is_clip: bool, remarks: list[str]) -> tuple[str, str]:
    """What is left of a name in two parts. The words of a name that is no clip's are all its title."""
    style = known.at_end_of(text)
    if style is not None and (is_clip or len(text) > len(style)):
        slug = text[: -len(style)][:-1]
        if not slug:
            remarks.append("it has no title")
        return slug, style
    slug, _, rest = text.partition("_") if is_clip else (text, "", "")
    style = rest.strip("_ ").lower()
    if not slug:
        remarks.append("it has no title")
    if not style:
        remarks.append(f"it has no style: taken for '{DEFAULT_STYLE}'")
        return slug, DEFAULT_STYLE
    if not _can_be_style(style):
        remarks.append(f"what should be its style cannot be one: taken for '{DEFAULT_STYLE}'")
        return text, DEFAULT_STYLE
    return slug, style


def _can_be_style(style: str) -> bool:
    try:
        check_style(style)
    except InvalidRequest:
        return False
    return True


def _odd_letters(what: str, text: str) -> list[str]:
    if re.fullmatch("[a-z0-9_-]*", text.lower()):
        return []
    return [f"its {what} holds other letters than a-z, 0-9 and hyphens"]


def _ascii_words(text: str, between: str) -> str:
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return between.join(re.findall(r"[a-z0-9]+", folded))
