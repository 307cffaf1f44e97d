"""What Google gives us, on the virtual clock: events, tasks, time limits, storage, downloads, all unreliable.

created event   lost, late, twice                         never repeated when the function fails
task            late, early, twice, reordered             repeated until the function succeeds
Firestore       slow, refused, or done and not answered
storage, files  slow, refused
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import av
from google.api_core.exceptions import ServiceUnavailable
from PIL import Image

from pipeline.adapters.downloads import FetchedFile
from pipeline.adapters.object_storage import StoredObject
from pipeline.domain.errors import NotFound, SourceError, SourceUnreachable, StorageUnavailable
from pipeline.domain.jobs import JobRef, SignalWake, TaskWake, Wake
from pipeline.domain.url_lifetimes import UrlLifetime
from tests.simulation.schedule import Call, Schedule
from tests.simulation.virtual_replicate import VirtualReplicate

EVENT_SECONDS = 540.0
TASK_SECONDS = 1800.0
LETTING_GO_SECONDS = 20.0
MAX_DELIVERIES = 100


@dataclass(frozen=True)
class PlatformMood:
    """How often what goes wrong. Shares of 1; times in seconds."""

    event_lost: float = 0.0
    duplicate: float = 0.0  # of events, tasks and webhooks
    latest: float = 5.0  # of events and tasks
    early: float = 0.0  # tasks that come a little before their time
    enqueue_fails: float = 0.0
    firestore_fails: float = 0.0
    storage_fails: float = 0.0
    download_fails: float = 0.0
    webhook_lost: float = 0.2
    latest_webhook: float = 90.0
    sweep_missed: float = 0.0


class FirestoreGate:
    """Every call to Firestore is an effect; some fail before they take effect, some after."""

    def __init__(self, schedule: Schedule, mood: PlatformMood) -> None:
        self._schedule = schedule
        self._mood = mood

    def before(self, label: str) -> None:
        self._schedule.effect(label)
        self._maybe_fail()

    def after(self, label: str) -> None:
        self._schedule.effect(f"{label} done")
        self._maybe_fail()

    def _maybe_fail(self) -> None:
        if self._schedule.chance(self._mood.firestore_fails):
            self._schedule.note("Firestore does not answer")
            raise ServiceUnavailable("Firestore does not answer")


Deliver = Callable[[str, JobRef, Wake, float, Callable[[Call], None]], None]
"""(name of the call, job, wake, time limit, what to do at its end)"""


class VirtualTasks:
    """Cloud Tasks: delivers every task at least once, and again until the function succeeds."""

    def __init__(self, schedule: Schedule, mood: PlatformMood, deliver: Deliver) -> None:
        self._schedule = schedule
        self._mood = mood
        self._deliver = deliver

    def wake(self, ref: JobRef, turn: int, at: datetime) -> None:
        """What `TaskQueue.wake` does."""
        self._enqueue(f"task of {ref.job_id} turn {turn}", ref, TaskWake(turn), self._schedule.seconds_of(at))

    def signal(self, ref: JobRef) -> None:
        """What `TaskQueue.signal` does."""
        self._enqueue(f"signal to {ref.job_id}", ref, SignalWake(), self._schedule.now)

    def _enqueue(self, name: str, ref: JobRef, wake: Wake, at: float) -> None:
        schedule, mood = self._schedule, self._mood
        schedule.effect(f"enqueue {name}")
        if schedule.chance(mood.enqueue_fails):
            schedule.note("Cloud Tasks does not answer")
            if schedule.chance(0.5):
                raise ServiceUnavailable("Cloud Tasks does not answer")
            self._send(name, ref, wake, at)
            raise ServiceUnavailable("Cloud Tasks does not answer")
        self._send(name, ref, wake, at)
        schedule.effect(f"enqueue {name} done")

    def _send(self, name: str, ref: JobRef, wake: Wake, at: float) -> None:
        draw = self._schedule.random
        for _ in range(2 if draw.random() < self._mood.duplicate else 1):
            early = draw.uniform(0.0, 4.0) if draw.random() < self._mood.early else 0.0
            late = draw.uniform(0.0, self._mood.latest) * draw.random() ** 3  # mostly in time
            self._schedule.at(at - early + late, lambda: self._attempt(name, ref, wake, 1))

    def _attempt(self, name: str, ref: JobRef, wake: Wake, number: int) -> None:
        def ended(call: Call) -> None:
            if (call.killed or call.error is not None) and number < MAX_DELIVERIES:
                backoff = min(60.0, 2.0 ** min(number - 1, 4)) * (1.0 + self._schedule.random.random())
                self._schedule.after(backoff, lambda: self._attempt(name, ref, wake, number + 1))

        self._deliver(f"{name} delivery {number}", ref, wake, TASK_SECONDS, ended)


class VirtualStorage:
    """Object storage: what `adapters.object_storage.ObjectStorage` needs for finished files."""

    def __init__(self, schedule: Schedule, mood: PlatformMood) -> None:
        self._schedule = schedule
        self._mood = mood
        self.objects: dict[str, int] = {}  # key -> bytes
        self.contents: dict[str, bytes] = {}  # of small objects that are read again
        self._types: dict[str, str] = {}

    def upload_file(self, key: str, path: Path, content_type: str) -> StoredObject:
        self._schedule.effect(f"store {key}")
        self._maybe_fail()
        size_bytes = path.stat().st_size
        self.objects[key] = size_bytes
        self._types[key] = content_type
        self._schedule.effect(f"store {key} done")
        return StoredObject(key, size_bytes, content_type, f"https://storage.test/{key}")

    def update_bytes(self, key: str, content_type: str, change: Callable[[bytes | None], bytes]) -> StoredObject:
        while True:
            self._schedule.effect(f"read {key}")
            self._maybe_fail()
            present = self.contents.get(key)
            changed = change(present)
            if changed == present:
                return StoredObject(key, len(changed), content_type, f"https://storage.test/{key}")
            self._schedule.effect(f"update {key}")
            self._maybe_fail()
            if self.contents.get(key) != present:
                continue  # somebody was faster
            self.contents[key] = changed
            self.objects[key] = len(changed)
            self._types[key] = content_type
            self._schedule.effect(f"update {key} done")
            self._maybe_fail()  # the answer is lost
            return StoredObject(key, len(changed), content_type, f"https://storage.test/{key}")

    def copy_object(self, source_key: str, key: str) -> StoredObject:
        self._schedule.effect(f"copy {source_key} to {key}")
        self._maybe_fail()
        if source_key not in self.objects:
            raise NotFound("The file is not in file storage.")
        self.objects[key] = self.objects[source_key]
        self._types[key] = self._types[source_key]
        if source_key in self.contents:
            self.contents[key] = self.contents[source_key]
        self._schedule.effect(f"copy {source_key} to {key} done")
        self._maybe_fail()  # the answer is lost
        return StoredObject(key, self.objects[key], self._types[key], f"https://storage.test/{key}")

    def list_folders(self, prefix: str, after: str = "") -> Iterator[str]:
        self._schedule.effect(f"list the folders of {prefix}")
        self._maybe_fail()
        below = (key.removeprefix(prefix) for key in self.objects if key.startswith(prefix))
        names = {key.partition("/")[0] for key in below if "/" in key}
        for name in sorted(names, key=lambda name: f"{name}/"):
            if name and (not after or f"{name}/" > f"{after}/"):
                yield name

    def readable_url(self, key: str, known_url: str | None, lifetime: UrlLifetime) -> str:
        return f"https://storage.test/{key}?until={lifetime.end:%Y%m%dT%H%M%SZ}"

    def stat(self, key: str) -> StoredObject | None:
        self._schedule.effect(f"look for {key}")
        if key not in self.objects:
            return None
        return StoredObject(key, self.objects[key], self._types[key], f"https://storage.test/{key}")

    def _maybe_fail(self) -> None:
        if self._schedule.chance(self._mood.storage_fails):
            self._schedule.note("storage does not answer")
            raise StorageUnavailable("Storage does not answer.")

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError(f"storage.{name} is not simulated")


class VirtualDownloads:
    """What `adapters.downloads.Downloader` fetches: Replicate's outputs while they last, and sources of users."""

    def __init__(self, schedule: Schedule, mood: PlatformMood, replicate: VirtualReplicate) -> None:
        self._schedule = schedule
        self._mood = mood
        self._replicate = replicate

    def fetch(
        self,
        url: str,
        path: Path,
        *,
        max_bytes: int,
        kind: str,
        should_stop: Callable[[], None] | None = None,
        on_progress: Callable[[int, int | None], None] | None = None,
    ) -> FetchedFile:
        self._schedule.effect(f"download {url}")
        if self._schedule.chance(self._mood.download_fails):
            self._schedule.note("the download fails")
            raise SourceUnreachable("The server cannot be reached.")
        if url.startswith("https://replicate.test/") and not self._replicate.serves(url):
            self._schedule.note("the file is gone")
            raise SourceError("replicate.test does not serve the file (404).")
        if should_stop:
            should_stop()
        data = clip_bytes() if url.endswith(".mp4") else picture_bytes()
        path.write_bytes(data)
        return FetchedFile(path, len(data), "video/mp4" if url.endswith(".mp4") else "image/png")


@cache
def picture_bytes() -> bytes:
    """A real picture, as small as it goes."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(file, "PNG")
    return file.getvalue()


@cache
def clip_bytes() -> bytes:
    """A real clip, as small as it goes."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width = stream.height = 16
        stream.pix_fmt = "yuv420p"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_image(Image.new("RGB", (16, 16), "teal"))))
        container.mux(stream.encode(None))
    return file.getvalue()
