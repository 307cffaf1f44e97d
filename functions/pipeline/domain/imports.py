"""Clips and videos as their files tell of them: what may be imported, and what of it a document that is there takes.

    document that was found                    what it takes from the import
    further on in its status                   a clip nothing; a video all but its status and URL
    written later than the import's times      the same: a job has made it anew since, or is about to
    neither                                    all that differs, except created_at, created_by, and a time of completion

What files cannot tell (None, 0, an empty list, no times, a title made of a name) erases nothing that a document knows.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pipeline.domain.clips import (
    NO_TIME,
    ClipDocument,
    VideoDocument,
    check_amount,
    check_document_id,
    check_status,
    check_style,
    check_text,
    megabytes,
    parse_timecode,
)
from pipeline.domain.errors import InvalidRequest
from pipeline.domain.object_keys import clip_key, clip_thumbnail_keys, highlights_key

Fields = dict[str, Any]

STATUS_ORDER = ("processing", "failed", "completed")

_FROM_THE_START = ("created_at", "created_by")
_MAYBE_UNTOLD = ("scene_description", "duration_seconds", "video_url")
_STATISTICS = ("clips_count", "clips_by_style", "total_size_bytes", "updated_at")
_TIMES = ("created_at", "updated_at", "completed_at", "failed_at")
_STATE_OF_VIDEO = ("status", "completed_at", "failed_at", "video_url")


def checked_clip(user_id: str, video_id: str, clip: ClipDocument) -> Fields:
    """The clip's fields, if all of them are right for this video of this user. Raises InvalidRequest with the name."""
    fields: Fields = {name: clip.get(name) for name in ClipDocument.__annotations__}
    _check_owner(fields, user_id=user_id, video_id=video_id)
    check_document_id("clip_id", clip["clip_id"])
    for name in ("scene_title", "scene_description", "created_by", "video_url", "thumbnail_url"):
        check_text(name, fields[name] or "")
    check_style(clip["style"])
    for name in ("start_time", "end_time"):
        parse_timecode(name, fields[name])
    for name in ("scene_id", "priority", "duration_seconds", "file_size_bytes"):
        check_amount(name, fields[name])
    _check_times(fields, completed_at="completed")
    filename = clip["filename"]
    _check_key(fields, "r2_key", clip_key(user_id, video_id, filename))
    if clip["has_thumbnail"]:
        _check_key(fields, "thumbnail_r2_key", *clip_thumbnail_keys(user_id, video_id, filename))
    else:
        _check_key(fields, "thumbnail_r2_key", None)
    return {**fields, "file_size_mb": megabytes(clip["file_size_bytes"])}


def checked_video(user_id: str, video: VideoDocument) -> Fields:
    """The same of a video."""
    fields: Fields = {name: video.get(name) for name in VideoDocument.__annotations__}
    video_id = check_document_id("video_id", video["video_id"])
    _check_owner(fields, user_id=user_id)
    for name in ("video_url", "video_title", "youtube_id", "custom_prompt", "crop_mode", "target_aspect", "created_by"):
        check_text(name, fields[name] or "")
    for style in [*video["styles_processed"], *video["clips_by_style"]]:
        check_style(style)
    for name in ("highlights_count", "clips_count", "total_size_bytes"):
        check_amount(name, fields[name])
    _check_times(fields, completed_at="completed", failed_at="failed")
    _check_key(fields, "highlights_json_key", highlights_key(user_id, video_id))
    return fields


def merged_clip(found: Mapping[str, Any], clip: Fields, *, is_titled: bool = True) -> Fields:
    """Those fields of an import that a clip which is there takes. `is_titled`: somebody wrote the import's title."""
    if _has_moved_on(found, clip):
        return {}
    untold = [name for name in _MAYBE_UNTOLD if not clip.get(name)]
    if clip["has_thumbnail"] and not clip.get("thumbnail_url"):
        untold.append("thumbnail_url")
    if clip["start_time"] == clip["end_time"] == NO_TIME:
        untold += ["start_time", "end_time"]
    if not (is_titled and clip["scene_title"]):
        untold.append("scene_title")
    taken = _without(clip, (*_FROM_THE_START, *(name for name in untold if found.get(name))))
    if found.get("status") == clip["status"] and found.get("completed_at"):
        del taken["completed_at"]
    return taken


def merged_video(found: Mapping[str, Any], video: Fields) -> Fields:
    """Those fields of an import that a video which is there takes. Its statistics are counted, never taken."""
    taken = {name: value for name, value in _without(video, _FROM_THE_START + _STATISTICS).items() if value}
    if "styles_processed" in taken:  # clips of a style may be in the making
        taken["styles_processed"] = list(
            dict.fromkeys([*(found.get("styles_processed") or ()), *video["styles_processed"]])
        )
    state = {name: video[name] for name in _STATE_OF_VIDEO if name != "video_url" or video[name]}
    if found.get("status") == video["status"]:
        state = {name: value for name, value in state.items() if name == "video_url" or not found.get(name)}
    if _has_moved_on(found, video):
        state = {name: value for name, value in state.items() if name == "video_url" and not found.get(name)}
    return {**_without(taken, _STATE_OF_VIDEO), **state}


def _has_moved_on(found: Mapping[str, Any], imported: Fields) -> bool:
    there, here = found.get("status"), imported["status"]
    is_further = there in STATUS_ORDER and STATUS_ORDER.index(there) > STATUS_ORDER.index(here)
    return is_further or _latest(found) > _latest(imported)


def _latest(fields: Mapping[str, Any]) -> datetime:
    times = [fields.get(name) for name in _TIMES]
    return max((time for time in times if isinstance(time, datetime)), default=datetime.min.replace(tzinfo=UTC))


def _without(fields: Fields, names: tuple[str, ...]) -> Fields:
    return {name: value for name, value in fields.items() if name not in names}


def _check_owner(fields: Fields, **expected: str) -> None:
    for name, value in expected.items():
        if fields[name] != value:
            raise InvalidRequest(f"Field '{name}' is not valid: it is not '{value}', whose documents these are.")


def _check_key(fields: Fields, name: str, *possible: str | None) -> None:
    if fields[name] not in possible:
        raise InvalidRequest(f"Field '{name}' is not valid: the file of this document lies at '{possible[0]}'.")


def _check_times(fields: Fields, **statuses: str) -> None:
    """Each of these times is there exactly in its status."""
    check_status(fields["status"])
    for name in ("created_at", *statuses):
        is_due = name == "created_at" or statuses[name] == fields["status"]
        time = fields[name]
        if is_due != isinstance(time, datetime) or (is_due and time.tzinfo is None):
            raise InvalidRequest(f"Field '{name}' is not valid: a time with its zone belongs to its status, none else.")
