"""One video out of many clips: fetch, join, store. A long one takes several turns, see `handlers.checkpoints`."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from firebase_functions import logger

from pipeline.adapters.composer import JOIN_SHARE, compose, join_segments
from pipeline.adapters.frames import write_poster
from pipeline.domain.errors import MediaError
from pipeline.domain.media import MediaProbe
from pipeline.domain.object_keys import final_poster_key, final_video_key
from pipeline.domain.outcomes import Completed, WakeLater
from pipeline.domain.requests import CompositionRequest, parse_request
from pipeline.handlers.checkpoints import ENCODE_SHARE, discard_checkpoints, finish_segments, local_segments
from pipeline.handlers.planned_composition import COMPOSED, PlannedComposition, plan_job
from pipeline.handlers.tools import Desk, Tools
from pipeline.handlers.turn_pieces import SecondsLeft, TurnPieces
from pipeline.handlers.turns import StepFailed, Turn


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
    duration: float
    width: int
    height: int
    size_bytes: int


@dataclass(frozen=True)
class Discarded:
    """How many checkpoints were deleted."""

    files: int


def compose_video(turn: Turn, desk: Desk, tools: Tools) -> Completed:
    """Make the final video of a composition job."""
    request = parse_request(CompositionRequest, turn.fields)
    owner = turn.run_step("place", Owner, lambda: _place(turn, request, desk, tools))
    final = turn.run_step("compose", FinalVideo, lambda: _make(turn, request, owner, tools))
    tools.videos(turn.user_id).update_video_status(owner.video_id, "completed", video_url=final.video_url)
    _discard(turn, owner, tools)
    logger.info(
        f"[Composition] Successfully composed {len(request.clips)} clips into {final.video_key}",
        job_id=turn.ref.job_id,
    )
    return Completed(
        results={
            "video_url": final.video_url,
            "video_key": final.video_key,
            "poster_url": final.poster_url,
            "poster_key": final.poster_key,
            "video_id": owner.video_id,
            "duration": final.duration,
            "width": final.width,
            "height": final.height,
            "file_size_bytes": final.size_bytes,
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
    with tempfile.TemporaryDirectory() as name:
        pieces = TurnPieces(turn)
        work = plan_job(turn, request, owner.video_id, pieces, Path(name), tools)
        logger.info(f"[Composition] {work.plan.describe()}", job_id=turn.ref.job_id)
        if work.is_short_work:
            return pieces.do("compose", lambda seconds_left: _store(work, *_compose(work, seconds_left)))
        finish_segments(work, pieces)
        return pieces.do("compose", lambda seconds_left: _store(work, *_join(work, seconds_left)))


def _compose(work: PlannedComposition, seconds_left: SecondsLeft) -> tuple[Path, MediaProbe]:
    """The final video, made of the clips at once."""
    clips = [work.clip(place) for place in range(len(work.plan.clips))]
    music, target = work.music(), work.folder / "final.mp4"
    made = compose(
        work.plan,
        clips,
        music,
        target,
        workdir=work.folder,
        on_progress=work.report,
        deadline_seconds=seconds_left(),
        should_stop=work.turn.check,
    )
    return target, made


def _join(work: PlannedComposition, seconds_left: SecondsLeft) -> tuple[Path, MediaProbe]:
    """The final video, made of its segments."""
    segments = local_segments(work, seconds_left)
    music, target = work.music(), work.folder / "final.mp4"
    made = join_segments(
        work.plan,
        segments,
        music,
        target,
        workdir=work.folder,
        on_progress=lambda share: work.report(ENCODE_SHARE + share * JOIN_SHARE),
        deadline_seconds=seconds_left(),
        should_stop=work.turn.check,
    )
    return target, made


def _store(work: PlannedComposition, target: Path, made: MediaProbe) -> FinalVideo:
    if made.video is None:
        raise MediaError("The final video has no picture.")
    work.turn.report("store", COMPOSED)
    poster = target.with_name("poster.jpg")
    write_poster(target, poster)
    names = work.turn.user_id, work.video_id, work.turn.ref.job_id
    video = work.tools.storage.upload_file(final_video_key(*names), target, "video/mp4")
    stored_poster = work.tools.storage.upload_file(final_poster_key(*names), poster, "image/jpeg")
    return FinalVideo(
        video_url=video.url,
        video_key=video.key,
        poster_url=stored_poster.url,
        poster_key=stored_poster.key,
        duration=made.duration_seconds,
        width=made.video.width,
        height=made.video.height,
        size_bytes=video.size_bytes,
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
        logger.warn(f"[Composition] Checkpoints are left behind: {failed}", job_id=turn.ref.job_id)
