"""The tiny jobs: one of each kind, with the least that its model makes, and one that is canceled at once.

    picture ──┬── clip of scene 1 ────────────────┬── film of both clips
              └── clips of many scenes: scene 2 ──┘

`force` has each made anew: a test that is given yesterday's files again tells nothing of today.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.domain.jobs import JobKind

SECONDS = 2.0
"""Of a clip: the shortest that SeeDance makes."""

RESOLUTION = "480p"
CROSSFADE_SECONDS = 0.5
FILM_SECONDS = 2 * SECONDS - CROSSFADE_SECONDS
TEXT = "A red ball rolls slowly over a white table"
ANY_PICTURE = "https://example.com/picture.png"
"""For dry runs, which fetch nothing."""


@dataclass(frozen=True)
class Board:
    """A storyboard of two scenes, as it was written for one run."""

    storyboard_id: str
    scene_ids: tuple[str, str]
    text: str


def scenes(text: str) -> list[Mapping[str, Any]]:
    """The scenes of the storyboard."""
    return [{"text": f"{text}, {part}", "video_duration": SECONDS} for part in ("first half", "second half")]


def picture(board: Board) -> dict[str, Any]:
    return {
        "scene_id": board.scene_ids[0],
        "storyboard_id": board.storyboard_id,
        "text": board.text,
        "force": True,
    }


def clip(board: Board, image_url: str) -> dict[str, Any]:
    return {
        "scene_id": board.scene_ids[0],
        "storyboard_id": board.storyboard_id,
        "image_url": image_url,
        "text": board.text,
        "duration": SECONDS,
        "resolution": RESOLUTION,
        "force": True,
    }


def clips(board: Board, image_url: str) -> dict[str, Any]:
    """Of one scene: of many they are made in the same way, and cost more."""
    scene = {
        "scene_number": 2,
        "scene_id": board.scene_ids[1],
        "seed_image_url": image_url,
        "duration": SECONDS,
        "description": board.text,
    }
    return {
        "storyboard_id": board.storyboard_id,
        "scenes": [scene],
        "resolution": RESOLUTION,
        "force": True,
    }


def film(board: Board, clip_urls: list[str]) -> dict[str, Any]:
    return {
        "storyboard_id": board.storyboard_id,
        "title": "Smoke test",
        "clips": [
            {"scene_number": number, "video_url": url, "duration": SECONDS}
            for number, url in enumerate(clip_urls, start=1)
        ],
        "include_crossfade": True,
        "crossfade_seconds": CROSSFADE_SECONDS,
        "force": True,
    }


def priced(board: Board) -> list[tuple[JobKind, int, dict[str, Any]]]:
    """Dry runs of all that costs something, each with how often it will be ordered: one picture is canceled."""
    orders = [
        (JobKind.IMAGE, 2, picture(board)),
        (JobKind.VIDEO, 1, clip(board, ANY_PICTURE)),
        (JobKind.MULTI_VIDEO, 1, clips(board, ANY_PICTURE)),
    ]
    return [(kind, times, {**fields, "dry_run": True}) for kind, times, fields in orders]
