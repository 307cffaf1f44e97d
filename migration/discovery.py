"""Which users and videos there are in the bucket: folders, read page by page, never all at once.

    {uid}/{video_id}/...       a video
    {uid}/images/...           pictures of scenes
    uploads/{uid}/...          what clients upload

A folder whose name cannot be a document's id is handed on like the others: who works on it reports it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from operations.waiting import Patience
from pipeline.adapters.object_storage import ObjectStorage

NO_USERS = frozenset({"uploads"})
NO_VIDEOS = frozenset({"images"})


@dataclass(frozen=True)
class VideoRef:
    """Which video of whom."""

    user_id: str
    video_id: str


def stored_users(storage: ObjectStorage, patience: Patience) -> Iterator[str]:
    """Everybody who has files."""
    names = patience.follow(lambda after: storage.list_folders("", after))
    return (name for name in names if name not in NO_USERS)


def stored_videos(user_id: str, storage: ObjectStorage, patience: Patience) -> Iterator[VideoRef]:
    """A user's folders."""
    names = patience.follow(lambda after: storage.list_folders(f"{user_id}/", after))
    return (VideoRef(user_id, name) for name in names if name not in NO_VIDEOS)


def all_stored_videos(user_ids: Iterable[str] | None, storage: ObjectStorage, patience: Patience) -> Iterator[VideoRef]:
    """The folders of these users, of everybody for None."""
    for user_id in stored_users(storage, patience) if user_ids is None else user_ids:
        yield from stored_videos(user_id, storage, patience)
