"""The clips of one video, `users/{uid}/videos/{video_id}/clips/{clip_id}`. Names and arguments are those of the
integration guide.

Every method is safe to repeat and to run beside itself.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from functools import cached_property, reduce
from typing import Any, cast

from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from pipeline.domain.clips import (
    ClipDocument,
    check_amount,
    check_document_id,
    check_status,
    check_style,
    megabytes,
    parse_timecode,
    status_after_create,
)
from pipeline.domain.errors import NotFound
from pipeline.domain.imports import checked_clip, merged_clip
from pipeline.domain.object_keys import clip_key, clip_thumbnail_key
from pipeline.domain.pages import Page, decode_page_token, encode_page_token
from pipeline.repositories.document_imports import Imported, import_documents
from pipeline.repositories.documents import (
    PAGE,
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


class ClipRepository:
    """The clips of one user's video: no method can reach another user's."""

    def __init__(self, user_id: str, video_id: str, *, client: firestore.Client | None = None) -> None:
        self.user_id = check_document_id("user_id", user_id)
        self.video_id = check_document_id("video_id", video_id)
        self._given_client = client

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
        status: str = "processing",
        created_by: str | None = None,
    ) -> ClipDocument:
        """Create the clip, or describe it anew. Times are "HH:MM:SS".

        A clip that exists keeps `created_at` and `created_by`, the size and thumbnail it has unless others are given,
        and, once completed, its status. Raises InvalidRequest with the name of a wrong field.
        """
        parse_timecode("start_time", start_time)
        parse_timecode("end_time", end_time)
        check_status(status)
        described: dict[str, Any] = {
            "filename": filename,
            "scene_id": check_amount("scene_id", scene_id),
            "scene_title": scene_title,
            "scene_description": scene_description,
            "style": check_style(style),
            "priority": check_amount("priority", priority),
            "start_time": start_time,
            "end_time": end_time,
            "duration_seconds": check_amount("duration_seconds", duration_seconds),
            "r2_key": clip_key(self.user_id, self.video_id, filename),
        }
        size_bytes = check_amount("file_size_bytes", file_size_bytes)
        document = self._document(clip_id)
        now = datetime.now(UTC)

        def decide(found: Fields | None) -> Fields:
            before = {**self._new(clip_id, created_by, now), **(found or {})}
            fields = {
                **before,
                **described,
                **self._files(
                    filename, size_bytes or before["file_size_bytes"], has_thumbnail or before["has_thumbnail"]
                ),
                **_status(before, status_after_create(before["status"], status), now),
            }
            return changed(found or {}, fields)

        return cast(ClipDocument, change_document(self._client, document, decide))

    def import_clips(
        self, clips: Iterable[ClipDocument], *, are_new: bool = False, titled: Collection[str] | None = None
    ) -> Imported:
        """Write many clips that are known from their files, as `domain.imports` says. A repeat writes nothing.

        `are_new`: most likely none of them has a document yet; then it costs less to try that first. `titled`: the ids
        of those whose titles somebody wrote, None for all; other titles replace none.
        Raises InvalidRequest for a clip that is wrong, or is not of this video, before anything of its batch is
        written.
        """
        documents = (
            (self._document(fields["clip_id"]), fields)
            for fields in (checked_clip(self.user_id, self.video_id, clip) for clip in clips)
        )

        def merge(found: Fields, clip: Fields) -> Fields:
            return merged_clip(found, clip, is_titled=titled is None or clip["clip_id"] in titled)

        return import_documents(self._client, documents, merge, are_new=are_new)

    def update_clip_status(
        self,
        clip_id: str,
        status: str,
        file_size_bytes: int | None = None,
        has_thumbnail: bool | None = None,
        video_url: str | None = None,
        thumbnail_url: str | None = None,
    ) -> None:
        """Set the status, and what is known of the files; URLs that do not expire. Raises NotFound."""
        check_status(status)
        urls = {"video_url": video_url, "thumbnail_url": thumbnail_url}
        told = {name: url for name, url in urls.items() if url is not None}
        document = self._document(clip_id)
        now = datetime.now(UTC)

        def decide(found: Fields | None) -> Fields:
            if found is None:
                raise NotFound(f"There is no clip '{clip_id}' in video '{self.video_id}'.")
            size_bytes = found.get("file_size_bytes", 0) if file_size_bytes is None else file_size_bytes
            thumbnail = found.get("has_thumbnail", False) if has_thumbnail is None else has_thumbnail
            files = self._files(found["filename"], check_amount("file_size_bytes", size_bytes), thumbnail)
            return changed(found, {**files, **told, **_status(found, status, now)})

        change_document(self._client, document, decide)

    def get_clip(self, clip_id: str) -> ClipDocument | None:
        """The clip, or None when there is none."""
        return cast("ClipDocument | None", self._document(clip_id).get(**READ).to_dict())

    def list_clips(
        self,
        status: str | None = None,
        style: str | None = None,
        scene_id: int | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> Page[ClipDocument]:
        """The clips by priority, then clip_id: all, or the page of `page_size` that follows `page_token`.

        `next_page_token` of the result asks for the page after it. One query, whatever the page.
        """
        query = self._filtered(status, style, scene_id).order_by("priority").order_by("__name__")
        if page_token is not None:
            priority, clip_id = decode_page_token(page_token, int)
            query = query.start_after([priority, check_document_id("page_token", clip_id)])
        page = fetch_page(query, page_size, lambda clip: encode_page_token(clip["priority"], clip["clip_id"]))
        return cast("Page[ClipDocument]", page)

    def count(self, status: str | None = None, style: str | None = None, scene_id: int | None = None) -> int:
        """How many clips there are, without reading them."""
        counting: Any = self._filtered(status, style, scene_id).count()  # the SDK types it as the class itself
        return int(counting.get()[0][0].value)

    def delete_clip(self, clip_id: str, asked_at: datetime | None = None) -> None:
        """Delete the clip's document, unless it was written after `asked_at`. Its files are not touched."""
        document = self._document(clip_id)

        def attempt(batch: firestore.WriteBatch) -> None:
            self._delete_older(batch, [document.get()], asked_at)

        commit_optimistically(self._client, attempt)

    def delete_clips(self, asked_at: datetime | None = None) -> None:
        """Delete every clip's document that was not written after `asked_at`. Files are not touched."""
        query = self._collection().select(["clip_id"]).order_by("__name__").limit(PAGE)
        is_last = False
        while not is_last:

            def attempt(batch: firestore.WriteBatch, query: Any = query) -> list[Any]:
                found = list(query.stream())
                self._delete_older(batch, found, asked_at)
                return found

            page = commit_optimistically(self._client, attempt)
            is_last = len(page) < PAGE
            query = query if is_last else query.start_after(page[-1])

    def _delete_older(self, batch: firestore.WriteBatch, found: Iterable[Any], asked_at: datetime | None) -> None:
        for snapshot in found:
            if snapshot.exists and (asked_at is None or as_datetime(snapshot.update_time) <= asked_at):
                batch.delete(snapshot.reference, option=unchanged_since(self._client, snapshot))

    def _new(self, clip_id: str, created_by: str | None, now: datetime) -> dict[str, Any]:
        return {
            "clip_id": clip_id,
            "video_id": self.video_id,
            "user_id": self.user_id,
            "file_size_bytes": 0,
            "has_thumbnail": False,
            "video_url": None,
            "thumbnail_url": None,
            "status": "processing",
            "created_at": now,
            "completed_at": None,
            "created_by": created_by,
        }

    def _files(self, filename: str, size_bytes: float, has_thumbnail: bool) -> dict[str, Any]:
        return {
            "file_size_bytes": size_bytes,
            "file_size_mb": megabytes(size_bytes),
            "has_thumbnail": has_thumbnail,
            "thumbnail_r2_key": clip_thumbnail_key(self.user_id, self.video_id, filename) if has_thumbnail else None,
        }

    def _filtered(self, status: str | None, style: str | None, scene_id: int | None) -> firestore.Query:
        wanted = {
            "status": None if status is None else check_status(status),
            "style": None if style is None else check_style(style),
            "scene_id": None if scene_id is None else check_amount("scene_id", scene_id),
        }
        filters = [FieldFilter(name, "==", value) for name, value in wanted.items() if value is not None]
        return reduce(lambda query, one: query.where(filter=one), filters, firestore.Query(self._collection()))

    @cached_property
    def _client(self) -> firestore.Client:
        return self._given_client or default_client()

    def _collection(self) -> firestore.CollectionReference:
        return self._client.collection("users", self.user_id, "videos", self.video_id, "clips")

    def _document(self, clip_id: str) -> firestore.DocumentReference:
        return self._collection().document(check_document_id("clip_id", clip_id))


def _status(found: Mapping[str, Any], status: str, now: datetime) -> dict[str, Any]:
    """A status and its time. The same status again keeps the time of the first."""
    if found.get("status") == status and bool(found.get("completed_at")) == (status == "completed"):
        return {}
    return {"status": status, "completed_at": now if status == "completed" else None}
