"""Composition jobs of several turns, and instances of the function that are killed before any of their effects."""

import re
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
import pytest

from pipeline.adapters.composer import compose
from pipeline.adapters.media_probe import probe_media
from pipeline.adapters.sound import make_sound
from pipeline.adapters.streamed_uploads import StreamedUpload
from pipeline.adapters.watch import Watch
from pipeline.domain.jobs import CreatedWake, JobKind, JobRef, SignalWake, TaskWake, Wake
from pipeline.domain.media_plans import CompositionOptions, CompositionPlan, plan_composition
from pipeline.domain.object_keys import final_video_key, parts_prefix
from pipeline.handlers.run_job import run_job
from pipeline.handlers.turn_pieces import SECONDS_TO_STORE
from tests.handlers.conftest import USER, Workbench

ONE_PIECE = SECONDS_TO_STORE
"""Seconds of a turn that does its first piece, and then has no time for another."""

ONE_GO = 500.0
"""Seconds of a turn in which small clips are composed in one go."""

NEVER = 10**6


class Killed(BaseException):
    """The instance is gone."""


class CutOff(Exception):
    """The same in the middle of a C library's callback, which lets no BaseException through."""


@dataclass
class Instance:
    """What one or several instances did to the world, and when the next of them is killed. For several threads."""

    effects_left: int = NEVER
    dies_at: str | None = None  # only calls of this name count as effects; else all but writes into an upload
    uploads: Counter[str] = field(default_factory=Counter)  # by key, those that were finished
    downloads: list[str] = field(default_factory=list)
    fetches: list[str] = field(default_factory=list)
    files_on_disk: int = 0  # the most clips that lay there when another one was fetched
    dropped: list[StreamedUpload] = field(default_factory=list)  # as killed instances left them
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_dead(self) -> bool:
        return self.effects_left <= 0

    def watching(self, thing: Any) -> Any:
        return _Watched(thing, self)

    def before(self, name: str, arguments: tuple[Any, ...]) -> None:
        with self._lock:
            if self.is_dead:
                raise Killed(name)
            if self.dies_at == name or (self.dies_at is None and name != "write_upload"):
                self.effects_left -= 1
                if self.effects_left == 0:
                    raise Killed(name)
            if name in ("upload_file", "upload_bytes", "finish_upload"):
                self.uploads[arguments[0]] += 1
            if name == "download_file":
                self.downloads.append(arguments[0])
            if name == "fetch":
                self.fetches.append(arguments[1].name)
                self.files_on_disk = max(self.files_on_disk, len(list(arguments[1].parent.glob("clip_*"))))

    def parts(self) -> list[int]:
        """How often each part was uploaded, in the order of keys: the segments, then the sound."""
        return [times for key, times in sorted(self.uploads.items()) if "/parts/" in key]

    def revive(self) -> None:
        """The next instance lives."""
        self.effects_left = NEVER

    def bury(self) -> None:
        """End what killed instances have left open; their threads would wait for ever."""
        for upload in self.dropped:
            upload.__exit__(None, None, None)
        self.dropped.clear()


class _Watched:
    """Anything, every call of which may be the one that an instance does not live to make."""

    def __init__(self, thing: Any, instance: Instance) -> None:
        self._thing = thing
        self._instance = instance

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self._instance.before(name, arguments)
            result = getattr(self._thing, name)(*arguments, **named)
            return _WatchedUpload(result, arguments[0], self._instance) if name == "open_upload" else result

        return call


class _WatchedUpload:
    """An upload that goes on while the file is written; whoever is killed does not give it up."""

    def __init__(self, upload: StreamedUpload, key: str, instance: Instance) -> None:
        self._upload = upload
        self._key = key
        self._instance = instance

    def __enter__(self) -> "_WatchedUpload":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._instance.is_dead:
            self._instance.dropped.append(self._upload)
        else:
            self._upload.__exit__(kind, error, trace)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._upload.seek(offset, whence)

    def tell(self) -> int:
        return self._upload.tell()

    def write(self, data: bytes) -> int:
        try:
            self._instance.before("write_upload", ())
        except Killed as killed:
            raise CutOff from killed
        return self._upload.write(data)

    def finish(self) -> Any:
        self._instance.before("finish_upload", (self._key,))
        return self._upload.finish()


