"""Whether what was written for one job is whole: its own document, its files, its scenes, its clips and videos."""

from collections.abc import Iterator, Mapping
from typing import Any

from localdev.chaos.cases import ChaosJob
from localdev.chaos.evidence import Evidence
from pipeline.domain.jobs import JobKind

_PICTURE = ("image_url", "image_key", "thumbnail_url", "thumbnail_key", "media_type", "model", "seed")
_PROMPT = ("prompt", "prompt_sha256", "prompt_source")
_CLIP = ("video_url", "video_key", "thumbnail_url", "thumbnail_key", "video_id", "clip_id", "duration")
_FINAL = (
    *("video_url", "video_key", "poster_url", "poster_key", "thumbnail_url", "thumbnail_key"),
    *("video_id", "duration", "warnings"),
)
_FILE = ("width", "height", "file_size_bytes", "placeholder")
RESULTS: Mapping[JobKind, tuple[str, ...]] = {
    JobKind.IMAGE: (*_PICTURE, *_PROMPT, *_FILE),
    JobKind.VIDEO: (*_CLIP, *_FILE, "model", "seed"),
    JobKind.MULTI_VIDEO: (),
    JobKind.COMPOSITION: (*_FINAL, *_FILE),
}
FILES = {
    "image_key": "image_url",
    "video_key": "video_url",
    "thumbnail_key": "thumbnail_url",
    "poster_key": "poster_url",
}
ENDED = ("started_at", "completed_at", "expire_at", "updated_at")


def broken_documents(evidence: Evidence, job: ChaosJob, fields: Mapping[str, Any]) -> Iterator[str]:
    """What is missing in the job's document, or in storage behind it."""
    yield from (f"{name} is missing" for name in ENDED if not fields.get(name))
    yield from (f"{name} is still set" for name in ("lease_expires_at", "wake_at") if fields.get(name))
    if fields.get("stage") != fields.get("status"):
        yield f"its stage is {fields.get('stage')}, its status {fields.get('status')}"
    match fields.get("status"):
        case "complete":
            if fields.get("progress_percent") != 100 or fields.get("error") or fields.get("error_message"):
                yield f"complete with {fields.get('progress_percent')} % and error {fields.get('error')}"
            yield from _broken_results(evidence, fields, RESULTS[job.kind])
        case "error":
            error = fields.get("error") or {}
            if not (error.get("code") and error.get("message") and error["message"] == fields.get("error_message")):
                yield f"an error without code and message: {error}"
    if job.kind is JobKind.MULTI_VIDEO:
        yield from _broken_clip_list(evidence, job, fields)


def _broken_clip_list(evidence: Evidence, job: ChaosJob, fields: Mapping[str, Any]) -> Iterator[str]:
    clips, errors = fields.get("clips") or [], fields.get("scene_errors") or []
    if fields.get("status") == "complete" and (len(clips), len(errors)) != (job.case.scenes, 0):
        yield f"complete with {len(clips)} clips and {len(errors)} failures for {job.case.scenes} scenes"
    if job.case.code == "partial_failure" and len(clips) + len(errors) != job.case.scenes:
        yield f"{len(clips)} clips and {len(errors)} failures for {job.case.scenes} scenes"
    for clip in clips:
        yield from _broken_results(evidence, clip, ("scene_number", *_CLIP, *_FILE))


