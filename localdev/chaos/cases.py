"""The jobs of a run: what each asks for, how it must end, and how many predictions it needs."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.domain.jobs import JobKind

COMPLETE, ERROR, CANCELED = frozenset({"complete"}), frozenset({"error"}), frozenset({"canceled"})


@dataclass(frozen=True)
class Case:
    """A kind of request and its right end."""

    name: str
    weight: int
    """How many of them there are, compared with the others of its kind of job."""
    ends: frozenset[str] = COMPLETE
    """The statuses that are right; two where a cancellation may come too late."""
    code: str | None = None
    """The error code, where it must fail."""
    predictions: int | None = 1
    """How many it needs; None where that depends on when it was canceled."""
    marker: str = ""
    """What the stand-in for Replicate does to its (first scene's) prediction."""
    scenes: int = 1
    foreign: bool = False
    """It names a scene of somebody else."""
    shared_board: bool = False
    cancel_after_seconds: float | None = None
    always_killed: bool = False
    """Its processes die at every claim."""


CASES: Mapping[JobKind, Sequence[Case]] = {
    JobKind.IMAGE: (
        Case("picture", 8),
        Case("product", 2),
        Case("interrupted model", 1, predictions=2, marker="interrupt-once"),
        Case("flagged", 1, ERROR, "content_rejected", marker="nsfw"),
        Case("output gone", 1, ERROR, "source_unavailable", marker="gone"),
        Case("somebody else's scene", 1, ERROR, "permission_denied", predictions=0, foreign=True),
        Case("canceled", 1, CANCELED, predictions=None, marker="stuck", cancel_after_seconds=3.0),
        Case("killed at every turn", 1, ERROR, "interrupted", predictions=0, always_killed=True),
    ),
    JobKind.VIDEO: (
        Case("clip", 6),
        Case("clip of a storyboard", 3, shared_board=True),
        Case("interrupted model", 1, predictions=2, marker="interrupt-once"),
        Case("model fails", 1, ERROR, "prediction_failed", marker="fail"),
        Case("somebody else's scene", 1, ERROR, "permission_denied", predictions=0, foreign=True),
        Case("canceled", 1, CANCELED, predictions=None, marker="stuck", cancel_after_seconds=4.0),
    ),
    JobKind.MULTI_VIDEO: (
        Case("two scenes", 6, predictions=2, scenes=2),
        Case("three scenes of a storyboard", 2, predictions=3, scenes=3, shared_board=True),
        Case("one scene flagged", 1, ERROR, "partial_failure", predictions=3, scenes=3, marker="nsfw"),
        Case("somebody else's scene", 1, ERROR, "permission_denied", predictions=0, scenes=2, foreign=True),
        Case("canceled", 1, CANCELED, predictions=None, scenes=2, marker="stuck", cancel_after_seconds=5.0),
    ),
    JobKind.COMPOSITION: (
        Case("hard cut", 5, predictions=0),
        Case("crossfade and music", 3, predictions=0),
        Case("clip not there", 1, ERROR, "source_unavailable", predictions=0),
        Case("unsafe address", 1, ERROR, "unsafe_url", predictions=0),
        Case("canceled", 1, CANCELED | COMPLETE, predictions=0, cancel_after_seconds=1.0),
    ),
}

SHARES = {JobKind.IMAGE: 60, JobKind.VIDEO: 56, JobKind.MULTI_VIDEO: 48, JobKind.COMPOSITION: 36}
"""Jobs of each kind in a run of 200."""


@dataclass(frozen=True)
class ChaosJob:
    """One job of the run."""

    job_id: str
    kind: JobKind
    case: Case

    @property
    def path(self) -> str:
        return f"{self.kind.collection}/{self.job_id}"

    @property
    def text(self) -> str:
        """A prompt that only this job has, so that the stand-in's once-only faults are its own."""
        return f"{self.job_id} a lighthouse" + (f" [stub:{self.case.marker}]" if self.case.marker else "")

    def scene_id(self, number: int) -> str:
        return f"{self.job_id}-scene-{number}"

    @property
    def scene_ids(self) -> Sequence[str]:
        """The scenes that it names; a composition names none."""
        count = 0 if self.kind is JobKind.COMPOSITION else self.case.scenes
        return [self.scene_id(number) for number in range(1, count + 1)]

    @property
    def can_be_killed_by_plan(self) -> bool:
        return self.case.ends == COMPLETE


def make_jobs(count: int, seed: int) -> Sequence[ChaosJob]:
    """`count` jobs (at least 4) of all kinds in a random order, the first case of each kind among them."""
    dice = random.Random(f"{seed}/jobs")  # noqa: S311 - repeatable on purpose
    drawn: list[tuple[JobKind, Case]] = []
    shares, total = sum(SHARES.values()), 0
    for kind, share in SHARES.items():
        total += share
        wanted = count * total // shares - len(drawn)
        bag: list[Case] = []
        for _ in range(wanted):
            bag = bag or _bag(kind, dice)
            drawn.append((kind, bag.pop()))
    dice.shuffle(drawn)
    return [ChaosJob(f"chaos-{seed}-{number:03d}", *one) for number, one in enumerate(drawn, start=1)]


def _bag(kind: JobKind, dice: random.Random) -> list[Case]:
    """Every case once for each unit of its weight, the first one to be drawn first."""
    first, *rest = [case for case in CASES[kind] for _ in range(case.weight)]
    dice.shuffle(rest)
    return [*rest, first]
