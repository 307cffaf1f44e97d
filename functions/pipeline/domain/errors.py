"""Every way a job can fail: one tree, one stable code each, one sentence that helps its reader act.

    JobError                        code                   retryable
    ├── InvalidRequest              invalid_argument
    ├── NotFound                    not_found
    ├── PermissionDenied            permission_denied
    ├── StillProcessing             still_processing
    ├── QuotaExceeded               quota_exceeded
    ├── ConfigurationError          configuration_error
    ├── SourceError                 source_unavailable
    │   ├── UnsafeUrl               unsafe_url
    │   ├── SourceUnreachable       source_unreachable     yes
    │   ├── SourceTooLarge          source_too_large
    │   └── UnsupportedMedia        unsupported_media
    ├── ProviderError               provider_refused
    │   ├── ProviderUnavailable     provider_unavailable   yes
    │   ├── RateLimited             rate_limited           yes (after retry_after_seconds)
    │   ├── InsufficientCredit      insufficient_credit
    │   ├── ContentRejected         content_rejected
    │   ├── PredictionFailed        prediction_failed
    │   ├── PredictionInterrupted   prediction_interrupted yes
    │   ├── PredictionTimedOut      prediction_timed_out
    │   └── OutcomeUnknown          outcome_unknown
    ├── MediaError                  media_failed
    ├── StorageUnavailable          storage_unavailable    yes
    ├── StorageRefused              storage_refused
    ├── OutOfSpace                  out_of_space           yes
    ├── DeadlineExceeded            deadline_exceeded
    ├── DatabaseUnavailable         database_unavailable   yes
    ├── DatabaseRefused             database_refused
    ├── Interrupted                 interrupted            yes
    ├── Runaway                     runaway
    ├── PartialFailure              partial_failure
    └── InternalError               internal               yes

Foreign exceptions become one of these once, at the adapter that meets them, with `from`. Messages end up in documents
that users read: they never hold secrets, signed URLs, or paths of the machine. Where a message quotes a provider or
ffmpeg, the first two are taken out here.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from pipeline.domain.redaction import redacted


class JobError(Exception):
    """A failure with a stable code. `str()` is the sentence for the user."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str = "") -> None:
        super().__init__(redacted(message))

    @property
    def message(self) -> str:
        return str(self)

    @property
    def details(self) -> dict[str, Any]:
        """What it knows beside its sentence: arguments by which it can be made again."""
        return {}

    def as_fields(self) -> dict[str, Any]:
        """As it stands on a job document."""
        return {"code": self.code, "message": self.message, "retryable": self.retryable, **self.details}


class InvalidRequest(JobError):
    """The job document itself is wrong; the message names the field."""

    code = "invalid_argument"


class NotFound(JobError):
    """The job names a document that does not exist."""

    code = "not_found"


class PermissionDenied(JobError):
    """The job names a document of another user."""

    code = "permission_denied"


class StillProcessing(JobError):
    """The video is being made and cannot be deleted now."""

    code = "still_processing"


class QuotaExceeded(JobError):
    """The user, or all users together, have reached a limit of this deployment.

    `resets_at` is when the same job will be taken, where that is a matter of time.
    """

    code = "quota_exceeded"

    def __init__(self, message: str, resets_at: datetime | None = None) -> None:
        super().__init__(message)
        self.resets_at = resets_at

    @property
    def details(self) -> dict[str, Any]:
        return {"resets_at": self.resets_at}


class ConfigurationError(JobError):
    """A setting or secret of this deployment is missing or wrong; the message names it."""

    code = "configuration_error"


class SourceError(JobError):
    """A URL of the job could not be used: the server said no."""

    code = "source_unavailable"


class UnsafeUrl(SourceError):
    """The URL is not one that this deployment may fetch (scheme, host, or address)."""

    code = "unsafe_url"


class SourceUnreachable(SourceError):
    """The server did not answer, or answered with a failure of its own."""

    code = "source_unreachable"
    retryable = True


class SourceTooLarge(SourceError):
    """More bytes, pixels or seconds than allowed."""

    code = "source_too_large"