def _broken_results(evidence: Evidence, fields: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[str]:
    yield from (f"{name} is missing" for name in names if fields.get(name) is None)
    for key_name, url_name in FILES.items():
        key, url = fields.get(key_name), fields.get(url_name)
        if key is None:
            continue
        if not evidence.files.get(key):
            yield f"the file {key} is not in storage"
        if not str(url).endswith(f"/{key}"):
            yield f"{url_name} is not the address of {key}"
    main = fields.get("image_key") or fields.get("video_key")
    if main and evidence.files.get(main) != fields.get("file_size_bytes"):
        yield f"{main} has {evidence.files.get(main)} bytes, the document says {fields.get('file_size_bytes')}"


def broken_scenes(evidence: Evidence, job: ChaosJob, fields: Mapping[str, Any]) -> Iterator[str]:
    """Scenes that show something else than their job does."""
    medium = "image" if job.kind is JobKind.IMAGE else "video"
    for number, scene_id in enumerate(job.scene_ids, start=1):
        scene = evidence.documents.get(f"scenes/{scene_id}", {})
        shown = (scene.get("generation_status") or {}).get(medium)
        wanted, url = _wanted_scene(evidence, job, fields, number, medium)
        if shown != wanted:
            yield f"{scene_id} is {shown}, not {wanted}"
        if url is not None and (scene.get(f"{medium}_url"), scene.get("state")) != (url, medium):
            yield f"{scene_id} does not show the {medium} of its job"
        if wanted == "error" and not scene.get("error_message"):
            yield f"{scene_id} does not say why it has no {medium}"


def _wanted_scene(
    evidence: Evidence, job: ChaosJob, fields: Mapping[str, Any], number: int, medium: str
) -> tuple[str, str | None]:
    """(generation status, URL or None) of the job's scene with this number."""
    scene = evidence.documents.get(f"scenes/{job.scene_id(number)}", {})
    if scene.get("user_id") != evidence.world.owner_id(job):
        return "pending", None  # somebody else's: never touched
    clips = {clip["scene_number"]: clip for clip in fields.get("clips") or []}
    if job.kind is JobKind.MULTI_VIDEO and number in clips:
        return "complete", clips[number]["video_url"]
    if fields.get("status") == "complete":
        return "complete", fields.get(f"{medium}_url")
    if fields.get("status") == "canceled":
        return "pending", None
    if job.kind is JobKind.MULTI_VIDEO and job.case.foreign:
        return "pending", None  # the job was refused before it touched any scene
    return "error", None


def broken_videos(evidence: Evidence, job: ChaosJob, fields: Mapping[str, Any]) -> Iterator[str]:
    """Clip and video documents that do not fit the job."""
    user_id, video_id = evidence.world.owner_id(job), evidence.world.video_id(job)
    video = evidence.documents.get(f"users/{user_id}/videos/{video_id}")
    clips = [fields] if job.kind is JobKind.VIDEO and fields.get("clip_id") else list(fields.get("clips") or [])
    if job.kind is JobKind.COMPOSITION:
        clips = []
    for clip in clips:
        yield from _broken_clip(evidence, f"users/{user_id}/videos/{video_id}/clips/{clip.get('clip_id')}", clip)
    if job.case.shared_board or job.kind is JobKind.IMAGE:
        return
    complete = fields.get("status") == "complete"
    if video is None:
        if complete:
            yield "its video document is missing"
        return
    allowed = ("completed",) if complete else ("failed", "completed")
    if video.get("status") not in allowed:
        yield f"its video document is {video.get('status')} though the job is {fields.get('status')}"
    if complete and job.kind is JobKind.COMPOSITION and video.get("video_url") != fields.get("video_url"):
        yield "its video document has another video_url"
    if complete and job.kind is not JobKind.COMPOSITION:
        sizes = [clip["file_size_bytes"] for clip in clips]
        if (video.get("clips_count"), video.get("total_size_bytes")) != (len(sizes), sum(sizes)):
            yield f"its video document counts {video.get('clips_count')} clips of {video.get('total_size_bytes')} bytes"


def _broken_clip(evidence: Evidence, path: str, clip: Mapping[str, Any]) -> Iterator[str]:
    document = evidence.documents.get(path)
    if document is None:
        yield f"the clip document {clip.get('clip_id')} is missing"
        return
    wanted = ("completed", clip.get("video_key"), clip.get("thumbnail_key"), clip.get("file_size_bytes"), True)
    names = ("status", "r2_key", "thumbnail_r2_key", "file_size_bytes", "has_thumbnail")
    for name, value in zip(names, wanted, strict=True):
        if document.get(name) != value:
            yield f"the clip document has {name} {document.get(name)}, the job {value}"


def strings_in(value: Any) -> Iterator[str]:
    """Every text in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from strings_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings_in(inner)
