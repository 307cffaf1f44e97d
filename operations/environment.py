"""Where the settings of a command come from: dotenv files like those of the functions, and the environment.

The environment wins, so that a secret need not stand in any file.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from dotenv import dotenv_values

from pipeline.domain.errors import ConfigurationError

USUAL_FILES = (Path("functions/.env"), Path("functions/.secret.local"))


def read_environment(files: Sequence[Path], environment: Mapping[str, str]) -> dict[str, str]:
    """The settings of `files` (later ones win), of the usual ones where none are named, and the environment's.

    Raises ConfigurationError for a file that is not there.
    """
    for file in files:
        if not file.is_file():
            raise ConfigurationError(f"There is no file {file}.")
    found: dict[str, str] = {}
    for file in files or [file for file in USUAL_FILES if file.is_file()]:
        found |= {name: value for name, value in dotenv_values(file, interpolate=False).items() if value is not None}
    return {**found, **environment}
