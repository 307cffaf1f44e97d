"""Small JSON files in storage: read without trust, written so that the same values are the same bytes.

Somebody else may have written them. So how long and how deeply nested they are is bounded, and numbers that JSON does
not know (NaN, 1e999) are read as null.
"""

import json
import math
from typing import Any

from pipeline.domain.errors import InvalidRequest

MAX_NESTING = 50


def read_json(data: bytes, most_bytes: int) -> Any:
    """The value. Raises InvalidRequest with the end of a sentence that begins with the file's name."""
    if len(data) > most_bytes:
        raise InvalidRequest(f"is longer than {most_bytes} bytes")
    try:
        value = json.loads(data.decode("utf-8-sig"), parse_float=_finite, parse_constant=lambda _: None)
        _check_nesting(value, MAX_NESTING)
    except (ValueError, RecursionError) as error:  # ValueError: also UTF-8, and numbers of thousands of digits
        raise InvalidRequest("is not JSON that can be read") from error
    return value


def write_json(value: Any) -> bytes:
    """The value in ASCII, on one line, its fields in their order."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def readable_text(value: str) -> str:
    """A text that UTF-8 can hold: JSON may name halves of surrogate pairs."""
    return value.encode(errors="replace").decode()


def finite_number(value: Any) -> float | int | None:
    """The number, if it is one that databases take: no truth value, from -2^53 to 2^53."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 2**53:
        return None
    return value


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _check_nesting(value: Any, left: int) -> None:
    if isinstance(value, dict | list):
        if left == 0:
            raise ValueError("too deeply nested")
        for part in value.values() if isinstance(value, dict) else value:
            _check_nesting(part, left - 1)
