"""Every step boundary of every kind of job, which job is to die at which of them, and which were hit.

The names are those that `hook/boundary_kills.py` announces, in the order in which a job meets them.
"""

import random
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.domain.jobs import JobKind

HOOK = Path(__file__).with_name("hook")
ALWAYS = "always"


def _both(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}:{side}" for name in names for side in ("before", "after"))


_PREDICTION = _both("intent", "prediction:claimed", "prediction:submitted", "prediction:succeeded")
_TURN = ("claim:after", *_both("release", "task", "finish", "signal"))
_FILES = _both("upload:media", "upload:picture")
_CLIP = _both("clip:created", "clip:completed", "video:statistics")

# of the kinds that the run has, those in cases.CASES
CATALOGUE: Mapping[JobKind, tuple[str, ...]] = {
    JobKind.IMAGE: (*_TURN, *_both("step:prompt"), *_PREDICTION, *_both("step:predict"), *_FILES, *_both("step:store")),
    JobKind.VIDEO: (
        *_TURN,
        *_both("video:created", "step:place"),
        *_PREDICTION,
        *_both("step:predict"),
        *_FILES,
        *_CLIP,
        *_both("step:store", "video:completed"),
    ),
    JobKind.MULTI_VIDEO: (
        *_TURN,
        *_both("video:created", "step:place"),
        *_PREDICTION,
        *_both("step:scene_predict"),
        *_FILES,
        *_CLIP,
        *_both("step:scene_store", "show", "video:completed"),
    ),
    # a composition waits for nobody: it is not released between its turns
    JobKind.COMPOSITION: (
        "claim:after",
        *_both("video:created", "step:place", "step:probe"),
        *_both("upload:written"),
        *_FILES,
        *_both("step:compose", "video:completed", "step:discard", "finish"),
    ),
}


@dataclass(frozen=True)
class KillFolder:
    """The files that the run and its function processes share."""

    path: Path

    def make(self, plans: Mapping[str, Sequence[str]]) -> None:
        """Empty it, and write down which job dies where."""
        shutil.rmtree(self.path, ignore_errors=True)
        for name in ("plans", "open", "hits", "turns"):
            (self.path / name).mkdir(parents=True)
        for job_id, boundaries in plans.items():
            (self.path / "plans" / job_id).write_text("\n".join(boundaries) + "\n")

    def environment(self, seed: int, task_lost: float, task_doubled: float) -> dict[str, str]:
        """What a function process needs to take part."""
        return {
            "PYTHONPATH": str(HOOK),
            "CHAOS_FOLDER": str(self.path.resolve()),
            "CHAOS_SEED": str(seed),
            "CHAOS_TASK_LOST": str(task_lost),
            "CHAOS_TASK_DOUBLED": str(task_doubled),
            "CHAOS_SENDER_SECONDS": "15",
        }

    def open_all(self, missed: Sequence[tuple[JobKind, str]]) -> None:
        """Whichever job of the kind gets to one of these first dies there."""
        for kind, boundary in missed:
            (self.path / "open" / f"{kind}~{boundary}").touch()

    def hits(self) -> list[tuple[str, str]]:
        """(job id, boundary) of every process that died at one."""
        named = [path.name.split("~") for path in (self.path / "hits").iterdir()]
        return [(parts[0], parts[1]) for parts in named]

    def tasks(self) -> Mapping[str, int]:
        """How many tasks were queued once ("one"), "doubled", or "lost"."""
        log = self.path / "tasks"
        lines = log.read_text().split() if log.exists() else []
        return {name: lines.count(name) for name in ("one", "doubled", "lost")}


def missed_boundaries(kinds: Mapping[str, JobKind], hits: Sequence[tuple[str, str]]) -> list[tuple[JobKind, str]]:
    """Those at which no job of their kind has died. `kinds` by job id."""
    hit = {(kinds[job_id], boundary) for job_id, boundary in hits}
    return [(kind, name) for kind, names in CATALOGUE.items() for name in names if (kind, name) not in hit]


def plan_kills(
    jobs: Mapping[JobKind, Sequence[str]], seed: int, doubled_share: float = 0.5
) -> Mapping[str, Sequence[str]]:
    """Boundaries by job id: each kind's catalogue in turn, and for a share of the jobs a second one."""
    dice = random.Random(f"{seed}/boundaries")  # noqa: S311 - repeatable on purpose
    plans: dict[str, Sequence[str]] = {}
    for kind, job_ids in jobs.items():
        pending: list[str] = []
        for job_id in job_ids:
            chosen = []
            for _ in range(2 if dice.random() < doubled_share else 1):
                if not pending:
                    pending = list(CATALOGUE[kind])
                    dice.shuffle(pending)
                chosen.append(pending.pop())
            plans[job_id] = chosen
    return plans
