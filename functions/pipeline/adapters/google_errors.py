"""What goes wrong in Cloud Storage, in the errors of `ObjectStorage`: none of Google's leaves the adapters."""

from collections.abc import Iterator
from contextlib import contextmanager

import requests
from google.api_core import exceptions as api_exceptions
from google.auth import exceptions as auth_exceptions
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

from pipeline.domain.errors import NotFound, StorageRefused, StorageUnavailable

_TRANSIENT_STATUSES = frozenset({408, 412, 429})


@contextmanager
def storage_errors(action: str, missing: str | None = None) -> Iterator[None]:
    """Turn what Google's SDK raises into ours: a 404 is NotFound where an object (`missing`) was asked for."""
    try:
        yield
    except api_exceptions.GoogleAPICallError as exc:
        status = int(exc.code or 0)
        if status >= 500 or status in _TRANSIENT_STATUSES:
            raise StorageUnavailable(f"File storage failed during the {action} ({status}).") from exc
        if missing and status == 404:
            raise NotFound(f"The {missing} is not in file storage.") from exc
        raise StorageRefused(
            f"File storage refused the {action} ({status}): check its bucket, credentials and permissions."
        ) from exc
    except (auth_exceptions.DefaultCredentialsError, auth_exceptions.RefreshError) as exc:
        raise StorageRefused("File storage cannot be used: this function has no valid credentials for it.") from exc
    except (
        api_exceptions.RetryError,
        auth_exceptions.GoogleAuthError,
        requests.RequestException,
        InvalidResponse,
        DataCorruption,
    ) as exc:
        raise StorageUnavailable(f"File storage did not answer during the {action}.") from exc
