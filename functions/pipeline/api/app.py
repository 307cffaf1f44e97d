"""The API as a Flask application of its own, inside the one that the functions framework runs.

/api/videos   through a rewrite of Firebase Hosting, or from a local server
/videos       from https://REGION-PROJECT.cloudfunctions.net/api/videos, which takes the function's name away
"""

from collections.abc import Callable, Collection
from typing import Any

from flask import Flask, Response, abort, request
from flask.ctx import RequestContext

from pipeline.api.authentication import CheckApp, UserOf
from pipeline.api.cors import allow_origin
from pipeline.api.errors import answer_error
from pipeline.api.routes import build_routes
from pipeline.handlers.tools import Library

PREFIX = "/api"
MAX_URL_CHARS = 16_384
MAX_BODY_BYTES = 65_536  # no route reads a body


class Api(Flask):
    """Takes requests with and without the prefix."""

    def request_context(self, environ: dict[str, Any]) -> RequestContext:
        return super().request_context(_without_prefix(environ))

    def answer(self, environ: dict[str, Any]) -> Response:
        """The response to a request that another application has received."""
        with self.request_context(environ):
            return self.full_dispatch_request()


def build_api(
    library: Callable[[], Library], user_of: UserOf, cors_origins: Collection[str], check_app: CheckApp | None = None
) -> Api:
    """The application. The library is asked for when a request needs it, so that its errors become answers.

    `check_app` None: for users of any app.
    """
    app = Api(__name__, static_folder=None)
    app.url_map.merge_slashes = False  # or a doubled slash would be redirected, with a page of HTML
    app.register_blueprint(build_routes(library, user_of, check_app))
    app.register_error_handler(Exception, answer_error)

    @app.before_request
    def refuse_oversize() -> None:
        if len(request.environ.get("PATH_INFO", "")) + len(request.query_string) > MAX_URL_CHARS:
            abort(414)
        if (request.content_length or 0) > MAX_BODY_BYTES:
            abort(413)

    @app.after_request
    def finish(response: Response) -> Response:
        if request.method == "OPTIONS" and response.status_code == 200:
            response.status_code = 204
            del response.headers["Content-Type"]
        response.headers["X-Content-Type-Options"] = "nosniff"
        return allow_origin(request, response, cors_origins)

    return app


def _without_prefix(environ: dict[str, Any]) -> dict[str, Any]:
    path = environ.get("PATH_INFO", "")
    if path != PREFIX and not path.startswith(f"{PREFIX}/"):
        return dict(environ)
    return {**environ, "PATH_INFO": path.removeprefix(PREFIX) or "/"}
