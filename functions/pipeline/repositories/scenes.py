"""Scenes, storyboards and products: documents that users own and jobs read. Ownership is checked at every read.

The admin SDK bypasses the security rules, so a job that names another user's document must be refused here.
"""

from collections.abc import Mapping
from typing import Any

from google.cloud import firestore

from pipeline.domain.clips import check_document_id
from pipeline.domain.errors import NotFound, PermissionDenied
from pipeline.domain.outcomes import DocumentUpdate


class SceneRepository:
    """Reads what a user's job names; builds the updates that its job will write."""

    def __init__(self, client: firestore.Client) -> None:
        self._client = client

    def scene(self, user_id: str, scene_id: str) -> Mapping[str, Any]:
        """The user's scene. Raises NotFound, PermissionDenied, or InvalidRequest for what is no id."""
        return self._owned("scene", scene_id, user_id)

    def storyboard(self, user_id: str, storyboard_id: str) -> Mapping[str, Any]:
        """The user's storyboard. Raises NotFound, PermissionDenied, or InvalidRequest for what is no id."""
        return self._owned("storyboard", storyboard_id, user_id)

    def product(self, user_id: str, product_id: str) -> Mapping[str, Any]:
        """The user's product. Raises NotFound, PermissionDenied, or InvalidRequest for what is no id."""
        return self._owned("product", product_id, user_id)

    def _owned(self, noun: str, document_id: str, user_id: str) -> Mapping[str, Any]:
        check_document_id(f"{noun}_id", document_id)
        fields = self._client.collection(f"{noun}s").document(document_id).get().to_dict()
        if fields is None:
            raise NotFound(f"There is no {noun} '{document_id}'.")
        if fields.get("user_id") != user_id:
            raise PermissionDenied(f"The {noun} '{document_id}' belongs to somebody else.")
        return fields


def scene_generating(scene_id: str, medium: str) -> DocumentUpdate:
    """The scene shows that its image or video (`medium`) is being made."""
    return DocumentUpdate(f"scenes/{scene_id}", {f"generation_status.{medium}": "generating", "error_message": None})


def scene_ready(scene_id: str, medium: str, url: str) -> DocumentUpdate:
    """The scene shows its new image or video."""
    return DocumentUpdate(
        f"scenes/{scene_id}",
        {
            f"{medium}_url": url,
            "state": medium,
            f"generation_status.{medium}": "complete",
            "error_message": None,
        },
    )


def scene_failed(scene_id: str, medium: str, message: str) -> DocumentUpdate:
    """The scene shows why it has no image or video."""
    return DocumentUpdate(f"scenes/{scene_id}", {f"generation_status.{medium}": "error", "error_message": message})


def scene_reset(scene_id: str, medium: str) -> DocumentUpdate:
    """The scene is no longer being worked on: its job was canceled."""
    return DocumentUpdate(f"scenes/{scene_id}", {f"generation_status.{medium}": "pending"})
