"""Webhooks that are signed, and say odd things, or the same thing again and again."""

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from google.cloud import firestore
from hypothesis import given
from hypothesis import strategies as st

from localdev.bench.round_trips import RoundTrips, count_firestore_calls
from localdev.stub_replicate.predictions import Prediction
from pipeline.domain.jobs import CreatedWake, JobKind, JobRef, SignalWake
from pipeline.domain.predictions import PredictionRecord, PredictionState
from pipeline.handlers.receive_webhook import UnreadableWebhook, read_webhook, receive_webhook
from tests.handlers.conftest import USER, Workbench

NO_PREDICTIONS = {
    "empty": b"",
    "no JSON": b"id=p1",
    "no Unicode": b'{"id": "\xff\xfe"}',
    "half a JSON": b'{"id": "p1", "status": "succ',
    "text": b'"succeeded"',
    "a number": b"7",
    "null": b"null",
    "a list": b'[{"id": "p1", "status": "succeeded"}]',
    "nothing in it": b"{}",
    "no status": b'{"id": "p1"}',
    "no id": b'{"status": "succeeded"}',
    "a million lists": b"[" * 1_000_000,
    "a deep input": b'{"id": "p1", "status": "succeeded", "input": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
    "a huge number": b'{"id": "p1", "status": "succeeded", "metrics": {"image_count": ' + b"9" * 900_000 + b"}}",
    "an empty id": b'{"id": "", "status": "succeeded"}',
    "a path as id": b'{"id": "../../webhooks/default/secret", "status": "succeeded"}',
    "an address as id": b'{"id": "p1?x=1#", "status": "succeeded"}',
    "a long id": json.dumps({"id": "a" * 129, "status": "succeeded"}).encode(),
    "a mapping as id": b'{"id": {"a": 1}, "status": "succeeded"}',
    "null as id": b'{"id": null, "status": "succeeded"} x',
    "two values": b'{"id": "p1", "status": "succeeded"}{}',
}


@pytest.mark.parametrize("kind", NO_PREDICTIONS)
def test_what_is_no_prediction_is_told_so(kind: str):
    with pytest.raises(UnreadableWebhook):
        read_webhook(NO_PREDICTIONS[kind])


def test_of_a_name_that_comes_twice_the_last_counts():
    assert read_webhook(b'{"id": "p1", "id": "p2", "status": "failed", "status": "succeeded"}').id == "p2"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ("id", "status", "model", "input", "output", "error", "created_at", "completed_at", "webhook", "metrics")


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, JSON_VALUES)) | JSON_VALUES)
def test_whatever_is_told_is_read_or_refused(told: Any):
    try:
        prediction = read_webhook(json.dumps(told).encode())
    except UnreadableWebhook:
        return
    assert all(isinstance(url, str) for url in prediction.outputs)
    assert all(math.isfinite(amount) for amount in prediction.metrics.values())


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes):
    try:
        read = read_webhook(body)
    except UnreadableWebhook:
        return
    assert read.id


ODD_FIELDS: dict[str, dict[str, Any]] = {
    "a million outputs": {"output": ["https://example.com/x.png"] * 30_000},
    "a long output": {"output": "https://example.com/" + "x" * 900_000},
    "half a letter as output": {"output": ["\ud800"]},
    "no URLs as outputs": {"output": [None, 1, [], {}, ""]},
    "a mapping as output": {"output": {"url": "https://example.com/x.png"}},
    "a long error": {"status": "failed", "error": "x" * 900_000},
    "half a letter as error": {"status": "failed", "error": "\ud800"},
    "a list as error": {"status": "failed", "error": [1, "\x00"]},
    "huge metrics": {"metrics": {"image_count": 10**400, "predict_time": -1, "total_time": math.nan, "x": math.inf}},
    "many metrics": {"metrics": {f"m{number}": number for number in range(20_000)}},
    "nested metrics": {"metrics": {"image_count": [[1]], "": 1, "a.b`": 2, "\ud800": 3, "__x__": 4}},
    "a list as metrics": {"metrics": [1]},
    "the first moment": {"completed_at": "0001-01-01T00:00:00+14:00"},
    "the last moment": {"completed_at": "9999-12-31T23:59:59-14:00"},
    "a number as moment": {"completed_at": 1e300},
    "an unknown status": {"status": "exploded"},
    "a list as status": {"status": ["succeeded"]},
    "a list as input": {"input": [1, 2]},
    "another's input": {"input": {"seed": -1}},
    "a list as webhook": {"webhook": ["op="]},
    "a list as model": {"model": [1]},
}


