"""Our composition of clips that lie on this disk: looked into, planned, and written."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.adapters.composer import compose
from pipeline.adapters.media_probe import probe_media
from pipeline.adapters.watch import Watch
from pipeline.domain.media_plans import CompositionOptions, CompositionPlan, plan_composition

DEADLINE_SECONDS = 600.0


@dataclass(frozen=True)
class FilesOnDisk:
    """Clips that are there and stay."""

    clips: Sequence[Path]

    def clip(self, place: int) -> Path:
        return self.clips[place]

    def spare(self, place: int) -> None:
        pass

    def release(self, place: int) -> None:
        pass


def compose_ours(clips: Sequence[Path], target: Path, *, crossfade: bool = True) -> CompositionPlan:
    """Everything from the clips to a playable file, without sound; what was done."""
    plan = plan_composition([probe_media(clip) for clip in clips], CompositionOptions(crossfade=crossfade))
    watch = Watch.until(DEADLINE_SECONDS)
    compose(plan, FilesOnDisk(clips), None, target, workdir=target.parent, watch=watch)
    return plan
