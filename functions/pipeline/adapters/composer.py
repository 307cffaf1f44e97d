"""Carries out a composition plan: copies what is copied, encodes what is encoded, and writes the file as it goes.

    segments   | copied | encoded | copied | encoded | copied |
    encoders       2 ░░░░░░░░   4 ░░░░░░░░                       ahead of the writer, two at a time
    writer      1 ▓       2 ░ 3 ▓       4 ░ 5 ▓                  ──> final MP4, as it grows

Only those clips are on this machine that the encoders and the writer work with, and a segment's file goes when it is
written: what is held does not grow with the number of clips.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol

from pipeline.adapters.media_probe import open_media
from pipeline.adapters.muxing import FinalVideo, SeekableFile
from pipeline.adapters.picture_check import PictureCheck
from pipeline.adapters.segment_encoding import encode_segment, is_smaller_copied
from pipeline.adapters.sound import ClipFiles
from pipeline.adapters.threads import Threads
from pipeline.adapters.watch import Watch, naming
from pipeline.domain.media_plans import CompositionPlan
from pipeline.domain.media_segments import Piece
from pipeline.domain.media_work import FAST

TWO_ENCODERS_PIXELS = 1088 * 1920
"""Of a frame: with more, two encoders at a time take more than half a gigabyte."""

SEGMENTS_AHEAD = 4
"""How many segments after the one that is written may be worked on."""


StoredSegment = Callable[[int], Path | None]
"""A segment, counted from 0, that was encoded before; None: it is to be encoded now. Called from several threads."""


class Material(ClipFiles, Protocol):
    """What a composition is made of, on this machine. Methods are called from several threads."""

    def release(self, place: int) -> None:
        """No segment needs this clip any more."""


def compose(
    plan: CompositionPlan,
    material: Material,
    sound: Path | None,
    target: Path | SeekableFile,
    *,
    workdir: Path,
    watch: Watch,
    stored: StoredSegment = lambda _: None,
) -> PictureCheck:
    """Write the MP4 of `plan` to `target`, a path or a seekable file, and return what its pictures look like.

    `sound` is what `make_sound` has made. Files in `workdir` are the caller's to delete. `watch` is told shares from 0
    to 1, never backwards. Raises DeadlineExceeded, OutOfSpace, MediaError, and what `material` and `target` raise.
    """
    check = PictureCheck(plan)
    last_use = {clip: number for number, segment in enumerate(plan.segments) for clip in segment.clips}
    with (
        _Encoders(plan, material, stored, workdir, watch) as encoders,
        FinalVideo(plan, _parameter_sets(plan, encoders), sound, target) as video,
    ):
        for number, segment in enumerate(plan.segments):
            watch.should_stop()
            encoded = encoders.result(number)
            if encoded is None:
                path, piece = material.clip(segment.left.clip), segment.left
                frame_seconds = plan.clips[piece.clip].frame_seconds
            else:
                path, piece = encoded, Piece(number, 0, segment.frames)
                frame_seconds = float(1 / plan.form.frame_rate)
            with naming(segment.clips):
                sizes = video.add(path, piece)
                check.look(path, piece, frame_seconds, sizes, segment)
            if encoded is not None:
                encoded.unlink()
            for clip in segment.clips:
                if last_use[clip] == number:
                    material.release(clip)
            encoders.written(number)
        video.finish()
    return check


def _parameter_sets(plan: CompositionPlan, encoders: "_Encoders") -> list[bytes]:
    """The avcC records of the file: of what is copied, and of what is encoded, all of which has the same."""
    records = [bytes.fromhex(plan.copied_parameter_sets)] if plan.copied_parameter_sets else []
    for number, segment in enumerate(plan.segments):
        if not segment.is_copied and (path := encoders.result(number)) is not None:
            with open_media(path) as container:
                return [*records, container.streams.video[0].codec_context.extradata or b""]
    return records


class _Encoders:
    """Encodes segments ahead of the one that is written."""

    def __init__(
        self, plan: CompositionPlan, material: Material, stored: StoredSegment, workdir: Path, watch: Watch
    ) -> None:
        self._plan, self._material, self._stored, self._workdir, self._watch = plan, material, stored, workdir, watch
        encoded = sum(not segment.is_copied for segment in plan.segments)
        fits_twice = plan.form.pixels <= TWO_ENCODERS_PIXELS and plan.encode == FAST
        self._at_once = min(2, os.cpu_count() or 1) if fits_twice and encoded > 1 else 1
        self._pool = Threads(self._at_once, "encoder")
        self._begun: dict[int, Future[Path | None]] = {}
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._shares: dict[int, float] = {}
        self._work = [plan.segment_seconds(segment) for segment in plan.segments]

    def __enter__(self) -> "_Encoders":
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._pool.shutdown(cancel_futures=True)

    def result(self, number: int) -> Path | None:
        """The file of a segment, as soon as it is there; None for one that is copied. Raises what encoding raises."""
        for ahead in range(number, min(number + SEGMENTS_AHEAD, len(self._work))):
            if ahead not in self._begun and not self._plan.segments[ahead].is_copied:
                self._begun[ahead] = self._pool.submit(self._encode, ahead)
        begun = self._begun.get(number)
        return begun.result() if begun else None

    def written(self, number: int) -> None:
        """A segment is in the file."""
        self._begun.pop(number, None)
        self._tell(number, 1.0)

    def _encode(self, number: int) -> Path | None:
        segment = self._plan.segments[number]
        if (before := self._stored(number)) is not None:
            return before
        watch = Watch(self._watch.ends_at, lambda share: self._tell(number, share), self._check)
        target = self._workdir / f"segment_{number + 1}.mp4"
        threads = 1 if self._at_once > 1 else 0
        encode_segment(self._plan, segment, self._material.clip, target, watch, threads=threads)
        if segment.may_copy and is_smaller_copied(segment, self._material.clip(segment.left.clip), target):
            target.unlink()
            return None
        return target

    def _check(self) -> None:
        if self._stopping.is_set():
            raise _StoppedError
        self._watch.should_stop()

    def _tell(self, number: int, share: float) -> None:
        with self._lock:
            self._shares[number] = max(share, self._shares.get(number, 0.0))
            done = sum(self._work[one] * part for one, part in self._shares.items())
            self._watch.on_progress(min(done / sum(self._work), 1.0))


class _StoppedError(Exception):
    """An encoder ends because the composition has failed elsewhere."""
