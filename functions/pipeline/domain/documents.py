"""The documents that users own and jobs read, and what a user has used. Clips and videos: `domain.clips`.

What a user may write stands in a class of its own, without what functions add to it. The rules of Firestore check the
same limits.
"""

from datetime import datetime
from typing import Annotated, Literal, NotRequired, TypedDict

from pydantic import Field

from pipeline.domain.requests import DocumentId, Url
from pipeline.domain.results import PromptSource

GenerationState = Literal["pending", "generating", "complete", "error"]
"""How far the picture or the clip of a scene is."""

SceneState = Literal["text", "image", "video"]
"""The furthest that a scene has come to."""


class StoryboardFields(TypedDict):
    """What a user writes of a storyboard."""

    user_id: str
    title: NotRequired[Annotated[str, Field(max_length=200)]]
    style: NotRequired[Annotated[str, Field(max_length=200)]]
    aspect_ratio: NotRequired[Annotated[str, Field(min_length=1, max_length=20)] | None]  # of all its pictures: 9:16
    scene_order: NotRequired[Annotated[list[str], Field(max_length=200)]]  # the ids of its scenes
    total_duration: NotRequired[Annotated[float, Field(ge=0)]]  # seconds
    created_at: NotRequired[datetime]
    updated_at: NotRequired[datetime]


class Look(TypedDict):
    """What all pictures of a storyboard have in common, as a language model wrote it."""

    text: str
    of: str  # tells what it was written for; it is written anew when that changes
    written_at: datetime


class StoryboardDocument(StoryboardFields):
    """`storyboards/{storyboard_id}`."""

    look: NotRequired[Look]


class SceneFields(TypedDict):
    """What a user writes of a scene."""

    user_id: str
    storyboard_id: NotRequired[DocumentId | None]
    text: NotRequired[Annotated[str, Field(max_length=4000)]]
    style_prompt: NotRequired[Annotated[str, Field(max_length=1000)]]
    video_duration: NotRequired[Annotated[float, Field(gt=0, le=60)]]  # seconds
    use_product_composite: NotRequired[bool]
    product_id: NotRequired[DocumentId | None]
    created_at: NotRequired[datetime]
    updated_at: NotRequired[datetime]


class GenerationStatus(TypedDict, total=False):
    """How far the media of a scene are. Missing: nothing was begun."""

    image: GenerationState
    video: GenerationState


class ScenePrompts(TypedDict):
    """The words that a language model wrote for a scene."""

    image_prompt: str
    motion: str  # what moves, without the camera
    camera: str  # how the camera moves
    title: str
    description: str
    source: PromptSource
    of: str  # tells what they were written for; they are written anew when that changes
    written_at: datetime


class SceneDocument(SceneFields):
    """`scenes/{scene_id}`."""

    state: NotRequired[SceneState]
    generation_status: NotRequired[GenerationStatus]
    image_url: NotRequired[str | None]
    video_url: NotRequired[str | None]
    error_message: NotRequired[str | None]  # of the job that failed last; null: none has since
    prompts: NotRequired[ScenePrompts]


class ProductFields(TypedDict):
    """What a user writes of a product."""

    user_id: str
    name: NotRequired[Annotated[str, Field(max_length=200)]]
    image_url: Url  # of a JPEG, PNG or WebP
    created_at: NotRequired[datetime]
    updated_at: NotRequired[datetime]


class ProductDocument(ProductFields):
    """`products/{product_id}`."""


class UsageDayDocument(TypedDict):
    """`users/{uid}/usage/{day}`: what a user has used in one day (UTC). Money in millionths of a US dollar."""

    day: str  # 2026-11-21
    jobs: int  # how many were begun
    spent_microusd: int
    reserved_microusd: int  # what running jobs may still cost
    expire_at: datetime  # when the document will be deleted


class ActiveJobsDocument(TypedDict):
    """`users/{uid}/usage/active`: what a user has running."""

    job_paths: list[str]  # image_generation_jobs/{job_id}
