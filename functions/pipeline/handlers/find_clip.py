"""Find the file of a clip."""

from dataclasses import dataclass
from datetime import datetime

from pipeline.domain.clips import check_document_id
from pipeline.domain.errors import NotFound
from pipeline.domain.url_lifetimes import from_now
from pipeline.handlers.metadata_sources import metadata_source
from pipeline.handlers.tools import Library

URL_SECONDS = 3600
ENDING = ".mp4"


@dataclass(frozen=True)
class FoundClip:
    """A URL that serves the clip's bytes to whoever has it, until `expires_at` at least. Not for logs."""

    url: str
    expires_at: datetime


def find_clip(user_id: str, video_id: str, filename: str, library: Library) -> FoundClip:
    """The user's completed clip with that filename. Raises NotFound when there is none, and InvalidRequest."""
    check_document_id("video_id", video_id)
    clip = metadata_source(user_id, library).get_clip(video_id, clip_id_of(filename))
    if clip is None or clip["filename"] != filename or clip["status"] != "completed":
        raise NotFound(f"There is no completed clip '{filename[:80]}' in video '{video_id[:80]}'.")
    lifetime = from_now(library.clock(), URL_SECONDS)
    return FoundClip(library.storage.readable_url(clip["r2_key"], clip.get("video_url"), lifetime), lifetime.end)


def clip_id_of(filename: str) -> str:
    """The id of the clip with that filename. Raises NotFound when no clip can be named so, and InvalidRequest."""
    if not filename.endswith(ENDING):
        raise NotFound(f"There is no clip '{filename[:80]}': clips end in {ENDING}.")
    return check_document_id("filename", filename.removesuffix(ENDING))
