"""What each kind of job hands over: the fields in which its document holds what it made.

A dataclass in these types stands for its fields, as `asdict` writes them.
"""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict

from pipeline.domain.job_fields import JobErrorFields
from pipeline.domain.jobs import Job, JobKind
from pipeline.domain.media_warnings import MediaWarning
from pipeline.domain.model_inputs import Adjustment

PromptSource = Literal["openai", "template"]
"""Who wrote the words: a language model, or nobody."""

CompositeMethod = Literal["kontext", "pil"]
"""How a product came into a picture: a model blended it in, or it was laid upon it."""


class StoredFile(TypedDict):
    """A picture or a video in storage, and its thumbnail."""

    file_size_bytes: int
    width: int  # pixels
    height: int
    thumbnail_url: str  # at most 480 pixels long: WebP of pictures, JPEG of videos
    thumbnail_key: str
    placeholder: str | None  # a BlurHash (https://blurha.sh); null: made by an earlier version


class ImageResult(StoredFile):
    """One picture."""

    image_url: str
    image_key: str
    media_type: str | None  # image/png; null: made by an earlier version
    composite_method: CompositeMethod | None  # null: there is no product in it
    composite_model: str | None  # the model that blended the product in; null: none did
    composite_cutout: bool | None  # whether the product was cut out of a plain background; null: there is none
    prompt: str  # as it was sent
    prompt_sha256: str  # of its UTF-8 text, in hex
    prompt_source: PromptSource
    model: str
    seed: int  # makes the same again, with the same model and prompt
    reused_from: str | None  # the job that made it before; null: it was made now
    adjustments: NotRequired[list[Adjustment]]  # what was used in place of what was asked for


class StoredVideo(StoredFile):
    """A video in storage."""

    video_url: str
    video_key: str
    video_id: str  # of the video's document, users/{uid}/videos/{video_id}
    duration: float  # seconds


class ClipResult(StoredVideo):
    """One clip. null: made by an earlier version, where nothing else is said."""

    clip_id: str  # of the clip's document, users/{uid}/videos/{video_id}/clips/{clip_id}
    prompt: str | None  # as it was sent; null in a job of many scenes
    prompt_sha256: str | None  # of its UTF-8 text, in hex
    prompt_source: PromptSource | None
    model: str | None
    seed: int | None  # makes the same again, with the same model, picture and prompt
    reused_from: str | None  # the job that made it before; null: it was made now


class VideoResult(ClipResult):
    """One clip, made of a scene's picture."""

    adjustments: NotRequired[list[Adjustment]]  # what was used in place of what was asked for


class SceneClip(ClipResult):
    """The clip of one of many scenes."""

    scene_number: int


class SceneError(JobErrorFields):
    """Why one of many scenes has no clip."""

    scene_number: int


class MultiVideoResult(TypedDict):
    """The clips of many scenes. They grow while the job runs, and stay when it fails."""

    clips: list[SceneClip]  # in the order of the scenes, as a composition takes them
    scene_errors: list[SceneError]
    adjustments: NotRequired[list[Adjustment]]  # `field` begins with the scene's place in the list: scenes.0.duration


class CompositionResult(StoredVideo):
    """The final video."""

    poster_url: str  # a picture of it in its full size, JPEG
    poster_key: str
    warnings: list[MediaWarning]  # stretches that are black, frozen or silent


RESULTS: Mapping[JobKind, type[Any]] = {
    JobKind.IMAGE: ImageResult,
    JobKind.VIDEO: VideoResult,
    JobKind.MULTI_VIDEO: MultiVideoResult,
    JobKind.COMPOSITION: CompositionResult,
}

RESULT_FIELDS: Mapping[JobKind, tuple[str, ...]] = {
    kind: tuple(result.__annotations__) for kind, result in RESULTS.items()
}


def results_of(job: Job) -> dict[str, Any]:
    """What the job has handed over so far."""
    return {name: job.fields[name] for name in RESULT_FIELDS[job.ref.kind] if name in job.fields}
