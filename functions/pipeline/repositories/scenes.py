"""Scenes, storyboards and products: documents that users own and jobs read. Ownership is checked at every read.

Two fields are ours: `prompts` of a scene, the words that were written for it, and `look` of a storyboard.

The admin SDK bypasses the security rules, so a job that names another user's document must be refused here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from google.cloud import firestore

from pipeline.domain.clips import can_be_document_id, check_document_id
from pipeline.domain.errors import NotFound, PermissionDenied
from pipeline.domain.outcomes import DocumentUpdate
from pipeline.domain.scene_words import SceneWords
from pipeline.repositories.documents import READ, Fields, change_document


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

    def texts(self, user_id: str, scene_ids: Sequence[str]) -> tuple[str, ...]:
        """What the user's scenes say, in that order; those that are gone or somebody else's are left out."""
        named = [scene_id for scene_id in scene_ids if can_be_document_id(scene_id)]  # users write that list
        documents = [self._client.collection("scenes").document(scene_id) for scene_id in dict.fromkeys(named)]
        snapshots = self._client.get_all(documents, **READ) if documents else ()
        found = {snapshot.id: snapshot.to_dict() or {} for snapshot in snapshots}
        scenes = [found.get(scene_id, {}) for scene_id in named]
        return tuple(str(scene.get("text") or "") for scene in scenes if scene.get("user_id") == user_id)

    def keep_look(self, storyboard_id: str, look: str, of: str, now: datetime) -> str:
        """Give a storyboard its look. Returns the one that counts: of several written at once for the same, the first.

        `of` is the fingerprint of what it was written for. A storyboard that is gone is left alone.
        """

        def decide(found: Fields | None) -> Fields:
            if found is None:
                raise NotFound(f"There is no storyboard '{storyboard_id}'.")
            return {} if kept_look(found, of) else {"look": {"text": look, "of": of, "written_at": now}}

        document = self._client.collection("storyboards").document(storyboard_id)
        return kept_look(change_document(self._client, document, decide), of) or look

    def _owned(self, noun: str, document_id: str, user_id: str) -> Mapping[str, Any]:
        check_document_id(f"{noun}_id", document_id)
        found = self._client.collection(f"{noun}s").document(document_id).get().to_dict()
        if found is None:
            raise NotFound(f"There is no {noun} '{document_id}'.")
        if found.get("user_id") != user_id:
            raise PermissionDenied(f"The {noun} '{document_id}' belongs to somebody else.")
        return found


def scene_order(storyboard: Mapping[str, Any]) -> list[str]:
    """The ids of a storyboard's scenes; what is none is left out. Users write that list, or something else."""
    found = storyboard.get("scene_order")
    return [entry for entry in found if isinstance(entry, str) and entry] if isinstance(found, list) else []


def kept_look(storyboard: Mapping[str, Any], of: str) -> str | None:
    """The look of a storyboard, if it was written for what it is now."""
    return _written(storyboard, "look", of).get("text")


def kept_words(scene: Mapping[str, Any], of: str) -> SceneWords | None:
    """The words that were written for a scene, if it is still the same."""
    written = _written(scene, "prompts", of)
    names = [field.name for field in fields(SceneWords)]
    texts = {name: written[name] for name in names if isinstance(written.get(name), str) and written[name]}
    return SceneWords(**texts) if len(texts) == len(names) else None


def scene_worded(scene_id: str, words: SceneWords, of: str, now: datetime) -> DocumentUpdate:
    """The scene keeps the words that were written for it."""
    return DocumentUpdate(f"scenes/{scene_id}", {"prompts": {**asdict(words), "of": of, "written_at": now}})


def _written(document: Mapping[str, Any], name: str, of: str) -> Mapping[str, Any]:
    written = document.get(name)
    return written if isinstance(written, dict) and written.get("of") == of else {}


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
