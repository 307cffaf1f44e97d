"""Clips and videos: their names, statuses and documents.

A clip's file is `clip_<priority>_<scene>_<slug>_<style>.mp4`. The slug holds no underscore, so the name can be read
back even when the style does (`left_focus`).
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

from pipeline.domain.errors import InvalidRequest

STATUSES = ("processing", "completed", "failed")
DEFAULT_STYLE = "original"
SLUG_LETTERS = 60

_FILENAME = re.compile(r"clip_(\d{2,})_(\d{2,})_([a-z0-9-]+)_([a-z0-9_-]+)\.mp4")


class ClipDocument(TypedDict, total=False):
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


class VideoDocument(TypedDict, total=False):
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
    if priority < 0 or scene < 0:
        raise InvalidRequest("Field 'priority' is not valid: a clip's numbers are not negative.")
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


def check_status(status: str) -> str:
    """The status, if it is one that clips and videos have."""
    if status not in STATUSES:
        raise InvalidRequest(f"Field 'status' is not valid: it must be one of {', '.join(STATUSES)}.")
    return status


def check_document_id(field: str, value: str) -> str:
    """The id, if Firestore takes it as one path segment: so a user can never reach another user's documents."""
    reserved = value in ("", ".", "..") or "/" in value or (value.startswith("__") and value.endswith("__"))
    if reserved or len(value.encode()) > 1500:
        raise InvalidRequest(f"Field '{field}' is not valid: '{value[:80]}' cannot be a document's id.")
    return value


def _ascii_words(text: str, between: str) -> str:
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return between.join(re.findall(r"[a-z0-9]+", folded))
