"""Delete a video or a clip: its documents first, so that it is gone for everybody at once, then its files.

    written down ──> documents ──> files ──> statistics and manifest, for a clip ──> struck off
         └── the instance dies anywhere here ──> the sweeper begins anew after the first step

Every step is safe to repeat. What was written after the deletion was asked for has been made anew, and stays.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

from pipeline.adapters.object_storage import StoredObject
from pipeline.domain.clips import check_document_id, is_being_made
from pipeline.domain.errors import NotFound, StillProcessing
from pipeline.domain.object_keys import clip_key, clip_thumbnail_keys, video_prefix
from pipeline.handlers.dual_write import write_manifest
from pipeline.handlers.tools import Library
from pipeline.repositories.deletions import Deletion
from pipeline.repositories.videos import still_processing

CLOCKS_APART = timedelta(seconds=10)
"""The database's clock and the store's may differ by this much."""


def delete_video(user_id: str, video_id: str, library: Library) -> None:
    """Delete a video with its clips and all of its files.

    Raises NotFound when there is neither document nor file, StillProcessing while the video is being made. A job that
    is at work on it nevertheless ends with `not_found`, and leaves nothing behind.
    """
    prefix = video_prefix(user_id, video_id)
    video = library.videos(user_id).get_video(video_id)
    if video is not None and is_being_made(video, library.clock()):
        raise still_processing(video_id)
    if video is None and not library.clips(user_id, video_id).count() and not _holds_anything(prefix, library):
        raise NotFound(f"There is no video '{video_id[:80]}'.")
    finish(library.deletions.begin(user_id, video_id, None, None, library.clock()), library)


def delete_clip(user_id: str, video_id: str, clip_id: str, library: Library) -> None:
    """Delete one clip with its files. Raises NotFound when there is neither document nor file."""
    clip = library.clips(user_id, video_id).get_clip(check_document_id("clip_id", clip_id))
    filename = f"{clip_id}.mp4" if clip is None else clip["filename"]
    if clip is None and not list(_stored(_clip_keys(user_id, video_id, filename), library)):
        raise NotFound(f"There is no clip '{clip_id[:80]}' in video '{video_id[:80]}'.")
    finish(library.deletions.begin(user_id, video_id, clip_id, filename, library.clock()), library)


def finish(deletion: Deletion, library: Library) -> None:
    """Do all that a deletion takes, from the beginning. Raises StillProcessing when its video is being made again."""
    if deletion.clip_id is None:
        _finish_video(deletion, library)
    else:
        _finish_clip(deletion, deletion.clip_id, library)
    library.deletions.end(deletion)


def _finish_video(deletion: Deletion, library: Library) -> None:
    user_id, video_id = deletion.user_id, deletion.video_id
    try:
        library.videos(user_id).delete_video(video_id, deletion.asked_at)
    except StillProcessing:
        library.deletions.end(deletion)  # whoever makes it again wants it
        raise
    made_anew = library.clips(user_id, video_id).list_clips()
    kept = {key for clip in made_anew for key in (clip.get("r2_key"), clip.get("thumbnail_r2_key"))}
    files = library.storage.list_objects(video_prefix(user_id, video_id))
    library.storage.delete_objects(file.key for file in _asked_for(files, deletion) if file.key not in kept)


def _finish_clip(deletion: Deletion, clip_id: str, library: Library) -> None:
    user_id, video_id = deletion.user_id, deletion.video_id
    clips = library.clips(user_id, video_id)
    clips.delete_clip(clip_id, deletion.asked_at)
    if clips.get_clip(clip_id) is None:
        keys = _clip_keys(user_id, video_id, deletion.filename or f"{clip_id}.mp4")
        library.storage.delete_objects(file.key for file in _asked_for(_stored(keys, library), deletion))
    with suppress(NotFound):  # the video is only in storage, or gone meanwhile
        library.videos(user_id).update_clip_statistics(video_id)
    write_manifest(user_id, video_id, library)


def _asked_for(files: Iterator[StoredObject], deletion: Deletion) -> Iterator[StoredObject]:
    last = deletion.asked_at + CLOCKS_APART
    return (file for file in files if file.stored_at is None or file.stored_at <= last)


def _stored(keys: list[str], library: Library) -> Iterator[StoredObject]:
    return (found for key in keys if (found := library.storage.stat(key)) is not None)


def _clip_keys(user_id: str, video_id: str, filename: str) -> list[str]:
    """The clip, and its thumbnail of either kind."""
    return [clip_key(user_id, video_id, filename), *clip_thumbnail_keys(user_id, video_id, filename)]


def _holds_anything(prefix: str, library: Library) -> bool:
    return next(library.storage.list_objects(prefix), None) is not None
