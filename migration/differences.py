"""What the files of a video and its documents say differently. Pure: both sides are given.

    kind        a clip, or a video                                       is it clean?
    missing     has files, and no document                               no
    extra       is completed by its document, and has no file            no
    different   both say something of a field, and not the same          no
    edited      the same of a title, of users who are shown documents    yes: documents are the truth of words by then

Files are the truth of what they are: their names and what those say, sizes, thumbnails, and how many there are. Of
words (titles) they are only while answers come from them. What files cannot tell is no difference, whatever stands in
the document: somebody may have written it by hand. A clip that a job is at work on, or has failed to make anew, is left
to that job: with a file or without.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from pipeline.domain.clips import ClipDocument, VideoDocument
from pipeline.domain.imports import merged_clip

CLIP_FACTS = (
    "filename",
    "scene_id",
    "style",
    "priority",
    "file_size_bytes",
    "has_thumbnail",
    "r2_key",
    "thumbnail_r2_key",
)


class DifferenceKind(StrEnum):
    """What it is; see above."""

    MISSING = "missing"
    EXTRA = "extra"
    DIFFERENT = "different"
    EDITED = "edited"

    @property
    def is_harmless(self) -> bool:
        """Whether it stands in nobody's way."""
        return self is DifferenceKind.EDITED


@dataclass(frozen=True)
class Difference:
    """One of them. `clip_id` is None for the video itself, `field` None for all of it."""

    kind: DifferenceKind
    user_id: str
    video_id: str
    clip_id: str | None = None
    field: str | None = None
    in_storage: Any = None
    in_firestore: Any = None

    def as_json(self) -> dict[str, Any]:
        """For the report."""
        return asdict(self)


@dataclass(frozen=True)
class FiledVideo:
    """What the files say. `video` is None where there are none; `titled` are the clips whose titles the files know."""

    video: VideoDocument | None
    clips: Mapping[str, ClipDocument]
    titled: frozenset[str]


@dataclass(frozen=True)
class DocumentedVideo:
    """What the documents say. `video` is None where there is none."""

    video: Mapping[str, Any] | None
    clips: Mapping[str, Mapping[str, Any]]


def compare_video(
    user_id: str, video_id: str, filed: FiledVideo, documented: DocumentedVideo, *, words_are_filed: bool
) -> Iterator[Difference]:
    """All differences of one video. `words_are_filed`: the user's answers still come from storage."""

    def difference(kind: DifferenceKind, clip_id: str | None = None, *values: Any) -> Difference:
        return Difference(kind, user_id, video_id, clip_id, *values)

    titles = DifferenceKind.DIFFERENT if words_are_filed else DifferenceKind.EDITED
    left = {
        clip_id for clip_id, found in documented.clips.items() if _is_left_to_its_job(filed.clips.get(clip_id), found)
    }
    if filed.video is not None and documented.video is None:
        yield difference(DifferenceKind.MISSING)
    elif filed.video is not None and documented.video is not None:
        counted = _statistics(clip for clip_id, clip in filed.clips.items() if clip_id not in left)
        for values in _different(counted, counted, documented.video):
            yield difference(DifferenceKind.DIFFERENT, None, *values)
    for clip_id in filed.clips.keys() - left:
        clip, found = filed.clips[clip_id], documented.clips.get(clip_id)
        if found is None:
            yield difference(DifferenceKind.MISSING, clip_id)
            continue
        for values in _different(("status", *CLIP_FACTS), clip, found):
            yield difference(DifferenceKind.DIFFERENT, clip_id, *values)
        for values in _different(("scene_title",) if clip_id in filed.titled else (), clip, found):
            yield difference(titles, clip_id, *values)
    for clip_id in documented.clips.keys() - filed.clips.keys() - left:
        yield difference(DifferenceKind.EXTRA, clip_id)


def _is_left_to_its_job(clip: ClipDocument | None, found: Mapping[str, Any]) -> bool:
    """Whether the document is not completed, and an import would leave it so."""
    if found.get("status") == "completed":
        return False
    return clip is None or not merged_clip(found, {**clip})


def _statistics(clips: Iterable[ClipDocument]) -> Mapping[str, Any]:
    sizes: Counter[str] = Counter()
    styles: Counter[str] = Counter()
    for clip in clips:
        styles[clip["style"]] += 1
        sizes[clip["style"]] += clip["file_size_bytes"]
    return {"clips_count": styles.total(), "total_size_bytes": sizes.total(), "clips_by_style": dict(styles)}


def _different(
    names: Iterable[str], filed: Mapping[str, Any], found: Mapping[str, Any]
) -> Iterator[tuple[str, Any, Any]]:
    for name in names:
        if filed[name] != found.get(name):
            yield name, filed[name], found.get(name)