class CompositionJob:
    """A composition job, and its turns."""

    def __init__(self, bench: Workbench, job_id: str, sources: Sequence[Path], **fields: Any) -> None:
        self.bench = bench
        self.ref = JobRef(JobKind.COMPOSITION, job_id)
        self.instance = Instance()
        clips = [{"scene_number": n, "video_url": bench.publish(path)} for n, path in enumerate(sources, start=1)]
        request = {"job_id": job_id, "user_id": USER, "status": "pending", "clips": clips, **fields}
        bench.write(self.ref.path, request)

    @property
    def document(self) -> dict[str, Any]:
        return self.bench.read(self.ref.path)

    def change(self, **fields: Any) -> None:
        """Change the document behind the functions' back."""
        self.bench.client.document(self.ref.path).update(fields)

    def wake(self, wake: Wake, seconds: float) -> dict[str, Any]:
        desk, tools = self.bench.desk(), self.bench.tools()
        watching = self.instance.watching
        watched = replace(tools, storage=watching(tools.storage), downloads=watching(tools.downloads))
        run_job(self.ref, wake, seconds, replace(desk, jobs=watching(desk.jobs)), lambda: watched)
        return self.document

    def create(self, seconds: float = ONE_PIECE) -> dict[str, Any]:
        return self.wake(CreatedWake(), seconds)

    def next_turn(self, seconds: float = ONE_PIECE) -> dict[str, Any]:
        turn, at = self.bench.tasks.due[self.ref]
        self.bench.ahead += max(at - self.bench.now(), timedelta())
        return self.wake(TaskWake(turn), seconds)

    def after_a_kill(self, seconds: float = ONE_GO) -> dict[str, Any]:
        """The turn of the next instance, when the lease of the killed one has run out."""
        self.instance.revive()
        self.bench.ahead += 2 * timedelta(seconds=self.bench.settings.lease_seconds)
        return self.wake(SignalWake(), seconds)

    def finish(self, seconds: float = ONE_PIECE) -> list[dict[str, Any]]:
        """The document after each of the turns that it takes to the end."""
        seen = [self.next_turn(seconds)]
        while seen[-1]["status"] == "processing":
            assert len(seen) < 30, seen[-1]
            seen.append(self.next_turn(seconds))
        return seen

    def kept(self) -> list[str]:
        """The keys of the parts that lie in storage."""
        prefix = parts_prefix(USER, self.ref.job_id, self.ref.job_id)
        return [stored.key for stored in self.bench.storage.list_objects(prefix)]

    @property
    def final_key(self) -> str:
        return final_video_key(USER, self.ref.job_id, self.ref.job_id)

    def is_visible(self) -> bool:
        """Whether there is a final video."""
        return self.bench.storage.stat(self.final_key) is not None

    def recorded(self) -> set[str]:
        """The steps that are done, without the fingerprints of their plan."""
        steps = self.document.get("steps", {})
        return {re.sub("_[0-9a-f]{16}$", "", name) for name, step in steps.items() if step.get("done")}

    def video(self, folder: Path) -> Path:
        target = folder / f"{self.ref.job_id}.mp4"
        self.bench.storage.download_file(self.document["video_key"], target)
        return target


@dataclass(frozen=True)
class Files:
    """Clips on the disk that stay there."""

    paths: Sequence[Path]

    def clip(self, place: int) -> Path:
        return self.paths[place]

    def spare(self, place: int) -> None:
        """Nothing goes."""

    def release(self, place: int) -> None:
        """Nothing goes."""


def planned(sources: Sequence[Path], music: Path | None = None, **options: Any) -> CompositionPlan:
    probes = [probe_media(source) for source in sources]
    return plan_composition(probes, CompositionOptions(**options), probe_media(music) if music else None)


def composed_at_once(sources: Sequence[Path], folder: Path, music: Path | None = None, **options: Any) -> Path:
    """The video as it has to be, made without any job."""
    plan, files, watch = planned(sources, music, **options), Files(sources), Watch.until(60)
    sound = make_sound(plan, files, music, folder / "at_once.m4a", watch).path if plan.has_sound else None
    target = folder / "at_once.mp4"
    compose(plan, files, sound, target, workdir=folder, watch=watch)
    return target


def encoded_segments(plan: CompositionPlan) -> int:
    return sum(not segment.is_copied for segment in plan.segments)


def pictures(path: Path) -> list[tuple[float, np.ndarray]]:
    """When each picture is shown, in seconds, and the picture in grey."""
    with av.open(str(path)) as container:
        return [(frame.time, frame.to_ndarray(format="gray").astype(float)) for frame in container.decode(video=0)]


def assert_same_video(made: Path, expected: Path) -> None:
    """Decodes without complaint, and shows the same pictures at the same times as the other, with sound as long."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "warning", "-xerror", "-err_detect", "explode", "-i", str(made)]
    decoded = subprocess.run([*command, "-f", "null", "-"], capture_output=True, text=True, check=False)
    assert (decoded.returncode, decoded.stderr) == (0, "")
    one, other = probe_media(made), probe_media(expected)
    assert (one.duration_seconds, one.audio) == (other.duration_seconds, other.audio)
    for (time, picture), (expected_time, wanted) in zip(pictures(made), pictures(expected), strict=True):
        assert time == pytest.approx(expected_time, abs=1e-4)
        assert np.abs(picture - wanted).mean() < 1.5  # x264 is not the same to the bit in every run
