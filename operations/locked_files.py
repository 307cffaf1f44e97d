"""Files that one command at a time works with: a second one is told so, instead of mixing its lines in."""

import fcntl
from pathlib import Path
from typing import BinaryIO

from pipeline.domain.errors import ConfigurationError


def open_alone(path: Path) -> BinaryIO:
    """The file, to be read and appended to; made where it is missing. Raises ConfigurationError where another holds it.

    It is let go of when it is closed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise ConfigurationError(f"Another command is at work with {path}.") from error
    return file
