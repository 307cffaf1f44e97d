"""What documents look like in answers. The fields of a video's clips are those of the integration guide's
VideoInfoResponse (name, title, description, url, thumbnail, size, style); others stand beside them.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pipeline.domain.clips import ClipDocument, VideoDocument
from pipeline.domain.pages import Page
from pipeline.handlers.show_video import ShownVideo


def videos_answer(page: Page[VideoDocument]) -> dict[str, Any]:
    """A page of videos."""
    return {"videos": [_video(video) for video in page], "next_page_token": page.next_page_token}


def video_answer(shown: ShownVideo) -> dict[str, Any]:
    """A video and a page of its clips."""
    video_id = shown.video["video_id"]
    clips = [_clip(video_id, clip, shown.thumbnails.get(clip["clip_id"])) for clip in shown.clips]
    return {**_video(shown.video), "clips": clips, "next_page_token": shown.clips.next_page_token}


def clip_path(video_id: str, filename: str) -> str:
    """Where a clip is found: a path that does not expire, on the host of the API."""
    return f"/api/videos/{quote(video_id, safe='')}/clips/{quote(filename, safe='')}"


def _video(video: VideoDocument) -> dict[str, Any]:
    found: Mapping[str, Any] = video
    absent = ("youtube_id", "crop_mode", "target_aspect", "updated_at", "completed_at", "failed_at")
    return {
        "id": video["video_id"],
        "title": found.get("video_title") or "",
        "status": video["status"],
        "video_url": found.get("video_url"),
        "custom_prompt": found.get("custom_prompt"),
        "styles_processed": found.get("styles_processed") or [],
        "highlights_count": found.get("highlights_count") or 0,
        "highlights_summary": found.get("highlights_summary") or {},
        "clips_count": found.get("clips_count") or 0,
        "clips_by_style": found.get("clips_by_style") or {},
        "total_size_bytes": found.get("total_size_bytes") or 0,
        "created_at": video["created_at"],
        **{name: found.get(name) for name in absent},
    }


def _clip(video_id: str, clip: ClipDocument, thumbnail_url: str | None) -> dict[str, Any]:
    return {
        "name": clip["filename"],
        "title": clip["scene_title"],
        "description": clip.get("scene_description") or "",
        "url": clip_path(video_id, clip["filename"]),
        "thumbnail": thumbnail_url,
        "size": f"{clip['file_size_mb']:.1f} MB",
        "style": clip["style"],
        "scene_id": clip["scene_id"],
        "priority": clip["priority"],
        "start_time": clip["start_time"],
        "end_time": clip["end_time"],
        "duration_seconds": clip["duration_seconds"],
        "size_bytes": clip["file_size_bytes"],
        "status": clip["status"],
    }
