"""The function's own disk, which is memory and small: where "no space left" becomes an error of ours."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.domain.errors import OutOfSpace

FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def full_disk_is_out_of_space() -> Iterator[None]:
    """Raise OutOfSpace where the body meets a full disk; any other OSError passes."""
    try:
        yield
    except OSError as exc:
        if exc.errno not in FULL_DISK:
            raise
        raise OutOfSpace("The function ran out of disk space while writing a file.") from exc
