"""The routes. Each reads its parameters, calls one handler, and answers with what that returns.

    GET    /videos                               a page of the user's videos
    GET    /videos/{video_id}                    a video and a page of its clips
    GET    /videos/{video_id}/clips/{filename}   to the clip's file
    DELETE /videos/{video_id}                    the video, its clips, all of its files
    DELETE /videos/{video_id}/clips/{filename}   one clip and its files
    GET    /openapi.yaml                         the description of all this; needs no token

Whose the videos are is told by the token alone: no path or parameter names a user.
"""

from collections.abc import Callable
from pathlib import Path

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from pipeline.adapters import log_context
from pipeline.api.answers import video_answer, videos_answer
from pipeline.api.authentication import CheckApp, UserOf, check_caller_app, signed_in_user
from pipeline.api.parameters import EVERY_STATUS, Parameters, check_text
from pipeline.api.responses import json_response, nothing_response, revalidated
from pipeline.handlers.delete_video import delete_clip, delete_video
from pipeline.handlers.find_clip import clip_id_of, find_clip
from pipeline.handlers.list_videos import list_videos
from pipeline.handlers.metadata_sources import ClipSelection
from pipeline.handlers.show_video import show_video
from pipeline.handlers.tools import Library

DESCRIPTION = Path(__file__).parents[2] / "openapi.yaml"
DESCRIPTION_CACHE = "public, max-age=300"


def build_routes(library: Callable[[], Library], user_of: UserOf, check_app: CheckApp | None) -> Blueprint:
    """The routes, for the users whom `user_of` knows, with the apps that `check_app` lets pass, on what is in the
    library.
    """
    routes = Blueprint("api", __name__)

    def caller() -> str:
        user_id = signed_in_user(request, user_of)
        log_context.note(user_id=user_id)
        check_caller_app(request, check_app)  # second: its keys are not asked for by those who have no account
        return user_id

    @routes.get("/videos")
    def list_videos_route() -> Response:
        user_id = caller()
        given = Parameters(request, ("page_size", "page_token", "status"))
        page = list_videos(user_id, given.status(EVERY_STATUS), given.page_size(), given.page_token(), library())
        return revalidated(request, json_response(videos_answer(page)))

    @routes.get("/videos/<video_id>")
    def show_video_route(video_id: str) -> Response:
        user_id = caller()
        given = Parameters(request, ("page_size", "page_token", "status", "style", "scene_id"))
        selection = ClipSelection(
            given.status("completed"), given.style(), given.scene_id(), given.page_size(), given.page_token()
        )
        shown = show_video(user_id, check_text("video_id", video_id), selection, library())
        return revalidated(request, json_response(video_answer(shown)))

    @routes.get("/videos/<video_id>/clips/<filename>")
    def find_clip_route(video_id: str, filename: str) -> AnyResponse:
        user_id = caller()
        redirects = Parameters(request, ("redirect",)).flag("redirect", default=True)
        found = find_clip(user_id, check_text("video_id", video_id), check_text("filename", filename), library())
        answer = redirect(found.url) if redirects else json_response({"url": found.url, "expires_at": found.expires_at})
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @routes.delete("/videos/<video_id>")
    def delete_video_route(video_id: str) -> Response:
        user_id = caller()
        Parameters(request, ())
        delete_video(user_id, check_text("video_id", video_id), library())
        return nothing_response()

    @routes.delete("/videos/<video_id>/clips/<filename>")
    def delete_clip_route(video_id: str, filename: str) -> Response:
        user_id = caller()
        Parameters(request, ())
        clip_id = clip_id_of(check_text("filename", filename))
        delete_clip(user_id, check_text("video_id", video_id), clip_id, library())
        return nothing_response()

    @routes.get("/openapi.yaml")
    def description_route() -> Response:
        Parameters(request, ())
        answer = Response(DESCRIPTION.read_bytes(), mimetype="application/yaml")
        return revalidated(request, answer, DESCRIPTION_CACHE)

    return routes
