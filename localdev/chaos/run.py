"""One run: the stack is started with everything that goes wrong, the jobs are created, and what is left is looked at.

create job ── while fewer than `active` run ──> ... ──> all ended, or time is up ──> calm ──> evidence ──> checks
   │ events doubled, late, lost; processes killed; provider, webhooks and storage failing; documents contended for
"""

import json
import os
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.cloud import firestore

from localdev.chaos.boundaries import ALWAYS, KillFolder, missed_boundaries, plan_kills
from localdev.chaos.cases import ChaosJob, make_jobs
from localdev.chaos.checks import Check, paid_and_needed, run_checks
from localdev.chaos.disturbances import Contention, Loop, Sweeps
from localdev.chaos.evidence import Evidence, gather
from localdev.chaos.storage_front import StorageFront
from localdev.chaos.watch import Watch
from localdev.chaos.workers import Killer
from localdev.chaos.world import World
from localdev.stack import PROJECT_ID, DeliveryPolicy, LocalStack
from pipeline.domain.jobs import JobKind

PROVIDER_KEYS = ("REPLICATE_API_TOKEN", "OPENAI_API_KEY")
CALM_SECONDS = 8.0
"""After the last job has ended: for what is still on its way, which may change nothing any more."""

SETTINGS = {
    "POLL_FIRST_SECONDS": "0.5",
    "IMAGE_INLINE_WAIT_SECONDS": "0.3",
    "SUBMISSION_GRACE_SECONDS": "6",
    "VIDEO_RESOLUTION": "480p",
    "REUSE_DAYS": "0",  # what is needed is counted
}
PROVIDER_RATES = {
    "create_429": 0.06,
    "create_500": 0.05,
    "create_500_after": 0.05,
    "create_reset": 0.05,
    "create_reset_after": 0.05,
    "create_slow": 0.05,
    "slow_seconds": 1.5,
    "read_429": 0.03,
    "read_500": 0.05,
    "webhook_lost": 0.15,
    "webhook_doubled": 0.3,
    "webhook_late": 0.3,
    "late_seconds": 8.0,
    "webhook_forged": 0.25,
}


@dataclass(frozen=True)
class Options:
    """What a run is to be like. Times in seconds, rates between 0 and 1; all faults at 0 is a plain run."""

    jobs: int = 200
    seed: int = 1
    lease_seconds: int = 15
    active: int = 16
    """How many jobs run at the same time."""
    kill_every_seconds: float = 5.0
    """Between random kills, on average; 0 for none."""
    boundary_kills: bool = True
    every_boundary: bool = True
    """Late in the run, boundaries at which nobody has died are hit by whichever job gets there first."""
    duplicate_rate: float = 1.0
    drop_rate: float = 0.08
    max_delay_seconds: float = 3.0
    task_lost_rate: float = 0.05
    task_doubled_rate: float = 0.2
    storage_fault_rate: float = 0.15
    touches_per_second: float = 8.0
    provider: Mapping[str, float] = field(default_factory=lambda: dict(PROVIDER_RATES))
    job_seconds: float = 300.0
    """From the creation of the last job until one that has not ended counts as stuck."""
    name: str = "chaos"
    """What is written lies in build/<name>; runs beside each other need different ones."""


@dataclass(frozen=True)
class Outcome:
    """What a run has shown."""

    options: Options
    evidence: Evidence
    checks: Sequence[Check]
    disturbances: Mapping[str, Any]
    boundaries_hit: Sequence[tuple[str, str]]
    """(job id, boundary) of every process that died at one."""
    seconds: float

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)

    @property
    def paid_per_needed(self) -> float:
        paid, needed = paid_and_needed(self.evidence)
        return paid / max(needed, 1)


def run_chaos(options: Options, say: Callable[[str], None] = print) -> Outcome:
    """Run it. Starts and ends a stack of its own."""
    began = time.monotonic()
    jobs = make_jobs(options.jobs, options.seed)
    folder = KillFolder(Path("build") / options.name / "kills")
    folder.make(_plans(jobs, options))
    with ExitStack() as parts:
        front = StorageFront(options.seed, options.storage_fault_rate).start()
        parts.callback(front.stop)
        stack = parts.enter_context(_stack(options, folder, front, say))
        front.target = stack.urls.r2_url
        before = dict(os.environ)
        parts.callback(lambda: _restore(before))
        os.environ |= stack.environment()
        _set_provider_rates(stack, {"seed": options.seed, **options.provider})
        client = firestore.Client(project=PROJECT_ID)
        parts.callback(client.close)
        world = World(stack, options.seed)
        parts.callback(world.close)
        running = _Running(options, stack, client, world, jobs, folder, say)
        running.run()
        evidence = gather(stack, client, jobs, world, running.watch.histories)
        return Outcome(
            options=options,
            evidence=evidence,
            checks=run_checks(evidence),
            disturbances={**running.numbers(), "storage faults": dict(front.faults), "uploads": front.uploads},
            boundaries_hit=folder.hits(),
            seconds=time.monotonic() - began,
        )


def _plans(jobs: Sequence[ChaosJob], options: Options) -> Mapping[str, Sequence[str]]:
    plans: dict[str, Sequence[str]] = {job.job_id: [ALWAYS] for job in jobs if job.case.always_killed}
    if options.boundary_kills:
        by_kind = {kind: [j.job_id for j in jobs if j.kind is kind and j.can_be_killed_by_plan] for kind in JobKind}
        plans |= plan_kills(by_kind, options.seed)
    return plans


