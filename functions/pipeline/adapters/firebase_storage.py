"""Object storage in Firebase Storage (a Google Cloud Storage bucket), with its token download URLs.

    https://firebasestorage.googleapis.com/v0/b/{bucket}/o/{key, percent-encoded}?alt=media&token={token}

The token is a random UUID in the object's metadata, under firebaseStorageDownloadTokens. Whoever has it can
read the file, so it must not follow from the key. A repeated upload keeps it, or every document that holds
the URL would break:

    read the object ── token T, generation G ──> upload with token T, only if it still is G
                    └─ absent ─────────────────> upload with a new token, only if still absent
                                                  └─ 412: somebody was faster; begin again, keep their token

A copy, and a file that is stored while it is written, get their token by the same rules.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Lock
from time import sleep
from urllib.parse import quote, urlsplit
from uuid import uuid4

from google.api_core import exceptions as api_exceptions
from google.cloud.storage import Blob, Bucket, Client
from google.cloud.storage.retry import DEFAULT_RETRY

from pipeline.adapters.composed_uploads import ComposedUpload
from pipeline.adapters.google_errors import storage_errors
from pipeline.adapters.local_disk import full_disk_is_out_of_space
from pipeline.adapters.object_storage import (
    StoredObject,
    after_folder,
    cache_control,
    in_batches,
    unquote_key,
    update_tries,
)
from pipeline.adapters.streamed_uploads import StreamedUpload, part_bytes_for
from pipeline.domain.errors import NotFound, StorageUnavailable
from pipeline.domain.url_lifetimes import UrlLifetime

_TOKEN_FIELD = "firebaseStorageDownloadTokens"  # noqa: S105 - the name of a metadata field
_CHUNK_BYTES = 8 * 1024 * 1024
_DELETE_BATCH = 100
_UPLOAD_RACES = 4


class FirebaseStorage:
    """An `ObjectStorage` in one Firebase Storage bucket.

    `connect` builds the client at the first use; the default one finds the function's own service account.
    """

    def __init__(
        self,
        bucket_name: str,
        download_base_url: str = "https://firebasestorage.googleapis.com",
        *,
        connect: Callable[[], Client] = Client,
        connect_seconds: float = 5.0,
        read_seconds: float = 60.0,
        retry_seconds: float = 30.0,
        pause: Callable[[float], object] = sleep,
    ) -> None:
        self._bucket_name = bucket_name
        self._download_base_url = download_base_url.rstrip("/")
        self._connect = connect
        self._timeout = (connect_seconds, read_seconds)
        self._retry = DEFAULT_RETRY.with_delay(initial=0.5, maximum=8.0).with_timeout(retry_seconds)
        self._patience = {"timeout": self._timeout, "retry": self._retry}
        self._client: Client | None = None
        self._client_lock = Lock()
        self._pause = pause

    def upload_file(self, key: str, path: Path, content_type: str) -> StoredObject:
        def send(blob: Blob, generation: int) -> None:
            blob.upload_from_filename(
                str(path),
                content_type=content_type,
                if_generation_match=generation,
                **self._patience,
            )

        return self._upload(key, content_type, send)

    def upload_bytes(self, key: str, data: bytes, content_type: str) -> StoredObject:
        return self._upload(key, content_type, self._sender(data, content_type))

    def open_upload(self, key: str, content_type: str, *, head_bytes: int) -> StreamedUpload:
        part_bytes = part_bytes_for(head_bytes)
        target = ComposedUpload(
            content_type,
            part=lambda name: self._bucket().blob(f"{key}.{name}", chunk_size=part_bytes),
            store_whole=lambda data: self.upload_bytes(key, data, content_type),
            replace=lambda send: self._upload(key, content_type, send),
            patience=self._patience,
        )
        return StreamedUpload(target, part_bytes)

    def download_file(self, key: str, path: Path) -> int:
        try:
            with (
                full_disk_is_out_of_space(),
                storage_errors("download", missing="file"),
                path.open("wb") as file,
            ):
                blob = self._bucket().blob(key)
                blob.download_to_file(file, **self._patience)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path.stat().st_size

    def read_bytes(self, key: str) -> bytes:
        with storage_errors("download", missing="file"):
            data: bytes = self._bucket().blob(key).download_as_bytes(**self._patience)
            return data

    def copy_object(self, source_key: str, key: str) -> StoredObject:
        if source_key == key:
            return self._there(key)

        def send(blob: Blob, generation: int) -> None:
            source = self._find(source_key)
            if source is None:
                raise NotFound("The file is not in file storage.")
            # Whoever describes a copy describes all of it: nothing is taken over from the source then.
            blob.content_type, blob.cache_control = source.content_type, source.cache_control
            place, token = self._bucket().blob(source_key), None
            while True:
                token, _, _ = blob.rewrite(
                    place,
                    token=token,
                    if_generation_match=generation,
                    if_source_generation_match=source.generation,
                    **self._patience,
                )
                if token is None:
                    return

        return self._upload(key, "", send, action="copy", missing="file")

    def stat(self, key: str) -> StoredObject | None:
        with storage_errors("lookup"):
            blob = self._find(key)
        return None if blob is None else self._stored(blob)

    def list_objects(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        with storage_errors("listing"):
            start = after or None  # where Cloud Storage begins is itself listed
            client = self._connected()
            for blob in client.list_blobs(self._bucket_name, prefix=prefix, start_offset=start, **self._patience):
                if blob.name != after:
                    yield self._stored(blob)

    def list_folders(self, prefix: str, after: str = "") -> Iterator[str]:
        with storage_errors("listing"):
            listing = self._connected().list_blobs(
                self._bucket_name,
                prefix=prefix,
                delimiter="/",
                start_offset=after_folder(prefix, after) if after else None,
                fields="prefixes,nextPageToken",
                **self._patience,
            )
            for page in listing.pages:
                for folder in page.prefixes:
                    if name := folder.removeprefix(prefix).removesuffix("/"):
                        yield name

    def update_bytes(self, key: str, content_type: str, change: Callable[[bytes | None], bytes]) -> StoredObject:
        for _ in update_tries(self._pause):
            with storage_errors("download"):
                present = self._find(key)
                try:
                    data = None if present is None else self._read_version(present)
                except (api_exceptions.PreconditionFailed, api_exceptions.NotFound):
                    continue
            changed = change(data)
            if present is not None and changed == data:
                return self._stored(present)
            with storage_errors("update"):
                try:
                    return self._upload_over(present, key, content_type, self._sender(changed, content_type))
                except api_exceptions.PreconditionFailed:
                    continue
        raise StorageUnavailable("Others kept writing the same file first.")

    def readable_url(self, key: str, known_url: str | None, lifetime: UrlLifetime) -> str:  # noqa: ARG002
        if known_url and self.key_of_url(known_url) == key:
            return known_url
        return self._there(key).url  # whatever a document holds, nobody is sent to another place

    def delete_objects(self, keys: Iterable[str]) -> None:
        for batch in in_batches(keys, _DELETE_BATCH):
            with storage_errors("deletion"):
                try:
                    self._retry(self._delete_together)(batch)
                except api_exceptions.NotFound:
                    # The first that failed was absent; what became of the others, the batch does not say.
                    self._delete_singly(batch)

    def key_of_url(self, url: str) -> str | None:
        base = f"{self._download_base_url}/v0/b/{self._bucket_name}/o/"
        if not url.startswith(base):
            return None
        return unquote_key(urlsplit(url).path.removeprefix(urlsplit(base).path))

    def _there(self, key: str) -> StoredObject:
        stored = self.stat(key)
        if stored is None:
            raise NotFound("The file is not in file storage.")
        return stored

    def _upload(
        self,
        key: str,
        content_type: str,
        send: Callable[[Blob, int], None],
        *,
        action: str = "upload",
        missing: str | None = None,
    ) -> StoredObject:
        with storage_errors(action, missing):
            for _ in range(_UPLOAD_RACES):
                try:
                    return self._upload_over(self._find(key), key, content_type, send)
                except api_exceptions.PreconditionFailed:
                    continue
        raise StorageUnavailable("Others kept writing the same file first.")

    def _upload_over(
        self, present: Blob | None, key: str, content_type: str, send: Callable[[Blob, int], None]
    ) -> StoredObject:
        """Replace what was found there, keeping its token; the SDK's PreconditionFailed if it is there no more."""
        # Without a chunk size the SDK would hold up to 100 MB of the file in memory.
        blob = self._bucket().blob(key, chunk_size=_CHUNK_BYTES)
        blob.metadata = {_TOKEN_FIELD: (_token(present) if present else "") or str(uuid4())}
        blob.cache_control = cache_control(content_type)
        send(blob, present.generation if present else 0)
        return self._stored(blob)

    def _sender(self, data: bytes, content_type: str) -> Callable[[Blob, int], None]:
        def send(blob: Blob, generation: int) -> None:
            blob.upload_from_string(
                data,
                content_type=content_type,
                if_generation_match=generation,
                **self._patience,
            )

        return send

    def _read_version(self, blob: Blob) -> bytes:
        """The bytes that belong to what was found; the SDK's PreconditionFailed or NotFound if others do by now."""
        version = self._bucket().blob(blob.name)
        data: bytes = version.download_as_bytes(if_generation_match=blob.generation, **self._patience)
        return data

    def _delete_together(self, keys: list[str]) -> None:
        bucket = self._bucket()
        with self._connected().batch():
            for key in keys:
                bucket.blob(key).delete(timeout=self._timeout)

    def _delete_singly(self, keys: list[str]) -> None:
        bucket = self._bucket()
        for key in keys:
            try:
                bucket.blob(key).delete(**self._patience)
            except api_exceptions.NotFound:
                continue

    def _find(self, key: str) -> Blob | None:
        return self._bucket().get_blob(key, **self._patience)

    def _stored(self, blob: Blob) -> StoredObject:
        path = f"/v0/b/{self._bucket_name}/o/{quote(blob.name, safe='')}?alt=media"
        # An object that something else stored may have no token; its URL then asks Storage's rules.
        token = _token(blob)
        url = f"{self._download_base_url}{path}" + (f"&token={token}" if token else "")
        return StoredObject(blob.name, int(blob.size), blob.content_type or "", url, blob.updated)

    def _bucket(self) -> Bucket:
        return self._connected().bucket(self._bucket_name)

    def _connected(self) -> Client:
        with self._client_lock:
            if self._client is None:
                self._client = self._connect()
            return self._client


def _token(blob: Blob) -> str:
    """The first download token of an object (the field may list several), or "" when it has none."""
    tokens: str = (blob.metadata or {}).get(_TOKEN_FIELD) or ""
    return tokens.partition(",")[0]
