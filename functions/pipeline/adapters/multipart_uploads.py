"""A file that goes to R2 while it is written: a multipart upload whose first part, the head, is sent last.

create ──> part 2 ──> part 3 ──> ... ──> part 1 ──> complete      abort, where it is given up
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pipeline.adapters.object_storage import StoredObject, cache_control
from pipeline.adapters.s3_errors import storage_errors

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef


class MultipartUpload:
    """The `UploadTarget` for one key."""

    def __init__(
        self,
        bucket: str,
        key: str,
        content_type: str,
        *,
        connect: "Callable[[], S3Client]",
        store_whole: Callable[[bytes], StoredObject],
        stored: Callable[[int], StoredObject],
    ) -> None:
        """`stored` describes the object of the key, given its bytes."""
        self._bucket = bucket
        self._key = key
        self._content_type = content_type
        self._connect = connect
        self._store_whole = store_whole
        self._stored = stored
        self._upload_id = ""
        self._body: list[CompletedPartTypeDef] = []
        self._size_bytes = 0

    def store_whole(self, data: bytes) -> StoredObject:
        return self._store_whole(data)

    def send_body(self, parts: Iterator[bytes]) -> None:
        with storage_errors("upload"):
            self._upload_id = self._connect().create_multipart_upload(
                Bucket=self._bucket,
                Key=self._key,
                ContentType=self._content_type,
                CacheControl=cache_control(self._content_type),
            )["UploadId"]
            for part in parts:
                self._body.append(self._sent(len(self._body) + 2, part))
                del part

    def complete(self, head: bytes) -> StoredObject:
        with storage_errors("upload"):
            first = self._sent(1, head)
            self._connect().complete_multipart_upload(
                Bucket=self._bucket,
                Key=self._key,
                UploadId=self._upload_id,
                MultipartUpload={"Parts": [first, *self._body]},
            )
        return self._stored(self._size_bytes)

    def abort(self) -> None:
        if self._upload_id:
            with storage_errors("deletion"):
                self._connect().abort_multipart_upload(Bucket=self._bucket, Key=self._key, UploadId=self._upload_id)

    def _sent(self, number: int, part: bytes) -> "CompletedPartTypeDef":
        answer = self._connect().upload_part(
            Bucket=self._bucket, Key=self._key, UploadId=self._upload_id, PartNumber=number, Body=part
        )
        self._size_bytes += len(part)
        return {"PartNumber": number, "ETag": answer["ETag"]}
