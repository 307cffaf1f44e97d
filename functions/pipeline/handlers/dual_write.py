"""Manifests beside the files, as long as somebody may read those instead of Firestore.

    document written ── manifest: read documents, write them all ── highlights: read documents, put them in
                          └── somebody else wrote meanwhile: again ──┘

A manifest is written wholly from the documents as they are while it is being written, on condition that nobody else
has written it since: so of any number of writers the last one leaves all that the others announced.
"""

from dataclasses import dataclass

from pipeline.adapters import logger
from pipeline.domain.clips import ClipDocument, VideoDocument
from pipeline.domain.highlights import merge_highlights
from pipeline.domain.manifests import manifest_bytes
from pipeline.domain.object_keys import highlights_key, manifest_key
from pipeline.domain.pages import Page
from pipeline.handlers.metadata_sources import effective_mode
from pipeline.handlers.tools import Library, Tools
from pipeline.handlers.turns import StepFailed, Turn

JSON = "application/json"


@dataclass(frozen=True)
class ManifestWritten:
    """The files of that video tell what its documents do, as far as its user's mode wants it."""

    video_id: str


def write_manifest(user_id: str, video_id: str, library: Library) -> None:
    """Bring a video's manifest.json and highlights.json up to its documents, if the user's mode wants them.

    Safe to repeat. Nothing happens where there is no such video, or no longer. Raises StorageUnavailable,
    StorageRefused.
    """
    if not effective_mode(user_id, library).writes_manifests:
        return
    videos, clips = library.videos(user_id), library.clips(user_id, video_id)

    def documents() -> tuple[VideoDocument, Page[ClipDocument]]:
        """As they are now: a file that was read before must not be written from documents that were read earlier."""
        video = videos.get_video(video_id)
        if video is None:
            raise _NoVideo
        return video, clips.list_clips()

    def manifest(_: bytes | None) -> bytes:
        return manifest_bytes(*documents())

    def highlights(found: bytes | None) -> bytes:
        return merge_highlights(found, *documents())

    try:
        library.storage.update_bytes(manifest_key(user_id, video_id), JSON, manifest)
        library.storage.update_bytes(highlights_key(user_id, video_id), JSON, highlights)
    except _NoVideo:
        return


def keep_manifest(turn: Turn, step: str, video_id: str, tools: Tools) -> None:
    """The same as a step of its own of a job: tried again by itself, when what it announces is long made and paid.

    A store that keeps refusing does not take the video from its user: Firestore has all of it. Raises what
    `Turn.run_step` raises, but for StepFailed.
    """
    if not tools.settings.metadata_mode.writes_manifests:
        return

    def write() -> ManifestWritten:
        write_manifest(turn.user_id, video_id, tools)
        return ManifestWritten(video_id)

    try:
        turn.run_step(step, ManifestWritten, write)
    except StepFailed as failed:
        logger.error(f"[{turn.ref.kind.label}] A manifest is out of date: {failed}")


class _NoVideo(Exception):
    """It was deleted meanwhile: what is deleted must not come back."""
