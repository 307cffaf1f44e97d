"""The clips of one video, `users/{uid}/videos/{video_id}/clips/{clip_id}`. Names and arguments are those of the
integration guide.

Every method is safe to repeat, and a second create resets nothing.
"""

from datetime import UTC, datetime
from functools import reduce
from typing import Any, cast

from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from pipeline.domain.clips import ClipDocument, check_document_id, check_status
from pipeline.domain.errors import NotFound
from pipeline.domain.object_keys import clip_key, clip_thumbnail_key

BYTES_PER_MB = 1024 * 1024


class ClipRepository:
    """The clips of one user's video: no method can reach another user's."""

    def __init__(self, user_id: str, video_id: str, *, client: firestore.Client | None = None) -> None:
        self.user_id = check_document_id("user_id", user_id)
        self.video_id = check_document_id("video_id", video_id)
        self._client = client or firestore.Client()

    def create_clip(
        self,
        clip_id: str,
        filename: str,
        scene_id: int,
        scene_title: str,
        style: str,
        start_time: str,
        end_time: str,
        duration_seconds: float,
        priority: int = 99,
        scene_description: str | None = None,
        file_size_bytes: int = 0,
        has_thumbnail: bool = False,
        created_by: str | None = None,
    ) -> ClipDocument:
        """Create the clip as `processing`, or describe it anew.

        A clip that exists keeps `created_at`, `created_by`, its status, and the size and thumbnail it has.
        """
        changes: dict[str, Any] = {
            "filename": filename,
            "scene_id": scene_id,
            "scene_title": scene_title,
            "scene_description": scene_description,
            "style": style,
            "priority": priority,
            "start_time": start_time,
            "end_time": end_time,
            "duration_seconds": duration_seconds,
            "r2_key": clip_key(self.user_id, self.video_id, filename),
        }
        files = self._files(filename, file_size_bytes or None, has_thumbnail or None)
        document = self._document(clip_id)

        def run(transaction: firestore.Transaction) -> dict[str, Any]:
            found = document.get(transaction=transaction).to_dict()
            if found is not None:
                transaction.update(document, {**changes, **files})
                return {**found, **changes, **files}
            new = {**self._new(clip_id, created_by), **changes, **files}
            transaction.set(document, new)
            return new

        fields = firestore.transactional(run)(self._client.transaction())
        return cast(ClipDocument, fields)

    def update_clip_status(
        self,
        clip_id: str,
        status: str,
        file_size_bytes: int | None = None,
        has_thumbnail: bool | None = None,
    ) -> None:
        """Set the status, and what is known of the files. Raises NotFound."""
        clip = self.get_clip(clip_id)
        if clip is None:
            raise NotFound(f"There is no clip '{clip_id}' in video '{self.video_id}'.")
        changes = {"status": check_status(status), **self._files(clip["filename"], file_size_bytes, has_thumbnail)}
        if status == "completed":
            changes["completed_at"] = datetime.now(UTC)
        self._document(clip_id).update(changes)

    def get_clip(self, clip_id: str) -> ClipDocument | None:
        """The clip, or None when there is none."""
        return cast("ClipDocument | None", self._document(clip_id).get().to_dict())

    def list_clips(
        self,
        status: str | None = None,
        style: str | None = None,
        scene_id: int | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> list[ClipDocument]:
        """The clips by priority. `page_token` is the clip_id after which the page begins."""
        query = self._filtered(status, style, scene_id).order_by("priority").order_by("clip_id")
        if page_token is not None:
            query = query.start_after(self._document(page_token).get())
        if page_size is not None:
            query = query.limit(page_size)
        return [cast(ClipDocument, snapshot.to_dict()) for snapshot in query.stream()]

    def count(self, status: str | None = None, style: str | None = None, scene_id: int | None = None) -> int:
        """How many clips there are, without reading them."""
        counting: Any = self._filtered(status, style, scene_id).count()  # the SDK types it as the class itself
        return int(counting.get()[0][0].value)

    def delete_clip(self, clip_id: str) -> None:
        """Delete the clip's document. Its files are not touched. Safe to repeat."""
        self._document(clip_id).delete()

    def _new(self, clip_id: str, created_by: str | None) -> dict[str, Any]:
        return {
            "clip_id": clip_id,
            "video_id": self.video_id,
            "user_id": self.user_id,
            "file_size_bytes": 0,
            "file_size_mb": 0.0,
            "has_thumbnail": False,
            "thumbnail_r2_key": None,
            "status": "processing",
            "created_at": datetime.now(UTC),
            "completed_at": None,
            "created_by": created_by,
        }

    def _files(self, filename: str, size_bytes: int | None, has_thumbnail: bool | None) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        if size_bytes is not None:
            fields |= {"file_size_bytes": size_bytes, "file_size_mb": round(size_bytes / BYTES_PER_MB, 2)}
        if has_thumbnail is not None:
            key = clip_thumbnail_key(self.user_id, self.video_id, filename) if has_thumbnail else None
            fields |= {"has_thumbnail": has_thumbnail, "thumbnail_r2_key": key}
        return fields

    def _filtered(self, status: str | None, style: str | None, scene_id: int | None) -> firestore.Query:
        wanted = {"status": status and check_status(status), "style": style, "scene_id": scene_id}
        filters = [FieldFilter(name, "==", value) for name, value in wanted.items() if value is not None]
        return reduce(lambda query, one: query.where(filter=one), filters, firestore.Query(self._collection()))

    def _collection(self) -> firestore.CollectionReference:
        return self._client.collection("users", self.user_id, "videos", self.video_id, "clips")

    def _document(self, clip_id: str) -> firestore.DocumentReference:
        return self._collection().document(check_document_id("clip_id", clip_id))