class Orders:
    """Jobs whose predictions have been sent, and what the provider has to tell of them."""

    def __init__(self, workbench: Workbench) -> None:
        self.bench = workbench

    def start(self, name: str) -> tuple[JobRef, PredictionRecord, Prediction]:
        ref = JobRef(JobKind.IMAGE, name)
        fields = {"user_id": USER, "status": "pending", "scene_id": self.bench.scene(name), "text": name}
        self.bench.write(ref.path, fields)
        self.bench.wake(ref, CreatedWake())
        prediction = next(p for p in self.bench.replicate.predictions.values() if name in p.prompt)
        assert prediction.ended.wait(20)
        return ref, self.record(ref), prediction

    def record(self, ref: JobRef) -> PredictionRecord:
        (record,) = self.bench.tools().predictions.of_job(ref.path)
        return record

    def deliver(self, op: str, body: bytes) -> None:
        receive_webhook(op, read_webhook(body), self.bench.desk(), self.bench.tools())


@pytest.fixture
def orders(workbench: Workbench) -> Orders:
    return Orders(workbench)


@pytest.mark.parametrize("kind", ODD_FIELDS)
def test_odd_fields_break_nothing_and_their_job_ends(orders: Orders, kind: str):
    ref, record, prediction = orders.start(f"odd-hook {kind}")
    told = {**prediction.as_json(orders.bench.replicate.base_url), **ODD_FIELDS[kind]}
    orders.deliver(record.op, json.dumps(told).encode())
    moved = orders.record(ref)
    assert moved.prediction_id == prediction.id
    assert (moved.charged, moved.cost_usd) in ((False, record.cost_usd), (True, record.cost_usd))
    job = orders.bench.finish(ref)
    assert job["status"] in ("complete", "error")
    assert len(job.get("error_message") or "") < 1000


@pytest.fixture
def trips(workbench: Workbench) -> Iterator[RoundTrips]:
    """Counts the workbench's calls of Firestore."""
    client = firestore.Client(project=workbench.client.project)
    trips = RoundTrips()
    count_firestore_calls(client, trips)
    workbench.client = client
    yield trips
    client.close()


def test_a_replay_changes_nothing_and_costs_the_same_each_time(orders: Orders, trips: RoundTrips):
    ref, record, prediction = orders.start("replayed")
    body = json.dumps(prediction.as_json(orders.bench.replicate.base_url)).encode()
    orders.deliver(record.op, body)
    told = orders.record(ref)
    assert told.state is PredictionState.SUCCEEDED
    waiting = _costs(orders, trips, record.op, body)
    orders.bench.wake(ref, SignalWake())
    orders.bench.finish(ref)
    before = [orders.bench.client.document(path).get() for path in (ref.path, f"predictions/{record.op}")]
    asked = orders.bench.replicate.creates
    over = _costs(orders, trips, record.op, body)
    assert (len(set(waiting)), len(set(over))) == (1, 1)
    assert (max(waiting), max(over)) <= (4, 8)
    after = [snapshot.reference.get() for snapshot in before]
    assert [snapshot.update_time for snapshot in after] == [snapshot.update_time for snapshot in before]
    assert orders.bench.replicate.creates == asked


def test_a_prediction_of_nobody_costs_one_read(orders: Orders, trips: RoundTrips):
    body = json.dumps({"id": "p1", "status": "succeeded", "model": "m", "input": {"seed": 1}}).encode()
    assert _costs(orders, trips, "image~no-such~predict~1", body) == [1] * 5
    assert _costs(orders, trips, "../x", body) == [0] * 5
    assert orders.bench.tasks.signals == []


def _costs(orders: Orders, trips: RoundTrips, op: str, body: bytes) -> list[int]:
    """How many calls of Firestore each of five deliveries takes."""
    costs = []
    for _ in range(5):
        trips.clear()
        orders.deliver(op, body)
        costs.append(trips.count())
    return costs
