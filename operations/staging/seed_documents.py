"""All seeded documents of one user, by path. Nothing is written here."""

import hashlib
from datetime import timedelta
from typing import Any

from operations.staging.seed_files import CLIP_STYLE
from operations.staging.seed_jobs import seeded_jobs
from operations.staging.seed_results import Stock
from operations.staging.seed_story import (
    BOARDS,
    CLIP_SECONDS,
    HARBOUR,
    LOOK,
    PRODUCT_NAME,
    SEA,
    STYLE_PROMPT,
    BoardStory,
)
from pipeline.domain.clips import format_timecode, megabytes
from pipeline.domain.object_keys import highlights_key

Fields = dict[str, Any]

WITH_CLIP = {SEA.slug: (1, 2, 3), HARBOUR.slug: (1,)}
WITH_PICTURE = {SEA.slug: (1, 2, 3), HARBOUR.slug: (1, 2)}
TROUBLES = {(HARBOUR.slug, 3): "The text of the scene was rejected by the moderation (violence)."}
"""What stands on a scene whose picture failed."""


def seeded_documents(stock: Stock) -> dict[str, Fields]:
    """Storyboards, scenes, products, videos, clips and jobs."""
    documents = {f"products/{stock.places.names.product}": _product(stock)}
    for board in BOARDS:
        documents[f"storyboards/{stock.places.names.board(board)}"] = _storyboard(stock, board)
        for number in range(1, len(board.scenes) + 1):
            documents[f"scenes/{stock.places.names.scene(board, number)}"] = _scene(stock, board, number)
    for board in (SEA, HARBOUR):
        video = f"users/{stock.places.user_id}/videos/{stock.places.board_id(board.slug)}"
        clips = {number: _clip(stock, board, number) for number in WITH_CLIP[board.slug]}
        documents[video] = _video(stock, board, list(clips.values()))
        documents |= {f"{video}/clips/{clip['clip_id']}": clip for clip in clips.values()}
    return documents | seeded_jobs(stock)


def _product(stock: Stock) -> Fields:
    return {
        "user_id": stock.places.user_id,
        "name": PRODUCT_NAME,
        "image_url": stock.url(stock.places.product),
        "created_at": SEA.began_at,
        "updated_at": SEA.began_at,
    }


def _storyboard(stock: Stock, board: BoardStory) -> Fields:
    fields: Fields = {
        "user_id": stock.places.user_id,
        "title": board.title,
        "style": board.style,
        "aspect_ratio": "9:16",
        "scene_order": [stock.places.names.scene(board, number) for number in range(1, len(board.scenes) + 1)],
        "total_duration": CLIP_SECONDS * len(board.scenes),
        "created_at": board.began_at,
        "updated_at": board.began_at + timedelta(minutes=15),
    }
    if board.scenes:
        fields["look"] = {"text": LOOK, "of": _tells(board.title), "written_at": board.began_at}
    return fields


def _scene(stock: Stock, board: BoardStory, number: int) -> Fields:
    scene, places, at = board.scenes[number - 1], stock.places, (board.slug, number)
    has_picture, has_clip = number in WITH_PICTURE[board.slug], number in WITH_CLIP[board.slug]
    with_product = at == (HARBOUR.slug, 2)
    image = "complete" if has_picture else "error" if at in TROUBLES else "pending"
    return {
        "user_id": places.user_id,
        "storyboard_id": places.names.board(board),
        "text": scene.text,
        "style_prompt": STYLE_PROMPT,
        "video_duration": CLIP_SECONDS,
        "use_product_composite": with_product,
        "product_id": places.names.product if with_product else None,
        "created_at": board.began_at,
        "updated_at": board.began_at + timedelta(minutes=number),
        "state": "video" if has_clip else "image" if has_picture else "text",
        "generation_status": {"image": image, "video": "complete" if has_clip else "pending"},
        "image_url": stock.url(places.picture(*at)) if has_picture else None,
        "video_url": stock.url(places.clip(*at)) if has_clip else None,
        "error_message": TROUBLES.get(at),
        "prompts": {
            "image_prompt": f"{scene.text}, {STYLE_PROMPT}",
            "motion": scene.motion,
            "camera": scene.camera,
            "title": scene.title,
            "description": scene.text,
            "source": "template",
            "of": _tells(scene.text),
            "written_at": board.began_at,
        },
    }


def _clip(stock: Stock, board: BoardStory, number: int) -> Fields:
    scene, places, piece = board.scenes[number - 1], stock.places, stock.media.clips[board.slug, number]
    begin = CLIP_SECONDS * (number - 1)
    filename = places.clip_filename(board.slug, number)
    made_at = board.began_at + timedelta(minutes=9)
    return {
        "clip_id": filename.removesuffix(".mp4"),
        "video_id": places.names.board(board),
        "user_id": places.user_id,
        "filename": filename,
        "scene_id": number,
        "scene_title": scene.title,
        "scene_description": scene.text,
        "style": CLIP_STYLE,
        "priority": number,
        "start_time": format_timecode(begin),
        "end_time": format_timecode(begin + CLIP_SECONDS),
        "duration_seconds": piece.seconds,
        "file_size_bytes": piece.size_bytes,
        "file_size_mb": megabytes(piece.size_bytes),
        "has_thumbnail": True,
        "r2_key": places.clip(board.slug, number),
        "thumbnail_r2_key": places.clip_thumbnail(board.slug, number),
        "video_url": stock.url(places.clip(board.slug, number)),
        "thumbnail_url": stock.url(places.clip_thumbnail(board.slug, number)),
        "status": "completed",
        "created_at": made_at,
        "completed_at": made_at,
        "created_by": None,
    }


def _video(stock: Stock, board: BoardStory, clips: list[Fields]) -> Fields:
    """The storyboard's video: finished with its film, or failed where its composition did not come to an end."""
    is_done, ended_at = board is SEA, board.began_at + timedelta(minutes=13)
    return {
        "video_id": stock.places.names.board(board),
        "user_id": stock.places.user_id,
        "video_url": stock.url(stock.places.film) if is_done else None,
        "video_title": board.title,
        "youtube_id": None,
        "status": "completed" if is_done else "failed",
        "custom_prompt": None,
        "styles_processed": [CLIP_STYLE],
        "crop_mode": None,
        "target_aspect": None,
        "highlights_count": 0,
        "highlights_summary": {},
        "highlights_json_key": highlights_key(stock.places.user_id, stock.places.names.board(board)),
        "clips_count": len(clips),
        "clips_by_style": {CLIP_STYLE: len(clips)},
        "total_size_bytes": sum(clip["file_size_bytes"] for clip in clips),
        "created_by": None,
        "created_at": board.began_at,
        "updated_at": ended_at,
        "completed_at": ended_at if is_done else None,
        "failed_at": None if is_done else ended_at,
    }


def _tells(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
