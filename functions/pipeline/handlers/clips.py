"""Clips: order one from the video model, copy it to our storage, and write its clip document. For one scene or many."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.adapters import logger
from pipeline.adapters.clip_preparation import prepare_clip
from pipeline.adapters.frames import write_clip_thumbnail
from pipeline.adapters.images import inspect_image, upright_file
from pipeline.adapters.media_probe import probe_media
from pipeline.adapters.placeholders import placeholder_of
from pipeline.config import Settings
from pipeline.domain.clip_names import build_clip_filename
from pipeline.domain.clips import format_timecode
from pipeline.domain.content_keys import content_key
from pipeline.domain.errors import DeadlineExceeded, MediaError, NotFound, OutOfSpace, SourceError, UnsupportedMedia
from pipeline.domain.media import MediaProbe
from pipeline.domain.model_inputs import ClipTerms, clip_terms
from pipeline.domain.models import video_model
from pipeline.domain.object_keys import clip_key, clip_thumbnail_key
from pipeline.domain.predictions import PredictionOrder
from pipeline.domain.requests import ClipWish
from pipeline.domain.scene_words import SceneWords
from pipeline.handlers.model_fallback import Candidate, obtain_from_either
from pipeline.handlers.moderation import moderate
from pipeline.handlers.picture_files import fetch_picture, file_sha256
from pipeline.handlers.predictions import Predicted
from pipeline.handlers.recall import AlreadyMade, copied, recall, recalled, remember
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
    model: str | None = None
    seed: int | None = None
    prompt: str | None = None
    prompt_sha256: str | None = None
    prompt_source: str | None = None
    reused_from: str | None = None  # the job that made it

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
            "model": self.model,
            "seed": self.seed,
            "prompt": self.prompt,
            "prompt_sha256": self.prompt_sha256,
            "prompt_source": self.prompt_source,
            "reused_from": self.reused_from,
        }


@dataclass(frozen=True)
class ClipWork:
    """One clip that is to be made: from which picture and words, for which place, and how its steps are called."""

    image_url: str
    words: SceneWords
    wish: ClipWish
    place: ClipPlace
    seed: int | None = None
    predict_step: str = "predict"
    store_step: str = "store"
    prefix: str = ""  # of what is noted on the job about it: `scenes.0.`
    keeps_prompt: bool = True  # those of fifty scenes would fill a job's document


def clip_terms_of(wish: ClipWish, settings: Settings) -> ClipTerms:
    """The terms of a clip by the model of this deployment."""
    return clip_terms(video_model(settings.video_model), wish, settings.video_resolution)


def make_clip(turn: Turn, work: ClipWork, tools: Tools, predicted_now: Callable[[], None] = lambda: None) -> StoredClip:
    """Predict and store one clip; `predicted_now` is called in between. Raises what `Turn.run_step` raises."""
    predicted = turn.run_step(work.predict_step, Predicted, lambda: _predict_clip(turn, work, tools))
    predicted_now()
    return turn.run_step(work.store_step, StoredClip, lambda: store_clip(turn, work, predicted, tools))


def _predict_clip(turn: Turn, work: ClipWork, tools: Tools) -> Predicted:
    settings, terms = tools.settings, clip_terms_of(work.wish, tools.settings)
    fallback = settings.video_model_fallback
    other = clip_terms(video_model(fallback), work.wish, settings.video_resolution) if fallback else None
    if other is not None and other.model == terms.model:
        other = None
    try:
        predicted = obtain_from_either(
            turn,
            work.predict_step,
            Candidate(terms.model, terms.adjustments, lambda: _order_clip(turn, work, terms, tools)),
            Candidate(other.model, other.adjustments, lambda: _order_clip(turn, work, other, tools)) if other else None,
            tools,
            work.prefix,
        )
    except AlreadyMade as made:
        recalled_clip = made.as_prediction(work.words.source, work.seed)
        return recalled_clip if work.keeps_prompt else replace(recalled_clip, stored=_short(recalled_clip.stored))
    prompt = predicted.prompt if work.keeps_prompt else ""
    return replace(predicted, prompt=prompt, prompt_source=work.words.source)


def _short(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**stored, "prompt": None}


def _order_clip(turn: Turn, work: ClipWork, terms: ClipTerms, tools: Tools) -> PredictionOrder:
    """The order for a clip on those terms. Raises AlreadyMade where there is one of exactly these inputs.

    The picture is fetched, checked, and handed to the provider as a file of its own: what was checked is what is used,
    and storage that the provider cannot reach works too. Models do not read EXIF data, so it is turned upright.
    """
    settings = tools.settings
    prompt = work.words.for_clip(camera_fixed=terms.camera_fixed)
    with tempfile.TemporaryDirectory() as folder:
        picture = fetch_picture(turn, work.image_url, Path(folder) / "picture", tools)
        picture = upright_file(picture, Path(folder) / "upright")
        noted = moderate([work.place.text, prompt], picture, tools)
        turn.adjust(replace(one, field=f"{work.prefix}{one.field}") for one in noted)
        key = content_key(
            "clip",
            terms.model,
            terms.model_input(prompt, ""),
            seed=work.seed,
            picture=file_sha256(picture),
            prepared=settings.prepare_clips,
        )
        recall(turn, key, StoredClip, "video_key", tools)
        uploaded = tools.replicate.upload_file(picture, inspect_image(picture).media_type)
    return PredictionOrder(
        model=terms.model,
        input=terms.model_input(prompt, uploaded),
        cost_usd=terms.cost_usd,
        cancel_after_seconds=settings.video_cancel_after_seconds,
        units=terms.duration_seconds,
        seed=work.seed,
        content_key=key,
    )


def store_clip(turn: Turn, work: ClipWork, predicted: Predicted, tools: Tools) -> StoredClip:
    """Copy the provider's file, which it deletes after an hour, and announce it as a clip document."""
    place = work.place
    filename = build_clip_filename(place.scene_number, place.scene_number, place.text, place.style)
    if predicted.reused_from:
        clip = _stored_again(turn, work, filename, predicted, tools)
    else:
        clip = _stored(turn, work, filename, predicted, tools)
    try:
        _announce(turn, work, filename, clip, tools)
    except NotFound:  # its video was deleted meanwhile: nobody would find these files, or delete them
        tools.storage.delete_objects([clip.video_key, clip.thumbnail_key])
        raise
    remember(turn, predicted, clip, "video_key", clip.size_bytes, tools)
    return clip


