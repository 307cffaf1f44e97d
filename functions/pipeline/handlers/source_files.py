"""The clips and the music of a composition on this instance's disk, which is memory and small.

Each is fetched when it is needed, and again in a later turn. What fits is kept from the first look to its use.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.adapters.media_probe import probe_media
from pipeline.domain.errors import OutOfSpace, SourceError
from pipeline.domain.media import MediaProbe
from pipeline.domain.media_types import MediaKind
from pipeline.domain.requests import CompositionRequest
from pipeline.handlers.tools import Tools
from pipeline.handlers.turns import Turn

KEPT_BYTES = 500_000_000
"""As much stays on the disk after the first look, for the clips' use in the same turn."""


@dataclass(frozen=True)
class Source:
    """One file that the job names. `label` tells its owner which."""

    label: str
    url: str
    kind: MediaKind
    max_bytes: int
    path: Path


class SourceFiles:
    """All sources of one composition: the clips in order, then the music if there is any."""

    def __init__(
        self, turn: Turn, request: CompositionRequest, folder: Path, tools: Tools, kept_bytes: int = KEPT_BYTES
    ) -> None:
        settings = tools.settings
        self._turn = turn
        self._downloads = tools.downloads
        self._kept_bytes = kept_bytes
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
        if request.audio_url is not None:
            music = Source(
                "The audio track (audio_url)", request.audio_url, "audio", settings.max_audio_bytes, folder / "audio"
            )
            self._all.append(music)

    def __len__(self) -> int:
        return len(self._all)

    def url(self, place: int) -> str:
        return self._all[place].url

    def probe(self, place: int) -> MediaProbe:
        """Fetch a source, counted from 0, and look into it. Failures name it, so that its owner finds it."""
        source = self._all[place]
        with _naming(source):
            self._fetch(source)
            probe = probe_media(source.path)
        if self._bytes_on_disk() > self._kept_bytes:
            self.release(place)
        return probe

    def file(self, place: int, probe: MediaProbe) -> Path:
        """The file of a source that was probed. Raises SourceError when it is gone, or no longer what it was."""
        source = self._all[place]
        with _naming(source):
            if not source.path.exists():
                self._fetch(source)
            if source.path.stat().st_size != probe.size_bytes:
                raise SourceError("The file was replaced while the video was being made.")
        return source.path

    def release(self, place: int) -> None:
        """Make room: the file is not needed now."""
        self._all[place].path.unlink(missing_ok=True)

    def _fetch(self, source: Source) -> None:
        self._downloads.fetch(
            source.url, source.path, max_bytes=source.max_bytes, kind=source.kind, should_stop=self._turn.check
        )

    def _bytes_on_disk(self) -> int:
        return sum(source.path.stat().st_size for source in self._all if source.path.exists())


@contextmanager
def _naming(source: Source) -> Iterator[None]:
    """Failures say which source it was."""
    try:
        yield
    except (SourceError, OutOfSpace) as error:
        raise type(error)(f"{source.label}: {error}") from error
