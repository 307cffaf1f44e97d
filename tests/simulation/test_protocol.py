"""The job state machine and the spend-once protocol hold in every schedule, and the simulation would notice if not.

SIMULATION_SCHEDULES and SIMULATION_SEED choose how many and which; `python -m tests.simulation` runs thousands.
"""

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from pipeline.adapters.replicate_api import SubmissionUnclear
from pipeline.domain.jobs import Job
from pipeline.domain.predictions import PredictionRecord, PredictionState, ProviderPrediction
from pipeline.handlers.tools import Desk, Tools
from pipeline.repositories.jobs import JobRepository
from tests.simulation.runner import Verdict, replay
from tests.simulation.schedule import CALM, Hazards
from tests.simulation.virtual_platform import PlatformMood
from tests.simulation.virtual_replicate import ProviderMood, VirtualReplicate
from tests.simulation.weather import JobPlan, Weather
from tests.simulation.world import RETENTION, TracedPredictions, World

SCHEDULES = int(os.environ.get("SIMULATION_SCHEDULES", "200"))
SEED = int(os.environ.get("SIMULATION_SEED", "1"))

STILL = Weather(CALM, ProviderMood(), PlatformMood(webhook_lost=0.0), (JobPlan("job-0", 0, 0.0),))
"""A world in which nothing goes wrong."""

ONE_OF_EACH = tuple(JobPlan(f"job-{scenes}", scenes, 0.0) for scenes in (0, 1, 3))


@pytest.fixture(scope="module")
def verdicts() -> list[Verdict]:
    return [replay(seed) for seed in range(SEED, SEED + SCHEDULES)]


def test_every_schedule_ends_right(verdicts: list[Verdict]) -> None:
    wrong = [verdict for verdict in verdicts if verdict.faults]
    assert not wrong, f"seeds {[verdict.seed for verdict in wrong]}; the first of them:\n{wrong[0]}"


def test_the_schedules_have_it_all(verdicts: list[Verdict]) -> None:
    """What goes wrong does go wrong: otherwise their good ends would prove nothing."""
    seen = "\n".join(line for verdict in verdicts for line in verdict.trace)
    hazards = [
        "is killed: at create",
        "is killed: at commit",
        "freezes for",
        "its time is over",
        "its event is lost",
        "raises DeliverAgain",
        "Firestore does not answer",
        "Cloud Tasks does not answer",
        "the create is lost",
        "the create is refused",
        "is to be canceled",
        "it is interrupted",
        "is aborted",
        "webhook of",
        "delivery 2",
    ]
    if SCHEDULES >= 200:
        assert [hazard for hazard in hazards if hazard not in seen] == []
        statuses = Counter(status for verdict in verdicts for status in verdict.statuses)
        assert set(statuses) == {"complete", "error", "canceled"}


def test_a_seed_is_a_schedule() -> None:
    assert replay(7).trace == replay(7).trace
    assert replay(7).trace != replay(8).trace


def test_jobs_of_all_kinds_are_complete_where_nothing_goes_wrong() -> None:
    verdict = replay(1, replace(STILL, jobs=ONE_OF_EACH))
    assert (verdict.faults, verdict.statuses, verdict.paid) == ((), ("complete",) * 3, 5)


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_lost_events_and_webhooks_and_repeated_tasks_cost_nothing_and_stop_nobody(share: float) -> None:
    unreliable = PlatformMood(event_lost=share, duplicate=share, webhook_lost=share, latest=600.0, early=share)
    weather = replace(STILL, jobs=ONE_OF_EACH, platform=unreliable)
    for seed in range(5):
        verdict = replay(seed, weather)
        assert (verdict.faults, verdict.statuses, verdict.paid) == ((), ("complete",) * 3, 5), str(verdict)


@pytest.mark.parametrize("webhooks", [True, False])
def test_lost_answers_are_found_again_and_paid_once(webhooks: bool) -> None:
    weather = replace(STILL, jobs=ONE_OF_EACH, provider=ProviderMood(answer_lost=1.0), webhooks=webhooks)
    for seed in range(5):
        verdict = replay(seed, weather)
        assert (verdict.faults, verdict.statuses, verdict.paid) == ((), ("complete",) * 3, 5), str(verdict)


TWINS = tuple(JobPlan(f"job-{number}", 0, 5.0 * number, seed=7) for number in range(3))
NOBODY_ANSWERS = ProviderMood(lost=0.3, answer_lost=0.7, read_fails=0.3, tells_webhooks=False)


@pytest.mark.parametrize("words", ["a lighthouse", "the harbour of {}"])
def test_jobs_with_one_seed_and_no_answers_are_each_paid_once(words: str) -> None:
    quiet = ProviderMood(answer_lost=1.0, tells_webhooks=False)
    jobs = tuple(replace(job, words=words.format(job.name)) for job in TWINS)
    for seed in range(10):
        verdict = replay(seed, replace(STILL, jobs=jobs, provider=quiet, webhooks=False))
        assert (verdict.faults, verdict.paid) == ((), 3), str(verdict)
        if words != "a lighthouse":
            assert verdict.statuses == ("complete",) * 3, str(verdict)


