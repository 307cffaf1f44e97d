"""Object storage in Cloudflare R2, by its S3 API.

R2 differs from S3 in two ways that matter here (https://developers.cloudflare.com/r2/api/s3/api/): the region
is "auto", and not every checksum that boto3 >= 1.36 adds by itself is accepted, so they are sent only where
S3 requires them.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from threading import Lock
from time import sleep
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from boto3.s3.transfer import TransferConfig, create_transfer_manager
from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import ClientError

from pipeline.adapters.local_disk import full_disk_is_out_of_space
from pipeline.adapters.multipart_uploads import MultipartUpload
from pipeline.adapters.object_storage import (
    StoredObject,
    after_folder,
    cache_control,
    in_batches,
    unquote_key,
    update_tries,
)
from pipeline.adapters.presigning import UrlSigner
from pipeline.adapters.s3_errors import code_of, error_of_code, storage_errors
from pipeline.adapters.streamed_uploads import StreamedUpload, part_bytes_for
from pipeline.domain.errors import NotFound, StorageRefused, StorageUnavailable
from pipeline.domain.url_lifetimes import UrlLifetime

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import (
        CopySourceTypeDef,
        ListObjectsV2RequestPaginateTypeDef,
        ObjectIdentifierTypeDef,
        PutObjectRequestTypeDef,
    )

PART_BYTES = 16 * 1024 * 1024
"""Files larger than this go up in parts of this size (R2 wants all parts but the last alike)."""

_TRANSFER = TransferConfig(
    multipart_threshold=PART_BYTES,
    multipart_chunksize=PART_BYTES,
    max_concurrency=4,
    # A download hands chunks of 256 KB from four readers to one writer; the default queue could hold 250 MB
    # of them.
    max_io_queue=32,
    preferred_transfer_client="classic",
)
_DELETE_BATCH = 1000
# What S3 calls a source of a copy that is too large; nothing else that we send to copy is "invalid".
_TOO_LARGE_CODES = frozenset({"InvalidRequest", "EntityTooLarge"})
_REGION = "auto"


class R2Storage:
    """An `ObjectStorage` in one R2 bucket. `public_base_url` serves that bucket's keys, e.g. https://media.example.com."""

    def __init__(
        self,
        endpoint_url: str,
        bucket: str,
        access_key_id: str,
        secret_access_key: str,
        public_base_url: str,
        *,
        connect_seconds: float = 5.0,
        read_seconds: float = 60.0,
        attempts: int = 4,
        pause: Callable[[float], object] = sleep,
    ) -> None:
        self._endpoint_url = endpoint_url
        self._bucket = bucket
        self._access_key_id = access_key_id
        self._secret_access_key = secret_access_key
        self._public_base_url = public_base_url.rstrip("/")
        self._config = Config(
            region_name=_REGION,
            signature_version="s3v4",
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=connect_seconds,
            read_timeout=read_seconds,
            retries={"total_max_attempts": attempts, "mode": "standard"},
            max_pool_connections=20,
            s3={"addressing_style": "path"},
        )
        self._client: S3Client | None = None
        self._client_lock = Lock()
        self._pause = pause

    def upload_file(self, key: str, path: Path, content_type: str) -> StoredObject:
        size_bytes = path.stat().st_size
        headers = {"ContentType": content_type, "CacheControl": cache_control(content_type)}
        with storage_errors("upload"), create_transfer_manager(self._connected(), _TRANSFER) as transfers:
            # By path, not by file object: parts are then read from the disk while they are sent.
            transfers.upload(str(path), self._bucket, key, extra_args=headers).result()
        return self._stored(key, size_bytes, content_type)

    def upload_bytes(self, key: str, data: bytes, content_type: str) -> StoredObject:
        with storage_errors("upload"):
            self._connected().put_object(**self._put(key, data, content_type))
        return self._stored(key, len(data), content_type)

    def open_upload(self, key: str, content_type: str, *, head_bytes: int) -> StreamedUpload:
        target = MultipartUpload(
            self._bucket,
            key,
            content_type,
            connect=self._connected,
            store_whole=lambda data: self.upload_bytes(key, data, content_type),
            stored=lambda size_bytes: self._stored(key, size_bytes, content_type),
        )
        return StreamedUpload(target, part_bytes_for(head_bytes))

    def download_file(self, key: str, path: Path) -> int:
        try:
            with (
                full_disk_is_out_of_space(),
                storage_errors("download", missing="file"),
                path.open("wb") as file,
                create_transfer_manager(self._connected(), _TRANSFER) as transfers,
            ):
                transfers.download(self._bucket, key, file).result()
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path.stat().st_size

    def read_bytes(self, key: str) -> bytes:
        with storage_errors("download", missing="file"):
            return self._connected().get_object(Bucket=self._bucket, Key=key)["Body"].read()

    def copy_object(self, source_key: str, key: str) -> StoredObject:
        if source_key != key:  # S3 refuses a copy onto itself that changes nothing
            source: CopySourceTypeDef = {"Bucket": self._bucket, "Key": source_key}
            with storage_errors("copy", missing="file"):
                try:
                    self._connected().copy_object(Bucket=self._bucket, Key=key, CopySource=source)
                except ClientError as exc:
                    if code_of(exc) in _TOO_LARGE_CODES:
                        raise StorageRefused("File storage copies no file of more than 5 GB.") from exc
                    raise
        # The answer to a copy tells neither size nor type.
        stored = self.stat(key)
        if stored is None:
            raise NotFound("The file is not in file storage.")
        return stored

    def stat(self, key: str) -> StoredObject | None:
        try:
            with storage_errors("lookup", missing="file"):
                head = self._connected().head_object(Bucket=self._bucket, Key=key)
        except NotFound:
            return None
        return self._stored(key, head["ContentLength"], head["ContentType"], head["LastModified"])

    def list_objects(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        with storage_errors("listing"):
            request: ListObjectsV2RequestPaginateTypeDef = {"Bucket": self._bucket, "Prefix": prefix}
            if after:
                request["StartAfter"] = after
            for page in self._connected().get_paginator("list_objects_v2").paginate(**request):
                for entry in page.get("Contents", ()):
                    yield self._stored(entry["Key"], entry["Size"], "", entry["LastModified"])

    def list_folders(self, prefix: str, after: str = "") -> Iterator[str]:
        with storage_errors("listing"):
            request: ListObjectsV2RequestPaginateTypeDef = {"Bucket": self._bucket, "Prefix": prefix, "Delimiter": "/"}
            if after:
                request["StartAfter"] = after_folder(prefix, after)
            for page in self._connected().get_paginator("list_objects_v2").paginate(**request):
                for folder in page.get("CommonPrefixes", ()):
                    if name := folder["Prefix"].removeprefix(prefix).removesuffix("/"):
                        yield name

    def update_bytes(self, key: str, content_type: str, change: Callable[[bytes | None], bytes]) -> StoredObject:
        for _ in update_tries(self._pause):
            version = self._version(key)
            changed = change(version.data if version else None)
            if version and changed == version.data:
                return version.stored
            put = self._put(key, changed, content_type)
            if version:
                put["IfMatch"] = version.etag
            else:
                put["IfNoneMatch"] = "*"
            with storage_errors("update"):
                try:
                    self._connected().put_object(**put)
                except ClientError as exc:
                    if not _is_overtaken(exc):
                        raise
                    continue
            return self._stored(key, len(changed), content_type)
        raise StorageUnavailable("Others kept writing the same file first.")

    def readable_url(self, key: str, known_url: str | None, lifetime: UrlLifetime) -> str:  # noqa: ARG002
        return self._signer.url(key, lifetime)

    def delete_objects(self, keys: Iterable[str]) -> None:
        for batch in in_batches(keys, _DELETE_BATCH):
            objects: list[ObjectIdentifierTypeDef] = [{"Key": key} for key in batch]
            with storage_errors("deletion"):
                outcome = self._connected().delete_objects(
                    Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True}
                )
            for failure in outcome.get("Errors", ()):
                raise error_of_code(failure.get("Code", "unknown"), status=200, action="deletion", missing=None)

    def key_of_url(self, url: str) -> str | None:
        base = f"{self._public_base_url}/"
        if not url.startswith(base):
            return None
        return unquote_key(urlsplit(url).path.removeprefix(urlsplit(base).path))

    def _put(self, key: str, data: bytes, content_type: str) -> "PutObjectRequestTypeDef":
        return {
            "Bucket": self._bucket,
            "Key": key,
            "Body": data,
            "ContentType": content_type,
            "CacheControl": cache_control(content_type),
        }

    def _version(self, key: str) -> "_Version | None":
        try:
            with storage_errors("download", missing="file"):
                answer = self._connected().get_object(Bucket=self._bucket, Key=key)
                data = answer["Body"].read()
        except NotFound:
            return None
        stored = self._stored(key, len(data), answer["ContentType"], answer["LastModified"])
        return _Version(stored, data, answer["ETag"])

    def _stored(self, key: str, size_bytes: int, content_type: str, stored_at: datetime | None = None) -> StoredObject:
        url = f"{self._public_base_url}/{quote(key, safe='/')}"
        return StoredObject(key, size_bytes, content_type, url, stored_at and stored_at.astimezone(UTC))

    @cached_property
    def _signer(self) -> UrlSigner:
        with storage_errors("signing of a URL"):
            return UrlSigner(self._endpoint_url, self._bucket, self._access_key_id, self._secret_access_key, _REGION)

    def _connected(self) -> "S3Client":
        """The client, built once: boto3 sessions are not safe to share between threads, clients are."""
        with self._client_lock:
            if self._client is None:
                session = Session(self._access_key_id, self._secret_access_key)
                self._client = session.client("s3", endpoint_url=self._endpoint_url, config=self._config)
            return self._client


@dataclass(frozen=True)
class _Version:
    """A small object as it was when it was read."""

    stored: StoredObject
    data: bytes
    etag: str


def _is_overtaken(error: ClientError) -> bool:
    """Somebody else has written or deleted the object since it was read, or is at it."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status in (409, 412) or code_of(error) == "NoSuchKey"
