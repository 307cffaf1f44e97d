"""One video out of many clips: fetch, join, store."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from firebase_functions import logger

from pipeline.adapters.composer import compose
from pipeline.adapters.frames import write_poster
from pipeline.adapters.media_probe import probe_media
from pipeline.domain.errors import MediaError, OutOfSpace, SourceError
from pipeline.domain.media import MediaProbe
from pipeline.domain.media_plans import CompositionOptions, plan_composition
from pipeline.domain.media_types import MediaKind
from pipeline.domain.object_keys import final_poster_key, final_video_key
from pipeline.domain.outcomes import Completed
from pipeline.domain.requests import CompositionRequest, parse_request
from pipeline.handlers.tools import Desk, Tools
from pipeline.handlers.turns import Turn

FETCHED, COMPOSED = 30.0, 90.0
"""Progress in percent when all clips are here, and when the video is made."""

SECONDS_TO_STORE = 60.0
"""Of a turn's time, kept back for the upload."""


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


def compose_video(turn: Turn, desk: Desk, tools: Tools) -> Completed:
    """Make the final video of a composition job."""
    request = parse_request(CompositionRequest, turn.fields)
    owner = turn.run_step("place", Owner, lambda: _place(turn, request, desk, tools))
    final = turn.run_step("compose", FinalVideo, lambda: _make(turn, request, owner, tools))
    tools.videos(turn.user_id).update_video_status(owner.video_id, "completed", video_url=final.video_url)
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
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = _fetch_clips(turn, request, folder, tools)
        music = _fetch_audio(turn, request, folder, tools)
        options = CompositionOptions(
            crossfade=request.include_crossfade,
            crossfade_seconds=request.crossfade_seconds,
            transition=request.transition,
            optimize_size=request.optimize_size,
        )
        plan = plan_composition([probe for _, probe in sources], options, music[1] if music else None)
        logger.info(f"[Composition] {plan.describe()}", job_id=turn.ref.job_id)
        target = folder / "final.mp4"
        made = compose(
            plan,
            [path for path, _ in sources],
            music[0] if music else None,
            target,
            workdir=folder,
            on_progress=lambda share: turn.report("compose", FETCHED + share * (COMPOSED - FETCHED)),
            deadline_seconds=max(turn.seconds_left - SECONDS_TO_STORE, 1.0),
            should_stop=turn.check,
        )
        turn.report("store", COMPOSED)
        return _store(turn, owner, target, made, tools)


def _fetch_clips(
    turn: Turn, request: CompositionRequest, folder: Path, tools: Tools
) -> Sequence[tuple[Path, MediaProbe]]:
    sources = []
    for position, clip in enumerate(request.clips, start=1):
        turn.report("fetch", FETCHED * (position - 1) / len(request.clips))
        fetch = _Fetch(turn, tools, clip.video_url, folder / f"clip_{position}", "video", tools.settings.max_clip_bytes)
        sources.append((fetch.path, fetch.probed(f"Clip {position} (scene {clip.scene_number})")))
    return sources


def _fetch_audio(turn: Turn, request: CompositionRequest, folder: Path, tools: Tools) -> tuple[Path, MediaProbe] | None:
    if request.audio_url is None:
        return None
    fetch = _Fetch(turn, tools, request.audio_url, folder / "audio", "audio", tools.settings.max_audio_bytes)
    return fetch.path, fetch.probed("The audio track (audio_url)")


@dataclass(frozen=True)
class _Fetch:
    """One source on its way to the disk."""

    turn: Turn
    tools: Tools
    url: str
    path: Path
    kind: MediaKind
    max_bytes: int

    def probed(self, label: str) -> MediaProbe:
        """Fetch and probe. Failures name the source, so that its owner finds it."""
        try:
            self.tools.downloads.fetch(
                self.url, self.path, max_bytes=self.max_bytes, kind=self.kind, should_stop=self.turn.check
            )
            return probe_media(self.path)
        except (SourceError, OutOfSpace) as error:
            raise type(error)(f"{label}: {error}") from error


def _store(turn: Turn, owner: Owner, target: Path, made: MediaProbe, tools: Tools) -> FinalVideo:
    if made.video is None:
        raise MediaError("The final video has no picture.")
    poster = target.with_name("poster.jpg")
    write_poster(target, poster)
    user_id, job_id = turn.user_id, turn.ref.job_id
    video = tools.storage.upload_file(final_video_key(user_id, owner.video_id, job_id), target, "video/mp4")
    stored_poster = tools.storage.upload_file(final_poster_key(user_id, owner.video_id, job_id), poster, "image/jpeg")
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
