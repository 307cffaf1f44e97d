"""Where the seeded files lie, and their way into a deployment's bucket. A file that is there already stays."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from operations.staging.seed_media import Media
from operations.staging.seed_story import BOARDS, SEA, Names
from pipeline.adapters.object_storage import ObjectStorage, StoredObject
from pipeline.domain import object_keys as keys
from pipeline.domain.clip_names import build_clip_filename

CLIP_STYLE = "seed"
MEDIA_TYPES = {".png": "image/png", ".webp": "image/webp", ".jpg": "image/jpeg", ".mp4": "video/mp4"}


@dataclass(frozen=True)
class Places:
    """The keys of one user's seeded files."""

    names: Names

    @property
    def user_id(self) -> str:
        return self.names.user_id

    def picture_job(self, slug: str, number: int) -> str:
        return self.names.job(f"{slug}-picture-{number}")

    def scene_id(self, slug: str, number: int) -> str:
        board = next(board for board in BOARDS if board.slug == slug)
        return self.names.scene(board, number)

    def board_id(self, slug: str) -> str:
        return self.names.board(next(board for board in BOARDS if board.slug == slug))

    def clip_filename(self, slug: str, number: int) -> str:
        board = next(board for board in BOARDS if board.slug == slug)
        return build_clip_filename(number, number, board.scenes[number - 1].title, CLIP_STYLE)

    def picture(self, slug: str, number: int) -> str:
        scene_id, job_id = self.scene_id(slug, number), self.picture_job(slug, number)
        return keys.scene_image_key(self.user_id, scene_id, job_id, "png")

    def picture_thumbnail(self, slug: str, number: int) -> str:
        return keys.scene_image_thumbnail_key(self.user_id, self.scene_id(slug, number), self.picture_job(slug, number))

    def clip(self, slug: str, number: int) -> str:
        return keys.clip_key(self.user_id, self.board_id(slug), self.clip_filename(slug, number))

    def clip_thumbnail(self, slug: str, number: int) -> str:
        return keys.clip_thumbnail_key(self.user_id, self.board_id(slug), self.clip_filename(slug, number))

    @property
    def film_job(self) -> str:
        return self.names.job("film")

    @property
    def film(self) -> str:
        return keys.final_video_key(self.user_id, self.names.board(SEA), self.film_job)

    @property
    def film_poster(self) -> str:
        return keys.final_poster_key(self.user_id, self.names.board(SEA), self.film_job)

    @property
    def film_thumbnail(self) -> str:
        return keys.final_thumbnail_key(self.user_id, self.names.board(SEA), self.film_job)

    @property
    def product(self) -> str:
        """Where clients put what they upload."""
        return f"uploads/{self.user_id}/products/{self.names.product}.png"


def files_by_key(media: Media, places: Places) -> dict[str, Path]:
    """All files of a seed."""
    files = {places.product: media.product, places.film_poster: media.poster}
    files |= {places.film: media.film.path, places.film_thumbnail: media.film.thumbnail}
    for (slug, number), picture in media.pictures.items():
        files[places.picture(slug, number)] = picture.path
        files[places.picture_thumbnail(slug, number)] = picture.thumbnail
    for (slug, number), clip in media.clips.items():
        files[places.clip(slug, number)] = clip.path
        files[places.clip_thumbnail(slug, number)] = clip.thumbnail
    return files


def store_files(files: Mapping[str, Path], storage: ObjectStorage) -> tuple[dict[str, StoredObject], int]:
    """All of them in the bucket, by key, and how many were not there before. Raises what `storage` raises."""
    stored, new = {}, 0
    for key, path in files.items():
        found = storage.stat(key)
        if found is None or found.size_bytes != path.stat().st_size:
            found = storage.upload_file(key, path, MEDIA_TYPES[path.suffix])
            new += 1
        stored[key] = found
    return stored, new
