"""The fronts that `make bench` counts with: they pass everything on, and count it as it is billed."""

import json
import threading
import urllib.request
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from google.api_core.exceptions import AlreadyExists
from google.cloud import firestore

from localdev.bench.firestore_front import FirestoreFront
from localdev.bench.storage_counter import StorageCounter
from localdev.bench.task_front import TaskFront
from localdev.stack.loopback import Exchange, LoopbackServer
from localdev.stack.object_stores import R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY, LocalR2
from pipeline.adapters.r2_storage import R2Storage


class _Recorder(LoopbackServer):
    """Keeps what is posted to it."""

    def __init__(self) -> None:
        super().__init__(partial(_Recording, self))
        self.bodies: list[bytes] = []
        self.came = threading.Event()


class _Recording(Exchange):
    def __init__(self, recorder: _Recorder, *arguments: object) -> None:
        self._recorder = recorder
        super().__init__(*arguments)

    def do_POST(self) -> None:
        self._recorder.bodies.append(self.body())
        self.answer(200)
        self._recorder.came.set()


def test_what_passes_to_firestore_is_counted_as_it_is_billed(firestore_emulator: str):
    with FirestoreFront() as front:
        front.target = firestore_emulator
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FIRESTORE_EMULATOR_HOST", front.address)
            client = firestore.Client(project="demo-counted")
        batch = client.batch()
        batch.set(client.document("a/1"), {"n": firestore.Increment(1), "expire_at": datetime(2031, 1, 1, tzinfo=UTC)})
        batch.delete(client.document("a/2"))
        batch.commit()
        with pytest.raises(AlreadyExists):
            client.document("a/1").create({})
        assert client.document("a/1").get().get("n") == 1
        assert not client.document("a/2").get().exists
        assert list(client.collection("nothing").stream()) == []
        assert int(client.collection("a").count().get()[0][0].value) == 1
        counted = front.take()
        client.close()
    assert (counted["reads"], counted["writes"], counted["deletes"]) == (4, 1, 1)
    assert (counted["refused"], counted["writes to a"], counted["expiring"]) == (1, 1, 1)


def test_requests_of_storage_are_told_apart_by_what_r2_bills(r2_server: LocalR2):
    with StorageCounter() as counter:
        counter.target = r2_server.endpoint_url.removeprefix("http://")
        storage = R2Storage(
            counter.base_url, r2_server.bucket, R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY, counter.base_url
        )
        storage.update_bytes("costs/a", "text/plain", lambda _: b"12345")
        storage.copy_object("costs/a", "costs/b")
        assert storage.stat("costs/b") is not None
        assert list(storage.list_folders("costs/")) == []
        storage.delete_objects(["costs/a"])
        counted = counter.take()
    assert counted["class_a"] >= 3
    assert counted["class_b"] >= 1
    assert counted["bytes"] == 5


def test_a_task_waits_for_its_time_unless_it_is_hurried():
    with _Recorder() as target, TaskFront() as front:
        front.target = target.address
        later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        for at in ({}, {"scheduleTime": later}):
            body = json.dumps({"task": at}).encode()
            request = urllib.request.Request(f"{front.base_url}/projects/p/tasks", body)
            with urllib.request.urlopen(request, timeout=5) as answer:
                assert json.load(answer)["task"]["name"].startswith("/projects/p/tasks/")
        assert target.came.wait(5.0)
        assert len(target.bodies) == 1
        front.hurry()
        assert [json.loads(body)["task"] for body in target.bodies] == [{}, {"scheduleTime": later}]
        assert front.take() == 2
