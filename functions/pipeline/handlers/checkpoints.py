"""The segments of a long composition: each is encoded once and kept in object storage until the job has ended.

    encode ──> upload ──> recorded as a step      killed before the upload: encoded again
                                                  killed after it: found in storage, and recorded then

A key holds the fingerprint of the plan, so that the segments of another plan are never taken for this one's.
"""

from dataclasses import dataclass
from pathlib import Path

from firebase_functions import logger

from pipeline.adapters.composer import JOIN_SHARE, SegmentPath, render_segment
from pipeline.domain.errors import InvalidRequest, NotFound
from pipeline.domain.object_keys import segment_key, work_prefix
from pipeline.handlers.planned_composition import PlannedComposition
from pipeline.handlers.tools import Tools
from pipeline.handlers.turn_pieces import SecondsLeft, TurnPieces

CONTENT_TYPE = "video/quicktime"
ENCODE_SHARE = 1 - JOIN_SHARE
"""Of the progress, for encoding all segments."""


@dataclass(frozen=True)
class SegmentFile:
    """A finished segment in our storage."""

    key: str
    frames: int
    size_bytes: int


def finish_segments(work: PlannedComposition, pieces: TurnPieces) -> None:
    """Encode and store the segments that no turn has finished yet.

    Raises WakeLater when the rest is for another turn, StepFailed when a segment cannot be made.
    """
    for number in range(1, len(work.segments) + 1):
        pieces.leave_if_spent()
        _finish_segment(work, number, pieces)
        _release_clips(work, number)
    pieces.leave_if_spent()


def local_segments(work: PlannedComposition, seconds_left: SecondsLeft) -> list[SegmentPath]:
    """All segments on this machine, in order, ready to be joined."""
    return [_local_segment(work, number, seconds_left) for number in range(1, len(work.segments) + 1)]


def discard_checkpoints(user_id: str, video_id: str, job_id: str, tools: Tools) -> int:
    """Delete all that a composition has kept for its later turns; returns how many files there were.

    For a job that has ended, however it did. Raises StorageUnavailable, StorageRefused.
    """
    try:
        prefix = work_prefix(user_id, video_id, job_id)
    except InvalidRequest:  # of a document that could never have kept anything
        return 0
    keys = [stored.key for stored in tools.storage.list_objects(prefix)]
    tools.storage.delete_objects(keys)
    return len(keys)


def _finish_segment(work: PlannedComposition, number: int, pieces: TurnPieces) -> None:
    step = f"segment_{number}_{work.fingerprint}"
    frames = work.segments[number - 1].frames

    def stored() -> SegmentFile:
        found = work.tools.storage.stat(_key(work, number))
        if found is not None:  # left by a turn that was killed before it could say so
            return SegmentFile(found.key, frames, found.size_bytes)
        return pieces.do(step, lambda seconds_left: _encode(work, number, seconds_left), frames=frames)

    work.turn.run_step(step, SegmentFile, stored)


def _encode(work: PlannedComposition, number: int, seconds_left: SecondsLeft) -> SegmentFile:
    segment, total = work.segments[number - 1], work.plan.total_frames
    before = sum(earlier.frames for earlier in work.segments[: number - 1])
    clips = {clip: work.clip(clip) for clip in segment.clips}
    rendered = render_segment(
        work.plan,
        segment,
        clips,
        _path(work, number),
        on_progress=lambda share: work.report((before + share * segment.frames) / total * ENCODE_SHARE),
        deadline_seconds=seconds_left(),
        should_stop=work.turn.check,
    )
    work.report_now((before + segment.frames) / total * ENCODE_SHARE)  # who has lost the job leaves no file behind
    stored = work.tools.storage.upload_file(_key(work, number), rendered.path, CONTENT_TYPE)
    return SegmentFile(stored.key, rendered.frames, stored.size_bytes)


def _local_segment(work: PlannedComposition, number: int, seconds_left: SecondsLeft) -> SegmentPath:
    path = _path(work, number)
    if not path.exists():
        work.turn.check()
        try:
            work.tools.storage.download_file(_key(work, number), path)
        except NotFound:
            logger.warn("[Composition] A finished segment is gone", job_id=work.turn.ref.job_id, segment=number)
            _encode(work, number, seconds_left)
            _release_clips(work, number)
    return SegmentPath(path, work.segments[number - 1].frames)


def _release_clips(work: PlannedComposition, number: int) -> None:
    """Delete the clips of a segment that no later one needs."""
    later = {clip for segment in work.segments[number:] for clip in segment.clips}
    for clip in set(work.segments[number - 1].clips) - later:
        work.sources.release(clip)


def _key(work: PlannedComposition, number: int) -> str:
    return segment_key(work.turn.user_id, work.video_id, work.turn.ref.job_id, work.fingerprint, number)


def _path(work: PlannedComposition, number: int) -> Path:
    return work.folder / f"segment_{number}.mov"
