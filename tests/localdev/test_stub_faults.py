"""Faults and forged webhooks that the stand-in for Replicate makes by rate."""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any, ClassVar

import httpx
import pytest
import replicate
from replicate.webhook import Webhooks

from localdev.stack.loopback import Exchange, LoopbackServer
from localdev.stub_replicate import StubReplicate

PATH = "/v1/models/black-forest-labs/flux-schnell/predictions"


@pytest.fixture
def stub() -> Iterator[StubReplicate]:
    server = StubReplicate(image_seconds=0.05).start()
    yield server
    server.stop()


class Receiver(Exchange):
    """Keeps what it is sent."""

    got: ClassVar[list[tuple[str, dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.got.append((self.path, headers, self.body()))
        self.answer(200)


@pytest.fixture
def receiver() -> Iterator[LoopbackServer]:
    Receiver.got.clear()
    with LoopbackServer(Receiver) as server:
        yield server


def set_rates(http: httpx.Client, **rates: float) -> httpx.Response:
    return http.put("/_control/rates", json=rates)


def create(http: httpx.Client, seed: int, webhook: str | None = None) -> httpx.Response:
    more = {"webhook": webhook, "webhook_events_filter": ["completed"]} if webhook else {}
    return http.post(PATH, json={"input": {"prompt": "[stub:fail] x", "seed": seed}, **more})


def wait_for(count: int) -> list[tuple[str, dict[str, str], bytes]]:
    for _ in range(500):
        if len(Receiver.got) >= count:
            return Receiver.got
        time.sleep(0.01)
    raise AssertionError(Receiver.got)


def test_a_500_before_starts_nothing_and_a_500_after_does(http: httpx.Client, stub: StubReplicate):
    set_rates(http, create_500=1)
    assert (create(http, 1).status_code, stub.creates) == (500, 0)
    set_rates(http, create_500=0, create_500_after=1)
    assert (create(http, 1).status_code, stub.creates) == (500, 1)
    assert http.get("/_control/state").json()["faults"] == {"create_500": 1, "create_500_after": 1}


def test_a_reset_after_starts_one(http: httpx.Client, stub: StubReplicate):
    set_rates(http, create_reset_after=1)
    with pytest.raises(httpx.TransportError):
        create(http, 1)
    assert stub.creates == 1


def test_reading_fails_by_rate_and_deliveries_of_files_do_not(http: httpx.Client):
    prediction = create(http, 1).json()
    set_rates(http, read_500=1)
    assert http.get(f"/v1/predictions/{prediction['id']}").status_code == 500
    assert http.get("/v1/predictions").status_code == 500
    assert http.get("/v1/webhooks/default/secret").status_code == 200


def test_a_setting_that_does_not_exist_is_refused(http: httpx.Client):
    assert set_rates(http, create_418=1).status_code == 400


def test_webhooks_get_lost_and_doubled(http: httpx.Client, stub: StubReplicate, receiver: LoopbackServer):
    set_rates(http, webhook_doubled=1)
    create(http, 1, f"{receiver.base_url}/hook?op=1")
    (_, first, one), (_, second, two) = wait_for(2)
    assert (first["webhook-id"], one) == (second["webhook-id"], two)
    set_rates(http, webhook_doubled=0, webhook_lost=1)
    lost = create(http, 2, f"{receiver.base_url}/hook?op=2").json()
    assert stub.predictions[lost["id"]].ended.wait(10)
    assert [path for path, _, _ in Receiver.got] == ["/hook?op=1"] * 2


def test_forgeries_are_what_they_claim_to_be(http: httpx.Client, receiver: LoopbackServer):
    create(http, 1, f"{receiver.base_url}/hook?op=1")
    wait_for(1)
    set_rates(http, webhook_lost=1, webhook_forged=1)
    second = create(http, 2, f"{receiver.base_url}/hook?op=2").json()
    (_, wrong, invented), (_, stale, _), (other_path, other, honest) = wait_for(4)[1:]
    secret = replicate.webhook.WebhookSigningSecret(key=http.get("/v1/webhooks/default/secret").json()["key"])
    with pytest.raises(Exception, match="signature is invalid"):
        Webhooks.validate(headers=wrong, body=invented.decode(), secret=secret, tolerance=300)
    assert json.loads(invented)["output"] == ["https://example.com/forged.png"]
    assert time.time() - int(stale["webhook-timestamp"]) > 3000
    Webhooks.validate(headers=other, body=honest.decode(), secret=secret, tolerance=300)
    assert (other_path, json.loads(honest)["id"]) == ("/hook?op=1", second["id"])
    assert len(base64.b64decode(secret.key.removeprefix("whsec_"))) == 24


def test_what_was_answered_is_on_record(http: httpx.Client, stub: StubReplicate, receiver: LoopbackServer):
    set_rates(http, webhook_forged=1)
    create(http, 1, f"{receiver.base_url}/hook?op=1")
    wait_for(3)
    state: dict[str, Any] = http.get("/_control/state").json()
    for _ in range(100):
        state = http.get("/_control/state").json()
        if len(state["forged"]) == 2 and state["webhooks"]:
            break
        time.sleep(0.02)
    assert state["forged"] == [["signature", 200], ["stale", 200]]
    assert [answer for _, _, answer in state["webhooks"]] == [200]
