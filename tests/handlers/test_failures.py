"""Whatever is raised has a code, a verdict on another try, and a sentence without the machine's secrets."""

import errno

import pytest
from google.api_core import exceptions as api

from pipeline.domain.errors import RateLimited
from pipeline.handlers.failures import failure_of


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        (api.Aborted("x"), "database_unavailable", True),
        (api.ServiceUnavailable("x"), "database_unavailable", True),
        (api.DeadlineExceeded("x"), "database_unavailable", True),
        (api.InternalServerError("x"), "database_unavailable", True),
        (api.ResourceExhausted("x"), "database_unavailable", True),
        (api.Cancelled("x"), "database_unavailable", True),
        (api.RetryError("x", cause=None), "database_unavailable", True),
        (api.AlreadyExists("x"), "database_unavailable", True),
        (api.InvalidArgument("the value is longer than 1048487 bytes"), "database_refused", False),
        (api.FailedPrecondition("The query requires an index"), "database_refused", False),
        (api.PermissionDenied("x"), "configuration_error", False),
        (api.Unauthenticated("x"), "configuration_error", False),
        (api.NotFound("x"), "not_found", False),
        (OSError(errno.ENOSPC, "No space left on device"), "out_of_space", True),
        (MemoryError(), "out_of_space", True),
        (OSError(errno.EPIPE, "Broken pipe", "/tmp/x"), "internal", True),
        (KeyError("a bug"), "internal", True),
        (ZeroDivisionError(), "internal", True),
        (RateLimited("slow down", 3.0), "rate_limited", True),
    ],
)
def test_every_error_is_classified(error: Exception, code: str, retryable: bool):
    failure = failure_of(error)
    assert (failure.code, failure.retryable) == (code, retryable)
    assert len(failure.message.split()) > 1
    assert "/tmp" not in failure.message
