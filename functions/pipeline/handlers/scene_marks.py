"""How a job that did not succeed shows on the scenes it was for. Only on scenes of the job's own user."""

from collections.abc import Iterable, Iterator, Sequence

from pipeline.domain.errors import JobError
from pipeline.domain.jobs import Job, JobKind
from pipeline.domain.outcomes import DocumentUpdate
from pipeline.handlers.tools import Desk
from pipeline.repositories.scenes import scene_failed, scene_reset

MEDIUM = {JobKind.IMAGE: "image", JobKind.VIDEO: "video", JobKind.MULTI_VIDEO: "video"}


def failed_scene_marks(job: Job, message: str, desk: Desk) -> Sequence[DocumentUpdate]:
    """The scenes of a failed job show why, even when the rest of its document cannot be read."""
    only_generating = job.ref.kind is JobKind.MULTI_VIDEO  # its other scenes have their clips
    scenes = _own_scenes(job, desk, only_generating=only_generating)
    return [scene_failed(scene_id, MEDIUM[job.ref.kind], message) for scene_id in scenes]


def canceled_scene_marks(job: Job, desk: Desk) -> Sequence[DocumentUpdate]:
    """The scenes of a canceled job are as if it had never been."""
    scenes = _own_scenes(job, desk, only_generating=True)  # what an earlier job has made stays
    return [scene_reset(scene_id, MEDIUM[job.ref.kind]) for scene_id in scenes]


def _own_scenes(job: Job, desk: Desk, *, only_generating: bool) -> Iterator[str]:
    """The scenes that the job names and its user owns. A duplicate has none: they are those of the job it repeats."""
    if job.duplicate_of is not None:
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


def _named_scenes(job: Job) -> Iterable[str]:
    if job.ref.kind is JobKind.COMPOSITION:
        return []
    if job.ref.kind is JobKind.MULTI_VIDEO:
        scenes = job.fields.get("scenes")
        named = (
            [scene.get("scene_id") for scene in scenes if isinstance(scene, dict)] if isinstance(scenes, list) else []
        )
    else:
        named = [job.fields.get("scene_id")]
    return [scene_id for scene_id in named if isinstance(scene_id, str)]
