"""The files that a job names by URL: looked for as the functions would, and replaced where they cannot be had.

URL ── refused by the functions themselves, or no URL at all ──> stays: it fails here as it did there
    ── answers ──> stays
    ── does not answer, is gone, has lost its token ──> a sample of the same kind
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from localdev.replay.samples import Sample, sample_kind, write_sample
from pipeline.adapters.downloads import Downloader
from pipeline.domain.errors import JobError, SourceError, SourceTooLarge, SourceUnreachable, UnsafeUrl, UnsupportedMedia
from pipeline.domain.media_types import MediaKind
from pipeline.domain.redaction import GONE, redacted

LOOK_BYTES = 64_000
"""A file that is longer is there."""

LOOK_SECONDS = 10.0
_KINDS: dict[Sample, MediaKind] = {"picture": "image", "product": "image", "clip": "video", "music": "audio"}


@dataclass
class SourceFiles:
    """Replaces URLs, each once, and remembers what it did."""

    publish: Callable[[Path, str], str]  # puts a file under a key where the functions can read it
    folder: Path  # for what is looked at, and the samples
    allowed_http_hosts: frozenset[str]
    keep_urls: bool = False
    notes: list[str] = field(default_factory=list)
    replaced: int = 0
    _known: dict[str, str] = field(default_factory=dict)

    def url(self, url: object, kind: Sample, seconds: object = None) -> object:
        """The URL to be named in place of `url`."""
        if not isinstance(url, str) or self.keep_urls:
            return url
        if url not in self._known:
            why = self._missing(url, kind)
            self._known[url] = url if why is None else self._sample(url, kind, seconds, why)
        return self._known[url]

    def stored(self, key: str, seconds: object = None) -> str:
        """Puts a sample where a finished step has stored a file; its URL."""
        return self.publish(self._written(sample_kind(key) or "clip", seconds), key)

    def _missing(self, url: str, kind: Sample) -> str | None:
        """Why it cannot be had; None where it can, or where that is for the functions to say."""
        downloads = Downloader(self.allowed_http_hosts, connect_seconds=LOOK_SECONDS, total_seconds=LOOK_SECONDS)
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            downloads.check_url(url)
            if GONE in url:
                return "its token was left out of the export"
            downloads.fetch(url, self.folder / "looked-at", max_bytes=LOOK_BYTES, kind=_KINDS[kind])
        except (UnsafeUrl, SourceTooLarge, UnsupportedMedia):
            return None
        except (SourceError, SourceUnreachable) as error:
            return str(error).rstrip(".")
        except JobError:
            return None
        finally:
            (self.folder / "looked-at").unlink(missing_ok=True)
        return None

    def _sample(self, url: str, kind: Sample, seconds: object, why: str) -> str:
        self.replaced += 1
        self.notes.append(f"A sample {kind} stands for {redacted(url)}: {why}.")
        written = self._written(kind, seconds)
        name = Path(urlsplit(url).path).stem[:40] or kind
        return self.publish(written, f"replay/{self.replaced}-{name}{written.suffix}")

    def _written(self, kind: Sample, seconds: object) -> Path:
        length = float(seconds) if isinstance(seconds, int | float) and 0 < seconds <= 60 else 2.0
        return write_sample(kind, self.folder, seconds=length, number=self.replaced)
