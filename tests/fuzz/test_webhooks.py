"""Whatever is sent to the webhook's door: one of its five answers, and records only move forward."""

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest
from flask import Flask, Response, request
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers

from localdev.stub_replicate.webhooks import WebhookSender
from pipeline.adapters.replicate_webhooks import MAX_BODY_BYTES, WebhookVerifier
from pipeline.adapters.signing_secrets import SigningSecret
from pipeline.api.webhooks import answer_webhook
from pipeline.domain.jobs import JobKind, JobRef
from pipeline.domain.predictions import PredictionOrder, PredictionState, operation_id, webhook_query
from pipeline.handlers.receive_webhook import read_webhook, receive_webhook
from pipeline.repositories.job_documents import CLAIMED
from tests.fuzz.fuzz_world import FuzzWorld
from tests.fuzz.odd_jobs import THEM, USER
from tests.fuzz.odd_values import odd_texts
from tests.fuzz.profile import fuzzing
from tests.simulation.invariants import MOVES

SEED, MODEL = 7, "black-forest-labs/flux-schnell"
ANSWERS = {204, 400, 401, 405, 413, 503}
MOST_CALLS = 25
"""Of Firestore, for one webhook."""

SENDER = WebhookSender()

texts = st.text(max_size=30) | odd_texts
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


class CountingGate:
    """How often Firestore is called."""

    def __init__(self) -> None:
        self.calls = 0

    def before(self, label: str) -> None:
        self.calls += 1

    def after(self, label: str) -> None: ...


class Listener:
    """Stands for Cloud Tasks, and for Replicate where predictions are called off."""

    def __init__(self) -> None:
        self.signals: list[JobRef] = []
        self.called_off: list[str] = []

    def signal(self, ref: JobRef) -> None:
        self.signals.append(ref)

    def cancel_prediction(self, prediction_id: str) -> None:
        self.called_off.append(prediction_id)


class Door:
    """The webhook's door, in front of records of every state, of two users, with one seed."""

    def __init__(self) -> None:
        self.world = world = FuzzWorld()
        self.gate, self.listener = CountingGate(), Listener()
        world.outside.gate = self.gate
        world.client = world.outside
        world.tasks = world.replicate = self.listener  # type: ignore[assignment]
        self.ops = [self._record(state) for state in PredictionState]
        verifier = WebhookVerifier(SigningSecret(lambda: SENDER.secret))

        def receive(op: str, headers: Mapping[str, str], body: bytes) -> None:
            verifier.verify(headers, body)
            receive_webhook(op, read_webhook(body), world.desk(), world.tools())

        app = Flask(__name__)
        app.testing = True  # what is raised is not answered, but raised here

        @app.route("/", methods=["GET", "POST", "PUT"])
        def door() -> Response:
            return answer_webhook(request, receive)

        self.http = app.test_client()

    def _record(self, state: PredictionState) -> str:
        number = list(PredictionState).index(state)
        ref, user = JobRef(JobKind.IMAGE, f"job-{state}"), (USER, THEM)[number % 2]
        status = "processing" if number % 3 else "complete"
        self.world.put(ref.path, {"user_id": user, "status": status, "cost_usd": 0.003})
        job = self.world.outside.document(ref.path)
        job.update({CLAIMED: job.get().create_time})
        order = PredictionOrder(MODEL, {"prompt": "x"}, 0.003, 300, seed=SEED)
        op = op_of(state)
        predictions, now = self.world.desk().predictions, self.world.schedule.clock()
        predictions.open(op, ref.path, user, order, now)
        fields: dict[str, Any] = {"state": state}
        if state is not PredictionState.INTENT:
            fields |= {"submitting_at": now, "submitting_until": now}
        if state in (PredictionState.SUBMITTED, PredictionState.SUCCEEDED):
            fields |= {"prediction_id": f"p-{state}"}
        self.world.outside.document("predictions", op).update(fields)
        return op


def op_of(state: PredictionState) -> str:
    return operation_id(JobRef(JobKind.IMAGE, f"job-{state}"), "predict", 1)


