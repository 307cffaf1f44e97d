"""Documents of clips and videos as files tell of them."""

from datetime import UTC, datetime
from typing import Any, cast

from pipeline.domain.clips import ClipDocument, VideoDocument

STORED_AT = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)


def clip_document(user_id: str, video_id: str, number: int, /, *, style: str = "split", **fields: Any) -> ClipDocument:
    """Clip `number` of a video, completed when its file was stored."""
    clip_id = f"clip_{number:02d}_{number:02d}_x_{style}"
    folder = f"{user_id}/{video_id}/clips"
    given = {
        "clip_id": clip_id,
        "video_id": video_id,
        "user_id": user_id,
        "filename": f"{clip_id}.mp4",
        "scene_id": number,
        "scene_title": f"Scene {number}",
        "scene_description": "words",
        "style": style,
        "priority": number,
        "start_time": "00:00:00",
        "end_time": "00:00:05",
        "duration_seconds": 5.0,
        "file_size_bytes": 3 * 1024 * 1024,
        "file_size_mb": 3.0,
        "has_thumbnail": True,
        "r2_key": f"{folder}/{clip_id}.mp4",
        "thumbnail_r2_key": f"{folder}/{clip_id}.jpg",
        "video_url": f"https://media.test/{folder}/{clip_id}.mp4",
        "thumbnail_url": f"https://media.test/{folder}/{clip_id}.jpg",
        "status": "completed",
        "created_at": STORED_AT,
        "completed_at": STORED_AT,
        "created_by": None,
        **fields,
    }
    return cast(ClipDocument, given)


def video_document(user_id: str, video_id: str, /, **fields: Any) -> VideoDocument:
    """A completed video of one clip."""
    given = {
        "video_id": video_id,
        "user_id": user_id,
        "video_url": None,
        "video_title": "A title",
        "youtube_id": None,
        "status": "completed",
        "custom_prompt": None,
        "styles_processed": ["split"],
        "crop_mode": None,
        "target_aspect": None,
        "highlights_count": 1,
        "highlights_summary": {"categories": ["funny"]},
        "highlights_json_key": f"{user_id}/{video_id}/highlights.json",
        "clips_count": 1,
        "clips_by_style": {"split": 1},
        "total_size_bytes": 3 * 1024 * 1024,
        "created_by": None,
        "created_at": STORED_AT,
        "updated_at": STORED_AT,
        "completed_at": STORED_AT,
        "failed_at": None,
        **fields,
    }
    return cast(VideoDocument, given)
