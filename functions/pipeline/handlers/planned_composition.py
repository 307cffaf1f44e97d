"""A composition as one turn has it before it: the plan, what it was made of, and where the files are.

Every source is fetched once to be probed. Probes are remembered as steps of some sources each, so that a later turn has
the same plan without a single clip.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.adapters.segment_encoding import RECIPE
from pipeline.domain.media import MediaProbe
from pipeline.domain.media_plans import CompositionOptions, CompositionPlan, fingerprint, plan_composition
from pipeline.domain.media_records import media_record, recorded_media
from pipeline.domain.media_segments import Segment
from pipeline.domain.requests import CompositionRequest
from pipeline.handlers.source_files import SourceFiles
from pipeline.handlers.tools import Tools
from pipeline.handlers.turn_pieces import TurnPieces
from pipeline.handlers.turns import Turn

FETCHED, COMPOSED = 10.0, 90.0
"""Progress in percent when all clips have been looked at, and when the video is made."""

PROBES_PER_STEP = 25
"""What is lost, at most, when an instance dies while it fetches clips."""


@dataclass(frozen=True)
class Probes:
    """What some of the sources are, in order."""

    media: list[str]


@dataclass(frozen=True)
class PlannedComposition:
    """`folder` is on this machine and ends with the turn."""

    turn: Turn
    tools: Tools
    video_id: str
    plan: CompositionPlan
    probes: Sequence[MediaProbe]  # of the clips, then of the music
    sources: SourceFiles
    folder: Path
    fingerprint: str  # differs when a segment would

    @property
    def names(self) -> tuple[str, str, str]:
        """Whose files these are: user, video, job."""
        return self.turn.user_id, self.video_id, self.turn.ref.job_id

    def with_segments(self, segments: Sequence[Segment]) -> "PlannedComposition":
        """The same, made of other segments of the same length."""
        return replace(self, plan=replace(self.plan, segments=tuple(segments)))

    def clip(self, place: int) -> Path:
        """A clip, counted from 0, on the disk. Raises SourceError, OutOfSpace."""
        return self.sources.file(place, self.probes[place])

    def spare(self, place: int) -> None:
        """The clip is not needed now."""
        self.sources.spare(place)

    def release(self, place: int) -> None:
        """The clip is needed no more."""
        self.sources.release(place)

    def music(self) -> Path | None:
        """The music on the disk, if there is any. Raises SourceError, OutOfSpace."""
        return self.clip(len(self.plan.clips)) if self.plan.has_music else None

    def release_music(self) -> None:
        """The music is needed no more."""
        if self.plan.has_music:
            self.release(len(self.plan.clips))

    def report(self, share: float) -> None:
        """Show how much of the video is made, from 0 to 1. Raises what `Turn.check` raises."""
        self.turn.report("compose", _percent(share))

    def report_now(self, share: float) -> None:
        """Show it even if something was just shown. Raises CancelRequested, TurnLost."""
        self.turn.report_now("compose", _percent(share))


def plan_job(
    turn: Turn, request: CompositionRequest, video_id: str, pieces: TurnPieces, sources: SourceFiles, tools: Tools
) -> PlannedComposition:
    """Probe what has not been probed yet, and plan. Raises WakeLater when the rest is for another turn."""
    probes = _probe(turn, sources, pieces)
    clips = range(len(request.clips))
    music = probes[len(clips)] if request.audio_url is not None else None
    options = CompositionOptions(
        crossfade=request.include_crossfade,
        crossfade_seconds=request.crossfade_seconds,
        transition=request.transition,
        optimize_size=request.optimize_size,
    )
    plan = plan_composition(probes[: len(clips)], options, music)
    contents = [f"{sources.url(place)} {probes[place].size_bytes}" for place in range(len(probes))]
    return PlannedComposition(
        turn, tools, video_id, plan, probes, sources, sources.folder, fingerprint(plan, contents, RECIPE)
    )


def _probe(turn: Turn, sources: SourceFiles, pieces: TurnPieces) -> list[MediaProbe]:
    records: list[str] = []
    for first in range(0, len(sources), PROBES_PER_STEP):
        pieces.leave_if_spent()
        records += _probe_some(turn, sources, pieces, first).media
    pieces.leave_if_spent()
    return [recorded_media(record) for record in records]


def _probe_some(turn: Turn, sources: SourceFiles, pieces: TurnPieces, first: int) -> Probes:
    step = f"probe_{first // PROBES_PER_STEP + 1}"
    places = range(first, min(first + PROBES_PER_STEP, len(sources)))

    def look() -> Probes:
        records = []
        for place in places:
            turn.report("fetch", FETCHED * place / len(sources))
            records.append(media_record(sources.probe(place)))
        return Probes(records)

    return turn.run_step(step, Probes, lambda: pieces.do(step, lambda _: look()))


def _percent(share: float) -> float:
    return FETCHED + share * (COMPOSED - FETCHED)