def test_twins_of_which_some_got_lost_are_never_paid_twice() -> None:
    weather = replace(STILL, jobs=TWINS, provider=NOBODY_ANSWERS, webhooks=False)
    statuses = Counter[str]()
    for seed in range(12):
        verdict = replay(seed, weather)
        assert not verdict.faults, str(verdict)
        statuses.update(verdict.statuses)
    assert set(statuses) == {"complete", "error"}


def test_webhooks_tell_twins_apart_although_their_bodies_name_no_address() -> None:
    weather = replace(STILL, jobs=TWINS, provider=ProviderMood(answer_lost=1.0, tells_webhooks=False))
    for seed in range(10):
        verdict = replay(seed, weather)
        assert (verdict.faults, verdict.statuses, verdict.paid) == ((), ("complete",) * 3, 3), str(verdict)


def test_lost_creates_are_sent_again() -> None:
    weather = replace(STILL, jobs=ONE_OF_EACH, provider=ProviderMood(lost=0.3))
    for seed in range(5):
        verdict = replay(seed, weather)
        assert (verdict.faults, verdict.statuses, verdict.paid) == ((), ("complete",) * 3, 5), str(verdict)


def test_a_provider_to_which_no_create_comes_is_given_up() -> None:
    verdict = replay(1, replace(STILL, jobs=ONE_OF_EACH, provider=ProviderMood(lost=1.0)))
    assert (verdict.faults, verdict.statuses, verdict.paid) == ((), ("error",) * 3, 0), str(verdict)


def test_an_instance_that_freezes_while_sending_pays_once() -> None:
    frozen = Hazards(freeze=0.05, longest_freeze=1700.0, slow=0.0)
    for seed in range(40):
        verdict = replay(seed, replace(STILL, hazards=frozen))
        assert not verdict.faults, str(verdict)


class RetryingReplicate:
    """What some SDKs do: a create without an answer is sent again."""

    def __init__(self, real: VirtualReplicate) -> None:
        self._real = real

    def create_prediction(self, *arguments: Any) -> ProviderPrediction:
        try:
            return self._real.create_prediction(*arguments)
        except SubmissionUnclear:
            return self._real.create_prediction(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class SendsAgain(World):
    def tools(self) -> Tools:
        return replace(super().tools(), replicate=RetryingReplicate(self.replicate))  # type: ignore[arg-type]


class UnfencedJobs(JobRepository):
    """Writes, whoever has taken over."""

    def _fenced(self, ref: Any, turn: int, changes: Callable[[Job], Mapping[str, Any]], *args: Any, **kw: Any) -> Job:
        return super()._fenced(ref, self.get(ref).turn, changes, *args, **kw)


class WithoutFence(World):
    def desk(self) -> Desk:
        return replace(super().desk(), jobs=UnfencedJobs(self.client, RETENTION, self.settings.limits))


class ForgetfulPredictions(TracedPredictions):
    """Takes a submission of unknown outcome for one that was never sent."""

    def find(self, op: str) -> Any:
        record = super().find(op)
        if record is None or record.state is not PredictionState.SUBMITTING:
            return record
        return self.move(op, {PredictionState.SUBMITTING}, PredictionState.INTENT, record.submitting_at)


class ForgetsUnknown(World):
    def tools(self) -> Tools:
        return replace(super().tools(), predictions=ForgetfulPredictions(self.client, RETENTION))


class SelfishPredictions(TracedPredictions):
    """Takes whatever has its model and seed, whoever else may have sent it."""

    def with_seed(self, seed: int, since: datetime) -> list[PredictionRecord]:
        return []


class TakesOthers(World):
    def tools(self) -> Tools:
        return replace(super().tools(), predictions=SelfishPredictions(self.client, RETENTION))


class SureOfRivals(TracedPredictions):
    """Leaves others what they hold, but does not think of those that know no more than itself."""

    def with_seed(self, seed: int, since: datetime) -> list[PredictionRecord]:
        return [record for record in super().with_seed(seed, since) if not record.is_unanswered]


class ForgetsRivals(World):
    def tools(self) -> Tools:
        return replace(super().tools(), predictions=SureOfRivals(self.client, RETENTION))


class LosesWakes(World):
    """Tasks and signals vanish."""

    def deliver(self, name: str, *arguments: Any) -> None:
        if name.startswith("event"):
            super().deliver(name, *arguments)


@pytest.mark.parametrize(("broken", "symptom"), [(TakesOthers, "which is another's"), (ForgetsRivals, "paid 2 times")])
def test_who_takes_a_twins_prediction_is_noticed(broken: type[World], symptom: str) -> None:
    weather = replace(STILL, jobs=TWINS, provider=NOBODY_ANSWERS, webhooks=False)
    verdicts = (replay(seed, weather, world_type=broken) for seed in range(12))
    assert symptom in "; ".join(fault for verdict in verdicts for fault in verdict.faults)


@pytest.mark.parametrize(
    ("broken", "symptom"),
    [
        (SendsAgain, "was paid 2 times"),
        (ForgetsUnknown, "was paid 2 times"),
        (WithoutFence, "holds"),
        (LosesWakes, "for ever"),
    ],
)
def test_a_broken_protocol_is_noticed(broken: type[World], symptom: str) -> None:
    verdicts = (replay(seed, world_type=broken) for seed in range(SEED, SEED + 150))
    verdict = next((one for one in verdicts if symptom in "; ".join(one.faults)), None)
    assert verdict is not None
    assert f"--seed {verdict.seed} --trace" in str(verdict)
