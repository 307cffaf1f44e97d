"""What a client asks for: one frozen model per kind of job, parsed from the document that was claimed.

Field names are those of the documents. `parse_request` is the only way in; what is wrong is named by its field.
Unknown fields are ignored: the document also holds what the functions own.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import PydanticCustomError

from pipeline.domain.errors import InvalidRequest
from pipeline.domain.jobs import JobKind
from pipeline.domain.transitions import Transition


def _not_reserved(value: str) -> str:
    """Firestore keeps `.`, `..` and `__x__` for itself."""
    if value in (".", "..") or (value.startswith("__") and value.endswith("__")):
        raise PydanticCustomError("document_id", "a document id may not be '.', '..' or '__x__'")
    return value


def _has_area(value: str) -> str:
    """Of a ratio, neither side may be nothing."""
    if not all(float(side) > 0 for side in value.split(":")):
        raise PydanticCustomError("aspect_ratio", "both sides of an aspect ratio must be above 0")
    return value


MAX_SEED = 2**31 - 1

DocumentId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=r"^[^/\\\x00-\x1f]+$"),
    AfterValidator(_not_reserved),
]
"""Up to 200 characters, no slash."""
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
StyleText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)]
Url = Annotated[str, StringConstraints(min_length=8, max_length=2048, pattern=r"^https?://[^\s]+$")]
"""http or https, up to 2048 characters."""
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
ClipSeconds = Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)]
AspectRatio = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{1,4}([.][0-9]{1,3})?:[0-9]{1,4}([.][0-9]{1,3})?$"),
    AfterValidator(_has_area),
]
"""`9:16`, `1920:1080`, `2.39:1`: width to height."""
Resolution = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{2,3}p$")]
"""`720p`: the lines of the shorter edge."""

Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]

MAX_SCENES = 50
MAX_CLIPS = 200


class JobRequest(BaseModel):
    """What all kinds have in common."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    user_id: DocumentId
    request_id: DocumentId | None = None  # a second job with the same one gets the first one's result
    retry_of: DocumentId | None = None  # the job whose finished steps are to be used again
    force: bool = False  # made anew, although the same was made before
    dry_run: bool = False  # only checked and estimated


@dataclass(frozen=True)
class ClipWish:
    """What a client asks of a clip beside its words and its picture. `duration` in seconds."""

    duration: float
    resolution: str | None  # None: that of the deployment
    camera_fixed: bool


class ImageRequest(JobRequest):
    """One picture for one scene. The `composite_` fields say how the product stands in it, as parts of the picture:
    `composite_x` and `composite_y` are the middle of its foot, from the left and from the top."""

    scene_id: DocumentId
    storyboard_id: DocumentId | None = None
    text: Text
    style_prompt: StyleText = ""
    aspect_ratio: AspectRatio | None = None  # None: upright
    seed: Seed | None = None
    use_product_composite: bool = False
    product_id: DocumentId | None = None
    composite_scale: Annotated[Fraction, Field(ge=0.05)] = 0.4
    composite_x: Fraction = 0.5
    composite_y: Fraction = 0.85
    composite_shadow: bool = True
    composite_match: bool = True  # the product's light and colours are brought nearer to the scene's


class VideoRequest(JobRequest):
    """One clip that sets a scene's picture in motion. `duration` in seconds."""

    scene_id: DocumentId
    storyboard_id: DocumentId | None = None
    image_url: Url
    text: Text
    duration: ClipSeconds = 5.0
    resolution: Resolution | None = None
    camera_fixed: bool = False
    seed: Seed | None = None

    @property
    def wish(self) -> ClipWish:
        return ClipWish(self.duration, self.resolution, self.camera_fixed)


class SceneRequest(BaseModel):
    """One scene of a multi-video job. `duration` in seconds."""

    model_config = JobRequest.model_config

    scene_number: int = Field(ge=1, le=9999)
    scene_id: DocumentId | None = None  # the scene document that shows the result, if there is one
    seed_image_url: Url
    duration: ClipSeconds = 5.0
    description: Text
    camera_fixed: bool | None = None  # None: as the job says


