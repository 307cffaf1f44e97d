"""What a burst came to: whether all is right, how the backlog went, how long who waited. Printed for a person."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipeline.domain.jobs import JobKind
from pipeline.domain.quotas import microusd
from tests.simulation.burst_world import BurstWorld, Sample

WIDTH = 40
ROWS = 20


@dataclass(frozen=True)
class Waits:
    """From creation to the end, of jobs that were not refused. Times in seconds."""

    p50: float
    p95: float
    longest: float

    @staticmethod
    def of(seconds: Sequence[float]) -> "Waits":
        ordered = sorted(seconds) or [0.0]
        return Waits(statistics.median(ordered), ordered[int(len(ordered) * 0.95)], ordered[-1])

    def __str__(self) -> str:
        return f"p50 {self.p50:,.0f} s, p95 {self.p95:,.0f} s, longest {self.longest:,.0f} s"


@dataclass(frozen=True)
class Outcome:
    """A burst in numbers."""

    jobs: int
    ends: Mapping[str, int]  # by status, and the error's code
    waits: Waits
    waits_by_user: Mapping[str, float]  # the median of each
    fairness: float  # Jain's index of these: 1, all wait alike
    turns: float  # a job
    creates_refused: int
    events_lost: int
    commits_refused: int
    tasks: int
    faults: tuple[str, ...]


def outcome_of(world: BurstWorld) -> Outcome:
    """The numbers of a world that has run."""
    ends: Counter[str] = Counter()
    by_user: defaultdict[str, list[float]] = defaultdict(list)
    turns = 0
    for ref, job in world.jobs():
        code = (job.get("error") or {}).get("code")
        ends[f"{job['status']}: {code}" if code else str(job["status"])] += 1
        turns += int(job.get("turn") or 0)
        if code != "quota_exceeded" and ref.path in world.ended:
            by_user[world.owners[ref.path]].append(world.ended[ref.path] - world.created[ref.path])
    medians = {user: statistics.median(waits) for user, waits in by_user.items()}
    return Outcome(
        jobs=world.crowd.count,
        ends=dict(ends),
        waits=Waits.of([wait for waits in by_user.values() for wait in waits]),
        waits_by_user=medians,
        fairness=jains_index(list(medians.values())),
        turns=turns / world.crowd.count,
        creates_refused=world.replicate.refused,
        events_lost=sum(pool.turned_away for name, pool in world.pools.items() if name.startswith("handle_")),
        commits_refused=world.store.refused,
        tasks=world.tasks.created,
        faults=tuple(faults_of(world)),
    )


def jains_index(values: Sequence[float]) -> float:
    """1 where all are the same, 1/n where one has all. Source: Jain, Chiu, Hawe 1984."""
    squares = sum(value * value for value in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else 1.0


def faults_of(world: BurstWorld) -> Iterator[str]:
    """What must not be: a job that is lost, paid twice or wrongly, or sums that do not agree with what was charged."""
    charged: defaultdict[str, float] = defaultdict(float)
    accepted = Counter(prediction.op for prediction in world.replicate.accepted)
    for op, count in accepted.items():
        if count > 1:
            yield f"{op} was paid {count} times"
    records = {found.name.rpartition("/")[2]: found.fields for found in world.predictions()}
    for prediction in world.replicate.accepted:
        charged[records[prediction.op]["job_path"]] += prediction.charged_usd
    spent: defaultdict[str, int] = defaultdict(int)
    for ref, job in world.jobs():
        owner = world.owners[ref.path]
        spent[owner] += microusd(float(job.get("cost_usd") or 0.0))
        if not job.get("completed_at"):
            yield f"{ref.path} has not ended: {job['status']}"
        if abs(float(job.get("cost_usd") or 0.0) - charged[ref.path]) > 1e-6:
            yield f"{ref.path} says it cost {job.get('cost_usd')}, Replicate charged {charged[ref.path]:g}"
        key = job.get("image_key" if ref.kind is JobKind.IMAGE else "video_key")
        if job["status"] == "complete" and key not in world.storage.objects:
            yield f"{ref.path} is complete without its file"
    for user, microusds in spent.items():
        yield from _wrong_sums(f"the day of {user}", world.usage(user), microusds)
    yield from _wrong_sums("the day of all", world.usage(), sum(spent.values()))


def _wrong_sums(whose: str, documents: Sequence[Mapping[str, object]], spent: int) -> Iterator[str]:
    if any(found.get("job_paths") for found in documents):
        yield f"{whose} still counts running jobs"
    reserved, said = (sum(int(str(found.get(name) or 0)) for found in documents) for name in SUMS)
    if (reserved, said) != (0, spent):
        yield f"{whose} says {said} spent and {reserved} reserved, jobs say {spent}"


SUMS = ("reserved_microusd", "spent_microusd")


def backlog(samples: Sequence[Sample], jobs: int) -> str:
    """The jobs over time: ended (█), at Replicate (▒), waiting (·), not looked at yet (blank)."""
    step = max(1, len(samples) // ROWS)
    chosen = [*samples[:-1:step], samples[-1]]
    lines = [f"  {'at':>7} {'unseen':>7} {'waiting':>7} {'at Repl.':>8} {'ended':>7} {'tasks due':>9}"]
    for one in chosen:
        bar = "".join(
            mark * round(WIDTH * count / jobs)
            for mark, count in (("█", one.ended), ("▒", one.predicting), ("·", one.waiting))
        )
        lines.append(
            f"  {one.at:>6.0f}s {one.unclaimed:>7} {one.waiting:>7} {one.predicting:>8} {one.ended:>7} "
            f"{one.overdue_tasks:>9}  {bar}"
        )
    return "\n".join(lines)
