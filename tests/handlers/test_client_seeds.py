"""Two orders may have the same seed when clients choose it: each still gets its own prediction, and pays once.

Without words of their own they are twins, which nobody can tell apart in the provider's listing.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from pipeline.adapters.replicate_api import ReplicateApi
from pipeline.domain.errors import OutcomeUnknown, ProviderUnavailable
from pipeline.domain.jobs import CreatedWake, JobKind, JobRef
from pipeline.domain.outcomes import WakeLater
from pipeline.domain.predictions import PredictionOrder, PredictionRecord, PredictionState, ProviderPrediction
from pipeline.handlers.predictions import Predicted, obtain_prediction
from pipeline.handlers.receive_webhook import receive_webhook
from pipeline.handlers.turns import Turn
from pipeline.repositories.predictions import PredictionRepository
from tests.handlers.conftest import Workbench

MODEL = "black-forest-labs/flux-schnell"
AFTER_GRACE = timedelta(seconds=5)
PURGED = timedelta(minutes=56)
LOST, ARRIVED = "reset", "reset_after_create"
"""How a create gets no answer: lost on the way there, or on the way back."""


class CountedReplicate:
    """Counts what is sent, also what gets lost. Its list can be unreadable."""

    def __init__(self, api: ReplicateApi) -> None:
        self._api = api
        self.creates = 0
        self.has_list = True

    def create_prediction(self, *arguments: Any) -> ProviderPrediction:
        self.creates += 1
        return self._api.create_prediction(*arguments)

    def list_predictions(self, created_after: datetime) -> Iterator[ProviderPrediction]:
        if not self.has_list:
            raise ProviderUnavailable("Replicate could not be reached.")
        return self._api.list_predictions(created_after)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)


class Orders:
    """What jobs order with one seed, job by job."""

    def __init__(self, workbench: Workbench, seed: int | None) -> None:
        self.bench = workbench
        self.seed = seed
        self.replicate = CountedReplicate(workbench.api)
        self._turns: dict[str, Turn] = {}
        self._orders: dict[str, PredictionOrder] = {}

    def send(self, name: str, words: str, fault: str | None = None) -> None:
        """A job orders a picture; the create may get no answer, and is not looked for before the job looks again."""
        ref = JobRef(JobKind.IMAGE, name)
        # jobs that never end, of a user who has no others
        self.bench.write(ref.path, {"user_id": f"user-of-{self.seed}", "status": "pending", "text": words})
        _, job = self.bench.desk().jobs.claim(ref, CreatedWake(), self.bench.now(), timedelta(seconds=180))
        self._turns[name] = Turn(self.bench.desk(), job, 500.0)
        self._orders[name] = PredictionOrder(MODEL, {"prompt": f"{words} [stub:slow]"}, 0.003, 60, seed=self.seed)
        self.bench.replicate.faults[:] = [fault] if fault else []
        self.replicate.has_list = False
        self.look(name)
        self.replicate.has_list = True

    def look(self, name: str, predictions: PredictionRepository | None = None) -> Predicted | None:
        """The job looks again. None: it waits."""
        order, tools = self._orders[name], self.bench.tools()
        tools = replace(tools, replicate=self.replicate, predictions=predictions or tools.predictions)  # type: ignore[arg-type]
        try:
            return obtain_prediction(self._turns[name], "predict", lambda: order, tools)
        except WakeLater:
            return None

    def record(self, name: str) -> PredictionRecord:
        (record,) = self.bench.tools().predictions.of_job(f"image_generation_jobs/{name}")
        return record

    def states(self, *names: str) -> list[str]:
        return [str(self.record(name).state) for name in names]

    def has_its_own(self, name: str) -> bool:
        """Whether its prediction was made from its words."""
        found = self.bench.replicate.predictions[self.record(name).prediction_id or ""]
        return found.prompt == self._orders[name].input["prompt"]

    @property
    def creates(self) -> int:
        """How many were sent."""
        return self.replicate.creates

    @property
    def accepted(self) -> list[str]:
        """The statuses of those that have arrived, oldest first."""
        found = [one for one in self.bench.replicate.predictions.values() if one.input.get("seed") == self.seed]
        return [one.status for one in sorted(found, key=lambda one: one.created_at)]


def test_a_client_gets_the_seed_that_it_chose(workbench: Workbench):
    orders = Orders(workbench, 101)
    orders.send("chosen", "A lighthouse")
    record = orders.record("chosen")
    assert (record.input["seed"], record.seed_is_clients, len(orders.accepted)) == (101, True, 1)


@pytest.mark.parametrize(("seed", "words"), [(102, "A harbour"), (103, "A lighthouse")])
def test_without_an_answer_each_is_found_again_if_it_has_words_of_its_own_or_no_rival(
    workbench: Workbench, seed: int, words: str
):
    orders = Orders(workbench, seed)
    orders.send(f"first-{seed}", "A lighthouse", None if words == "A lighthouse" else ARRIVED)
    orders.send(f"second-{seed}", words, ARRIVED)
    names = [f"first-{seed}", f"second-{seed}"]
    for name in names:
        orders.look(name)
    assert orders.states(*names) == ["submitted", "submitted"]
    assert len({orders.record(name).prediction_id for name in names}) == 2
    assert all(orders.has_its_own(name) for name in names)
    assert (orders.creates, len(orders.accepted)) == (2, 2)
    assert "canceled" not in orders.accepted


@pytest.mark.parametrize(
    ("seed", "faults"), [(104, [ARRIVED, ARRIVED]), (105, [ARRIVED, LOST]), (106, [LOST, ARRIVED])]
)
def test_twins_without_answers_are_asked_about_and_then_held(workbench: Workbench, seed: int, faults: list[str]):
    orders, names = Orders(workbench, seed), [f"one-{seed}", f"two-{seed}"]
    for name, fault in zip(names, faults, strict=True):
        orders.send(name, "A lighthouse", fault)
    for _ in range(10):
        workbench.ahead += timedelta(minutes=5)
        assert [orders.look(name) for name in names] == [None, None]
    assert orders.states(*names) == ["submitting", "submitting"]
    workbench.ahead += PURGED - timedelta(minutes=50)
    for name in names:
        with pytest.raises(OutcomeUnknown):
            orders.look(name)
    assert orders.states(*names) == ["held", "held"]
    assert (orders.creates, len(orders.accepted)) == (2, faults.count(ARRIVED))
    assert not {"canceled", "aborted"} & set(orders.accepted)


@pytest.mark.parametrize(("seed", "first"), [(107, None), (108, LOST)])
def test_a_twin_that_never_arrived_is_sent_again(workbench: Workbench, seed: int, first: str | None):
    orders, names = Orders(workbench, seed), [f"there-{seed}", f"lost-{seed}"]
    orders.send(names[0], "A lighthouse", first)
    orders.send(names[1], "A lighthouse", LOST)
    workbench.ahead += AFTER_GRACE
    lost = names if first == LOST else names[1:]
    for name in lost:
        orders.look(name)
    assert orders.states(*lost) == ["intent"] * len(lost)
    for name in lost:
        orders.look(name)
    assert orders.states(*names) == ["submitted", "submitted"]
    assert (orders.creates, len(orders.accepted)) == (2 + len(lost), 2)


def test_one_that_never_arrived_is_told_from_a_rival_by_its_words(workbench: Workbench):
    orders = Orders(workbench, 109)
    orders.send("words-lost", "A lighthouse", LOST)
    orders.send("words-there", "A harbour", ARRIVED)
    workbench.ahead += AFTER_GRACE
    orders.look("words-lost")
    orders.look("words-lost")
    orders.look("words-there")
    assert orders.states("words-lost", "words-there") == ["submitted", "submitted"]
    assert orders.has_its_own("words-lost")
    assert orders.has_its_own("words-there")
    assert (orders.creates, len(orders.accepted)) == (3, 2)


def test_what_nobody_has_a_record_of_is_neither_taken_nor_stopped_nor_taken_for_nothing(workbench: Workbench):
    """Somebody tries the same seed at the provider's own page, just when our create gets lost."""
    orders = Orders(workbench, 110)
    orders.send("page-lost", "A lighthouse", LOST)
    by_hand = workbench.api.create_prediction(MODEL, {"prompt": "by hand [stub:slow]", "seed": 110}, 60)
    workbench.ahead += AFTER_GRACE
    assert orders.look("page-lost") is None
    assert orders.states("page-lost") == ["submitting"]
    assert workbench.api.get_prediction(by_hand.id).status in ("starting", "processing")


