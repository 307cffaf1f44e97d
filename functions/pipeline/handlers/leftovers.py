"""What a job that comes to nothing must not leave behind: running predictions, files for later turns, a video that
seems to be in the making, a manifest that does not know its end.
"""

from collections.abc import Callable

from pipeline.adapters import logger
from pipeline.domain.errors import NotFound
from pipeline.domain.jobs import Job, JobKind
from pipeline.handlers.checkpoints import discard_checkpoints
from pipeline.handlers.dual_write import write_manifest
from pipeline.handlers.prediction_ends import cancel_predictions
from pipeline.handlers.tools import Desk, Tools

MAKERS_OF_VIDEOS = (JobKind.VIDEO, JobKind.MULTI_VIDEO, JobKind.COMPOSITION)
"""Their files and clips belong to a video's document."""


def leave_nothing(job: Job, tools: Callable[[], Tools]) -> None:
    """Before the end is written down, so that a function that dies here does it again.

    A dry run has begun nothing: what bears its names is another job's.
    """
    if job.dry_run:
        return
    try:
        _tidy(job, tools())
    except Exception as error:  # noqa: BLE001  no provider or store to ask: must not keep the job from ending
        logger.warn(f"[{job.ref.kind.label}] Not everything was tidied up: {error}")


def tidy_after_the_end(job: Job, desk: Desk, tools: Callable[[], Tools]) -> None:
    """A turn may have stored something after the job had ended, or was deleted: nobody else would delete that."""
    try:
        is_over = desk.jobs.get(job.ref).status.is_terminal
    except NotFound:
        is_over = True
    if is_over:
        leave_nothing(job, tools)


def _tidy(job: Job, tools: Tools) -> None:
    board_id = job.fields.get("storyboard_id")
    if job.ref.kind is JobKind.COMPOSITION:
        video_id = str(board_id or job.ref.job_id)
        discard_checkpoints(job.user_id, video_id, job.ref.job_id, tools)
    else:
        video_id = str(board_id or job.fields.get("origin_job_id") or job.ref.job_id)
        cancel_predictions(job.ref, tools)
    if job.ref.kind not in MAKERS_OF_VIDEOS:
        return
    if job.ref.kind is JobKind.COMPOSITION or not board_id:
        # a storyboard's video is made by many jobs: only its composition decides what becomes of it
        _fail_video(job, video_id, tools)
    write_manifest(job.user_id, video_id, tools)  # it may have clips that were not told of yet


def _fail_video(job: Job, video_id: str, tools: Tools) -> None:
    try:
        tools.videos(job.user_id).fail_if_processing(video_id)
    except NotFound:  # the job did not come so far
        return
