"""Where answers about videos and clips come from: Firestore, the files in storage, or the one and then the other.

Whichever it is, it answers with the same documents, in the same order, page by page, for one user only. Only a list of
videos has another order in storage, that of the folders' names: when a video was made stands in its files.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from pipeline.adapters import logger
from pipeline.adapters.threads import Threads
from pipeline.domain.catalogue import Catalogue
from pipeline.domain.clips import (
    ClipDocument,
    VideoDocument,
    can_be_document_id,
    check_document_id,
    check_status,
    check_text,
)
from pipeline.domain.errors import InvalidRequest
from pipeline.domain.log_events import MetadataFellBack
from pipeline.domain.metadata_modes import MetadataMode, later_mode
from pipeline.domain.object_keys import MAX_KEY_BYTES
from pipeline.domain.pages import MAX_PAGE_SIZE, Page, check_page_size, decode_page_token, encode_page_token
from pipeline.handlers.stored_catalogue import read_catalogue, stored_video_ids
from pipeline.handlers.tools import Library

IN_STORAGE = "storage"
"""In tokens of lists of videos that go on in storage; in Firestore's a time stands there."""

FOLDERS_A_PAGE = 200
"""A page looks at no more folders than these. So it may be short, or empty, and have a token all the same."""

READERS = 8
"""Folders that are read at the same time."""


@dataclass(frozen=True)
class ClipSelection:
    """Which clips of a video. None: of every status, style, scene; from the beginning."""

    status: str | None = None
    style: str | None = None
    scene_id: int | None = None
    page_size: int = MAX_PAGE_SIZE
    page_token: str | None = None


class MetadataSource(Protocol):
    """What one user's videos and clips are. Tokens of pages are the source's own."""

    def list_videos(self, status: str | None, page_size: int, page_token: str | None) -> Page[VideoDocument]:
        """A page of videos, the newest first."""

    def get_video(self, video_id: str) -> VideoDocument | None:
        """The video, or None when there is none."""

    def list_clips(self, video_id: str, selection: ClipSelection) -> Page[ClipDocument]:
        """A page of a video's clips, by priority, then clip_id; empty when there is no such video."""

    def get_video_and_clips(
        self, video_id: str, selection: ClipSelection
    ) -> tuple[VideoDocument | None, Page[ClipDocument]]:
        """Both of them, asked for together: in one round trip, or from one reading of the files."""

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

    def list_clips(self, video_id: str, selection: ClipSelection) -> Page[ClipDocument]:
        return self._library.clips(self._user_id, video_id).list_clips(**vars(selection))

    def get_video_and_clips(
        self, video_id: str, selection: ClipSelection
    ) -> tuple[VideoDocument | None, Page[ClipDocument]]:
        with Threads(1) as beside:
            finding = beside.submit(self.get_video, video_id)
            clips = self.list_clips(video_id, selection)
            return finding.result(), clips

    def get_clip(self, video_id: str, clip_id: str) -> ClipDocument | None:
        return self._library.clips(self._user_id, video_id).get_clip(clip_id)


