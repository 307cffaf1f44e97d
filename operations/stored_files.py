"""What kind of file a key is, and whose: `pipeline.domain.object_keys` read backwards. Pure.

A key that no function of that module makes is UNKNOWN, and nothing is concluded from it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from pipeline.domain.clips import can_be_document_id
from pipeline.domain.object_keys import MAX_KEY_BYTES, THUMBNAIL_ENDINGS


class FileKind(StrEnum):
    """Each has its folder, and documents that name it."""

    PICTURE = "picture"
    PICTURE_THUMBNAIL = "picture's thumbnail"
    CLIP = "clip"
    CLIP_THUMBNAIL = "clip's thumbnail"
    FINAL = "final video"
    FINAL_PICTURE = "final video's picture"
    PART = "part of a composition"
    HALF_UPLOAD = "half of an upload"
    CATALOGUE = "highlights or manifest"
    UPLOAD = "user's upload"
    UNKNOWN = "unknown"


PICTURE_ENDINGS = (".png", ".jpg", ".webp")


@dataclass(frozen=True)
class FilePlace:
    """A key, understood. What its kind does not have is empty.

    A name may be read in two ways (`a_thumbnail.webp` is the thumbnail of job `a`, or the picture of job
    `a_thumbnail`), so there may be two jobs.
    """

    key: str
    kind: FileKind
    user_id: str = ""
    video_id: str = ""
    scene_id: str = ""
    job_ids: tuple[str, ...] = ()
    clip_id: str = ""

    @property
    def folder(self) -> str:
        """Ends in "/"."""
        return self.key[: self.key.rfind("/") + 1]

    def is_named_by(self, url: object) -> bool:
        """Whether a URL in a document is that of this file, or of the one that it belongs to.

        Whatever host serves it: the public address of a bucket may have been another one when it was written down.
        """
        return isinstance(url, str) and not set(keys_meant_by(url)).isdisjoint(self.main_keys())

    def main_keys(self) -> Sequence[str]:
        """Who names one of these names this file: itself, or what it belongs to, as a thumbnail does to its picture."""
        if self.kind in (FileKind.PICTURE, FileKind.PICTURE_THUMBNAIL):
            return [f"{self.folder}{job}{ending}" for job in self.job_ids for ending in PICTURE_ENDINGS]
        if self.kind in (FileKind.FINAL, FileKind.FINAL_PICTURE):
            return [f"{self.folder}{job}.mp4" for job in self.job_ids]
        return [self.key]


def keys_meant_by(text: str) -> Iterator[str]:
    """Every key that a URL may be the address of, whatever stands before it; and the text itself.

    `https://any.host/v0/b/bucket/o/ann%2Fimages%2Fs%2Fj.png?token=...` may mean ann/images/s/j.png, images/s/j.png, ...
    """
    yield text
    try:
        parts = unquote(urlsplit(text).path).split("/")[1:]
    except ValueError:
        return
    key = ""
    for part in reversed(parts):
        key = f"{part}/{key}" if key else part
        if len(key) > MAX_KEY_BYTES:
            return
        yield key


def place_of(key: str) -> FilePlace:
    """What a key is."""
    place = _place(key)
    ids = (place.user_id, place.video_id, place.scene_id, place.clip_id, *place.job_ids)
    if all(can_be_document_id(one) for one in ids if one):
        return place
    return FilePlace(key, FileKind.UNKNOWN)


def _place(key: str) -> FilePlace:
    unknown = FilePlace(key, FileKind.UNKNOWN)
    parts = key.split("/")
    if "" in parts or any(part in (".", "..") for part in parts):
        return unknown
    match parts:
        case ["uploads", user_id, _, *_]:
            return FilePlace(key, FileKind.UPLOAD, user_id)
        case ["uploads", *_]:
            return unknown
        case [user_id, "images", scene_id, name]:
            return _picture(FilePlace(key, FileKind.PICTURE, user_id, scene_id=scene_id), name) or unknown
        case [_, "images", *_]:
            return unknown
        case [user_id, video_id, "highlights.json" | "manifest.json"]:
            return FilePlace(key, FileKind.CATALOGUE, user_id, video_id)
        case [user_id, video_id, "clips", name]:
            return _clip(key, user_id, video_id, name) or unknown
        case [user_id, video_id, "final", name]:
            return _final(key, user_id, video_id, name) or unknown
        case [user_id, video_id, "parts", job_id, _]:
            return FilePlace(key, FileKind.PART, user_id, video_id, job_ids=(job_id,))
    return unknown


def _picture(place: FilePlace, name: str) -> FilePlace | None:
    for ending in PICTURE_ENDINGS:
        if job_id := _stem(name, ending):
            picture_of = _stem(job_id, "_thumbnail") if ending == ".webp" else ""
            kind = FileKind.PICTURE_THUMBNAIL if picture_of else FileKind.PICTURE
            jobs = (picture_of, job_id) if picture_of else (job_id,)
            return FilePlace(place.key, kind, place.user_id, scene_id=place.scene_id, job_ids=jobs)
    return None


def _clip(key: str, user_id: str, video_id: str, name: str) -> FilePlace | None:
    if clip_id := _stem(name, ".mp4"):
        return FilePlace(key, FileKind.CLIP, user_id, video_id, clip_id=clip_id)
    for ending in THUMBNAIL_ENDINGS:
        if clip_id := _stem(name, f".{ending}"):
            return FilePlace(key, FileKind.CLIP_THUMBNAIL, user_id, video_id, clip_id=clip_id)
    return None


def _final(key: str, user_id: str, video_id: str, name: str) -> FilePlace | None:
    if job_id := _stem(name, ".mp4"):
        return FilePlace(key, FileKind.FINAL, user_id, video_id, job_ids=(job_id,))
    for half in (".mp4.head", ".mp4.body"):
        if job_id := _stem(name, half):
            return FilePlace(key, FileKind.HALF_UPLOAD, user_id, video_id, job_ids=(job_id,))
    if job_id := _stem(name, ".jpg"):
        video_of = _stem(job_id, "_thumbnail")
        jobs = (video_of, job_id) if video_of else (job_id,)
        return FilePlace(key, FileKind.FINAL_PICTURE, user_id, video_id, job_ids=jobs)
    return None


def _stem(name: str, ending: str) -> str:
    """The name without its ending; "" where it has another, or nothing before it."""
    return name.removesuffix(ending) if name.endswith(ending) else ""
