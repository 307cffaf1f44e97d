"""What must be there when the jobs are over, and what a deployment must refuse. Each check returns a sentence that
says what it found, or raises Wrong.
"""

import io
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial, reduce
from pathlib import Path
from typing import Any

import httpx
from google.api_core import exceptions as api
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter
from PIL import Image

from operations.frontend import Frontend
from operations.staging.findings import Wrong
from operations.staging.smoke_orders import CROSSFADE_SECONDS, SECONDS, Board, picture
from operations.staging.smoke_target import Target
from pipeline.adapters.media_probe import probe_media
from pipeline.domain.errors import JobError
from pipeline.domain.jobs import JobKind
from pipeline.domain.quotas import microusd, usage_day

HTTP_SECONDS = 60
STRANGER = "smoke-test-stranger"
CLIP_TOLERANCE_SECONDS = 0.6
"""Models make whole pictures: a clip of 2 s may have 49 of them."""

FILM_TOLERANCE_SECONDS = 0.3
UNSIGNED = b'{"id": "smoke-test", "status": "succeeded"}'

Fields = Mapping[str, Any]


def unsigned_webhook_is_refused(target: Target) -> str:
    """The door to which Replicate comes."""
    response = _asked("POST", f"{target.functions_url}/handle_replicate_webhook", UNSIGNED)
    if response.status_code != 401:
        raise Wrong(
            f"handle_replicate_webhook answered {response.status_code} to a call without a signature, not 401"
            f"{_hint(response.status_code)}."
        )
    return "a call without a signature is answered with 401"


def api_without_token_is_refused(target: Target) -> str:
    """The door to which frontends come."""
    response = _asked("GET", f"{target.functions_url}/api/videos")
    if response.status_code != 401:
        raise Wrong(
            f"GET /api/videos answered {response.status_code} to a call without a token, not 401"
            f"{_hint(response.status_code)}."
        )
    return "a call without a token is answered with 401"


def rules_refuse_strangers(frontend: Frontend) -> str:
    """Other users' documents, whether they exist or not."""
    paths = [f"{kind.collection}/{STRANGER}" for kind in JobKind]
    paths += [f"users/{STRANGER}/videos/{STRANGER}", f"storyboards/{STRANGER}", f"predictions/{STRANGER}"]
    for path in paths:
        _refused(f"{path} was read, though it is not this user's", partial(frontend.get, path))
    return f"{len(paths)} documents that are not this user's cannot be read"


def rules_refuse_forgery(frontend: Frontend, board: Board, job_path: str) -> str:
    """Writes that only functions may do."""
    job, mine = frontend.firestore.document(job_path), f"users/{frontend.user.user_id}"
    forged = picture(board) | {"user_id": STRANGER}
    day = frontend.firestore.document(f"{mine}/usage/{usage_day(datetime.now(UTC))}")
    _refused(f"{job_path} was set to complete by its user", lambda: job.update({"status": "complete"}, timeout=15))
    _refused("a job in another user's name was created", lambda: frontend.create_job(JobKind.IMAGE.collection, forged))
    _refused("a user could reset what was spent", lambda: day.set({"spent_microusd": 0}, timeout=15))
    return "no result, no other user's job, and no usage can be written"


def page_queries_are_answered(frontend: Frontend, board: Board) -> str:
    """Those of the page that need an index each; the emulator answers them without."""
    mine = FieldFilter("user_id", "==", frontend.user.user_id)
    of_board = FieldFilter("storyboard_id", "==", board.storyboard_id)
    queries = [(name, [mine], "updated_at") for name in ("storyboards", "scenes")]
    queries += [(kind.collection, [mine], "created_at") for kind in JobKind]
    queries += [(kind.collection, [mine, of_board], "created_at") for kind in JobKind]
    for collection, filters, latest in queries:
        everything = firestore.Query(frontend.firestore.collection(collection))
        query = reduce(lambda found, one: found.where(filter=one), filters, everything)
        try:
            list(query.order_by(latest, direction="DESCENDING").limit(1).stream(timeout=HTTP_SECONDS))
        except api.FailedPrecondition as error:
            raise Wrong(
                f"{collection} cannot be listed by {latest}: an index is missing, or still being built. "
                "Deploy them: firebase deploy --only firestore:indexes."
            ) from error
    return f"{len(queries)} listings are answered"


def picture_is_there(job: Fields) -> str:
    """The picture of an image job and its thumbnail."""
    content = fetched(job["image_url"], "image/")
    size = _size_of_picture(content, job["image_url"])
    if size != (job["width"], job["height"]):
        raise Wrong(f"The picture is {size[0]}x{size[1]}, its job says {job['width']}x{job['height']}.")
    _size_of_picture(fetched(job["thumbnail_url"], "image/"), job["thumbnail_url"])
    return f"{size[0]}x{size[1]}, {len(content):,} bytes"


def clip_is_there(clip: Fields, frontend: Frontend) -> str:
    """A clip, its thumbnail and its document."""
    seconds, size_bytes = _video(clip["video_url"])
    _size_of_picture(fetched(clip["thumbnail_url"], "image/"), clip["thumbnail_url"])
    if abs(seconds - SECONDS) > CLIP_TOLERANCE_SECONDS:
        raise Wrong(f"The clip is {seconds:.2f} s long, ordered were {SECONDS:g} s.")
    path = f"users/{frontend.user.user_id}/videos/{clip['video_id']}/clips/{clip['clip_id']}"
    document = frontend.get(path)
    if document.get("status") != "completed":
        raise Wrong(f"{path} is {document.get('status', 'not there')}, and should be completed.")
    return f"{seconds:.2f} s, {size_bytes:,} bytes, {path}"


