"""What memory a composition takes, in a process of its own: `python -m localdev.bench.composition_memory`.

As the handler does it: each clip comes to the disk when it is asked for and goes when it is released, sound and music
are made, and the file goes to storage while it is written. Only storage itself is missing: a clip is fetched by copying
it, and who takes the parts drops them.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pipeline.wiring  # noqa: F401 - an instance has loaded all of it
from localdev.bench.process_sampling import Usage, usage_of
from pipeline.adapters.composer import compose
from pipeline.adapters.muxing import head_bytes
from pipeline.adapters.object_storage import StoredObject
from pipeline.adapters.sound import make_sound
from pipeline.adapters.streamed_uploads import StreamedUpload, part_bytes_for
from pipeline.adapters.watch import Watch
from pipeline.domain.media import MediaProbe
from pipeline.domain.media_plans import CompositionOptions, plan_composition
from pipeline.domain.requests import CompositionRequest, parse_request
from pipeline.handlers.source_files import SourceFiles
from pipeline.handlers.tools import Tools
from pipeline.handlers.turns import Turn

DEADLINE_SECONDS = 600.0
LARGEST_BYTES = 1 << 30


def composition_usage(clips: Sequence[Path], music: Path | None = None, *, crossfade: bool = True) -> Usage:
    """What it takes to compose so many clips, Python and all imports included."""
    with tempfile.TemporaryDirectory() as folder:
        order = {"clips": list(map(str, clips)), "music": str(music) if music else None, "crossfade": crossfade}
        command = [sys.executable, "-m", __name__, json.dumps(order), folder]
        return usage_of(command, Path(folder))


class Discarding:
    """An upload's target that counts."""

    def __init__(self) -> None:
        self.size_bytes = 0

    def store_whole(self, data: bytes) -> StoredObject:
        self.size_bytes += len(data)
        return StoredObject("video", self.size_bytes, "video/mp4", "")

    def send_body(self, parts: Iterator[bytes]) -> None:
        for part in parts:
            self.size_bytes += len(part)
            del part

    def complete(self, head: bytes) -> StoredObject:
        return self.store_whole(head)

    def abort(self) -> None:
        pass


class CopyingDownloads:
    """Fetches `https://clips/<path>` by copying the file there."""

    def fetch(self, url: str, path: Path, **_: object) -> None:
        shutil.copyfile(url.removeprefix("https://clips"), path)


@dataclass(frozen=True)
class FetchedMaterial:
    """The sources of a job, each on the disk only while it is needed."""

    sources: SourceFiles
    probes: Sequence[MediaProbe]

    def clip(self, place: int) -> Path:
        return self.sources.file(place, self.probes[place])

    def spare(self, place: int) -> None:
        self.sources.spare(place)

    def release(self, place: int) -> None:
        self.sources.release(place)


def main(order: dict[str, Any], workdir: Path) -> None:
    """Compose the clips of an order."""
    clips = [
        {"video_url": f"https://clips{path}", "scene_number": place} for place, path in enumerate(order["clips"], 1)
    ]
    fields = {"user_id": "bench", "clips": clips}
    if order["music"]:
        fields["audio_url"] = f"https://clips{order['music']}"
    request = parse_request(CompositionRequest, fields)
    turn = cast(Turn, SimpleNamespace(check=lambda: None))
    settings = SimpleNamespace(max_clip_bytes=LARGEST_BYTES, max_audio_bytes=LARGEST_BYTES)
    tools = cast(Tools, SimpleNamespace(downloads=CopyingDownloads(), settings=settings))
    with SourceFiles(turn, request, workdir, tools) as sources:
        probes = [sources.probe(place) for place in range(len(sources))]
        music = probes[len(clips)] if order["music"] else None
        plan = plan_composition(probes[: len(clips)], CompositionOptions(crossfade=order["crossfade"]), music)
        material = FetchedMaterial(sources, probes)
        watch = Watch.until(DEADLINE_SECONDS)
        sound = None
        if plan.has_sound:
            track = material.clip(len(clips)) if music else None
            sound = make_sound(plan, material, track, workdir / "sound.m4a", watch).path
        with StreamedUpload(Discarding(), part_bytes_for(head_bytes(plan))) as upload:
            check = compose(plan, material, sound, upload, workdir=workdir, watch=watch)
            upload.finish()
        check.poster()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), Path(sys.argv[2]))
