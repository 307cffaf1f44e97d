"""`manifest.json` beside a video's files: its documents once more, for readers that have no Firestore.

    {"version": 1, "video": {...}, "clips": [{...}, ...]}

with the documents' own names; times are ISO 8601 in UTC. Whose files these are is told by where they lie, never by what
a manifest says.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pipeline.domain.clips import (
    ClipDocument,
    VideoDocument,
    check_amount,
    check_document_id,
    check_status,
    check_style,
    parse_timecode,
)
from pipeline.domain.errors import InvalidRequest
from pipeline.domain.json_files import finite_number, read_json, readable_text, write_json

MANIFEST_VERSION = 1
MAX_MANIFEST_BYTES = 64 * 1024 * 1024  # some 80,000 clips
MAX_TEXT_LETTERS = 100_000
CLIP_FIELDS = tuple(ClipDocument.__annotations__)
VIDEO_FIELDS = tuple(VideoDocument.__annotations__)


@dataclass(frozen=True)
class Manifest:
    """What a manifest tells: fields of the video's document, and of each clip's, by filename.

    Every value has the type that the document has; fields that were not told are absent.
    """

    video: Mapping[str, Any] = field(default_factory=dict)
    clips: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def manifest_bytes(video: VideoDocument | Mapping[str, Any], clips: Iterable[ClipDocument]) -> bytes:
    """The manifest of these documents: the same bytes for the same documents in the same order."""
    documents = [_document(clip, CLIP_FIELDS) for clip in clips]
    return write_json({"version": MANIFEST_VERSION, "video": _document(video, VIDEO_FIELDS), "clips": documents})


def read_manifest(data: bytes) -> Manifest:
    """What the manifest tells, however little that is; raises nothing.

    An entry with a value of a wrong type is left out as a whole: what else is in it cannot be trusted either.
    """
    try:
        value = read_json(data, MAX_MANIFEST_BYTES)
    except InvalidRequest as error:
        return Manifest(remarks=(f"manifest.json {error}",))
    if not isinstance(value, dict) or value.get("version") != MANIFEST_VERSION:
        return Manifest(remarks=(f"manifest.json is not of version {MANIFEST_VERSION}",))
    remarks: list[str] = []
    video: Mapping[str, Any] = {}
    try:
        video = _known_fields(value.get("video", {}), VIDEO_READERS)
    except (ValueError, OverflowError, InvalidRequest) as error:
        remarks.append(f"the video in manifest.json cannot be used: {error}")
    entries = value.get("clips", [])
    if not isinstance(entries, list):
        return Manifest(video, {}, (*remarks, "manifest.json holds no list of clips"))
    clips: dict[str, Mapping[str, Any]] = {}
    for number, entry in enumerate(entries, 1):
        try:
            clip = _known_fields(entry, CLIP_READERS)
            filename = clip["filename"] if "filename" in clip else f"{clip['clip_id']}.mp4"
        except KeyError:
            remarks.append(f"clip {number} in manifest.json has neither filename nor clip_id")
        except (ValueError, OverflowError, InvalidRequest) as error:
            remarks.append(f"clip {number} in manifest.json cannot be used: {error}")
        else:
            if filename in clips:
                remarks.append(f"clip {number} in manifest.json tells of '{filename}' once more")
            clips.setdefault(filename, clip)
    return Manifest(video, clips, tuple(remarks))


def _known_fields(entry: Any, readers: Mapping[str, Callable[[Any], Any]]) -> Mapping[str, Any]:
    if not isinstance(entry, dict):
        raise InvalidRequest("it is no object")
    fields = {}
    for name, read in readers.items():
        if name in entry:
            try:
                fields[name] = read(entry[name])
            except (TypeError, ValueError, OverflowError) as error:
                raise InvalidRequest(f"'{name}' is not of its type") from error
    return fields


def _document(document: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    return {name: _plain(document[name]) for name in fields if name in document}


def _plain(value: Any) -> Any:
    """As JSON has it; None for what JSON has no word for."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float) else None


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT_LETTERS:
        raise ValueError
    return readable_text(value)


def _or_none(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else read(value)


def _amount(value: Any) -> float | int:
    number = finite_number(value)
    if number is None:
        raise ValueError
    return check_amount("amount", number)


def _whole(value: Any) -> int:
    number = _amount(value)
    if number != int(number):
        raise ValueError
    return int(number)


def _time(value: Any) -> datetime:
    time = datetime.fromisoformat(_text(value))
    if time.tzinfo is None:
        raise ValueError
    return time.astimezone(UTC)


def _timecode(value: Any) -> str:
    timecode = _text(value)
    parse_timecode("time", timecode)
    return timecode


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise TypeError
    return [_text(one) for one in value]


def _styles(value: Any) -> list[str]:
    return [check_style(style) for style in _texts(value)]


def _summary(value: Any) -> Mapping[str, Any]:
    """Of a summary only what the documents have."""
    if not isinstance(value, dict):
        raise TypeError
    readers: Mapping[str, Callable[[Any], Any]] = {"total_duration": _amount, "categories": _texts}
    return {name: read(value[name]) for name, read in readers.items() if name in value}


CLIP_READERS: Mapping[str, Callable[[Any], Any]] = {
    "clip_id": lambda value: check_document_id("clip_id", _text(value)),
    "filename": _text,
    "scene_id": _whole,
    "scene_title": _text,
    "scene_description": _or_none(_text),
    "style": lambda value: check_style(_text(value)),
    "priority": _whole,
    "start_time": _timecode,
    "end_time": _timecode,
    "duration_seconds": _amount,
    "status": lambda value: check_status(_text(value)),
    "created_at": _time,
    "completed_at": _or_none(_time),
    "created_by": _or_none(_text),
}
"""What is told by a listing (sizes, keys, thumbnails) is not asked of a manifest."""

VIDEO_READERS: Mapping[str, Callable[[Any], Any]] = {
    "video_url": _or_none(_text),
    "video_title": _or_none(_text),
    "youtube_id": _or_none(_text),
    "status": lambda value: check_status(_text(value)),
    "custom_prompt": _or_none(_text),
    "styles_processed": _styles,
    "crop_mode": _or_none(_text),
    "target_aspect": _or_none(_text),
    "highlights_count": _whole,
    "highlights_summary": _summary,
    "created_by": _or_none(_text),
    "created_at": _time,
    "updated_at": _time,
    "completed_at": _or_none(_time),
    "failed_at": _or_none(_time),
}
