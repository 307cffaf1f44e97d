"""What goes wrong in R2, in the errors of `ObjectStorage`: none of boto3's leaves the adapters."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    ResponseStreamingError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from s3transfer.exceptions import RetriesExceededError

from pipeline.domain.errors import JobError, NotFound, StorageRefused, StorageUnavailable

_TRANSIENT_CODES = frozenset(
    # NoSuchUpload: somebody has ended an upload in parts, or it is complete and the answer was lost.
    {"RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable", "PreconditionFailed", "NoSuchUpload"}
)
_TRANSIENT_STATUSES = frozenset({408, 412, 425, 429})


@contextmanager
def storage_errors(action: str, missing: str | None = None) -> Iterator[None]:
    """Turn what boto3 raises into ours: a 404 is NotFound where an object (`missing`) was asked for."""
    try:
        yield
    except ClientError as exc:
        status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        raise error_of_code(code_of(exc), status, action, missing) from exc
    except (
        BotoConnectionError,
        HTTPClientError,
        IncompleteReadError,
        ResponseStreamingError,
        RetriesExceededError,
    ) as exc:
        raise StorageUnavailable(f"File storage did not answer during the {action}.") from exc
    except (BotoCoreError, ValueError) as exc:
        raise StorageRefused(
            f"The {action} is not possible as file storage is configured ({type(exc).__name__})."
        ) from exc


def error_of_code(code: str, status: int, action: str, missing: str | None) -> JobError:
    """The error for an S3 error code (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html)."""
    if status >= 500 or status in _TRANSIENT_STATUSES or code in _TRANSIENT_CODES:
        return StorageUnavailable(f"File storage failed during the {action} ({code}).")
    if missing and code != "NoSuchBucket" and (status == 404 or code in ("NoSuchKey", "404")):
        return NotFound(f"The {missing} is not in file storage.")
    return StorageRefused(f"File storage refused the {action} ({code}): check its bucket, credentials and permissions.")


def code_of(error: ClientError) -> str:
    """S3's word for what went wrong."""
    return error.response.get("Error", {}).get("Code", "unknown")
