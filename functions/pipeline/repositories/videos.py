"""A user's videos, `users/{uid}/videos/{video_id}`. Names and arguments are those of the integration guide.

Every method is safe to repeat, and a second create resets nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from pipeline.domain.clips import VideoDocument, check_document_id, check_status
from pipeline.domain.errors import NotFound
from pipeline.domain.object_keys import highlights_key

STATUS_TIMES = {"completed": "completed_at", "failed": "failed_at"}


class VideoRepository:
    """The videos of one user: no method can reach another user's."""

    def __init__(self, user_id: str, *, client: firestore.Client | None = None) -> None:
        self.user_id = check_document_id("user_id", user_id)
        self._client = client or firestore.Client()

    def create_or_update_video(
        self,
        video_id: str,
        video_url: str | None = None,
        video_title: str | None = None,
        youtube_id: str | None = None,
        status: str = "processing",
        custom_prompt: str | None = None,
        styles_processed: Sequence[str] | None = None,
        crop_mode: str | None = None,
        target_aspect: str | None = None,
        highlights_count: int | None = None,
        highlights_summary: Mapping[str, Any] | None = None,
        created_by: str | None = None,
    ) -> VideoDocument:
        """Create the video, or change what is given.

        `created_at`, `created_by` and the counts are never reset. A completed video stays completed when its run is
        repeated: only `update_video_status` takes it back.
        """
        given = {
            "video_url": video_url,
            "video_title": video_title,
            "youtube_id": youtube_id,
            "custom_prompt": custom_prompt,
            "styles_processed": list(styles_processed) if styles_processed is not None else None,
            "crop_mode": crop_mode,
            "target_aspect": target_aspect,
            "highlights_count": highlights_count,
            "highlights_summary": dict(highlights_summary) if highlights_summary is not None else None,
        }
        now = datetime.now(UTC)
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        changes |= {"status": check_status(status), "updated_at": now}
        document = self._document(video_id)

        def run(transaction: firestore.Transaction) -> dict[str, Any]:
            found = document.get(transaction=transaction).to_dict()
            if found is not None:
                kept = {"status": found["status"]} if found.get("status") == "completed" else {}
                transaction.update(document, {**changes, **kept})
                return {**found, **changes, **kept}
            new = {**self._new(video_id, now), **given, **changes, "created_by": created_by}
            transaction.set(document, new)
            return new

        fields = firestore.transactional(run)(self._client.transaction())
        return cast(VideoDocument, fields)

    def update_video_status(self, video_id: str, status: str, video_url: str | None = None) -> None:
        """Set the status and its time, and the final video's URL if given. Raises NotFound."""
        now = datetime.now(UTC)
        changes: dict[str, Any] = {"status": check_status(status), "updated_at": now}
        if status in STATUS_TIMES:
            changes[STATUS_TIMES[status]] = now
        if video_url is not None:
            changes["video_url"] = video_url
        self._existing(video_id)
        self._document(video_id).update(changes)

    def get_video(self, video_id: str) -> VideoDocument | None:
        """The video, or None when there is none."""
        return cast("VideoDocument | None", self._document(video_id).get().to_dict())

    def list_videos(
        self, status: str | None = None, page_size: int = 50, page_token: str | None = None
    ) -> list[VideoDocument]:
        """The newest videos first. `page_token` is the video_id after which the page begins."""
        query: firestore.Query = self._collection().order_by("created_at", direction="DESCENDING")
        if status is not None:
            query = query.where(filter=FieldFilter("status", "==", check_status(status)))
        if page_token is not None:
            query = query.start_after(self._document(page_token).get())
        return [cast(VideoDocument, snapshot.to_dict()) for snapshot in query.limit(page_size).stream()]

    def update_clip_statistics(self, video_id: str) -> None:
        """Count the completed clips, by style too, and add up their sizes, by aggregation: no clip is read.

        Raises NotFound.
        """
        video = self._existing(video_id)
        clips = self._document(video_id).collection("clips")
        completed = clips.where(filter=FieldFilter("status", "==", "completed"))
        totals = completed.count(alias="clips").sum("file_size_bytes", alias="bytes").get()[0]
        values = {result.alias: result.value for result in totals}
        styles = sorted({*(video.get("styles_processed") or []), *(video.get("clips_by_style") or {})})
        by_style = {
            style: int(completed.where(filter=FieldFilter("style", "==", style)).count().get()[0][0].value)
            for style in styles
        }
        self._document(video_id).update(
            {
                "clips_count": int(values["clips"]),
                "total_size_bytes": int(values["bytes"]),
                "clips_by_style": {style: count for style, count in by_style.items() if count},
                "updated_at": datetime.now(UTC),
            }
        )

    def add_style(self, video_id: str, style: str) -> None:
        """Remember that the video has clips of a style. Safe to repeat."""
        self._document(video_id).update({"styles_processed": firestore.ArrayUnion([style])})

    def delete_video(self, video_id: str) -> None:
        """Delete the video and its clip documents. Files are not touched. Safe to repeat after an interruption."""
        self._client.recursive_delete(self._document(video_id))

    def _new(self, video_id: str, now: datetime) -> dict[str, Any]:
        return {
            "video_id": video_id,
            "user_id": self.user_id,
            "styles_processed": [],
            "highlights_count": 0,
            "highlights_summary": {},
            "highlights_json_key": highlights_key(self.user_id, video_id),
            "clips_count": 0,
            "clips_by_style": {},
            "total_size_bytes": 0,
            "created_at": now,
            "completed_at": None,
            "failed_at": None,
        }

    def _existing(self, video_id: str) -> VideoDocument:
        video = self.get_video(video_id)
        if video is None:
            raise NotFound(f"There is no video '{video_id}'.")
        return video

    def _collection(self) -> firestore.CollectionReference:
        return self._client.collection("users", self.user_id, "videos")

    def _document(self, video_id: str) -> firestore.DocumentReference:
        return self._collection().document(check_document_id("video_id", video_id))