def film_is_there(job: Fields, clip_seconds: Sequence[float]) -> str:
    """The film and its poster; as long as its clips without what they share."""
    seconds, size_bytes = _video(job["video_url"])
    _size_of_picture(fetched(job["poster_url"], "image/"), job["poster_url"])
    expected = sum(clip_seconds) - CROSSFADE_SECONDS * (len(clip_seconds) - 1)
    if abs(seconds - expected) > FILM_TOLERANCE_SECONDS:
        raise Wrong(f"The film is {seconds:.2f} s long; its clips make {expected:.2f} s.")
    return f"{seconds:.2f} s, {size_bytes:,} bytes"


def api_lists_video(frontend: Frontend, target: Target, video_id: str, clip_count: int) -> str:
    """What the API says of the video."""
    path = f"/api/videos/{video_id}"
    video = frontend.ask_api(target.functions_url, path)
    found = (video.get("status"), video.get("clips_count"), len(video.get("clips", ())))
    if found != ("completed", clip_count, clip_count):
        raise Wrong(f"GET {path}: status {found[0]}, {found[1]} clips counted, {found[2]} listed; not {clip_count}.")
    if not video.get("video_url"):
        raise Wrong(f"GET {path}: the film's video_url is missing.")
    return f"GET {path}: completed, {clip_count} clips"


def scenes_show_results(frontend: Frontend, board: Board) -> str:
    """The scenes' own documents, which pages show."""
    for scene_id in board.scene_ids:
        scene = frontend.get(f"scenes/{scene_id}")
        if scene.get("state") != "video" or not scene.get("video_url"):
            raise Wrong(f"scenes/{scene_id} is at '{scene.get('state')}', and should show its clip.")
    return "both scenes show their clips"


def used(frontend: Frontend, days: Sequence[str]) -> tuple[int, int]:
    """Jobs, and millionths of a US dollar, that are counted for the user on those days."""
    found = [frontend.get(f"users/{frontend.user.user_id}/usage/{day}") for day in days]
    return sum(day.get("jobs", 0) for day in found), sum(day.get("spent_microusd", 0) for day in found)


def usage_days(now: datetime) -> tuple[str, str]:
    """Those on which jobs of a run that begins now may be counted."""
    return usage_day(now), usage_day(now + timedelta(days=1))


def usage_is_counted(before: tuple[int, int], after: tuple[int, int], jobs: Sequence[Fields]) -> str:
    """At least what this run has used: the user may have other jobs."""
    count, spent = after[0] - before[0], after[1] - before[1]
    cost = sum(microusd(job.get("cost_usd") or 0.0) for job in jobs)
    if count < len(jobs) or spent < cost:
        raise Wrong(
            f"Counted were {count} jobs and ${spent / 1e6:.3f}; there were {len(jobs)}, which cost ${cost / 1e6:.3f}."
        )
    return f"{count} jobs and ${spent / 1e6:.3f}"


def fetched(url: str, media_type: str) -> bytes:
    """What a URL of a document serves. Raises Wrong unless it is of that type, and not empty."""
    response = httpx.get(url, timeout=HTTP_SECONDS, follow_redirects=True)
    found, shown = response.headers.get("content-type", "nothing"), url.partition("?")[0]
    if response.status_code != 200:
        raise Wrong(f"{shown} answered {response.status_code}.")
    if not found.startswith(media_type):
        raise Wrong(f"{shown} is served as {found}, not as {media_type}.")
    if not response.content:
        raise Wrong(f"{shown} is empty.")
    return response.content


def _video(url: str) -> tuple[float, int]:
    """Seconds and bytes."""
    content = fetched(url, "video/mp4")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        path.write_bytes(content)
        try:
            probe = probe_media(path)
        except JobError as error:
            raise Wrong(f"{url.partition('?')[0]} is no video that can be played: {error}") from error
    if probe.video is None:
        raise Wrong(f"{url.partition('?')[0]} has no pictures.")
    return probe.duration_seconds, len(content)


def _size_of_picture(content: bytes, url: str) -> tuple[int, int]:
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            return image.size
    except OSError as error:
        raise Wrong(f"{url.partition('?')[0]} is no picture that can be shown: {error}.") from error


def _asked(method: str, url: str, content: bytes = b"") -> httpx.Response:
    """The answer of a function that may have to start first: asked again when it took too long."""
    try:
        return httpx.request(method, url, content=content, timeout=HTTP_SECONDS)
    except httpx.TimeoutException:
        return httpx.request(method, url, content=content, timeout=HTTP_SECONDS)


def _refused(otherwise: str, does: Callable[[], Any]) -> None:
    try:
        does()
    except api.PermissionDenied:
        return
    raise Wrong(f"The rules do not hold: {otherwise}. Deploy them: firebase deploy --only firestore:rules.")


def _hint(status: int) -> str:
    match status:
        case 403:
            return " (is it public? `invoker` of the function, or an organisation policy)"
        case 404:
            return " (is it deployed, in this region?)"
    return ""
