"""Why the local stack could not start: one sentence for the developer, and the end of the log that shows it."""

from collections import deque
from pathlib import Path


class StackError(RuntimeError):
    """The local stack cannot run. `str()` says what is wrong and what to do about it."""


def with_log_tail(sentence: str, log: Path, lines: int = 30) -> str:
    """Append the last lines of `log` to a sentence, so that the reader need not look for the file."""
    if not log.exists():
        return sentence
    with log.open(encoding="utf-8", errors="replace") as stream:
        tail = deque(stream, maxlen=lines)
    return f"{sentence}\n--- the last lines of {log} ---\n{''.join(tail)}" if tail else sentence
