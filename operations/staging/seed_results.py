"""What the seeded jobs have handed over: their part of the job documents, as `domain.results` has it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from operations.staging.seed_files import Places
from operations.staging.seed_media import HEIGHT, WIDTH, Media, Piece
from operations.staging.seed_story import HARBOUR, SEA, STYLE_PROMPT, BoardStory
from pipeline.adapters.object_storage import StoredObject

PICTURE_MODEL, CLIP_MODEL = "black-forest-labs/flux-schnell", "bytedance/seedance-1-lite"
Fields = dict[str, Any]


@dataclass(frozen=True)
class Stock:
    """What the documents are written of."""

    places: Places
    media: Media
    stored: Mapping[str, StoredObject]  # by key

    def url(self, key: str) -> str:
        return self.stored[key].url


def picture_result(stock: Stock, slug: str, number: int) -> Fields:
    """What an image job hands over."""
    key, prompt = stock.places.picture(slug, number), _prompt(_board(slug), number)
    piece = stock.media.pictures[slug, number]
    with_product = (slug, number) == (HARBOUR.slug, 2)
    return {
        **_file(stock, piece, key, stock.places.picture_thumbnail(slug, number), "image"),
        "media_type": "image/png",
        "composite_method": "pil" if with_product else None,
        "composite_model": None,
        "composite_cutout": False if with_product else None,
        "prompt": prompt,
        "prompt_sha256": _sha256(prompt),
        "prompt_source": "template",
        "model": PICTURE_MODEL,
        "seed": 1000 + number,
        "reused_from": None,
        "adjustments": [],
    }


def clip_result(stock: Stock, slug: str, number: int, *, alone: bool = True) -> Fields:
    """What is handed over for one clip. In a job of many scenes there is no room for prompts."""
    key, prompt = stock.places.clip(slug, number), _prompt(_board(slug), number)
    piece = stock.media.clips[slug, number]
    return {
        **_file(stock, piece, key, stock.places.clip_thumbnail(slug, number), "video"),
        "video_id": stock.places.board_id(slug),
        "duration": piece.seconds,
        "clip_id": stock.places.clip_filename(slug, number).removesuffix(".mp4"),
        "prompt": prompt if alone else None,
        "prompt_sha256": _sha256(prompt),
        "prompt_source": "template",
        "model": CLIP_MODEL,
        "seed": 2000 + number,
        "reused_from": None,
    }


def film_result(stock: Stock) -> Fields:
    """What the composition hands over."""
    places, film = stock.places, stock.media.film
    return {
        **_file(stock, film, places.film, places.film_thumbnail, "video"),
        "video_id": places.board_id(SEA.slug),
        "duration": film.seconds,
        "poster_url": stock.url(places.film_poster),
        "poster_key": places.film_poster,
        "warnings": [],
    }


def _file(stock: Stock, piece: Piece, key: str, thumbnail_key: str, what: str) -> Fields:
    return {
        f"{what}_url": stock.url(key),
        f"{what}_key": key,
        "thumbnail_url": stock.url(thumbnail_key),
        "thumbnail_key": thumbnail_key,
        "file_size_bytes": piece.size_bytes,
        "width": WIDTH,
        "height": HEIGHT,
        "placeholder": piece.placeholder,
    }


def _board(slug: str) -> BoardStory:
    return {board.slug: board for board in (SEA, HARBOUR)}[slug]


def _prompt(board: BoardStory, number: int) -> str:
    return f"{board.scenes[number - 1].text}, {STYLE_PROMPT}"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