def _stored_again(turn: Turn, work: ClipWork, filename: str, predicted: Predicted, tools: Tools) -> StoredClip:
    """What an earlier job has stored, as a clip of this video."""
    earlier, video_id = recalled(StoredClip, predicted), work.place.video_id
    video = copied(earlier.video_key, clip_key(turn.user_id, video_id, filename), tools, earlier.size_bytes)
    thumbnail = copied(earlier.thumbnail_key, clip_thumbnail_key(turn.user_id, video_id, filename), tools)
    return replace(
        earlier,
        video_url=video.url,
        video_key=video.key,
        thumbnail_url=thumbnail.url,
        thumbnail_key=thumbnail.key,
        video_id=video_id,
        clip_id=filename.removesuffix(".mp4"),
        prompt=earlier.prompt if work.keeps_prompt else None,
        reused_from=predicted.reused_from,
    )


def _stored(turn: Turn, work: ClipWork, filename: str, predicted: Predicted, tools: Tools) -> StoredClip:
    place = work.place
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
    return StoredClip(
        video_url=stored.url,
        video_key=stored.key,
        thumbnail_url=stored_thumbnail.url,
        thumbnail_key=stored_thumbnail.key,
        video_id=place.video_id,
        clip_id=filename.removesuffix(".mp4"),
        duration=probe.duration_seconds,
        width=probe.video.width,
        height=probe.video.height,
        size_bytes=stored.size_bytes,
        placeholder=placeholder,
        model=predicted.model,
        seed=predicted.seed,
        prompt=predicted.prompt or None,
        prompt_sha256=predicted.prompt_sha256 or None,
        prompt_source=predicted.prompt_source or None,
    )


def _prepared(turn: Turn, clip: Path, probe: MediaProbe) -> tuple[Path, MediaProbe]:
    """The clip as compositions copy it. It is paid for: what cannot be prepared is stored as it was delivered."""
    target = clip.with_name("prepared.mp4")
    try:
        seconds = turn.seconds_left - SECONDS_TO_STORE
        made = prepare_clip(clip, target, probe, deadline_seconds=seconds, should_stop=turn.check)
    except (DeadlineExceeded, MediaError, OutOfSpace, SourceError) as error:
        logger.warn(f"[{turn.ref.kind.label}] A clip is stored as delivered: {error}")
        target.unlink(missing_ok=True)
        turn.check()
        return clip, probe
    clip.unlink()
    return target, made


def _announce(turn: Turn, work: ClipWork, filename: str, clip: StoredClip, tools: Tools) -> None:
    place = work.place
    # first: of a video that is gone no clip is written
    tools.videos(turn.user_id).add_style(place.video_id, place.style)
    clips = tools.clips(turn.user_id, place.video_id)
    clips.create_clip(
        clip_id=clip.clip_id,
        filename=filename,
        scene_id=place.scene_number,
        scene_title=work.words.title,
        scene_description=work.words.description,
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
