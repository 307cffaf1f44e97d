"""Videos of any number of clips, as the pipeline leaves them: their files, and what their documents say."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.domain.clip_names import build_clip_filename
from pipeline.domain.clips import ClipDocument, VideoDocument, format_timecode
from pipeline.domain.object_keys import clip_key, clip_thumbnail_key, highlights_key

STYLES = ("split", "left_focus", "right_focus", "original")
STORED_AT = datetime(2025, 3, 1, 12, tzinfo=UTC)
CLIP_SECONDS = 30
FILE_BYTES = 64
"""What stands for a clip. Nobody looks into it."""


@dataclass(frozen=True)
class MaterialVideo:
    """One video with so many clips: of every scene one in each style, every clip with its thumbnail."""

    user_id: str
    video_id: str
    clips_count: int

    def highlights(self) -> list[dict[str, Any]]:
        """As highlights.json lists them."""
        return [
            {
                "id": scene,
                "title": f"Scene {scene}: what the fox said",
                "description": f"The fox says something for the {scene}. time, and everybody listens to it.",
                "start": format_timecode(scene * CLIP_SECONDS),
                "end": format_timecode((scene + 1) * CLIP_SECONDS),
                "duration": CLIP_SECONDS,
                "priority": scene,
                "hook_category": "surprise",
            }
            for scene in range(1, -(-self.clips_count // len(STYLES)) + 1)
        ]

    def files(self) -> Iterator[tuple[str, bytes, str]]:
        """Key, content, content type of everything in storage."""
        highlights = json.dumps({"highlights": self.highlights()}).encode()
        yield highlights_key(self.user_id, self.video_id), highlights, "application/json"
        for clip in self.clips():
            yield clip["r2_key"], b"x" * FILE_BYTES, "video/mp4"
            yield clip["thumbnail_r2_key"] or "", b"x", "image/jpeg"

    def clips(self) -> Iterator[ClipDocument]:
        """What the documents of the clips say."""
        made = 0
        for scene in self.highlights():
            for style in STYLES[: self.clips_count - made]:
                yield self._clip(scene, style)
            made += len(STYLES)

    def _clip(self, scene: dict[str, Any], style: str) -> ClipDocument:
        filename = build_clip_filename(scene["priority"], scene["id"], scene["title"], style)
        return {
            "clip_id": filename.removesuffix(".mp4"),
            "video_id": self.video_id,
            "user_id": self.user_id,
            "filename": filename,
            "scene_id": scene["id"],
            "scene_title": scene["title"],
            "scene_description": scene["description"],
            "style": style,
            "priority": scene["priority"],
            "start_time": scene["start"],
            "end_time": scene["end"],
            "duration_seconds": float(CLIP_SECONDS),
            "file_size_bytes": FILE_BYTES,
            "file_size_mb": 0.0,
            "has_thumbnail": True,
            "r2_key": clip_key(self.user_id, self.video_id, filename),
            "thumbnail_r2_key": clip_thumbnail_key(self.user_id, self.video_id, filename),
            "status": "completed",
            "created_at": STORED_AT,
            "completed_at": STORED_AT,
            "created_by": None,
        }

    def video(self) -> VideoDocument:
        """What the document of the video says."""
        return {
            "video_id": self.video_id,
            "user_id": self.user_id,
            "video_url": None,
            "video_title": "What the fox said",
            "youtube_id": None,
            "status": "completed",
            "custom_prompt": None,
            "styles_processed": list(STYLES),
            "crop_mode": None,
            "target_aspect": None,
            "highlights_count": -(-self.clips_count // len(STYLES)),
            "highlights_summary": {"categories": ["surprise"]},
            "highlights_json_key": highlights_key(self.user_id, self.video_id),
            "clips_count": self.clips_count,
            "clips_by_style": {},
            "total_size_bytes": self.clips_count * FILE_BYTES,
            "created_by": None,
            "created_at": STORED_AT,
            "updated_at": STORED_AT,
            "completed_at": STORED_AT,
            "failed_at": None,
        }


def as_order(videos: Sequence[MaterialVideo]) -> list[list[Any]]:
    """For another process; `from_order` there."""
    return [[video.user_id, video.video_id, video.clips_count] for video in videos]


def from_order(order: Sequence[Sequence[Any]]) -> list[MaterialVideo]:
    """The inverse of `as_order`."""
    return [MaterialVideo(*fields) for fields in order]
