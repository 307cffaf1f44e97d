"""What the files of one video say: the documents of the video and its clips, as far as files can tell.

    listing of {uid}/{video_id}/ ─┐
    manifest.json                 ├──> Catalogue: VideoDocument, ClipDocuments, remarks
    highlights.json               │
    names of the clips ───────────┘

A clip is there if its file is. What the manifest says of it counts most, then the highlight of its scene, then its
name. Whatever else lies there or could not be made sense of is remarked, never dropped silently.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from pipeline.domain.clip_names import ReadClipName, read_clip_filename, slug_words
from pipeline.domain.clips import (
    DEFAULT_PRIORITY,
    NO_TIME,
    ClipDocument,
    VideoDocument,
    check_document_id,
    format_timecode,
    megabytes,
    parse_timecode,
)
from pipeline.domain.errors import InvalidRequest
from pipeline.domain.highlights import Highlight, Highlights, read_highlights
from pipeline.domain.manifests import Manifest, read_manifest
from pipeline.domain.object_keys import THUMBNAIL_ENDINGS, clip_key, clip_thumbnail_keys

MAX_STYLES = 100
UNKNOWN = Highlight(None, None, None, None, None, None, None, None)
BEFORE_ALL = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class StoredFile:
    """One file of a listing."""

    key: str
    size_bytes: int
    stored_at: datetime  # UTC
    url: str  # serves it, and does not expire


@dataclass(frozen=True)
class Remark:
    """What is odd about the file with that key, in words."""

    key: str
    text: str


@dataclass(frozen=True)
class Catalogue:
    """A video as its files tell it. The clips by priority, then clip_id.

    `titled` are the ids of the clips whose titles somebody wrote down; those of the others are made of their names.
    """

    video: VideoDocument
    clips: tuple[ClipDocument, ...]
    remarks: tuple[Remark, ...]
    titled: frozenset[str] = frozenset()


def catalogue_of(
    user_id: str, video_id: str, files: Iterable[StoredFile], highlights: bytes | None, manifest: bytes | None
) -> Catalogue:
    """The catalogue of all files below `{user_id}/{video_id}/`; raises nothing, whatever they are called.

    `highlights` and `manifest` are what is in the files of those names, None where there are none.
    """
    folder = f"{user_id}/{video_id}/"
    known = read_manifest(manifest) if manifest is not None else Manifest()
    scenes = read_highlights(highlights) if highlights is not None else Highlights()
    remarks = [Remark(f"{folder}manifest.json", text) for text in known.remarks]
    remarks += [Remark(f"{folder}highlights.json", text) for text in scenes.remarks]
    listed = list(files)
    clips: list[ClipDocument] = []
    titled: set[str] = set()
    by_scene, styles = scenes.by_scene(), _styles(known)
    for file, thumbnail in _clip_files(user_id, video_id, listed, remarks):
        filename = file.key.rpartition("/")[2]
        clip = _Clip(file, thumbnail, known.clips.get(filename, {}), read_clip_filename(filename, styles), by_scene)
        clips.append(clip.document(user_id, video_id))
        remarks += [Remark(file.key, text) for text in clip.remarks]
        if clip.is_titled:
            titled.add(clips[-1]["clip_id"])
    announced = {name for name, entry in known.clips.items() if entry.get("status", "completed") == "completed"}
    missing = sorted(announced - {clip["filename"] for clip in clips})
    remarks += [Remark(f"{folder}manifest.json", f"there is no file of the clip '{name}'") for name in missing]
    clips.sort(key=lambda clip: (clip["priority"], clip["clip_id"]))
    return Catalogue(
        _video(user_id, video_id, listed, clips, known.video, scenes), tuple(clips), tuple(remarks), frozenset(titled)
    )


def _clip_files(
    user_id: str, video_id: str, files: Sequence[StoredFile], remarks: list[Remark]
) -> list[tuple[StoredFile, StoredFile | None]]:
    """The clips' files, each with its thumbnail."""
    folder = f"{user_id}/{video_id}/clips/"
    try:
        check_document_id("user_id", user_id)
        check_document_id("video_id", video_id)
    except InvalidRequest as error:
        remarks.append(Remark(folder, str(error)))
        remarks += [Remark(file.key, "belongs to no video") for file in files]
        return []
    by_key = {file.key: file for file in files}
    clips: dict[str, tuple[StoredFile, StoredFile | None]] = {}
    others: list[StoredFile] = []
    for file in files:
        name = file.key.removeprefix(folder)
        if name == file.key and _is_stray_clip(file.key.split("/")[2:]):
            remarks.append(Remark(file.key, "is a clip's file, but does not lie where clips do"))
        if name == file.key or not name:
            continue
        if not name.endswith(".mp4"):
            others.append(file)
            continue
        try:
            check_document_id("clip_id", name.removesuffix(".mp4"))
            clip_key(user_id, video_id, name)
            thumbnails = clip_thumbnail_keys(user_id, video_id, name)
        except InvalidRequest as error:
            remarks.append(Remark(file.key, str(error)))
            continue
        if file.key in clips:
            remarks.append(Remark(file.key, "is listed more than once"))
            continue
        clips[file.key] = (file, next((by_key[key] for key in thumbnails if key in by_key), None))
    for file in others:
        stem, dot, ending = file.key.rpartition(".")
        if not (dot and ending in THUMBNAIL_ENDINGS):
            remarks.append(Remark(file.key, "is no clip and no thumbnail"))
        elif f"{stem}.mp4" not in clips:
            remarks.append(Remark(file.key, "is the thumbnail of no clip"))
    return list(clips.values())


