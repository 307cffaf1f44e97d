"""Which web pages may call the API: those whose origin stands in CORS_ORIGINS (https://fetch.spec.whatwg.org/#http-cors-protocol).

No cookies are used, so no credentials are allowed, and `*` is as safe as a list: a page without a token learns nothing.
"""

from collections.abc import Collection

from flask import Request, Response

EXPOSED = "ETag, Retry-After, WWW-Authenticate"
ALLOWED_HEADERS = "Authorization, If-None-Match, X-Firebase-AppCheck"
PREFLIGHT_SECONDS = 3600


def allow_origin(request: Request, response: Response, origins: Collection[str]) -> Response:
    """The response with the headers that let the page which asks read it, if it may."""
    response.vary.update(("Authorization", "Origin"))
    origin = request.headers.get("Origin", "")
    if not origin or not ("*" in origins or origin in origins):
        return response
    response.headers["Access-Control-Allow-Origin"] = "*" if "*" in origins else origin
    response.headers["Access-Control-Expose-Headers"] = EXPOSED
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        response.headers["Access-Control-Allow-Methods"] = ", ".join(sorted(response.allow))
        response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
        response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
    return response
