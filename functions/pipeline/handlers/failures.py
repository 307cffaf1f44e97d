"""What becomes of errors that no adapter has named: one table, from what was raised to a code, whether another try is
worth it, and a sentence for the user. What adapters name themselves is drawn in `domain.errors`.
"""

import errno
from collections.abc import Callable, Sequence

from google.api_core import exceptions as api

from pipeline.domain.errors import (
    ConfigurationError,
    DatabaseRefused,
    DatabaseUnavailable,
    InternalError,
    JobError,
    NotFound,
    OutOfSpace,
)

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)

_BUSY = "The database did not answer in time, or too many wrote to it at once."

FOREIGN: Sequence[tuple[tuple[type[Exception], ...], Callable[[Exception], JobError]]] = (
    ((api.Unauthenticated, api.Forbidden), lambda _: ConfigurationError("The functions may not use the database.")),
    ((api.NotFound,), lambda _: NotFound("A document of this job was deleted while it was being worked on.")),
    ((api.AlreadyExists,), lambda _: DatabaseUnavailable(_BUSY)),
    ((api.FailedPrecondition,), lambda _: DatabaseRefused("The database lacks an index, or a document changed.")),
    ((api.ClientError,), lambda error: _client_error(error)),
    ((api.ServerError, api.RetryError), lambda _: DatabaseUnavailable(_BUSY)),
    ((MemoryError,), lambda _: OutOfSpace("The work does not fit into the function's memory.")),
    ((OSError,), lambda error: _system_error(error)),
)
"""First match counts."""


def failure_of(error: Exception) -> JobError:
    """The failure to record for whatever was raised. Anything unheard of is a fault of ours, tried again."""
    if isinstance(error, JobError):
        return error
    for kinds, failure in FOREIGN:
        if isinstance(error, kinds):
            return failure(error)
    return InternalError("An internal error interrupted the job. Its log has the details under the job's id.")


def _client_error(error: Exception) -> JobError:
    if isinstance(error, api.Aborted | api.TooManyRequests | api.Cancelled):
        return DatabaseUnavailable(_BUSY)
    return DatabaseRefused("The database refused what this job wrote: it is too large, or holds something odd.")


def _system_error(error: Exception) -> JobError:
    if isinstance(error, OSError) and error.errno in FULL_DISK:
        return OutOfSpace("The function's disk, which is memory, is full.")
    return InternalError("An internal error interrupted the job. Its log has the details under the job's id.")
