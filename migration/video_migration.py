"""One video: read what its files say, write it as documents, and say what became of it.

    catalogue ──> clips, 300 at a time ──> video document ──> its statistics, counted if it was not all new

Each arrow may be cut: whatever was written stays, and the whole is safe to repeat. The video comes after its clips, so
whoever sees it sees them too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from migration.discovery import VideoRef
from migration.tools import Tools
from pipeline.domain.catalogue import Catalogue, Remark
from pipeline.domain.clips import ClipDocument, VideoDocument, can_be_document_id
from pipeline.domain.errors import InvalidRequest
from pipeline.handlers.stored_catalogue import read_catalogue
from pipeline.repositories.document_imports import Imported
from pipeline.repositories.documents import PAGE

STATISTICS: Final = ("clips_count", "total_size_bytes", "clips_by_style")


@dataclass(frozen=True)
class MigratedVideo:
    """What became of a video.

    `document` is what became of its own document: created, changed, unchanged; impossible: the folder's name cannot be
    a document's id.
    """

    ref: VideoRef
    imported: Imported
    document: str
    size_bytes: int
    remarks: Sequence[Remark] = field(default_factory=tuple)

    @property
    def clips(self) -> int:
        return self.imported.created + self.imported.changed + self.imported.unchanged

    def as_line(self) -> Mapping[str, Any]:
        """For the state file."""
        return {
            "user_id": self.ref.user_id,
            "video_id": self.ref.video_id,
            "created": self.imported.created,
            "changed": self.imported.changed,
            "unchanged": self.imported.unchanged,
            "document": self.document,
            "size_bytes": self.size_bytes,
            "remarks": [{"key": remark.key, "text": remark.text} for remark in self.remarks],
        }


def migrate_video(ref: VideoRef, tools: Tools, *, dry: bool) -> MigratedVideo:
    """Bring the documents of one video to what its files say.

    Raises JobError for what did not pass in time, or will not by itself.
    """
    tools.stop.check()
    catalogue = tools.patience.call(lambda: read_catalogue(ref.user_id, ref.video_id, tools.library.storage))
    if catalogue is None:
        return MigratedVideo(ref, Imported(), "impossible", 0, [no_video_remark(ref)])
    if not is_possible(ref):
        return MigratedVideo(ref, Imported(), "impossible", 0, catalogue.remarks)
    found = tools.patience.call(lambda: tools.library.videos(ref.user_id).get_video(ref.video_id))
    imported, refused = _import_clips(ref, catalogue, tools, are_new=found is None and not dry)
    document = _import_video(ref, catalogue, found, imported, tools, dry=dry)
    remarks = (*catalogue.remarks, *refused)
    return MigratedVideo(ref, imported, document, catalogue.video["total_size_bytes"], remarks)


def _import_clips(ref: VideoRef, catalogue: Catalogue, tools: Tools, *, are_new: bool) -> tuple[Imported, list[Remark]]:
    """What was imported, and a remark for each clip that cannot be a document."""
    repository = tools.library.clips(ref.user_id, ref.video_id)
    clips, titled = catalogue.clips, catalogue.titled
    imported, remarks = Imported(), list[Remark]()

    def import_all(batch: Sequence[ClipDocument]) -> Imported:
        return tools.patience.call(lambda: repository.import_clips(batch, are_new=are_new, titled=titled))

    for start in range(0, len(clips), PAGE):
        tools.stop.check()
        batch = clips[start : start + PAGE]
        try:
            imported += import_all(batch)
        except InvalidRequest:
            for clip in batch:
                try:
                    imported += import_all([clip])
                except InvalidRequest as error:
                    remarks.append(Remark(clip["r2_key"], str(error)))
    return imported, remarks


def _import_video(
    ref: VideoRef, catalogue: Catalogue, found: VideoDocument | None, imported: Imported, tools: Tools, *, dry: bool
) -> str:
    """Write the video's document, and have its clips counted where its files alone do not tell how many there are.

    `found` is the document as it was before the clips. Files do tell when there was none, of the video and of every
    clip, and nobody has written the video meanwhile.
    """
    videos, patience, video = tools.library.videos(ref.user_id), tools.patience, catalogue.video
    is_written = patience.call(lambda: videos.import_video(_with_state_of(found, video)))
    there = found or patience.call(lambda: videos.get_video(ref.video_id))
    is_certain = (
        imported.created == len(catalogue.clips) if found is None else imported.unchanged == len(catalogue.clips)
    )
    is_counted = there is not None and is_certain and all(there.get(name) == video[name] for name in STATISTICS)
    if not is_counted:
        is_written = True
        if not dry:
            patience.call(lambda: videos.update_clip_statistics(ref.video_id))
    if found is None:
        return "created"
    return "changed" if is_written else "unchanged"


def _with_state_of(found: VideoDocument | None, video: VideoDocument) -> VideoDocument:
    """Files do not tell whether a job is at work on the video, or has failed: a document that says so is right."""
    if found is None or found.get("status") not in ("processing", "failed"):
        return video
    failed_at = (found.get("failed_at") or video["updated_at"]) if found["status"] == "failed" else None
    return {**video, "status": found["status"], "completed_at": None, "failed_at": failed_at}


def no_video_remark(ref: VideoRef) -> Remark:
    """What is said of a folder without a catalogue."""
    return Remark(f"{ref.user_id}/{ref.video_id}/", "no file lies in a folder that can be a video's")


def is_possible(ref: VideoRef) -> bool:
    """Whether documents can have these names."""
    return is_possible_user(ref.user_id) and can_be_document_id(ref.video_id)


def is_possible_user(user_id: str) -> bool:
    """The same of a user alone."""
    return can_be_document_id(user_id)
