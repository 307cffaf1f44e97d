"""Clips as tests create them."""

from pipeline.repositories.clips import ClipRepository


def create_sample(clips: ClipRepository, number: int, style: str = "split", **fields: object) -> str:
    """Create clip `number`; returns its id."""
    clip_id = f"clip_{number:02d}_{number:02d}_x_{style}"
    given = {
        "clip_id": clip_id,
        "filename": f"{clip_id}.mp4",
        "scene_id": number,
        "scene_title": f"Scene {number}",
        "style": style,
        "start_time": "00:00:00",
        "end_time": "00:00:05",
        "duration_seconds": 5.0,
        "priority": number,
        "scene_description": "words",
        **fields,
    }
    clips.create_clip(**given)  # type: ignore[arg-type]  # the values are as varied as the arguments
    return clip_id