@st.composite
def webhooks(draw: st.DrawFn) -> tuple[str, bytes]:
    """What the URL says, and a body: a prediction with some fields replaced, another value, other bytes."""
    state, other_state = draw(st.sampled_from([*PredictionState])), draw(st.sampled_from([*PredictionState]))
    prediction = {
        "id": f"p-{state}",
        "model": MODEL,
        "input": {"seed": SEED, "prompt": "x"},
        "output": ["https://replicate.test/out.png"],
        "error": None,
        "completed_at": "2026-01-01T00:00:00Z",
        "created_at": "2026-01-01T00:00:00Z",
        "metrics": {"image_count": 1},
        "webhook": draw(
            st.sampled_from([None, f"https://x.test/?{webhook_query(op_of(state))}", "https://x.test/?op=x"])
        ),
        "status": draw(st.sampled_from(["processing", "succeeded", "failed", "canceled", "aborted", "odd"])),
    }
    inner = draw(st.sampled_from([{}, {}, {"input": {"seed": draw(json_values)}}, {"metrics": {"image_count": 1e308}}]))
    odd = draw(st.dictionaries(st.sampled_from([*prediction]), json_values, max_size=3)) if draw(st.booleans()) else {}
    written = json.dumps({**prediction, **inner, **odd}).encode()
    deep = st.sampled_from([b"", b"[" * 100_000, b"null", b'"x"', b'{"id": "\xff"}', b"9" * 5000])
    other = deep | st.binary(max_size=50) | json_values.map(lambda value: json.dumps(value).encode())
    op = op_of(state) if draw(st.integers(0, 3)) else draw(st.just(op_of(other_state)) | texts)
    return op, written if draw(st.integers(0, 4)) else draw(other)


def signed(body: bytes, age_seconds: int = 0) -> dict[str, str]:
    timestamp = str(int(time.time()) - age_seconds)
    return {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": timestamp,
        "Webhook-Signature": SENDER.sign("msg_1", timestamp, body),
    }


header_values = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40)


def state_of(fields: Mapping[str, Any]) -> tuple[str, str | None]:
    return fields["state"], fields.get("prediction_id")


def check(door: Door, op: str, send: Any, *, is_genuine: bool) -> int:
    """Send something; returns the answer's status."""
    before = door.world.paths()
    door.gate.calls = 0
    status = send().status_code
    calls, after = door.gate.calls, door.world.paths()
    assert status in ANSWERS
    assert calls <= (MOST_CALLS if is_genuine else 0)
    assert before.keys() == after.keys()
    changed = {path for path in after if before[path] is not after[path]}
    jobs = {after[path].fields["job_path"] for path in changed if path.startswith("predictions/")}
    jobs |= {f"image_generation_jobs/{op.split('~')[1]}"} if op in door.ops else set()
    assert changed <= {f"predictions/{op}", *jobs}
    for path in changed:
        old, new = before[path].fields, after[path].fields
        if path.startswith("predictions/"):
            (was, known), (now, found) = state_of(old), state_of(new)
            assert was == now or (was, now) in MOVES or {(was, "submitted"), ("submitted", now)} <= MOVES
            assert known in (None, found)
            assert was not in ("succeeded", "failed", "held")
        else:
            assert {name for name in new if new[name] != old.get(name)} == {"cost_usd"}
            assert old["status"] == "complete"
            assert 0 <= new["cost_usd"] < 10_000
    return int(status)


@pytest.mark.parametrize("times", [1, 2])
def test_genuine_ones_about_anything(times: int):
    door = Door()
    clean = dict(door.world.store.documents)

    @fuzzing(250)
    @given(webhooks())
    def answered(sent: tuple[str, bytes]) -> None:
        op, body = sent
        door.world.store.documents.clear()
        door.world.store.documents.update(clean)
        for _ in range(times):
            status = check(
                door,
                op,
                lambda: door.http.post("/", query_string={"op": op}, data=body, headers=signed(body)),
                is_genuine=True,
            )
            assert status in (204, 400)

    answered()


def test_forged_ones_cost_nothing():
    door = Door()

    @fuzzing(250)
    @given(
        st.binary(max_size=200) | st.just(b"x").map(lambda one: one * (MAX_BODY_BYTES + 1)),
        st.sampled_from(["GET", "POST", "POST", "POST", "PUT"]),
        st.lists(
            st.tuples(
                st.sampled_from(["Webhook-Id", "webhook-timestamp", "WEBHOOK-SIGNATURE", "Content-Type", "X"]),
                header_values | st.sampled_from(["v1,", "v1," + "A" * 43 + "=", "v2,x v1,x", "0", "9" * 13, "1e9"]),
            ),
            min_size=1,
            max_size=5,
        ),
        st.sampled_from(["whole", "no signature", "old", "other body", "none"]),
        texts,
    )
    def refused(body: bytes, method: str, odd: list[tuple[str, str]], how: str, op: str) -> None:
        signature = signed(body + b" " if how == "other body" else body, 301 if how == "old" else 0)
        if how == "none":
            signature = {}
        if how in ("no signature", "whole"):
            signature["Webhook-Signature"] = "v1," + "A" * 43 + "="
        headers = Headers([*signature.items(), *odd])  # the same one may come twice
        status = check(
            door,
            op,
            lambda: door.http.open("/", method=method, query_string={"op": op}, data=body, headers=headers),
            is_genuine=False,
        )
        assert status in (401, 405, 413)

    refused()
