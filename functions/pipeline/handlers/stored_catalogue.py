"""What a user's files in storage say: one listing a video, and its manifest and highlights if those are listed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from pipeline.adapters.object_storage import ObjectStorage
from pipeline.domain.catalogue import Catalogue, Remark, StoredFile, catalogue_of
from pipeline.domain.errors import NotFound
from pipeline.domain.highlights import MAX_HIGHLIGHTS_BYTES
from pipeline.domain.manifests import MAX_MANIFEST_BYTES
from pipeline.domain.object_keys import MAX_KEY_BYTES

NO_VIDEOS = frozenset({"", "images"})
NO_USERS = frozenset({"", "uploads"})
UNKNOWN_TIME = datetime.fromtimestamp(0, UTC)


def read_catalogue(user_id: str, video_id: str, storage: ObjectStorage) -> Catalogue | None:
    """The catalogue of a user's video, None where no file lies. Raises StorageUnavailable, StorageRefused."""
    if user_id in NO_USERS or video_id in NO_VIDEOS or "/" in user_id or "/" in video_id:
        return None
    prefix = f"{user_id}/{video_id}/"
    if len(prefix.encode()) > MAX_KEY_BYTES:
        return None
    files = [
        StoredFile(found.key, found.size_bytes, found.stored_at or UNKNOWN_TIME, found.url)
        for found in storage.list_objects(prefix)
    ]
    if not files:
        return None
    sizes = {file.key: file.size_bytes for file in files}
    remarks: list[Remark] = []

    def read(name: str, most_bytes: int) -> bytes | None:
        key = f"{prefix}{name}"
        if sizes.get(key, 0) > most_bytes:
            remarks.append(Remark(key, f"{name} is longer than {most_bytes} bytes"))
        elif key in sizes:
            try:
                return storage.read_bytes(key)
            except NotFound:  # deleted since the listing
                return None
        return None

    highlights = read("highlights.json", MAX_HIGHLIGHTS_BYTES)
    manifest = read("manifest.json", MAX_MANIFEST_BYTES)
    catalogue = catalogue_of(user_id, video_id, files, highlights, manifest)
    return replace(catalogue, remarks=(*remarks, *catalogue.remarks)) if remarks else catalogue


def stored_video_ids(user_id: str, storage: ObjectStorage, after: str = "") -> Iterator[str]:
    """The ids of the user's videos that have files, in storage's order, those behind `after`.

    Whether there are clips among the files is not looked at. Raises StorageUnavailable, StorageRefused.
    """
    if user_id in NO_USERS or "/" in user_id:
        return
    for name in storage.list_folders(f"{user_id}/", after):
        if name not in NO_VIDEOS:
            yield name