class MultiVideoRequest(JobRequest):
    """Clips for many scenes. `audio_url` is kept for the composition that follows."""

    storyboard_id: DocumentId | None = None
    scenes: tuple[SceneRequest, ...] = Field(min_length=1, max_length=MAX_SCENES)
    audio_url: Url | None = None
    resolution: Resolution | None = None
    camera_fixed: bool = False
    seed: Seed | None = None  # of the first scene; the next have the numbers that follow

    @property
    def wishes(self) -> tuple[ClipWish, ...]:
        """One for each of the scenes, in their order."""
        return tuple(self.wish(scene) for scene in self.scenes)

    def seed_of(self, scene: SceneRequest) -> int | None:
        """The client's seed for one of the scenes, by its place in the list: no two have the same."""
        return None if self.seed is None else (self.seed + self.scenes.index(scene)) & MAX_SEED

    def wish(self, scene: SceneRequest) -> ClipWish:
        camera_fixed = self.camera_fixed if scene.camera_fixed is None else scene.camera_fixed
        return ClipWish(scene.duration, self.resolution, camera_fixed)


class ClipRequest(BaseModel):
    """One clip of a composition. `duration` in seconds is what the client believes; the file is probed."""

    model_config = JobRequest.model_config

    scene_number: int = Field(ge=1, le=9999)
    video_url: Url
    duration: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] | None = None


class CompositionRequest(JobRequest):
    """One video out of many clips, in the order of the list."""

    storyboard_id: DocumentId | None = None
    title: Annotated[str, StringConstraints(max_length=200)] = ""
    clips: tuple[ClipRequest, ...] = Field(min_length=1, max_length=MAX_CLIPS)
    audio_url: Url | None = None
    include_crossfade: bool = True
    optimize_size: bool = False
    crossfade_seconds: Annotated[float, Field(gt=0, le=5, allow_inf_nan=False)] = 0.5
    transition: Transition = "fade"


Request = TypeVar("Request", bound=JobRequest)


def parse_request(model: type[Request], fields: Mapping[str, Any]) -> Request:
    """The request of a job document.

    Raises InvalidRequest with the name of the first field that is wrong and what it should be.
    """
    try:
        # Firestore has one list type and may hand back whole numbers for floats; both are what the client meant.
        request = model.model_validate({name: _as_tuple(value) for name, value in fields.items()})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "document"
        raise InvalidRequest(f"Field '{where}' is not valid: {first['msg']}.") from error
    _refuse_contradictions(request)
    return request


REQUEST_MODELS: Mapping[JobKind, type[JobRequest]] = {
    JobKind.IMAGE: ImageRequest,
    JobKind.VIDEO: VideoRequest,
    JobKind.MULTI_VIDEO: MultiVideoRequest,
    JobKind.COMPOSITION: CompositionRequest,
}


def request_key(kind: JobKind, user_id: str, request_id: str) -> str:
    """The id of the document that remembers a user's `request_id`: one for each user and kind of job."""
    return hashlib.sha256(f"{kind}\n{user_id}\n{request_id}".encode()).hexdigest()


_LATER_FIELDS = {"force": False, "dry_run": False, "seed": None}
"""Where one is not used, a request is the same as before there were such fields."""


def fingerprint(request: JobRequest) -> str:
    """Tells whether two jobs ask for the same."""
    unused = {name for name, nothing in _LATER_FIELDS.items() if getattr(request, name, nothing) is nothing}
    return hashlib.sha256(request.model_dump_json(exclude={"request_id", *unused}).encode()).hexdigest()


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _refuse_contradictions(request: JobRequest) -> None:
    if isinstance(request, MultiVideoRequest):
        numbers = [scene.scene_number for scene in request.scenes]
        if len(set(numbers)) != len(numbers):
            raise InvalidRequest("Field 'scenes' is not valid: every scene_number may occur only once.")
    if isinstance(request, ImageRequest) and request.use_product_composite and request.product_id is None:
        raise InvalidRequest("Field 'product_id' is needed when use_product_composite is true.")
