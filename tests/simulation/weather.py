"""What a schedule has in store: how unreliable everything is, which jobs there are, and when users change their minds.

Drawn from the seed, so that some worlds are calm, some hostile in one way, and some in all.
"""

from dataclasses import dataclass, replace
from random import Random

from pipeline.domain.quotas import Limits
from tests.simulation.schedule import Hazards
from tests.simulation.virtual_platform import PlatformMood
from tests.simulation.virtual_replicate import ProviderMood

ROOMY = Limits(active_jobs_per_user=50, jobs_per_user_per_day=1000, usd_per_user_per_day=20.0, usd_per_day=100.0)
"""Limits that no world reaches."""


@dataclass(frozen=True)
class JobPlan:
    """One job of the world. Times in virtual seconds."""

    name: str
    scenes: int  # 0: an image job; 1: a video job; more: a multi-video job
    created_at: float
    cancel_at: float | None = None
    request_id: str | None = None  # two jobs with the same one ask for the same
    retry_of: str | None = None
    scenes_of: str | None = None  # the job whose scenes it works on, if not its own
    seed: int | None = None  # chosen by its user
    words: str = "a lighthouse"
    again_after: float | None = None  # its user creates a retry this long after it has failed


@dataclass(frozen=True)
class Weather:
    """Everything that a schedule draws before it starts."""

    hazards: Hazards
    provider: ProviderMood
    platform: PlatformMood
    jobs: tuple[JobPlan, ...]
    webhooks: bool = True
    limits: Limits = ROOMY


def draw_weather(random: Random) -> Weather:
    """The weather of a seed."""
    weather = Weather(
        hazards=_hazards(random),
        provider=_provider(random),
        platform=_platform(random),
        jobs=tuple(_job(random, number) for number in range(random.choice([1, 1, 2, 3]))),
        webhooks=random.random() < 0.7,
        limits=_limits(random),
    )
    weather = replace(weather, jobs=_insistent(random, weather.jobs))
    return _with_one_seed(random, weather) if random.random() < 0.3 else weather


def _with_one_seed(random: Random, weather: Weather) -> Weather:
    """All users but one choose the same seed, for the same words or for others. Answers get lost."""
    more = tuple(_job(random, number) for number in range(len(weather.jobs), random.choice([2, 3, 4])))
    jobs = [job if job.name == "job-1" else replace(job, seed=7) for job in (*weather.jobs, *more)]
    if random.random() < 0.5:  # a twin asks for the same as the job whose scenes it has
        jobs = [replace(job, words=f"the harbour of {job.scenes_of or job.name}") for job in jobs]
    provider = replace(weather.provider, tells_webhooks=random.random() < 0.3)
    lost = {name: random.choice([0.1, 0.4]) for name in ("lost", "answer_lost", "read_fails")}
    return replace(weather, jobs=tuple(jobs), provider=replace(provider, **lost))


def _insistent(random: Random, jobs: tuple[JobPlan, ...]) -> tuple[JobPlan, ...]:
    """Some users send a job twice, and some try again what has failed."""
    if random.random() < 0.3:
        jobs = tuple(replace(job, again_after=random.choice([1.0, 900.0, 5000.0])) for job in jobs)
    if random.random() < 0.15:
        first = replace(jobs[0], request_id="request-0")
        later = random.uniform(0.0, random.choice([1.0, 300.0]))
        twin = replace(first, name="twin", scenes_of=first.name, created_at=first.created_at + later, again_after=None)
        cancel_at = twin.created_at + random.uniform(0.0, 100.0) if random.random() < 0.2 else None
        jobs = (first, *jobs[1:], replace(twin, cancel_at=cancel_at))
    return jobs


def _limits(random: Random) -> Limits:
    if random.random() < 0.7:
        return ROOMY
    return Limits(
        active_jobs_per_user=random.choice([0, 1, 2]),
        jobs_per_user_per_day=random.choice([0, 2]),
        usd_per_user_per_day=random.choice([0.0, 0.5, 0.004]),
        usd_per_day=random.choice([0.0, 0.4]),
    )


def _hazards(random: Random) -> Hazards:
    return Hazards(
        kill=random.choice([0.0, 0.0, 0.005, 0.02, 0.05]),
        freeze=random.choice([0.0, 0.0, 0.005, 0.02]),
        longest_freeze=random.choice([30.0, 250.0, 700.0, 1700.0]),
        slow=random.choice([0.0, 0.05, 0.3]),
        slow_seconds=random.choice([1.0, 10.0, 60.0]),
    )


def _provider(random: Random) -> ProviderMood:
    mood = ProviderMood(
        longest_start_seconds=random.choice([2.0, 60.0, 400.0]),
        longest_run_seconds=random.choice([5.0, 60.0, 400.0]),
    )
    if random.random() < 0.3:
        return mood
    faults = ["unconnected", "refused", "rate_limited", "lost", "answer_lost", "read_fails"]
    faults += ["fails", "flagged", "interrupted", "never_starts", "never_ends"]
    chosen = random.sample(faults, random.choice([1, 2, 4]))
    return replace(mood, **{name: random.choice([0.05, 0.15]) for name in chosen})


def _platform(random: Random) -> PlatformMood:
    mood = PlatformMood(
        event_lost=random.choice([0.0, 0.0, 0.3]),
        duplicate=random.choice([0.0, 0.1, 0.6]),
        latest=random.choice([1.0, 30.0, 900.0]),
        early=random.choice([0.0, 0.2]),
        webhook_lost=random.choice([0.0, 0.2, 1.0]),
        latest_webhook=random.choice([1.0, 90.0, 5000.0]),
        sweep_missed=random.choice([0.0, 0.5]),
    )
    if random.random() < 0.5:
        return mood
    fault = random.choice(["enqueue_fails", "firestore_fails", "storage_fails", "download_fails"])
    return replace(mood, **{fault: random.choice([0.01, 0.05])})


def _job(random: Random, number: int) -> JobPlan:
    created_at = random.uniform(0.0, 20.0)
    canceled = random.random() < 0.15
    return JobPlan(
        name=f"job-{number}",
        scenes=random.choice([0, 0, 0, 0, 1, 2, 3]),
        created_at=created_at,
        cancel_at=created_at + random.uniform(0.0, 1.0) * random.choice([2.0, 60.0, 900.0]) if canceled else None,
    )