@pytest.mark.parametrize(("seed", "rivals"), [(111, 0), (112, 1)])
def test_an_extra_is_called_off_only_if_it_can_be_nobody_elses(workbench: Workbench, seed: int, rivals: int):
    orders = Orders(workbench, seed)
    orders.send(f"extra-{seed}", "A lighthouse", ARRIVED)
    extra = workbench.api.create_prediction(MODEL, orders.record(f"extra-{seed}").input, 60)
    if rivals:
        orders.send(f"rival-{seed}", "A lighthouse", LOST)
    orders.look(f"extra-{seed}")
    is_stopped = workbench.api.get_prediction(extra.id).status in ("canceled", "aborted")
    assert is_stopped == (not rivals)
    assert orders.states(f"extra-{seed}") == ["submitting" if rivals else "submitted"]


class NoQueries(PredictionRepository):
    """Other records must not be asked for."""

    def with_seed(self, seed: int, since: datetime) -> list[PredictionRecord]:
        raise AssertionError(f"asked who has {seed}")


def test_a_seed_of_ours_is_found_again_without_a_look_at_others(workbench: Workbench):
    orders = Orders(workbench, None)
    orders.send("own-seed", "A lighthouse", ARRIVED)
    orders.look("own-seed", NoQueries(workbench.client, timedelta(days=30)))
    assert (orders.states("own-seed"), orders.creates) == (["submitted"], 1)
    assert not orders.record("own-seed").seed_is_clients