class StorageSource:
    """The files in storage: at least one listing a video, whatever is asked about it."""

    def __init__(self, user_id: str, library: Library) -> None:
        self._user_id = check_document_id("user_id", user_id)
        self._library = library

    def list_videos(self, status: str | None, page_size: int, page_token: str | None) -> Page[VideoDocument]:
        after = "" if page_token is None else _folder_before(page_token)
        if after is None:
            raise InvalidRequest("Field 'page_token' is not valid: it is not one of a list of stored videos.")
        return self.page_of_folders(status, page_size, after)

    def page_of_folders(
        self, status: str | None, page_size: int, after: str, is_wanted: Callable[[str], bool] = lambda _: True
    ) -> Page[VideoDocument]:
        """The videos of the wanted folders behind the one called `after`."""
        check_page_size(page_size)
        if status is not None:
            check_status(status)

        def read(video_id: str) -> Catalogue | None:
            return self.catalogue(video_id) if can_be_document_id(video_id) and is_wanted(video_id) else None

        videos: list[VideoDocument] = []
        folders = stored_video_ids(self._user_id, self._library.storage, after)
        looked_at = 0
        with Threads(READERS) as pool:
            while len(videos) < page_size and looked_at < FOLDERS_A_PAGE:
                names = list(islice(folders, min(READERS, page_size - len(videos))))
                if not names:
                    return Page(videos)
                looked_at, after = looked_at + len(names), names[-1]
                found = [catalogue.video for catalogue in pool.map(read, names) if catalogue is not None]
                videos += [video for video in found if status in (None, video["status"])]
        return Page(videos, _folder_token(after) if next(folders, None) is not None else None)

    def get_video(self, video_id: str) -> VideoDocument | None:
        catalogue = self.catalogue(video_id)
        return None if catalogue is None else catalogue.video

    def list_clips(self, video_id: str, selection: ClipSelection) -> Page[ClipDocument]:
        return _page_of_clips(self.catalogue(video_id), selection)

    def get_video_and_clips(
        self, video_id: str, selection: ClipSelection
    ) -> tuple[VideoDocument | None, Page[ClipDocument]]:
        catalogue = self.catalogue(video_id)
        return None if catalogue is None else catalogue.video, _page_of_clips(catalogue, selection)

    def get_clip(self, video_id: str, clip_id: str) -> ClipDocument | None:
        return _clip_of(self.catalogue(video_id), check_document_id("clip_id", clip_id))

    def catalogue(self, video_id: str) -> Catalogue | None:
        """All that the files of a video say."""
        return read_catalogue(self._user_id, check_document_id("video_id", video_id), self._library.storage)


class FallbackSource:
    """Firestore first. Where it lacks a video, or all clips of one, storage answers; that is logged and counted."""

    def __init__(self, user_id: str, library: Library) -> None:
        self._user_id = user_id
        self._library = library
        self._firestore = FirestoreSource(user_id, library)
        self._storage = StorageSource(user_id, library)

    def list_videos(self, status: str | None, page_size: int, page_token: str | None) -> Page[VideoDocument]:
        """All of Firestore's first, then those that only storage has."""
        check_page_size(page_size)
        after = None if page_token is None else _folder_before(page_token)
        videos: Page[VideoDocument] = Page(())
        if after is None:
            videos, after = self._firestore.list_videos(status, page_size, page_token), ""
            if videos.next_page_token is not None:
                return videos
        left = page_size - len(videos)
        if left == 0:
            return Page(videos, _folder_token(after))
        stored = self._storage.page_of_folders(
            status, left, after, lambda video_id: self._firestore.get_video(video_id) is None
        )
        if stored:
            self._tell(*(video["video_id"] for video in stored))
        return Page([*videos, *stored], stored.next_page_token)

    def get_video(self, video_id: str) -> VideoDocument | None:
        video, catalogue = self._look(video_id)
        return video if catalogue is None else catalogue.video

    def list_clips(self, video_id: str, selection: ClipSelection) -> Page[ClipDocument]:
        """Tokens of both sources are alike, so a list that one has begun may go on in the other."""
        page = self._firestore.list_clips(video_id, selection)
        _, catalogue = self._look(video_id, has_clips=bool(page))
        return page if catalogue is None else _page_of_clips(catalogue, selection)

    def get_video_and_clips(
        self, video_id: str, selection: ClipSelection
    ) -> tuple[VideoDocument | None, Page[ClipDocument]]:
        video, page = self._firestore.get_video_and_clips(video_id, selection)
        catalogue = self._instead_of(video, video_id, has_clips=bool(page))
        return (video, page) if catalogue is None else (catalogue.video, _page_of_clips(catalogue, selection))

    def get_clip(self, video_id: str, clip_id: str) -> ClipDocument | None:
        clip = self._firestore.get_clip(video_id, clip_id)
        if clip is not None:
            return clip
        return _clip_of(self._look(video_id)[1], clip_id)

    def _look(self, video_id: str, *, has_clips: bool = False) -> tuple[VideoDocument | None, Catalogue | None]:
        """Firestore's video, and what storage has instead where it is missing or has no clips."""
        video = self._firestore.get_video(video_id)
        return video, self._instead_of(video, video_id, has_clips=has_clips)

    def _instead_of(self, video: VideoDocument | None, video_id: str, *, has_clips: bool) -> Catalogue | None:
        """What storage has instead of Firestore's video, logged and counted; None where Firestore's is to be shown."""
        if video is not None and (has_clips or self._has_clips(video_id)):
            return None
        catalogue = self._storage.catalogue(video_id)
        if catalogue is None or (video is not None and not catalogue.clips):
            return None
        self._tell(video_id)
        return catalogue

    def _has_clips(self, video_id: str) -> bool:
        return bool(self._library.clips(self._user_id, video_id).list_clips(page_size=1))

    def _tell(self, *video_ids: str) -> None:
        """Log and count an answer that came from storage."""
        logger.tell(
            MetadataFellBack(videos=len(video_ids)),
            f"[Metadata] Storage answers for videos that Firestore lacks: {', '.join(video_ids)}",
            is_warning=True,
            metadata_fallback=True,
            user_id=self._user_id,
        )
        self._library.phases.count_fallback(self._user_id, self._library.clock())


