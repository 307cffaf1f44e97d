"""Documents and files of a video for the tests of what is read from them and written into them."""

from datetime import UTC, datetime

from pipeline.domain.catalogue import StoredFile

USER, VIDEO = "user-1", "video-1"
CREATED = datetime(2026, 3, 1, 12, 30, 15, 250_000, UTC)
STORED = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def clip_document(scene, style="original", priority=1):
    """A clip as Firestore holds it."""
    stem = f"clip_{priority:02d}_{scene:02d}_scene-{scene}_{style}"
    key = f"{USER}/{VIDEO}/clips/{stem}"
    return {
        "clip_id": stem,
        "video_id": VIDEO,
        "user_id": USER,
        "filename": f"{stem}.mp4",
        "scene_id": scene,
        "scene_title": f"Scene {scene}",
        "scene_description": f"What happens in {scene}",
        "style": style,
        "priority": priority,
        "start_time": "00:00:05",
        "end_time": "00:00:10",
        "duration_seconds": 5.0,
        "file_size_bytes": 3_000_000,
        "file_size_mb": 2.86,
        "has_thumbnail": True,
        "r2_key": f"{key}.mp4",
        "thumbnail_r2_key": f"{key}.jpg",
        "video_url": url_of(f"{key}.mp4"),
        "thumbnail_url": url_of(f"{key}.jpg"),
        "status": "completed",
        "created_at": CREATED,
        "completed_at": CREATED,
        "created_by": "multi_video_jobs/job-1",
    }


def video_document(clips):
    """A video as Firestore holds it."""
    return {
        "video_id": VIDEO,
        "user_id": USER,
        "video_url": None,
        "video_title": "The sea",
        "youtube_id": "abc",
        "status": "completed",
        "custom_prompt": None,
        "styles_processed": list(dict.fromkeys(clip["style"] for clip in clips)),
        "crop_mode": "center",
        "target_aspect": "9:16",
        "highlights_count": 2,
        "highlights_summary": {"total_duration": 10.0, "categories": ["fun"]},
        "highlights_json_key": f"{USER}/{VIDEO}/highlights.json",
        "clips_count": len(clips),
        "clips_by_style": {style: sum(c["style"] == style for c in clips) for style in {c["style"] for c in clips}},
        "total_size_bytes": sum(clip["file_size_bytes"] for clip in clips),
        "created_by": "multi_video_jobs/job-1",
        "created_at": CREATED,
        "updated_at": STORED,
        "completed_at": STORED,
        "failed_at": None,
    }


def stored(name, size_bytes=1000, stored_at=STORED):
    """A file of the video's folder."""
    return stored_file(f"{USER}/{VIDEO}/{name}", size_bytes, stored_at)


def stored_file(key, size_bytes, stored_at=STORED):
    """Any file of the listing."""
    return StoredFile(key, size_bytes, stored_at, url_of(key))


def url_of(key):
    """Where the store serves it."""
    return f"https://media.test/{key}"


def files_of(clips):
    """The files of clips, with their thumbnails."""
    files = []
    for clip in clips:
        files += [
            stored_file(clip["r2_key"], clip["file_size_bytes"]),
            stored_file(clip["thumbnail_r2_key"], 9),
        ]
    return files
