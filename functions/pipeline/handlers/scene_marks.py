"""How a job that did not succeed shows on the scenes it was for. Only on scenes of the job's own user.

A scene whose clip the job lists shows the clip, whatever became of the job.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pipeline.domain.errors import JobError
from pipeline.domain.jobs import Job, JobKind
from pipeline.domain.outcomes import DocumentUpdate
from pipeline.handlers.tools import Desk
from pipeline.repositories.scenes import scene_failed, scene_ready, scene_reset

MEDIUM = {JobKind.IMAGE: "image", JobKind.VIDEO: "video", JobKind.MULTI_VIDEO: "video"}
"""What a scene gets of a job. Other kinds are for no scene, whatever their documents name."""


def failed_scene_marks(job: Job, message: str, desk: Desk) -> Sequence[DocumentUpdate]:
    """The scenes of a failed job show why, even when the rest of its document cannot be read."""
    only_generating = job.ref.kind is JobKind.MULTI_VIDEO  # its other scenes show what they came to

    def failed(scene_id: str, medium: str) -> DocumentUpdate:
        return scene_failed(scene_id, medium, message)

    return _marks(job, desk, failed, only_generating=only_generating)


def canceled_scene_marks(job: Job, desk: Desk) -> Sequence[DocumentUpdate]:
    """The scenes of a canceled job are as if it had never been."""
    return _marks(job, desk, scene_reset, only_generating=True)  # what an earlier job has made stays


def _marks(
    job: Job, desk: Desk, mark: Callable[[str, str], DocumentUpdate], *, only_generating: bool
) -> Sequence[DocumentUpdate]:
    clips = _listed_clips(job)
    return [
        scene_ready(scene_id, MEDIUM[job.ref.kind], clips[scene_id])
        if scene_id in clips
        else mark(scene_id, MEDIUM[job.ref.kind])
        for scene_id in _own_scenes(job, desk, only_generating=only_generating)
    ]


def _own_scenes(job: Job, desk: Desk, *, only_generating: bool) -> Iterator[str]:
    """The scenes that the job names and its user owns. A duplicate has none: they are those of the job it repeats.
    Nor has a dry run, which is not for making anything.
    """
    if job.duplicate_of is not None or job.dry_run:
        return
    for scene_id in _named_scenes(job):
        try:
            scene = desk.scenes.scene(job.user_id, scene_id)
        except JobError:  # gone, another user's, or not an id at all
            continue
        status = scene.get("generation_status")
        generating = isinstance(status, dict) and status.get(MEDIUM[job.ref.kind]) == "generating"
        if generating or not only_generating:
            yield scene_id


def _named_scenes(job: Job) -> list[str]:
    if job.ref.kind not in MEDIUM:
        return []
    parts = _entries(job, "scenes") if job.ref.kind is JobKind.MULTI_VIDEO else [job.fields]
    return [scene_id for part in parts if isinstance(scene_id := part.get("scene_id"), str)]


def _listed_clips(job: Job) -> Mapping[str, str]:
    """The URLs of the clips that a multi-video job lists, by the ids of their scenes."""
    return {
        scene_id: url
        for scene in _entries(job, "scenes")
        for clip in _entries(job, "clips")
        if clip.get("scene_number") == scene.get("scene_number")
        and isinstance(scene_id := scene.get("scene_id"), str)
        and isinstance(url := clip.get("video_url"), str)
    }


def _entries(job: Job, name: str) -> list[Mapping[str, Any]]:
    """The maps in a list of the document, which may hold anything."""
    found = job.fields.get(name)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
