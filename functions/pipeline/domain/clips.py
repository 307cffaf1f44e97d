"""Clips and videos: their names, statuses and documents.

A clip's file is `clip_<priority>_<scene>_<slug>_<style>.mp4`. The slug holds no underscore, so the name can be read
back even when the style does (`left_focus`).
"""

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict, TypeVar

from pipeline.domain.errors import InvalidRequest

STATUSES = ("processing", "completed", "failed")
DEFAULT_STYLE = "original"
SLUG_LETTERS = 60
MAX_ID_BYTES = 1500  # Firestore's limit
MAX_STYLE_BYTES = 200

Number = TypeVar("Number", int, float)

_NUMBER = "([0-9]{2}|[1-9][0-9]{2,8})"  # not \d: that matches the digits of every script
_FILENAME = re.compile(rf"clip_{_NUMBER}_{_NUMBER}_([a-z0-9-]+)_([a-z0-9_-]+)\.mp4")
_TIMECODE = re.compile(r"([0-9]{2,4}):([0-5][0-9]):([0-5][0-9])")
_RESERVED = re.compile(r"__.*__", re.DOTALL)  # Firestore keeps such names for itself, of documents and of fields


class ClipDocument(TypedDict):
    """`users/{uid}/videos/{video_id}/clips/{clip_id}`."""

    clip_id: str
    video_id: str
    user_id: str
    filename: str
    scene_id: int
    scene_title: str
    scene_description: str | None
    style: str
    priority: int
    start_time: str  # HH:MM:SS
    end_time: str
    duration_seconds: float
    file_size_bytes: int
    file_size_mb: float
    has_thumbnail: bool
    r2_key: str
    thumbnail_r2_key: str | None
    status: str
    created_at: datetime
    completed_at: datetime | None
    created_by: str | None


class VideoDocument(TypedDict):
    """`users/{uid}/videos/{video_id}`."""

    video_id: str
    user_id: str
    video_url: str | None
    video_title: str | None
    youtube_id: str | None
    status: str
    custom_prompt: str | None
    styles_processed: list[str]
    crop_mode: str | None
    target_aspect: str | None
    highlights_count: int
    highlights_summary: Mapping[str, Any]
    highlights_json_key: str
    clips_count: int
    clips_by_style: Mapping[str, int]
    total_size_bytes: int
    created_by: str | None
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    failed_at: datetime | None


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


def format_timecode(seconds: float) -> str:
    """Seconds as HH:MM:SS, rounded down."""
    whole = max(int(seconds), 0)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def parse_timecode(field: str, timecode: str) -> int:
    """The seconds of a HH:MM:SS (hours may have more digits). Raises InvalidRequest with the name of the field."""
    match = _TIMECODE.fullmatch(timecode)
    if match is None:
        raise InvalidRequest(f"Field '{field}' is not valid: '{timecode[:80]}' is not a time as HH:MM:SS.")
    return int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3])


def status_after_create(found: str, wanted: str) -> str:
    """The status after a repeated create: what is completed stays so, a failure may be tried again."""
    return found if found == "completed" else wanted


def check_status(status: str) -> str:
    """The status, if it is one that clips and videos have."""
    if status not in STATUSES:
        raise InvalidRequest(f"Field 'status' is not valid: it must be one of {', '.join(STATUSES)}.")
    return status


def check_amount(field: str, value: Number) -> Number:
    """The number, if it is finite and not negative."""
    if not math.isfinite(value) or value < 0:
        raise InvalidRequest(f"Field '{field}' is not valid: {value} is not a number from 0 up.")
    return value


def check_style(style: str) -> str:
    """The style, if it can be a key of `clips_by_style`."""
    if not style or _RESERVED.fullmatch(style) or not _fits(style, MAX_STYLE_BYTES):
        shown = style[:80].encode(errors="replace").decode()
        raise InvalidRequest(f"Field 'style' is not valid: '{shown}' cannot be a style.")
    return style


def check_document_id(field: str, value: str) -> str:
    """The id, if Firestore takes it as one path segment: so a user can never reach another user's documents."""
    if value in ("", ".", "..") or "/" in value or _RESERVED.fullmatch(value) or not _fits(value, MAX_ID_BYTES):
        shown = value[:80].encode(errors="replace").decode()
        raise InvalidRequest(f"Field '{field}' is not valid: '{shown}' cannot be a document's id.")
    return value


def _fits(value: str, most_bytes: int) -> bool:
    try:
        return len(value.encode()) <= most_bytes
    except UnicodeEncodeError:  # half of a surrogate pair
        return False


def _ascii_words(text: str, between: str) -> str:
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return between.join(re.findall(r"[a-z0-9]+", folded))
