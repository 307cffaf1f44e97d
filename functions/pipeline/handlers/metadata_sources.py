"""Where answers about videos and clips come from: Firestore, the files in storage, or the one and then the other.

Whichever it is, it answers with the same documents, in the same order, page by page, for one user only.
"""

from typing import Protocol

from pipeline.domain.clips import ClipDocument, VideoDocument
from pipeline.domain.pages import Page
from pipeline.handlers.tools import Library


class MetadataSource(Protocol):
    """What one user's videos and clips are. Tokens of pages are the source's own."""

    def list_videos(self, status: str | None, page_size: int, page_token: str | None) -> Page[VideoDocument]:
        """A page of videos, the newest first."""

    def get_video(self, video_id: str) -> VideoDocument | None:
        """The video, or None when there is none."""

    def list_clips(
        self,
        video_id: str,
        *,
        status: str | None,
        style: str | None,
        scene_id: int | None,
        page_size: int,
        page_token: str | None,
    ) -> Page[ClipDocument]:
        """A page of a video's clips, by priority, then clip_id; empty when there is no such video."""

    def get_clip(self, video_id: str, clip_id: str) -> ClipDocument | None:
        """The clip, or None when there is none."""


class FirestoreSource:
    """Firestore's documents: one query a page."""

    def __init__(self, user_id: str, library: Library) -> None:
        self._user_id = user_id
        self._library = library

    def list_videos(self, status: str | None, page_size: int, page_token: str | None) -> Page[VideoDocument]:
        return self._library.videos(self._user_id).list_videos(status, page_size, page_token)

    def get_video(self, video_id: str) -> VideoDocument | None:
        return self._library.videos(self._user_id).get_video(video_id)

    def list_clips(
        self,
        video_id: str,
        *,
        status: str | None,
        style: str | None,
        scene_id: int | None,
        page_size: int,
        page_token: str | None,
    ) -> Page[ClipDocument]:
        clips = self._library.clips(self._user_id, video_id)
        return clips.list_clips(status, style, scene_id, page_size, page_token)

    def get_clip(self, video_id: str, clip_id: str) -> ClipDocument | None:
        return self._library.clips(self._user_id, video_id).get_clip(clip_id)


def metadata_source(user_id: str, library: Library) -> MetadataSource:
    """The source for a user, by the deployment's mode and the user's own."""
    return FirestoreSource(user_id, library)