def metadata_source(user_id: str, library: Library) -> MetadataSource:
    """The source for a user, by the deployment's mode and the user's own."""
    match effective_mode(user_id, library):
        case MetadataMode.DUAL_WRITE:
            return StorageSource(user_id, library)
        case MetadataMode.FIRESTORE_WITH_FALLBACK:
            return FallbackSource(user_id, library)
        case MetadataMode.FIRESTORE_ONLY:
            return FirestoreSource(user_id, library)


def effective_mode(user_id: str, library: Library) -> MetadataMode:
    """How far a user is: as far as the deployment, or further. Where that is the end, nothing is read."""
    mode = library.settings.metadata_mode
    if mode is MetadataMode.FIRESTORE_ONLY:
        return mode
    return later_mode(mode, library.phases.mode_of(user_id) or mode)


def _page_of_clips(catalogue: Catalogue | None, selection: ClipSelection) -> Page[ClipDocument]:
    """As the repository of clips pages, with the same tokens."""
    status, page_size, page_token = selection.status, selection.page_size, selection.page_token
    wanted = {"status": status and check_status(status), "style": selection.style, "scene_id": selection.scene_id}
    filters = {name: value for name, value in wanted.items() if value is not None}
    check_page_size(page_size)
    after = (-1, "") if page_token is None else decode_page_token(page_token, int)
    found = [
        clip
        for clip in (catalogue.clips if catalogue else ())
        if (clip["priority"], clip["clip_id"]) > after and all(clip[name] == value for name, value in filters.items())  # type: ignore[literal-required]
    ]
    page = found[:page_size]
    last = page[-1] if len(found) > page_size else None
    return Page(page, last and encode_page_token(last["priority"], last["clip_id"]))


def _clip_of(catalogue: Catalogue | None, clip_id: str) -> ClipDocument | None:
    return next((clip for clip in (catalogue.clips if catalogue else ()) if clip["clip_id"] == clip_id), None)


def _folder_token(name: str) -> str:
    """Of a list of videos that goes on behind a folder."""
    return encode_page_token(IN_STORAGE, name)


def _folder_before(page_token: str) -> str | None:
    """The folder of such a token, None where the token is one of Firestore's."""
    position, name = decode_page_token(page_token, str)
    if position != IN_STORAGE:
        return None
    if "/" in name or len(check_text("page_token", name).encode()) > MAX_KEY_BYTES:  # but no folder is odd otherwise
        raise InvalidRequest("Field 'page_token' is not valid: it is not one of a list of stored videos.")
    return name
