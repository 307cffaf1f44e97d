"""One video out of many clips: fetch, join, store. A long one takes several turns, see `handlers.checkpoints`."""

import tempfile
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.adapters import logger
from pipeline.adapters.composer import compose
from pipeline.adapters.muxing import head_bytes
from pipeline.adapters.object_storage import StoredObject
from pipeline.adapters.picture_check import PictureCheck
from pipeline.adapters.placeholders import placeholder_of
from pipeline.adapters.watch import Watch
from pipeline.domain.errors import NotFound
from pipeline.domain.media_warnings import MediaWarning
from pipeline.domain.object_keys import final_poster_key, final_thumbnail_key, final_video_key
from pipeline.domain.outcomes import Completed, WakeLater
from pipeline.domain.requests import CompositionRequest, parse_request
from pipeline.handlers.checkpoints import (
    PARTS_SHARE,
    discard_checkpoints,
    finish_parts,
    render_sound,
    stored_segment,
    stored_sound,
)
from pipeline.handlers.dual_write import keep_manifest
from pipeline.handlers.planned_composition import COMPOSED, PlannedComposition, plan_job
from pipeline.handlers.source_files import SourceFiles
from pipeline.handlers.tools import Desk, Tools
from pipeline.handlers.turn_pieces import SECONDS_TO_STORE, SecondsLeft, TurnPieces
from pipeline.handlers.turns import StepFailed, Turn

SHORT_WORK_SECONDS = 120.0
"""What is done in one go, if the turn has twice as long. More is kept in parts: a killed instance loses little."""


@dataclass(frozen=True)
class Owner:
    """The video that this composition completes."""

    video_id: str
    title: str


@dataclass(frozen=True)
class FinalVideo:
    """The final video in our storage. Durations in seconds, sizes in pixels and bytes."""

    video_url: str
    video_key: str
    poster_url: str
    poster_key: str
    thumbnail_url: str
    thumbnail_key: str
    warnings: list[dict[str, Any]]
    duration: float
    width: int
    height: int
    size_bytes: int
    placeholder: str | None = None  # None: made by an earlier version


@dataclass(frozen=True)
class Discarded:
    """How many checkpoints were deleted."""

    files: int


def compose_video(turn: Turn, desk: Desk, tools: Tools) -> Completed:
    """Make the final video of a composition job."""
    request = parse_request(CompositionRequest, turn.fields)
    owner = turn.run_step("place", Owner, lambda: _place(turn, request, desk, tools))
    final = turn.run_step("compose", FinalVideo, lambda: _make(turn, request, owner, tools))
    try:
        tools.videos(turn.user_id).update_video_status(owner.video_id, "completed", video_url=final.video_url)
    except NotFound:  # it was deleted meanwhile: nobody would find these files, or delete them
        tools.storage.delete_objects([final.video_key, final.poster_key, final.thumbnail_key])
        raise
    keep_manifest(turn, "manifest", owner.video_id, tools)
    _discard(turn, owner, tools)
    logger.info(f"[Composition] Successfully composed {len(request.clips)} clips into {final.video_key}")
    return Completed(
        results={
            "video_url": final.video_url,
            "video_key": final.video_key,
            "poster_url": final.poster_url,
            "poster_key": final.poster_key,
            "thumbnail_url": final.thumbnail_url,
            "thumbnail_key": final.thumbnail_key,
            "warnings": final.warnings,
            "video_id": owner.video_id,
            "duration": final.duration,
            "width": final.width,
            "height": final.height,
            "file_size_bytes": final.size_bytes,
            "placeholder": final.placeholder,
        }
    )


def _place(turn: Turn, request: CompositionRequest, desk: Desk, tools: Tools) -> Owner:
    title = request.title
    if request.storyboard_id is not None:
        storyboard = desk.scenes.storyboard(request.user_id, request.storyboard_id)
        title = title or str(storyboard.get("title") or "")
    owner = Owner(video_id=request.storyboard_id or turn.ref.job_id, title=title or "Composition")
    tools.videos(turn.user_id).create_or_update_video(
        video_id=owner.video_id, video_title=owner.title, status="processing", created_by=turn.ref.path
    )
    return owner


def _make(turn: Turn, request: CompositionRequest, owner: Owner, tools: Tools) -> FinalVideo:
    """Make and store the final video, as far as this turn comes with it."""
    with tempfile.TemporaryDirectory() as name, SourceFiles(turn, request, Path(name), tools) as sources:
        pieces = TurnPieces(turn)
        work = plan_job(turn, request, owner.video_id, pieces, sources, tools)
        logger.info(f"[Composition] {work.plan.describe()}")
        if _is_short(work):
            return pieces.do("compose", lambda seconds_left: _compose(work, seconds_left, begun=0.0))
        work = finish_parts(work, pieces)
        return pieces.do("compose", lambda seconds_left: _compose(work, seconds_left, begun=PARTS_SHARE))


def _is_short(work: PlannedComposition) -> bool:
    """Whether all of it is done in this turn, surely, and is not much to do again."""
    seconds = work.plan.work_seconds
    return seconds <= SHORT_WORK_SECONDS and 2 * seconds <= work.turn.seconds_left - SECONDS_TO_STORE


def _compose(work: PlannedComposition, seconds_left: SecondsLeft, *, begun: float) -> FinalVideo:
    """The final video, written to storage while it is made; the share `begun` of the work lies behind."""
    key = final_video_key(*work.names)
    sound, silences = None, list[MediaWarning]()
    if work.plan.has_sound:
        sound, silences = stored_sound(work) or render_sound(work, seconds_left)
    watch = Watch.until(seconds_left(), work.turn.check).telling(lambda share: work.report(begun + share * (1 - begun)))
    with work.tools.storage.open_upload(key, "video/mp4", head_bytes=head_bytes(work.plan)) as upload:
        check = compose(
            work.plan, work, sound, upload, workdir=work.folder, watch=watch, stored=partial(stored_segment, work)
        )
        work.turn.report_now("store", COMPOSED)  # who has lost the job leaves no file behind
        video = upload.finish()
    return _finished(work, video, check, silences)


def _finished(
    work: PlannedComposition, video: StoredObject, check: PictureCheck, silences: list[MediaWarning]
) -> FinalVideo:
    """Store what belongs to the video: its pictures."""
    storage, form = work.tools.storage, work.plan.form
    poster = storage.upload_bytes(final_poster_key(*work.names), check.poster(), "image/jpeg")
    small = check.thumbnail()
    thumbnail = storage.upload_bytes(final_thumbnail_key(*work.names), small, "image/jpeg")
    return FinalVideo(
        video_url=video.url,
        video_key=video.key,
        poster_url=poster.url,
        poster_key=poster.key,
        thumbnail_url=thumbnail.url,
        thumbnail_key=thumbnail.key,
        warnings=[asdict(warning) for warning in (*check.warnings, *silences)],
        duration=work.plan.total_seconds,
        width=form.width,
        height=form.height,
        size_bytes=video.size_bytes,
        placeholder=placeholder_of(small),
    )


def _discard(turn: Turn, owner: Owner, tools: Tools) -> None:
    """Delete the checkpoints. A store that keeps refusing does not take the video from its user."""
    if turn.seconds_left <= 0:
        raise WakeLater(0.0)  # the upload took what was left of this turn
    try:
        turn.run_step(
            "discard",
            Discarded,
            lambda: Discarded(discard_checkpoints(turn.user_id, owner.video_id, turn.ref.job_id, tools)),
        )
    except StepFailed as failed:
        logger.warn(f"[Composition] Checkpoints are left behind: {failed}")
