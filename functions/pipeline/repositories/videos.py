"""A user's videos, `users/{uid}/videos/{video_id}`. Names and arguments are those of the integration guide.

Every method is safe to repeat and to run beside itself.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, cast

from google.api_core.exceptions import NotFound as MissingDocument
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from pipeline.domain.clips import (
    VideoDocument,
    check_amount,
    check_document_id,
    check_status,
    check_style,
    is_being_made,
    status_after_create,
)
from pipeline.domain.errors import InvalidRequest, NotFound, StillProcessing
from pipeline.domain.imports import checked_video, merged_video
from pipeline.domain.object_keys import highlights_key
from pipeline.domain.pages import Page, decode_page_token, encode_page_token
from pipeline.repositories.clip_statistics import count_completed
from pipeline.repositories.clips import ClipRepository
from pipeline.repositories.documents import (
    READ,
    Fields,
    as_datetime,
    change_document,
    changed,
    commit_optimistically,
    default_client,
    fetch_page,
    unchanged_since,
)


class VideoRepository:
    """The videos of one user: no method can reach another user's."""

    def __init__(self, user_id: str, *, client: firestore.Client | None = None) -> None:
        self.user_id = check_document_id("user_id", user_id)
        self._given_client = client

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
            "styles_processed": styles_processed and [check_style(style) for style in styles_processed],
            "crop_mode": crop_mode,
            "target_aspect": target_aspect,
            "highlights_count": highlights_count and check_amount("highlights_count", highlights_count),
            "highlights_summary": highlights_summary and dict(highlights_summary),
        }
        changes = {name: value for name, value in given.items() if value is not None}
        check_status(status)
        document = self._document(video_id)
        now = datetime.now(UTC)

        def decide(found: Fields | None) -> Fields:
            before = {**dict.fromkeys(given), **self._new(video_id, created_by, now), **(found or {})}
            reached = _status(before, status_after_create(before["status"], status), now)
            return _updated(changed(found or {}, {**before, **changes, **reached}), now)

        return cast(VideoDocument, change_document(self._client, document, decide))

    def import_video(self, video: VideoDocument) -> bool:
        """Write a video that is known from its files, as `domain.imports` says. Returns whether anything was written.

        Raises InvalidRequest for a wrong field, or a video of another user.
        """
        fields = checked_video(self.user_id, video)
        document = self._document(video["video_id"])
        now = datetime.now(UTC)
        writes: Fields = {}

        def decide(found: Fields | None) -> Fields:
            nonlocal writes
            writes = fields if found is None else _updated(changed(found, merged_video(found, fields)), now)
            return writes

        change_document(self._client, document, decide)
        return bool(writes)

    def update_video_status(self, video_id: str, status: str, video_url: str | None = None) -> None:
        """Set the status and its time, and the final video's URL if given.

        The same status again keeps its time, unless it comes with another URL: then it is another completion.
        Raises NotFound.
        """
        check_status(status)
        document = self._document(video_id)
        now = datetime.now(UTC)

        def decide(found: Fields | None) -> Fields:
            if found is None:
                raise _no_video(video_id)
            url = changed(found, {} if video_url is None else {"video_url": video_url})
            return _updated({**url, **_status({} if url else found, status, now)}, now)

        change_document(self._client, document, decide)

    def fail_if_processing(self, video_id: str) -> None:
        """The job that was making it has failed or was canceled. A finished video stays finished. Raises NotFound."""
        document = self._document(video_id)
        now = datetime.now(UTC)

        def decide(found: Fields | None) -> Fields:
            if found is None:
                raise _no_video(video_id)
            return _updated(_status(found, "failed", now), now) if found.get("status") == "processing" else {}

        change_document(self._client, document, decide)

    def get_video(self, video_id: str) -> VideoDocument | None:
        """The video, or None when there is none."""
        return cast("VideoDocument | None", self._document(video_id).get(**READ).to_dict())

    def list_videos(
        self, status: str | None = None, page_size: int = 50, page_token: str | None = None
    ) -> Page[VideoDocument]:
        """The page of videos that follows `page_token`, the newest first. One query, whatever the page."""
        query = firestore.Query(self._collection())
        if status is not None:
            query = query.where(filter=FieldFilter("status", "==", check_status(status)))
        query = query.order_by("created_at", direction="DESCENDING").order_by("__name__", direction="DESCENDING")
        if page_token is not None:
            query = query.start_after(_position(page_token))
        return cast("Page[VideoDocument]", fetch_page(query, page_size, _token))

    def update_clip_statistics(self, video_id: str) -> None:
        """Count the completed clips, by style too, and add up their sizes.

        By aggregation: the clips themselves are not read. The figures are those of one moment, and never overwrite
        newer ones. Nothing is locked: where somebody else wrote the video meanwhile, it is counted again.
        Raises NotFound.
        """
        document = self._document(video_id)

        def attempt(batch: firestore.WriteBatch) -> None:
            snapshot = document.get()
            found = snapshot.to_dict()
            if found is None:
                raise _no_video(video_id)
            styles = [*(found.get("clips_by_style") or ()), *(found.get("styles_processed") or ())]
            figures = count_completed(document.collection("clips"), styles, snapshot.read_time)
            changes = {**figures, "updated_at": datetime.now(UTC)}
            batch.update(document, changes, option=unchanged_since(self._client, snapshot))

        commit_optimistically(self._client, attempt)

    def add_style(self, video_id: str, style: str) -> None:
        """Remember that the video has clips of a style. Safe to repeat. Raises NotFound."""
        changes = {"styles_processed": firestore.ArrayUnion([check_style(style)])}
        try:
            self._document(video_id).update(changes)
        except MissingDocument as error:
            raise _no_video(video_id) from error

    def delete_video(self, video_id: str, asked_at: datetime | None = None) -> None:
        """Delete the video, then its clips' documents. Files are not touched. Safe to repeat after an interruption.

        A video that was made after `asked_at` stays, and so does each clip that was written since. Raises
        StillProcessing, and deletes nothing, while the video is being made.
        """
        document = self._document(video_id)

        def attempt(batch: firestore.WriteBatch) -> None:
            snapshot = document.get()
            if not snapshot.exists or (asked_at is not None and as_datetime(snapshot.create_time) > asked_at):
                return
            if is_being_made(snapshot.to_dict() or {}, datetime.now(UTC)):
                raise still_processing(video_id)
            batch.delete(document, option=unchanged_since(self._client, snapshot))

        commit_optimistically(self._client, attempt)
        ClipRepository(self.user_id, video_id, client=self._client).delete_clips(asked_at)

    def _new(self, video_id: str, created_by: str | None, now: datetime) -> dict[str, Any]:
        return {
            "video_id": video_id,
            "user_id": self.user_id,
            "status": "processing",
            "styles_processed": [],
            "highlights_count": 0,
            "highlights_summary": {},
            "highlights_json_key": highlights_key(self.user_id, video_id),
            "clips_count": 0,
            "clips_by_style": {},
            "total_size_bytes": 0,
            "created_by": created_by,
            "created_at": now,
            "completed_at": None,
            "failed_at": None,
        }

    @cached_property
    def _client(self) -> firestore.Client:
        return self._given_client or default_client()

    def _collection(self) -> firestore.CollectionReference:
        return self._client.collection("users", self.user_id, "videos")

    def _document(self, video_id: str) -> firestore.DocumentReference:
        return self._collection().document(check_document_id("video_id", video_id))


