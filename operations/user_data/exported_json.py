"""A document as JSON: its fields, with times in ISO 8601, and beside them what JSON has no type for.

    {"path": "image_generation_jobs/ID", "fields": {...}, "types": {"/created_at": "timestamp"}}

`types` are JSON pointers (RFC 6901) into the fields. What is not there is what it looks like.
"""

import base64
import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from google.cloud import firestore


def document_json(path: str, fields: Mapping[str, Any]) -> bytes:
    """The content of a file."""
    types: dict[str, str] = {}
    content = {"path": path, "fields": _plain(fields, "", types), "types": types}
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False).encode() + b"\n"


def _plain(value: Any, pointer: str, types: dict[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(one, f"{pointer}/{_escaped(name)}", types) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one, f"{pointer}/{number}", types) for number, one in enumerate(value)]
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    types[pointer], plain = _typed(value)
    return plain


def _typed(value: Any) -> tuple[str, Any]:
    if isinstance(value, datetime):
        return "timestamp", value.isoformat()
    if isinstance(value, bytes):
        return "bytes", base64.b64encode(value).decode()
    if isinstance(value, firestore.GeoPoint):
        return "geopoint", [value.latitude, value.longitude]
    if isinstance(value, firestore.DocumentReference):
        return "reference", value.path
    if isinstance(value, float):
        return "number", str(value)
    return type(value).__name__, str(value)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
