"""The clips and the music of a composition on this instance's disk, which is memory and small.

Each is fetched when it is needed, and again in a later turn; the next ones come in while one is worked on. What fits is
kept from the first look to its use.
"""

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.adapters.media_probe import probe_media
from pipeline.adapters.threads import Threads
from pipeline.domain.errors import OutOfSpace, SourceError
from pipeline.domain.media import MediaProbe
from pipeline.domain.media_types import MediaKind
from pipeline.domain.requests import CompositionRequest
from pipeline.handlers.tools import Tools
from pipeline.handlers.turns import Turn

KEPT_BYTES = 32_000_000
"""As much stays on the disk although it is not needed at once."""

FETCHES_AHEAD = 2


@dataclass(frozen=True)
class Source:
    """One file that the job names. `label` tells its owner which."""

    label: str
    url: str
    kind: MediaKind
    max_bytes: int
    path: Path


class SourceFiles:
    """All sources of one composition: the clips in order, then the music if there is any. For several threads."""

    def __init__(
        self, turn: Turn, request: CompositionRequest, folder: Path, tools: Tools, kept_bytes: int = KEPT_BYTES
    ) -> None:
        settings = tools.settings
        self.folder = folder
        self._turn = turn
        self._downloads = tools.downloads
        self._kept_bytes = kept_bytes
        self._lock = threading.RLock()
        self._fetched: dict[int, Future[None]] = {}
        self._kept: set[int] = set()  # of those that are not needed now
        self._coming: set[int] = set()
        self._unwanted: set[int] = set()  # of those that are coming: released before they were there
        self._is_closing = threading.Event()
        self._pool = Threads(FETCHES_AHEAD, "fetch")
        self._all = [
            Source(
                f"Clip {place} (scene {clip.scene_number})",
                clip.video_url,
                "video",
                settings.max_clip_bytes,
                folder / f"clip_{place}",
            )
            for place, clip in enumerate(request.clips, start=1)
        ]
        self._clips = len(self._all)
        if request.audio_url is not None:
            music = Source(
                "The audio track (audio_url)", request.audio_url, "audio", settings.max_audio_bytes, folder / "audio"
            )
            self._all.append(music)

    def __enter__(self) -> "SourceFiles":
        return self

    def __exit__(self, *_: object) -> None:
        """What is still coming is given up; a server that says nothing is waited for as long as a download does."""
        self._is_closing.set()
        self._pool.shutdown(cancel_futures=True)

    def __len__(self) -> int:
        return len(self._all)

    def url(self, place: int) -> str:
        return self._all[place].url

    def probe(self, place: int) -> MediaProbe:
        """Fetch a source, counted from 0, and look into it. Failures name it, so that its owner finds it."""
        source = self._all[place]
        with self._naming(place):
            self._fetch(place)
            probe = probe_media(source.path)
        self.spare(place)
        return probe

    def file(self, place: int, probe: MediaProbe) -> Path:
        """The file of a source that was probed. Raises SourceError when it is gone, or no longer what it was."""
        source = self._all[place]
        with self._naming(place):
            self._kept.discard(place)
            self._fetch(place)
            if source.path.stat().st_size != probe.size_bytes:
                raise SourceError("The file was replaced while the video was being made.")
        return source.path

    def spare(self, place: int) -> None:
        """The file is not needed now: it stays if there is room beside those that were kept before."""
        with self._lock:
            self._kept.add(place)
            if self._bytes_of(self._kept) > self._kept_bytes:
                self.release(place)

    def release(self, place: int) -> None:
        """The file goes: it is needed no more, or not for long."""
        with self._lock:
            self._kept.discard(place)
            if place in self._coming and not self._fetched[place].cancel():
                self._unwanted.add(place)
                return
            self._coming.discard(place)
            self._fetched.pop(place, None)
            self._all[place].path.unlink(missing_ok=True)

    def _fetch(self, place: int) -> None:
        """Have a source on the disk, and the next clips on their way; the music is used once, and before them."""
        self._begin(place)
        for ahead in range(place + 1, min(place + 1 + FETCHES_AHEAD, self._clips)):
            with self._lock:
                if self._bytes_of(self._fetched.keys() - self._kept) <= self._kept_bytes:
                    self._begin(ahead)
        begun = self._begin(place)
        try:
            begun.result()
        except BaseException:
            with self._lock:
                self._fetched.pop(place, None)
            raise

    def _begin(self, place: int) -> Future[None]:
        with self._lock:
            self._unwanted.discard(place)
            if place not in self._fetched:
                self._coming.add(place)
                self._fetched[place] = self._pool.submit(self._download, place)
            return self._fetched[place]

    def _download(self, place: int) -> None:
        source = self._all[place]
        try:
            self._downloads.fetch(
                source.url, source.path, max_bytes=source.max_bytes, kind=source.kind, should_stop=self._check
            )
        finally:
            with self._lock:
                self._coming.discard(place)
                if place in self._unwanted:
                    self._unwanted.discard(place)
                    self.release(place)

    def _check(self) -> None:
        if self._is_closing.is_set():
            raise _ClosedError
        self._turn.check()

    def _bytes_of(self, places: Iterable[int]) -> int:
        return sum(size_or_nothing(self._all[place].path) for place in places)

    @contextmanager
    def _naming(self, place: int) -> Iterator[None]:
        """Failures say which source it was."""
        try:
            yield
        except (SourceError, OutOfSpace) as error:
            raise type(error)(f"{self._all[place].label}: {error}") from error


class _ClosedError(Exception):
    """A fetch ends because nobody waits for it any more."""


def size_or_nothing(path: Path) -> int:
    """The bytes of a file; 0 when it is not there, or goes at this moment."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
