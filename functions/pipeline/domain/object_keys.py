"""Where every file lies: one function a kind of file, the same answer every time, so that a repeat overwrites.

    {uid}/images/{scene_id}/{job_id}.png               a scene's picture, its thumbnail beside it
    {uid}/{video_id}/clips/{clip filename}.mp4         a clip, its thumbnail beside it
    {uid}/{video_id}/final/{job_id}.mp4                a composition, its poster and thumbnail beside it
    {uid}/{video_id}/parts/{job_id}/{plan}_{part}      segments and sound of a composition, until the job has ended
    {uid}/{video_id}/highlights.json                   what the video was cut by
    {uid}/{video_id}/manifest.json                     the documents of the video and its clips, as files tell them

Parts come from documents, so each is checked: none may leave its folder, and no video may be called `images`. Clients
upload to `uploads/{uid}/...`, so no user may be called `uploads`.
"""

import re
from typing import Literal

from pipeline.domain.errors import InvalidRequest

MAX_KEY_BYTES = 1024  # the limit of S3, R2 and Cloud Storage

ThumbnailEnding = Literal["jpg", "webp"]
THUMBNAIL_ENDINGS: tuple[ThumbnailEnding, ...] = ("jpg", "webp")
"""Of a clip with several thumbnails the first counts."""

_UNSAFE = re.compile(r"[/\\\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # separators, controls, halves of surrogate pairs


def scene_image_key(user_id: str, scene_id: str, job_id: str, extension: str) -> str:
    """A scene's picture. `extension` without the dot."""
    return _key(user_id, "images", scene_id, _named(job_id, f".{extension}"))


def scene_image_thumbnail_key(user_id: str, scene_id: str, job_id: str) -> str:
    """The small WebP of a scene's picture."""
    return _key(user_id, "images", scene_id, _named(job_id, "_thumbnail.webp"))


def clip_key(user_id: str, video_id: str, filename: str) -> str:
    """A clip."""
    _stem(filename)
    return _video_key(user_id, video_id, "clips", filename)


def clip_thumbnail_key(user_id: str, video_id: str, filename: str, extension: ThumbnailEnding = "jpg") -> str:
    """The small picture of a clip: the clip's name with another ending."""
    return _video_key(user_id, video_id, "clips", f"{_stem(filename)}.{extension}")


def clip_thumbnail_keys(user_id: str, video_id: str, filename: str) -> list[str]:
    """Everything that a clip's small picture may be called, the usual one first."""
    return [clip_thumbnail_key(user_id, video_id, filename, ending) for ending in THUMBNAIL_ENDINGS]


def final_video_key(user_id: str, video_id: str, job_id: str) -> str:
    """A composition's final video."""
    return _video_key(user_id, video_id, "final", _named(job_id, ".mp4"))


def final_poster_key(user_id: str, video_id: str, job_id: str) -> str:
    """The picture that stands for a final video."""
    return _video_key(user_id, video_id, "final", _named(job_id, ".jpg"))


def final_thumbnail_key(user_id: str, video_id: str, job_id: str) -> str:
    """The same picture, small."""
    return _video_key(user_id, video_id, "final", _named(job_id, "_thumbnail.jpg"))


def segment_key(user_id: str, video_id: str, job_id: str, fingerprint: str, number: int) -> str:
    """The `number`-th segment, from 1, of the plan with that fingerprint."""
    return _part_key(user_id, video_id, job_id, f"{fingerprint}_{number:03d}.mp4")


def sound_key(user_id: str, video_id: str, job_id: str, fingerprint: str) -> str:
    """The sound of the plan with that fingerprint."""
    return _part_key(user_id, video_id, job_id, f"{fingerprint}_sound.m4a")


def parts_prefix(user_id: str, video_id: str, job_id: str) -> str:
    """How the keys of all that a job keeps until it has ended begin, and no other job's."""
    return _video_key(user_id, video_id, "parts", _named(job_id, "")) + "/"


def highlights_key(user_id: str, video_id: str) -> str:
    """The highlights of a video, as the R2-only design kept them."""
    return _video_key(user_id, video_id, "highlights.json")


def manifest_key(user_id: str, video_id: str) -> str:
    """What Firestore knows of a video and its clips, kept beside the files while METADATA_MODE says so."""
    return _video_key(user_id, video_id, "manifest.json")


def video_prefix(user_id: str, video_id: str) -> str:
    """How the keys of all files of a video begin, and no other video's: what is listed, and deleted with it."""
    return _video_key(user_id, video_id) + "/"


def clips_prefix(user_id: str, video_id: str) -> str:
    """How the keys of a video's clips and their thumbnails begin."""
    return _video_key(user_id, video_id, "clips") + "/"


def _part_key(user_id: str, video_id: str, job_id: str, filename: str) -> str:
    return _video_key(user_id, video_id, "parts", _named(job_id, ""), filename)


def _named(job_id: str, ending: str) -> str:
    if not job_id:
        raise InvalidRequest("Field 'job_id' is not valid: it is empty.")
    return job_id + ending


def _stem(filename: str) -> str:
    """A clip's filename without its ending; any other would let the thumbnail overwrite the clip."""
    stem = filename.removesuffix(".mp4")
    if stem in ("", filename):
        raise InvalidRequest(f"Field 'filename' is not valid: '{_shown(filename)}' does not end in .mp4.")
    return stem


def _video_key(user_id: str, video_id: str, *parts: str) -> str:
    if video_id == "images":
        raise InvalidRequest("Field 'video_id' is not valid: 'images' is where pictures lie.")
    return _key(user_id, video_id, *parts)


def _key(user_id: str, *parts: str) -> str:
    for part in (user_id, *parts):
        if part in ("", ".", "..") or _UNSAFE.search(part):
            raise InvalidRequest(f"'{_shown(part)}' cannot be part of a file's name in storage.")
    if user_id == "uploads":
        raise InvalidRequest("Field 'user_id' is not valid: 'uploads' is where clients upload to.")
    key = "/".join((user_id, *parts))
    if len(key.encode()) > MAX_KEY_BYTES:
        raise InvalidRequest(f"'{_shown(key)}...' is longer than storage takes ({MAX_KEY_BYTES} bytes).")
    return key


def _shown(text: str) -> str:
    return text[:80].encode(errors="replace").decode()
