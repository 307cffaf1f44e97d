"""Every way a job can fail: one tree, one stable code each, one sentence that helps its reader act.

    JobError                        code                   fault     retryable
    ├── InvalidRequest              invalid_argument       user
    ├── NotFound                    not_found              user
    ├── PermissionDenied            permission_denied      user
    ├── StillProcessing             still_processing       user
    ├── QuotaExceeded               quota_exceeded         user
    ├── ConfigurationError          configuration_error    ours
    ├── SourceError                 source_unavailable     user
    │   ├── UnsafeUrl               unsafe_url             user
    │   ├── SourceUnreachable       source_unreachable     user      yes
    │   ├── SourceTooLarge          source_too_large       user
    │   └── UnsupportedMedia        unsupported_media      user
    ├── ProviderError               provider_refused       ours
    │   ├── UnknownModel            unknown_model          ours
    │   ├── ProviderUnavailable     provider_unavailable   provider  yes
    │   ├── RateLimited             rate_limited           provider  yes (after retry_after_seconds)
    │   ├── InsufficientCredit      insufficient_credit    ours
    │   ├── ContentRejected         content_rejected       user
    │   ├── PredictionFailed        prediction_failed      provider
    │   ├── PredictionInterrupted   prediction_interrupted provider  yes
    │   ├── PredictionTimedOut      prediction_timed_out   provider
    │   └── OutcomeUnknown          outcome_unknown        ours
    ├── MediaError                  media_failed           ours
    ├── StorageUnavailable          storage_unavailable    provider  yes
    ├── StorageRefused              storage_refused        ours
    ├── OutOfSpace                  out_of_space           ours      yes
    ├── DeadlineExceeded            deadline_exceeded      ours
    ├── DatabaseUnavailable         database_unavailable   provider  yes
    ├── DatabaseRefused             database_refused       ours
    ├── Interrupted                 interrupted            ours      yes
    ├── Runaway                     runaway                ours
    ├── PartialFailure              partial_failure        user
    └── InternalError               internal               ours      yes

Foreign exceptions become one of these once, at the adapter that meets them, with `from`. Messages end up in documents
that users read: they never hold secrets, signed URLs, or paths of the machine. Where a message quotes a provider or
ffmpeg, the first two are taken out here. `fault` says who can do something about it; those that are ours are counted as
such in the log (`domain.log_events`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from pipeline.domain.redaction import redacted


class Fault(StrEnum):
    """Who can do something about an error."""

    USER = "user"  # with another job
    PROVIDER = "provider"  # Replicate, the store or the database, by coming back; the same may work later
    OURS = "ours"  # the operator


class JobError(Exception):
    """A failure with a stable code. `str()` is the sentence for the user."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False
    fault: ClassVar[Fault] = Fault.OURS

    def __init__(self, message: str = "") -> None:
        super().__init__(redacted(message))

    @property
    def message(self) -> str:
        return str(self)

    @property
    def is_ours(self) -> bool:
        """Whether the operator should look at it: a user can do nothing, and waiting does not help."""
        return self.fault is Fault.OURS

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
    fault = Fault.USER


class NotFound(JobError):
    """The job names a document that does not exist."""

    code = "not_found"
    fault = Fault.USER


class PermissionDenied(JobError):
    """The job names a document of another user."""

    code = "permission_denied"
    fault = Fault.USER


class StillProcessing(JobError):
    """The video is being made and cannot be deleted now."""

    code = "still_processing"
    fault = Fault.USER


class QuotaExceeded(JobError):
    """The user, or all users together, have reached a limit of this deployment.

    `resets_at` is when the same job will be taken, where that is a matter of time.
    """

    code = "quota_exceeded"
    fault = Fault.USER

    def __init__(self, message: str, resets_at: datetime | None = None) -> None:
        super().__init__(message)
        self.resets_at = resets_at

    @property
    def details(self) -> dict[str, Any]:
        return {"resets_at": self.resets_at}


class ConfigurationError(JobError):
    """A setting or secret of this deployment is missing or wrong; the message names it."""

    code = "configuration_error"
    fault = Fault.OURS


