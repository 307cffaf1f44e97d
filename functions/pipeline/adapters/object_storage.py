"""Where finished files live: the protocol that R2 and Firebase Storage both keep.

    upload_file, upload_bytes ──> StoredObject(key, size_bytes, content_type, url)
    open_upload ─write─> finish ──> the same, for a file that is stored while it is written
    copy_object               ──> the same, for what is stored already
    stat, list_objects        ──> the same, for what is already there; list_folders: the names one level below
    update_bytes              ──> a small object changed by many at once, no change lost
    readable_url              ──> a URL for whoever may read now, signed where the store signs

Keys are deterministic, so an upload overwrites and a repeated step is harmless. The URL of a key never
changes and does not expire: it is what documents hold. It belongs to the stored object, because Firebase's
holds a token that only the store knows.

Errors, the same for every method: NotFound (no such object), StorageUnavailable (no answer, or a failure of
the store), StorageRefused (credentials, permission, bucket, or request), OutOfSpace (the local disk is full).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from random import uniform
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote

from pipeline.domain.url_lifetimes import UrlLifetime

if TYPE_CHECKING:
    from pipeline.adapters.streamed_uploads import StreamedUpload

_MAX_KEY_BYTES = 1024
_UPDATE_TRIES = 10
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 2.0


@dataclass(frozen=True)
class StoredObject:
    """One file in object storage."""

    key: str
    size_bytes: int
    content_type: str
    """As given at the upload; "" in a listing, where S3 does not tell it."""
    url: str
    """Serves the bytes to anyone who has it, with no end of validity. Not for logs: it may hold a token."""
    stored_at: datetime | None = field(default=None, compare=False)
    """When, in UTC; told by `stat` and listings, not by every upload."""


class ObjectStorage(Protocol):
    """A bucket. Implementations are safe to share between threads and connect at the first use."""

    def upload_file(self, key: str, path: Path, content_type: str) -> StoredObject:
        """Store a file of any size in bounded memory, replacing what was there; the URL stays the same."""

    def upload_bytes(self, key: str, data: bytes, content_type: str) -> StoredObject:
        """Store a small object that is in memory anyway."""

    def open_upload(self, key: str, content_type: str, *, head_bytes: int) -> "StreamedUpload":
        """Store a file while it is written, in the memory of four parts (8 MiB, or the head if that is bigger).

        Its first `head_bytes` may be written again until the end, the rest only once, in order. The key then is
        as after `upload_file`; until `finish` it is as before.
        """

    def download_file(self, key: str, path: Path) -> int:
        """Write an object to `path` by streaming; returns its bytes, leaves no file on failure."""

    def read_bytes(self, key: str) -> bytes:
        """Read a small object (a manifest, a thumbnail) into memory."""

    def copy_object(self, source_key: str, key: str) -> StoredObject:
        """Store the same bytes under another key too, inside the store: nothing passes through here.

        Replaces what was there. Raises NotFound when there is no source.
        """

    def stat(self, key: str) -> StoredObject | None:
        """The object, or None when there is none."""

    def list_objects(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """Every object whose key starts with `prefix`, in order of keys, fetched page by page.

        Only those behind the key `after`, which need not be there.
        """

    def list_folders(self, prefix: str, after: str = "") -> Iterator[str]:
        """The names between `prefix` ("" or ending in "/") and the next "/", each once, in the order of keys.

        Only those behind the name `after`; fetched page by page, without the objects that lie in them. The order of
        keys is that of their bytes, "/" included: `a-b` comes before `a`. No name is empty, so the keys of an
        empty one (`user//file`) are only seen by `list_objects`.
        """

    def update_bytes(self, key: str, content_type: str, change: Callable[[bytes | None], bytes]) -> StoredObject:
        """Read a small object, and write what `change` makes of it (of None where there is none).

        Nothing is written if somebody else has written since; then it begins again, so `change` may be called more
        than once. A write may be done although its answer was lost: `change` is then given what it made, and must
        know it again. No write where `change` returns what it was given. Raises StorageUnavailable when others kept
        getting in first, and what `change` raises.
        """

    def readable_url(self, key: str, known_url: str | None, lifetime: UrlLifetime) -> str:
        """A URL that serves the object during `lifetime`, or longer. Whether there is such an object is not checked.

        `known_url` is the URL of the `StoredObject`, for callers that have it: stores that sign need none, a store
        that cannot sign looks it up otherwise (and may raise NotFound).
        """

    def delete_objects(self, keys: Iterable[str]) -> None:
        """Delete in batches; a key that is absent is fine."""

    def key_of_url(self, url: str) -> str | None:
        """The key that one of this store's own URLs names, else None.

        A URL in a document is hostile: the caller must still check that the key is one its user may read.
        """


def cache_control(content_type: str) -> str:
    """How long browsers may keep an object, given that the same key may be overwritten.

    A repeated job stores media under its old key, so it is never `immutable`: after an hour, or a day when
    the store cannot be reached, the ETag is asked for. Manifests change with every clip and are always asked
    for.
    """
    if content_type.startswith(("image/", "video/", "audio/")):
        return "public, max-age=3600, stale-if-error=86400"
    return "no-cache"


def in_batches(keys: Iterable[str], size: int) -> Iterator[list[str]]:
    """Lists of at most `size` keys, in order."""
    remaining = iter(keys)
    while batch := list(islice(remaining, size)):
        yield batch


def after_folder(prefix: str, name: str) -> str:
    """Behind all keys of the folder `name`, before those of every later one: "0" follows "/"."""
    return f"{prefix}{name}0"


def update_tries(pause: Callable[[float], object]) -> Iterator[int]:
    """Counts the tries of an update, and pauses between them: each time about twice as long, at random.

    R2 and Cloud Storage take about one write a second to one key
    (https://developers.cloudflare.com/r2/platform/limits/, https://cloud.google.com/storage/quotas#objects).
    """
    longest = _FIRST_PAUSE_SECONDS
    for number in range(_UPDATE_TRIES):
        if number:
            pause(uniform(0.0, longest))  # noqa: S311 - no secret
            longest = min(longest * 2, _LONGEST_PAUSE_SECONDS)
        yield number


def unquote_key(quoted: str) -> str | None:
    """The key behind the path of a URL; None for what is no plain key (`..`, empty, too long, controls)."""
    try:
        key = unquote(quoted, errors="strict")
    except UnicodeDecodeError:
        return None
    if not key or len(key.encode()) > _MAX_KEY_BYTES or not key.isprintable():
        return None
    return None if any(part in ("", ".", "..") for part in key.split("/")) else key