def _is_stray_clip(path: Sequence[str]) -> bool:
    """`path` below the folder of the video; what compositions store has folders of its own."""
    return path[-1].endswith(".mp4") and path[0] not in ("final", "parts")


class _Clip:
    """One clip, put together from all that is known of it."""

    def __init__(
        self,
        file: StoredFile,
        thumbnail: StoredFile | None,
        entry: Mapping[str, Any],
        name: ReadClipName,
        scenes: Mapping[int, Highlight],
    ) -> None:
        self._file = file
        self._thumbnail = thumbnail
        self._entry = entry
        self._name = name
        scene_id = self._first("scene_id", name.scene)
        self._scene = scenes.get(scene_id, UNKNOWN) if scene_id is not None else UNKNOWN
        self._scene_id: int = scene_id or 0
        self.remarks: list[str] = [] if entry else list(name.remarks)

    @property
    def is_titled(self) -> bool:
        """Whether the title is more than the words of the filename."""
        return "scene_title" in self._entry or self._scene.title is not None

    def document(self, user_id: str, video_id: str) -> ClipDocument:
        scene, size_bytes = self._scene, max(self._file.size_bytes, 0)
        start, end = self._time("start_time", scene.start_seconds), self._time("end_time", scene.end_seconds)
        filename = self._file.key.rpartition("/")[2]
        stem = filename.removesuffix(".mp4")
        return ClipDocument(
            clip_id=stem,
            video_id=video_id,
            user_id=user_id,
            filename=filename,
            scene_id=self._scene_id,
            scene_title=self._first("scene_title", scene.title, slug_words(self._name.slug) or stem),
            scene_description=self._first("scene_description", scene.description),
            style=self._first("style", self._name.style),
            priority=self._priority(),
            start_time=start,
            end_time=end,
            duration_seconds=self._first("duration_seconds", scene.duration_seconds, _between(start, end)),
            file_size_bytes=size_bytes,
            file_size_mb=megabytes(size_bytes),
            has_thumbnail=self._thumbnail is not None,
            r2_key=self._file.key,
            thumbnail_r2_key=self._thumbnail.key if self._thumbnail else None,
            video_url=self._file.url,
            thumbnail_url=self._thumbnail.url if self._thumbnail else None,
            status="completed",
            created_at=self._first("created_at", self._file.stored_at),
            completed_at=self._entry.get("completed_at") or self._file.stored_at,
            created_by=self._entry.get("created_by"),
        )

    def _first(self, field: str, *others: Any) -> Any:
        """What the manifest has, else the first of the others that is known."""
        if field in self._entry:
            return self._entry[field]
        return next((other for other in others if other is not None), None)

    def _priority(self) -> int:
        priority = self._first("priority", self._scene.priority, self._name.priority)
        if priority is None:
            self.remarks.append(f"nothing tells its priority: taken for {DEFAULT_PRIORITY}")
            return DEFAULT_PRIORITY
        return int(priority)

    def _time(self, field: str, seconds: float | None) -> str:
        if field in self._entry:
            return cast("str", self._entry[field])
        return NO_TIME if seconds is None else format_timecode(seconds)


def _video(
    user_id: str,
    video_id: str,
    files: Sequence[StoredFile],
    clips: Sequence[ClipDocument],
    known: Mapping[str, Any],
    highlights: Highlights,
) -> VideoDocument:
    stored = [file.stored_at for file in files] or [BEFORE_ALL]
    status = known.get("status", "completed")
    by_style = Counter(clip["style"] for clip in clips)
    last = max(stored)
    return VideoDocument(
        video_id=video_id,
        user_id=user_id,
        video_url=known.get("video_url", highlights.video_url),
        video_title=known.get("video_title", highlights.video_title),
        youtube_id=known.get("youtube_id"),
        status=status,
        custom_prompt=known.get("custom_prompt", highlights.custom_prompt),
        styles_processed=list(dict.fromkeys([*known.get("styles_processed", []), *by_style])),
        crop_mode=known.get("crop_mode"),
        target_aspect=known.get("target_aspect"),
        highlights_count=known.get("highlights_count", len(highlights.entries)),
        highlights_summary=known.get("highlights_summary", highlights.summary() if highlights.entries else {}),
        highlights_json_key=f"{user_id}/{video_id}/highlights.json",
        clips_count=len(clips),
        clips_by_style=dict(by_style),
        total_size_bytes=sum(clip["file_size_bytes"] for clip in clips),
        created_by=known.get("created_by"),
        created_at=known.get("created_at", min(stored)),
        updated_at=known.get("updated_at", last),
        completed_at=(known.get("completed_at") or last) if status == "completed" else None,
        failed_at=(known.get("failed_at") or last) if status == "failed" else None,
    )


def _styles(manifest: Manifest) -> list[str]:
    """Those that the manifest knows, as far as it knows a sensible number."""
    own = [clip["style"] for clip in manifest.clips.values() if "style" in clip]
    return sorted({*own, *manifest.video.get("styles_processed", [])})[:MAX_STYLES]


def _between(start: str, end: str) -> float:
    return max(float(parse_timecode("end_time", end) - parse_timecode("start_time", start)), 0.0)