class UnsupportedMedia(SourceError):
    """What came is not the media that was asked for."""

    code = "unsupported_media"


class ProviderError(JobError):
    """Replicate or OpenAI refused the request as it stands (400, 401, 404, 422)."""

    code = "provider_refused"


class ProviderUnavailable(ProviderError):
    """No connection to the provider, or a failure of its own: nothing was started."""

    code = "provider_unavailable"
    retryable = True


class RateLimited(ProviderError):
    """The provider asks us to slow down (429)."""

    code = "rate_limited"
    retryable = True

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class InsufficientCredit(ProviderError):
    """The provider account has no credit left (402)."""

    code = "insufficient_credit"


class ContentRejected(ProviderError):
    """Text or picture was flagged; the same input will be flagged again.

    `categories` are those of the moderation (`violence`, `sexual/minors` ...); none where the model itself refused.
    """

    code = "content_rejected"

    def __init__(self, message: str, categories: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.categories = tuple(categories)

    @property
    def details(self) -> dict[str, Any]:
        return {"categories": list(self.categories)}


class PredictionFailed(ProviderError):
    """The model ran and failed."""

    code = "prediction_failed"


class PredictionInterrupted(ProviderError):
    """The provider lost the prediction through no fault of its input; another may succeed."""

    code = "prediction_interrupted"
    retryable = True


class PredictionTimedOut(ProviderError):
    """The prediction did not end in the time we allow it."""

    code = "prediction_timed_out"


class OutcomeUnknown(ProviderError):
    """A prediction may or may not have been started and can no longer be found: held for a person, never sent twice."""

    code = "outcome_unknown"


class MediaError(JobError):
    """A picture or clip could not be decoded, joined or encoded; the message holds ffmpeg's last lines."""

    code = "media_failed"


class StorageUnavailable(JobError):
    """Object storage did not answer or failed on its side."""

    code = "storage_unavailable"
    retryable = True


class StorageRefused(JobError):
    """Object storage said no: credentials, bucket, or permission."""

    code = "storage_refused"


class OutOfSpace(JobError):
    """The function's disk (which is memory) is full. Its neighbours on the same instance may have filled it."""

    code = "out_of_space"
    retryable = True


class DeadlineExceeded(JobError):
    """The work does not fit in the time a function has."""

    code = "deadline_exceeded"


class DatabaseUnavailable(JobError):
    """Firestore did not answer, or too many wrote to the same document at once."""

    code = "database_unavailable"
    retryable = True


class DatabaseRefused(JobError):
    """Firestore said no: permission, a missing index, or a document that is too large."""

    code = "database_refused"


class Interrupted(JobError):
    """The instance that held the job went away while working on it."""

    code = "interrupted"
    retryable = True


class Runaway(JobError):
    """The job was woken more often than any honest job needs: it is stopped before it costs more."""

    code = "runaway"


class PartialFailure(JobError):
    """Some scenes failed and some did not; the finished ones are kept."""

    code = "partial_failure"


class InternalError(JobError):
    """A fault of ours. The log has the details under the job's id."""

    code = "internal"
    retryable = True


def error_codes() -> Mapping[str, type[JobError]]:
    """Every code, and what it means: in the order of the tree. (`internal` is an InternalError.)"""
    codes: dict[str, type[JobError]] = {}
    for error in _tree(JobError)[1:]:
        codes.setdefault(error.code, error)  # one without a code of its own has its parent's
    return codes


def _tree(root: type[JobError]) -> list[type[JobError]]:
    return [root, *(leaf for branch in root.__subclasses__() for leaf in _tree(branch))]


def recorded_error(code: str | None, message: str | None, details: Mapping[str, Any] | None = None) -> JobError:
    """The error that was written down as a code, a sentence and its `details`. An unknown code: an InternalError."""
    found, sentence = error_codes().get(code or "", InternalError), message or "No reason was recorded."
    try:
        return found(sentence, **(details or {}))
    except TypeError:  # written down by another version
        return found(sentence)