def told(workbench: Workbench, prediction_id: str) -> ProviderPrediction:
    """What a webhook that names no address says of it."""
    return workbench.api.get_prediction(prediction_id)


def deliver(orders: Orders, name: str, prediction: ProviderPrediction) -> None:
    receive_webhook(orders.record(name).op, prediction, orders.bench.desk(), orders.bench.tools())


def test_a_webhook_cannot_hand_over_what_another_record_holds(workbench: Workbench):
    orders = Orders(workbench, 113)
    orders.send("told-there", "A lighthouse")
    orders.send("told-lost", "A lighthouse", LOST)
    others = orders.record("told-there").prediction_id or ""
    deliver(orders, "told-lost", told(workbench, others))
    assert orders.record("told-lost").state is PredictionState.SUBMITTING
    assert orders.record("told-lost").prediction_id is None
    assert told(workbench, others).status in ("starting", "processing")


def test_a_webhook_cannot_hand_over_what_has_a_rivals_words(workbench: Workbench):
    orders = Orders(workbench, 114)
    orders.send("told-words", "A lighthouse", LOST)
    orders.send("told-rival", "A harbour", ARRIVED)
    (rivals,) = [one.id for one in workbench.replicate.predictions.values() if one.input.get("seed") == 114]
    deliver(orders, "told-words", told(workbench, rivals))
    assert orders.record("told-words").prediction_id is None
    deliver(orders, "told-rival", told(workbench, rivals))
    assert orders.record("told-rival").prediction_id == rivals


def test_a_webhook_tells_twins_apart(workbench: Workbench):
    orders, names = Orders(workbench, 115), ["told-twin-1", "told-twin-2"]
    for name in names:
        orders.send(name, "A lighthouse", ARRIVED)
    first, second = [one.id for one in workbench.replicate.predictions.values() if one.input.get("seed") == 115]
    assert orders.look(names[0]) is None
    assert orders.states(*names) == ["submitting", "submitting"]
    deliver(orders, names[0], told(workbench, first))
    orders.look(names[1])  # now nobody else can have sent the other one
    assert [orders.record(name).prediction_id for name in names] == [first, second]
    assert orders.creates == 2


def test_a_webhook_of_a_second_prediction_calls_nothing_off_in_doubt(workbench: Workbench):
    orders = Orders(workbench, 116)
    orders.send("told-holds", "A lighthouse")
    orders.send("told-waits", "A lighthouse", ARRIVED)
    held = orders.record("told-holds").prediction_id
    (other,) = [
        one.id for one in workbench.replicate.predictions.values() if one.input.get("seed") == 116 and one.id != held
    ]
    deliver(orders, "told-holds", told(workbench, other))
    assert orders.record("told-holds").prediction_id == held
    assert told(workbench, other).status in ("starting", "processing")
