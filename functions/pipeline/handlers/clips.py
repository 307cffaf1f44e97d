"""Clips: order one from the video model, copy it to our storage, and write its clip document."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firebase_functions import logger

from pipeline.adapters.clip_preparation import prepare_clip
from pipeline.adapters.frames import write_clip_thumbnail
from pipeline.adapters.images import inspect_image
from pipeline.adapters.media_probe import probe_media
from pipeline.adapters.placeholders import placeholder_of
from pipeline.domain.clip_names import build_clip_filename
from pipeline.domain.clips import format_timecode
from pipeline.domain.errors import DeadlineExceeded, MediaError, NotFound, OutOfSpace, SourceError, UnsupportedMedia
from pipeline.domain.media import MediaProbe
from pipeline.domain.model_inputs import ClipTerms
from pipeline.domain.object_keys import clip_key, clip_thumbnail_key
from pipeline.domain.predictions import PredictionOrder
from pipeline.domain.prompts import motion_prompt, scene_title
from pipeline.handlers.predictions import Predicted
from pipeline.handlers.tools import Tools
from pipeline.handlers.turns import Turn

SECONDS_TO_STORE = 30.0
"""Of a turn, kept back for the upload of a clip."""


@dataclass(frozen=True)
class ClipPlace:
    """Which clip of which video this is. `start_seconds` is where the clip stands in the story."""

    video_id: str
    scene_number: int
    text: str
    style: str
    start_seconds: float


@dataclass(frozen=True)
class StoredClip:
    """A clip in our storage. Durations in seconds, sizes in pixels and bytes."""

    video_url: str
    video_key: str
    thumbnail_url: str
    thumbnail_key: str
    video_id: str
    clip_id: str
    duration: float
    width: int
    height: int
    size_bytes: int
    placeholder: str | None = None  # None: stored by an earlier version

    def as_result(self) -> Mapping[str, Any]:
        """The clip's part of a job document, in the documents' words."""
        return {
            "video_url": self.video_url,
            "video_key": self.video_key,
            "thumbnail_url": self.thumbnail_url,
            "thumbnail_key": self.thumbnail_key,
            "video_id": self.video_id,
            "clip_id": self.clip_id,
            "duration": self.duration,
            "width": self.width,
            "height": self.height,
            "file_size_bytes": self.size_bytes,
            "placeholder": self.placeholder,
        }


def order_clip(turn: Turn, image_url: str, text: str, terms: ClipTerms, tools: Tools) -> PredictionOrder:
    """The order for a clip on those terms.

    The picture is fetched, checked, and handed to the provider as a file of its own: what was checked is what is used,
    and storage that the provider cannot reach works too.
    """
    settings = tools.settings
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "picture"
        tools.downloads.fetch(
            image_url, picture, max_bytes=settings.max_image_bytes, kind="image", should_stop=turn.check
        )
        uploaded = tools.replicate.upload_file(picture, inspect_image(picture).media_type)
    return PredictionOrder(
        model=terms.model,
        input=terms.model_input(motion_prompt(text, camera_fixed=terms.camera_fixed), uploaded),
        cost_usd=terms.cost_usd,
        cancel_after_seconds=settings.video_cancel_after_seconds,
        units=terms.duration_seconds,
    )


def store_clip(turn: Turn, place: ClipPlace, predicted: Predicted, tools: Tools) -> StoredClip:
    """Copy the provider's file, which it deletes after an hour, and announce it as a clip document."""
    filename = build_clip_filename(place.scene_number, place.scene_number, place.text, place.style)
    clip_id = filename.removesuffix(".mp4")
    with tempfile.TemporaryDirectory() as folder:
        path, thumbnail = Path(folder) / "clip.mp4", Path(folder) / "thumbnail.jpg"
        tools.downloads.fetch(
            predicted.url, path, max_bytes=tools.settings.max_clip_bytes, kind="video", should_stop=turn.check
        )
        probe = probe_media(path)
        if tools.settings.prepare_clips:
            path, probe = _prepared(turn, path, probe)
        if probe.video is None:
            raise UnsupportedMedia("The model's clip has no video stream.")
        write_clip_thumbnail(path, thumbnail)
        placeholder = placeholder_of(thumbnail.read_bytes())
        stored = tools.storage.upload_file(clip_key(turn.user_id, place.video_id, filename), path, "video/mp4")
        stored_thumbnail = tools.storage.upload_file(
            clip_thumbnail_key(turn.user_id, place.video_id, filename), thumbnail, "image/jpeg"
        )
    clip = StoredClip(
        video_url=stored.url,
        video_key=stored.key,
        thumbnail_url=stored_thumbnail.url,
        thumbnail_key=stored_thumbnail.key,
        video_id=place.video_id,
        clip_id=clip_id,
        duration=probe.duration_seconds,
        width=probe.video.width,
        height=probe.video.height,
        size_bytes=stored.size_bytes,
        placeholder=placeholder,
    )
    try:
        _announce(turn, place, filename, clip, tools)
    except NotFound:  # its video was deleted meanwhile: nobody would find these files, or delete them
        tools.storage.delete_objects([clip.video_key, clip.thumbnail_key])
        raise
    return clip


def _prepared(turn: Turn, clip: Path, probe: MediaProbe) -> tuple[Path, MediaProbe]:
    """The clip as compositions copy it. It is paid for: what cannot be prepared is stored as it was delivered."""
    target = clip.with_name("prepared.mp4")
    try:
        seconds = turn.seconds_left - SECONDS_TO_STORE
        made = prepare_clip(clip, target, probe, deadline_seconds=seconds, should_stop=turn.check)
    except (DeadlineExceeded, MediaError, OutOfSpace, SourceError) as error:
        logger.warn(f"[{turn.ref.kind.label}] A clip is stored as delivered: {error}", job_id=turn.ref.job_id)
        target.unlink(missing_ok=True)
        turn.check()
        return clip, probe
    clip.unlink()
    return target, made


def _announce(turn: Turn, place: ClipPlace, filename: str, clip: StoredClip, tools: Tools) -> None:
    # first: of a video that is gone no clip is written
    tools.videos(turn.user_id).add_style(place.video_id, place.style)
    clips = tools.clips(turn.user_id, place.video_id)
    clips.create_clip(
        clip_id=clip.clip_id,
        filename=filename,
        scene_id=place.scene_number,
        scene_title=scene_title(place.text),
        scene_description=place.text,
        style=place.style,
        start_time=format_timecode(place.start_seconds),
        end_time=format_timecode(place.start_seconds + clip.duration),
        duration_seconds=clip.duration,
        priority=place.scene_number,
        created_by=turn.ref.path,
    )
    clips.update_clip_status(
        clip_id=clip.clip_id,
        status="completed",
        file_size_bytes=clip.size_bytes,
        has_thumbnail=True,
        video_url=clip.video_url,
        thumbnail_url=clip.thumbnail_url,
    )
