"""What a long composition keeps in object storage until its job has ended: its sound, and each segment it encoded.

    encode ──> upload ──> recorded as a step      killed before the upload: encoded again
                                                  killed after it: found in storage, and recorded then

A key holds the fingerprint of the plan, so that the parts of another plan are never taken for this one's.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.adapters import logger
from pipeline.adapters.segment_encoding import encode_segment, is_smaller_copied
from pipeline.adapters.sound import make_sound
from pipeline.adapters.watch import Watch
from pipeline.domain.errors import InvalidRequest, NotFound
from pipeline.domain.media_warnings import MediaWarning, silence_warnings
from pipeline.domain.object_keys import parts_prefix, segment_key, sound_key
from pipeline.domain.schema_versions import known
from pipeline.handlers.planned_composition import PlannedComposition
from pipeline.handlers.tools import Tools
from pipeline.handlers.turn_pieces import SecondsLeft, TurnPieces

PARTS_SHARE = 0.95
"""Of the progress, for making all parts; what is left is to join them."""


@dataclass(frozen=True)
class SegmentFile:
    """A finished segment in our storage. `is_copied`: there is none, the clip's own packets are smaller."""

    key: str
    size_bytes: int
    is_copied: bool = False


@dataclass(frozen=True)
class SoundFile:
    """The finished sound in our storage, and where it is silent."""

    key: str
    warnings: list[dict[str, Any]]


def finish_parts(work: PlannedComposition, pieces: TurnPieces) -> PlannedComposition:
    """Make and store what no turn has finished yet: the sound, then the segments that are encoded, one after the other.

    Returns the composition as it is to be written: what turned out larger than a copy is copied. Raises WakeLater when
    the rest is for another turn, StepFailed when a part cannot be made.
    """
    if work.plan.has_sound:
        pieces.leave_if_spent()
        _finish_sound(work, pieces)
    segments = list(work.plan.segments)
    for number, segment in enumerate(segments):
        if not segment.is_copied:
            pieces.leave_if_spent()
            stored = _finish_segment(work, number, pieces)
            segments[number] = replace(segment, is_copied=stored.is_copied, may_copy=False)
            _spare_clips(work, number)
    pieces.leave_if_spent()
    return work.with_segments(segments)


def stored_sound(work: PlannedComposition) -> tuple[Path, list[MediaWarning]] | None:
    """The sound on this machine, and its warnings, if an earlier piece of work has finished it."""
    found = work.turn.finished(_sound_step(work), SoundFile)
    path = _sound_path(work)
    if found is None or not (path.exists() or _download(work, found.key, path)):
        return None
    return path, [MediaWarning(**known(MediaWarning, warning)) for warning in found.warnings]


def stored_segment(work: PlannedComposition, number: int) -> Path | None:
    """A segment, counted from 0, on this machine, if an earlier piece of work has finished it."""
    found = work.turn.finished(_segment_step(work, number), SegmentFile)
    path = _segment_path(work, number)
    return path if found and not found.is_copied and _download(work, found.key, path) else None


def render_sound(work: PlannedComposition, seconds_left: SecondsLeft) -> tuple[Path, list[MediaWarning]]:
    """Make the sound now. Raises DeadlineExceeded, OutOfSpace, MediaError, SourceError."""
    sound = make_sound(work.plan, work, work.music(), _sound_path(work), Watch.until(seconds_left(), work.turn.check))
    work.release_music()
    return sound.path, silence_warnings(sound.levels_db, work.plan.total_seconds)


def discard_checkpoints(user_id: str, video_id: str, job_id: str, tools: Tools) -> int:
    """Delete all that a composition has kept for its later turns; returns how many files there were.

    For a job that has ended, however it did. Raises StorageUnavailable, StorageRefused.
    """
    try:
        prefix = parts_prefix(user_id, video_id, job_id)
    except InvalidRequest:  # of a document that could never have kept anything
        return 0
    keys = [stored.key for stored in tools.storage.list_objects(prefix)]
    tools.storage.delete_objects(keys)
    return len(keys)


def _finish_sound(work: PlannedComposition, pieces: TurnPieces) -> SoundFile:
    step = _sound_step(work)

    def stored(seconds_left: SecondsLeft) -> SoundFile:
        path, warnings = render_sound(work, seconds_left)
        work.report_now(PARTS_SHARE * work.plan.share_before(0))  # who has lost the job leaves no file behind
        file = work.tools.storage.upload_file(sound_key(*work.names, work.fingerprint), path, "audio/mp4")
        return SoundFile(file.key, [asdict(warning) for warning in warnings])

    return work.turn.run_step(step, SoundFile, lambda: pieces.do(step, stored))


def _finish_segment(work: PlannedComposition, number: int, pieces: TurnPieces) -> SegmentFile:
    step = _segment_step(work, number)
    segment = work.plan.segments[number]

    def stored() -> SegmentFile:
        found = work.tools.storage.stat(_segment_key(work, number))
        if found is not None:  # left by a turn that was killed before it could say so
            return SegmentFile(found.key, found.size_bytes)
        return pieces.do(step, lambda seconds_left: _encode(work, number, seconds_left), frames=segment.frames)

    return work.turn.run_step(step, SegmentFile, stored)


def _encode(work: PlannedComposition, number: int, seconds_left: SecondsLeft) -> SegmentFile:
    plan, segment = work.plan, work.plan.segments[number]
    start, end = (PARTS_SHARE * plan.share_before(one) for one in (number, number + 1))
    watch = Watch.until(seconds_left(), work.turn.check).telling(lambda part: work.report(start + part * (end - start)))
    path = encode_segment(plan, segment, work.clip, _segment_path(work, number), watch)
    try:
        work.report_now(end)  # who has lost the job leaves no file behind
        if segment.may_copy and is_smaller_copied(segment, work.clip(segment.left.clip), path):
            return SegmentFile("", 0, is_copied=True)
        stored = work.tools.storage.upload_file(_segment_key(work, number), path, "video/mp4")
    finally:
        path.unlink()
    return SegmentFile(stored.key, stored.size_bytes)


def _download(work: PlannedComposition, key: str, path: Path) -> bool:
    """Whether a part that was stored is still there."""
    work.turn.check()
    try:
        work.tools.storage.download_file(key, path)
    except NotFound:
        logger.warn("[Composition] A finished part is gone", key=key)
        return False
    return True


def _spare_clips(work: PlannedComposition, number: int) -> None:
    """The clips of a segment that the next one does not need."""
    following = work.plan.segments[number + 1].clips if number + 1 < len(work.plan.segments) else ()
    for clip in set(work.plan.segments[number].clips).difference(following):
        work.spare(clip)


def _sound_step(work: PlannedComposition) -> str:
    return f"sound_{work.fingerprint}"


def _segment_step(work: PlannedComposition, number: int) -> str:
    return f"segment_{number + 1}_{work.fingerprint}"


def _segment_key(work: PlannedComposition, number: int) -> str:
    return segment_key(*work.names, work.fingerprint, number + 1)


def _sound_path(work: PlannedComposition) -> Path:
    return work.folder / "sound.m4a"


def _segment_path(work: PlannedComposition, number: int) -> Path:
    return work.folder / f"segment_{number + 1}.mp4"
