"""The documents that a job names: read, and its user's own. Before any money is spent, and the same for a dry run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.domain.requests import CompositionRequest, ImageRequest, JobRequest, MultiVideoRequest, VideoRequest
from pipeline.handlers.tools import Desk

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class NamedDocuments:
    """The fields of what a job names; nothing where it names nothing."""

    scenes: Mapping[str, Fields] = field(default_factory=dict)  # by their ids, in the order of the job
    storyboard: Fields = field(default_factory=dict)
    product: Fields = field(default_factory=dict)


def read_named_documents(request: JobRequest, desk: Desk) -> NamedDocuments:
    """All that a job names. A scene that it names twice is read once; a product counts only where it is to be used.

    Raises NotFound, PermissionDenied for what is another user's, InvalidRequest for what is no id.
    """
    scenes = {scene_id: desk.scenes.scene(request.user_id, scene_id) for scene_id in dict.fromkeys(_scene_ids(request))}
    storyboard_id, product_id = _storyboard_id(request), _product_id(request)
    return NamedDocuments(
        scenes,
        desk.scenes.storyboard(request.user_id, storyboard_id) if storyboard_id is not None else {},
        desk.scenes.product(request.user_id, product_id) if product_id is not None else {},
    )


def _scene_ids(request: JobRequest) -> Iterable[str]:
    match request:
        case ImageRequest() | VideoRequest():
            return [request.scene_id]
        case MultiVideoRequest():
            return [scene.scene_id for scene in request.scenes if scene.scene_id is not None]
    return []


def _storyboard_id(request: JobRequest) -> str | None:
    match request:
        case ImageRequest() | VideoRequest() | MultiVideoRequest() | CompositionRequest():
            return request.storyboard_id
    return None


def _product_id(request: JobRequest) -> str | None:
    return request.product_id if isinstance(request, ImageRequest) and request.use_product_composite else None
