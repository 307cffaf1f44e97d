"""A simulated world for jobs whose documents hold anything: the real handlers, and everything around them watched."""

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from pipeline.adapters.downloads import FetchedFile
from pipeline.adapters.object_storage import StoredObject
from pipeline.domain.errors import UnsafeUrl
from pipeline.domain.jobs import CreatedWake, JobRef, JobStatus
from pipeline.handlers.run_job import DeliverAgain
from tests.simulation.memory_store import Document, short
from tests.simulation.schedule import CALM, Call, nothing_more
from tests.simulation.virtual_platform import EVENT_SECONDS, PlatformMood, VirtualDownloads, VirtualStorage
from tests.simulation.virtual_replicate import ProviderMood
from tests.simulation.weather import Weather
from tests.simulation.world import HORIZON_SECONDS, SWEEP_SECONDS, World, virtual_modules

QUIET = Weather(CALM, ProviderMood(), PlatformMood(webhook_lost=0.0), jobs=())
SOURCES = "https://sources.test/"
ENDED = [status.value for status in JobStatus if status.is_terminal]


class WatchedStorage(VirtualStorage):
    """Knows which files were read from."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.used: list[str] = []

    def stat(self, key: str) -> StoredObject | None:
        self.used.append(key)
        return super().stat(key)

    def copy_object(self, source_key: str, key: str) -> StoredObject:
        self.used.append(source_key)
        return super().copy_object(source_key, key)

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        self.used.append(prefix)
        for key in [key for key in self.objects if key.startswith(prefix)]:
            yield StoredObject(key, self.objects[key], self._types[key], f"https://storage.test/{key}")

    def delete_objects(self, keys: list[str]) -> None:
        for key in keys:
            self.used.append(key)
            self.objects.pop(key, None)

    def download_file(self, key: str, path: Path) -> None:
        self.used.append(key)
        raise NotImplementedError


class PickyDownloads(VirtualDownloads):
    """Fetches from one host, and from Replicate's; what is elsewhere is not safe."""

    def check_url(self, url: str) -> None:
        if not url.startswith((SOURCES, "https://replicate.test/")):
            raise UnsafeUrl("The URL is not one that may be fetched.")

    def fetch(self, url: str, path: Path, **options: Any) -> FetchedFile:
        self.check_url(url)
        return super().fetch(url, path, **options)


class _Nowhere(io.TextIOBase):
    def write(self, text: str) -> int:
        return len(text)


class FuzzWorld(World):
    """One job, run to its end."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed, QUIET)
        self.storage = WatchedStorage(self.schedule, QUIET.platform)
        self.downloads = PickyDownloads(self.schedule, QUIET.platform, self.replicate)
        self.escaped: list[Exception] = []
        self.ref: JobRef | None = None

    def put(self, path: str, fields: Mapping[str, Any]) -> None:
        """Write a document, as whoever may write anything."""
        self.outside.document(path).set(dict(fields))

    def paths(self) -> dict[str, Document]:
        """All documents by their paths."""
        return {short(name): document for name, document in self.store.documents.items()}

    def run_to_the_end(self, ref: JobRef, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Create the job, and let everything happen: its event, its tasks, its webhooks, and the sweeper."""
        self.ref = ref
        self.put(ref.path, fields)
        self.deliver("event", ref, CreatedWake(), EVENT_SECONDS)
        self.schedule.after(SWEEP_SECONDS, self._sweep)
        with redirect_stdout(_Nowhere()), redirect_stderr(_Nowhere()), virtual_modules(self.schedule):
            self.schedule.run()
        return self.job(ref) or {}

    def call(
        self, name: str, run: Callable[[], None], limit: float, ended: Callable[[Call], None] = nothing_more
    ) -> None:
        def watched() -> None:
            try:
                run()
            except DeliverAgain:
                raise
            except Exception as error:
                self.escaped.append(error)
                raise

        super().call(name, watched, limit, ended)

    def _is_settled(self) -> bool:
        if self.schedule.now > HORIZON_SECONDS:
            return True
        if self.schedule.live_calls or (self.ref is not None and (self.job(self.ref) or {}).get("status") not in ENDED):
            return False
        return all(fields.get("check_at") is None for _, fields in self.documents("predictions"))