def _stack(options: Options, folder: KillFolder, front: StorageFront, say: Callable[[str], None]) -> LocalStack:
    environ = {name: value for name, value in os.environ.items() if name not in PROVIDER_KEYS}
    environ.pop("FIRESTORE_EMULATOR_HOST", None)
    return LocalStack(
        environ=environ,
        policy=DeliveryPolicy(
            duplicate_rate=options.duplicate_rate,
            drop_rate=options.drop_rate,
            max_delay_seconds=options.max_delay_seconds,
            max_in_flight=3,
            deadline_seconds=60.0,
            seed=options.seed,
        ),
        image_seconds=0.8,
        video_seconds=1.5,
        functions_environment={
            **SETTINGS,
            "LEASE_SECONDS": str(options.lease_seconds),
            **folder.environment(options.seed, options.task_lost_rate, options.task_doubled_rate),
            "R2_ENDPOINT_URL": front.base_url,
        },
        name=options.name,
        say=say,
    )


class _Running:
    """The time between the first job's creation and the calm after the last one's end."""

    def __init__(
        self,
        options: Options,
        stack: LocalStack,
        client: firestore.Client,
        world: World,
        jobs: Sequence[ChaosJob],
        folder: KillFolder,
        say: Callable[[str], None],
    ) -> None:
        self._options, self._stack, self._world, self._jobs, self._say = options, stack, world, jobs, say
        self._folder = folder
        self.watch = Watch(client)
        self._sweeps = Sweeps(stack.urls.functions_url)
        self._contention = Contention(client, self.watch, options.seed)
        self._killer = Killer(
            stack.functions_guard_pid, folder.path / "turns", options.seed, options.kill_every_seconds
        )
        self.canceled = 0

    def run(self) -> None:
        """Create the jobs and wait for their ends, in the midst of it all."""
        sweeping = Loop(self._sweeps.sweep, 3.0)
        touching = Loop(self._contention.touch, 1 / (self._options.touches_per_second or 1e-6))
        self.watch.start()
        for part in (sweeping, touching, self._killer):
            part.start()
        try:
            for job in self._jobs:
                self._create(job)
            self._wait_for_all()
            self._killer.stop()
            time.sleep(CALM_SECONDS)
        finally:
            for part in (self._killer, touching, sweeping):
                part.stop()
            self.watch.stop()

    def numbers(self) -> Mapping[str, Any]:
        """How much was done to the jobs."""
        deliveries = self._stack.relay.deliveries()
        return {
            "random kills": dict(Counter(_doing(kill) for kill in self._killer.kills)),
            "orphans ended": self._killer.orphans_ended,
            "events lost": len([d for d in deliveries if d.status == "dropped"]),
            "events delivered": len([d for d in deliveries if d.status != "dropped"]),
            "deliveries that failed": len([d for d in deliveries if not _went_well(d.status)]),
            "tasks": self._folder.tasks(),
            "sweeps": dict(self._sweeps.answers),
            "writes by others": self._contention.writes,
            "jobs canceled": self.canceled,
        }

    def _create(self, job: ChaosJob) -> None:
        limit = self._options.active
        created = self._jobs.index(job)
        give_up = time.monotonic() + self._options.job_seconds
        while created - len(self.watch.ended()) >= limit and time.monotonic() < give_up:
            self.watch.wait_for(lambda: False, 0.25)
        self._world.create(job)
        if self._options.every_boundary and created == len(self._jobs) * 2 // 5:
            kinds = {job.job_id: job.kind for job in self._jobs}
            self._folder.open_all(missed_boundaries(kinds, self._folder.hits()))
        if created % 20 == 0:
            self._say(f"{created} jobs created, {len(self.watch.ended())} ended")
        if job.case.cancel_after_seconds is not None:
            timer = threading.Timer(job.case.cancel_after_seconds, self._cancel, [job])
            timer.daemon = True
            timer.start()

    def _cancel(self, job: ChaosJob) -> None:
        self._world.frontend(job).cancel_job(job.kind.collection, job.job_id)
        self.canceled += 1

    def _wait_for_all(self) -> None:
        give_up = time.monotonic() + self._options.job_seconds
        while len(self.watch.ended()) < len(self._jobs) and time.monotonic() < give_up:
            self.watch.wait_for(lambda: False, 0.25)
        self._say(f"{len(self.watch.ended())} of {len(self._jobs)} jobs ended")


def _doing(kill: Mapping[str, Any]) -> str:
    return "in a turn" if "job_id" in kill else f"in a {kill['doing']}" if "doing" in kill else "between turns"


def _went_well(status: int | str) -> bool:
    return status == "dropped" or (isinstance(status, int) and 200 <= status < 300)


def _set_provider_rates(stack: LocalStack, rates: Mapping[str, float]) -> None:
    request = urllib.request.Request(
        f"{stack.urls.replicate_url}/_control/rates", json.dumps(rates).encode(), method="PUT"
    )
    urllib.request.urlopen(request, timeout=10).close()


def _restore(environment: Mapping[str, str]) -> None:
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    os.environ |= environment
