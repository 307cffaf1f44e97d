"""JSON responses, and how clients may keep them: asked for each time, sent only when they have changed."""

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Request, Response


def json_response(body: Mapping[str, Any], http_status: int = 200) -> Response:
    """The same bytes for the same body."""
    text = json.dumps(plain(body), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return Response(text.encode(), http_status, mimetype="application/json")


def nothing_response() -> Response:
    """It is done, and there is nothing to say about it."""
    response = Response(status=204)
    del response.headers["Content-Type"]
    response.headers["Cache-Control"] = "no-store"
    return response


def revalidated(request: Request, response: Response, cache_control: str = "private, no-cache") -> Response:
    """The response with its ETag; 304 and no body when the client already has it."""
    etag = hashlib.sha256(response.get_data()).hexdigest()[:32]
    if request.if_none_match.contains_weak(etag):
        response = Response(status=304)
        del response.headers["Content-Type"]
    response.set_etag(etag)
    response.headers["Cache-Control"] = cache_control
    return response


def plain(value: Any) -> Any:
    """What a document holds, as JSON has it: times in RFC 3339, UTC; what JSON has no word for as null or text."""
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | int | float) else str(value)