def still_processing(video_id: str) -> StillProcessing:
    """What to say when a video is to be deleted that is being made."""
    return StillProcessing(f"Video '{video_id[:80]}' is being made: cancel its job, or wait an hour.")


def _no_video(video_id: str) -> NotFound:
    return NotFound(f"There is no video '{video_id}'.")


def _updated(changes: Fields, now: datetime) -> Fields:
    """Changes with their time; no changes stay none."""
    return {**changes, "updated_at": now} if changes else changes


def _status(found: Mapping[str, Any], status: str, now: datetime) -> dict[str, Any]:
    """A status and its time. The same status again keeps the time of the first."""
    times = {"completed_at": status == "completed", "failed_at": status == "failed"}
    if found.get("status") == status and all(bool(found.get(name)) == is_set for name, is_set in times.items()):
        return {}
    return {"status": status, **{name: now if is_set else None for name, is_set in times.items()}}


def _token(video: Mapping[str, Any]) -> str:
    return encode_page_token(video["created_at"].isoformat(), video["video_id"])


def _position(page_token: str) -> list[Any]:
    created_at, video_id = decode_page_token(page_token, str)
    try:
        time = datetime.fromisoformat(created_at).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidRequest("Field 'page_token' is not valid: it is not one of a list of videos.") from error
    return [time, check_document_id("page_token", video_id)]
