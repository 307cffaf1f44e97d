"""What was written to the log, read back."""

import json
from typing import Any

import pytest

Entry = dict[str, Any]


def written(capsys: pytest.CaptureFixture[str]) -> list[Entry]:
    """All entries since the last question."""
    out, err = capsys.readouterr()
    return [json.loads(line) for line in (out + err).splitlines() if line.startswith('{"severity"')]


def told(entries: list[Entry], event: str, **fields: Any) -> list[Entry]:
    """Those of one event, with these fields."""
    return [entry for entry in entries if {**entry, "event": event, **fields} == entry]