class SourceError(JobError):
    """A URL of the job could not be used: the server said no."""

    code = "source_unavailable"
    fault = Fault.USER


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
    fault = Fault.OURS


class UnknownModel(ProviderError):
    """The provider does not have the model that the settings name, or has it no more."""

    code = "unknown_model"
    fault = Fault.OURS


class ProviderUnavailable(ProviderError):
    """No connection to the provider, or a failure of its own: nothing was started."""

    code = "provider_unavailable"
    fault = Fault.PROVIDER
    retryable = True


class RateLimited(ProviderError):
    """The provider asks us to slow down (429)."""

    code = "rate_limited"
    fault = Fault.PROVIDER
    retryable = True

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class InsufficientCredit(ProviderError):
    """The provider account has no credit left (402)."""

    code = "insufficient_credit"
    fault = Fault.OURS


class ContentRejected(ProviderError):
    """Text or picture was flagged; the same input will be flagged again.

    `categories` are those of the moderation (`violence`, `sexual/minors` ...); none where the model itself refused.
    """

    code = "content_rejected"
    fault = Fault.USER

    def __init__(self, message: str, categories: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.categories = tuple(categories)

    @property
    def details(self) -> dict[str, Any]:
        return {"categories": list(self.categories)}


class PredictionFailed(ProviderError):
    """The model ran and failed."""

    code = "prediction_failed"
    fault = Fault.PROVIDER


class PredictionInterrupted(ProviderError):
    """The provider lost the prediction through no fault of its input; another may succeed."""

    code = "prediction_interrupted"
    fault = Fault.PROVIDER
    retryable = True


class PredictionTimedOut(ProviderError):
    """The prediction did not end in the time we allow it."""

    code = "prediction_timed_out"
    fault = Fault.PROVIDER


class OutcomeUnknown(ProviderError):
    """A prediction may or may not have been started and can no longer be found: held for a person, never sent twice."""

    code = "outcome_unknown"
    fault = Fault.OURS


class MediaError(JobError):
    """A picture or clip could not be decoded, joined or encoded; the message holds ffmpeg's last lines."""

    code = "media_failed"
    fault = Fault.OURS


class StorageUnavailable(JobError):
    """Object storage did not answer or failed on its side."""

    code = "storage_unavailable"
    fault = Fault.PROVIDER
    retryable = True


class StorageRefused(JobError):
    """Object storage said no: credentials, bucket, or permission."""

    code = "storage_refused"
    fault = Fault.OURS


class OutOfSpace(JobError):
    """The function's disk (which is memory) is full. Its neighbours on the same instance may have filled it."""

    code = "out_of_space"
    fault = Fault.OURS
    retryable = True


class DeadlineExceeded(JobError):
    """The work does not fit in the time a function has."""

    code = "deadline_exceeded"
    fault = Fault.OURS


class DatabaseUnavailable(JobError):
    """Firestore did not answer, or too many wrote to the same document at once."""

    code = "database_unavailable"
    fault = Fault.PROVIDER
    retryable = True


class DatabaseRefused(JobError):
    """Firestore said no: permission, a missing index, or a document that is too large."""

    code = "database_refused"
    fault = Fault.OURS


class Interrupted(JobError):
    """The instance that held the job went away while working on it."""

    code = "interrupted"
    fault = Fault.OURS
    retryable = True


class Runaway(JobError):
    """The job was woken more often than any honest job needs: it is stopped before it costs more."""

    code = "runaway"
    fault = Fault.OURS


class PartialFailure(JobError):
    """Some scenes failed and some did not; the finished ones are kept."""

    code = "partial_failure"
    fault = Fault.USER

    def __init__(self, message: str, *, is_ours: bool = False) -> None:
        super().__init__(message)
        self._is_ours = is_ours

    @property
    def is_ours(self) -> bool:
        """Whether one of the scenes has failed by our fault."""
        return self._is_ours


class InternalError(JobError):
    """A fault of ours. The log has the details under the job's id."""

    code = "internal"
    fault = Fault.OURS
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
