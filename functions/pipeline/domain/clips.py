"""Clips and videos: their statuses and documents, and what may stand in them."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, TypedDict, TypeVar, get_args

from pipeline.domain.errors import InvalidRequest

BYTES_PER_MB = 1024 * 1024
ClipStatus = Literal["processing", "completed", "failed"]
"""Of clips and of videos."""
STATUSES: tuple[str, ...] = get_args(ClipStatus)
MAX_ID_BYTES = 1500  # Firestore's limit
MAX_STYLE_BYTES = 200
MAX_AMOUNT = 2**63
MAX_TEXT_BYTES = 1_000_000  # a document's limit
DEFAULT_PRIORITY = 99
NO_TIME = "00:00:00"
"""Of a beginning and an end alike: nobody knows them."""

MAKING = timedelta(hours=1)
"""Longer than any job works on a video without a word in its document."""

Number = TypeVar("Number", int, float)

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
    video_url: str | None  # where the file is served, as long as it is there; None where nobody has told
    thumbnail_url: str | None
    status: ClipStatus
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
    status: ClipStatus
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


def is_being_made(video: Mapping[str, Any], now: datetime) -> bool:
    """Whether a job is likely at work on the video. That of a storyboard stays `processing` until it is composed."""
    touched_at = video.get("updated_at")
    return video.get("status") == "processing" and not (isinstance(touched_at, datetime) and touched_at < now - MAKING)


def megabytes(size_bytes: float) -> float:
    """A size as documents show it beside the bytes."""
    return round(size_bytes / BYTES_PER_MB, 2)


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
    """The number, if it is finite, not negative, and one that Firestore can hold."""
    if not 0 <= value < MAX_AMOUNT:  # so neither is NaN
        raise InvalidRequest(f"Field '{field}' is not valid: {value} is not a number from 0 up.")
    return value


def check_style(style: str) -> str:
    """The style, if it can be a key of `clips_by_style`."""
    if not style or _RESERVED.fullmatch(style) or not _fits(style, MAX_STYLE_BYTES):
        shown = style[:80].encode(errors="replace").decode()
        raise InvalidRequest(f"Field 'style' is not valid: '{shown}' cannot be a style.")
    return style


def check_text(field: str, text: str) -> str:
    """The text, if Firestore can hold it: it takes Unicode, no halves of surrogate pairs."""
    if not _fits(text, MAX_TEXT_BYTES):
        raise InvalidRequest(f"Field '{field}' is not valid: it is no Unicode text, or longer than a document may be.")
    return text


def check_document_id(field: str, value: str) -> str:
    """The id, if Firestore takes it as one path segment: so a user can never reach another user's documents."""
    if value in ("", ".", "..") or "/" in value or _RESERVED.fullmatch(value) or not _fits(value, MAX_ID_BYTES):
        shown = value[:80].encode(errors="replace").decode()
        raise InvalidRequest(f"Field '{field}' is not valid: '{shown}' cannot be a document's id.")
    return value


def can_be_document_id(value: str) -> bool:
    """Whether `check_document_id` would take it."""
    try:
        check_document_id("id", value)
    except InvalidRequest:
        return False
    return True


def _fits(value: str, most_bytes: int) -> bool:
    try:
        return len(value.encode()) <= most_bytes
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
