"""Bytes that no HTTP library would send, at the webhook's and the API's own server."""

import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from localdev.stack.ports import choose_ports
from pipeline.adapters.replicate_webhooks import MAX_BODY_BYTES
from tests.doors.conftest import Account, Bystander, prediction_body, service_settings
from tests.doors.served import ServedFunction

BODY = prediction_body()
SECRET_PATH = "/v1/webhooks/default/secret"


@pytest.fixture(scope="module")
def outside() -> Iterator[tuple[Account, Bystander]]:
    """Replicate, and whoever stands where Firestore and Cloud Tasks should be."""
    bystander = Bystander()
    with Account() as account:
        yield account, bystander
    bystander.close()


def serve(name: str, outside: tuple[Account, Bystander], log: Path) -> ServedFunction:
    account, bystander = outside
    hosts = ("FIRESTORE_EMULATOR_HOST", "CLOUD_TASKS_EMULATOR_HOST", "FIREBASE_AUTH_EMULATOR_HOST")
    settings = {**service_settings(account), **dict.fromkeys(hosts, bystander.address)}
    return ServedFunction(name, settings, choose_ports([name])[name], log)


@pytest.fixture(scope="module")
def webhook(outside: tuple[Account, Bystander], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedFunction]:
    log = tmp_path_factory.mktemp("webhook") / "log"
    with serve("handle_replicate_webhook", outside, log) as served:
        yield served


@pytest.fixture(scope="module")
def api(outside: tuple[Account, Bystander], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedFunction]:
    with serve("api", outside, tmp_path_factory.mktemp("api") / "log") as served:
        yield served


def post(headers: Mapping[str, str | int], body: bytes, *more: str) -> bytes:
    lines = ["POST /?op=image~no-such~predict~1 HTTP/1.1", "Host: f.example", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, *more, "", ""]).encode("latin-1") + body


def chunked(body: bytes, size: int = 60_000) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


CHUNKED = {"Transfer-Encoding": "chunked"}


def requests(account: Account) -> dict[str, tuple[bytes, tuple[int, ...]]]:
    """What is sent, and the statuses that may answer it; 0: the connection is closed."""
    signed, length = account.signed(BODY), {"Content-Length": len(BODY)}
    large = b" " * (MAX_BODY_BYTES + 1)
    packed = gzip.compress(large)
    return {
        "genuine, about no prediction": (post({**account.signed(b"[]"), "Content-Length": 2}, b"[]"), (400,)),
        "genuine and chunked": (post({**account.signed(b"[]"), **CHUNKED}, chunked(b"[]")), (400,)),
        "no headers": (post(length, BODY), (401,)),
        "a length that is too long": (post({**signed, "Content-Length": len(BODY) + 10}, BODY[1:]), (0, 400, 401)),
        "a length that is too short": (post({**signed, "Content-Length": len(BODY) - 10}, BODY), (401,)),
        "a huge length": (post({**signed, "Content-Length": 10**12}, BODY), (413,)),
        "a length of many digits": (post({**signed, "Content-Length": "9" * 5000}, BODY), (0, 400, 401, 413)),
        "a negative length": (post({**signed, "Content-Length": -1}, BODY), (400,)),
        "no length": (post(signed, BODY), (401,)),
        "two lengths": (post({**signed, **length}, BODY, "Content-Length: 2"), (400,)),
        "a length and chunks": (post({**signed, **length, **CHUNKED}, chunked(BODY)), (0, 400, 401)),
        "chunks of another body": (post({**signed, **CHUNKED}, chunked(BODY + b" ")), (401,)),
        "broken chunks": (post({**signed, **CHUNKED}, b"zz\r\nnonsense\r\n"), (0, 400, 401)),
        "large chunks": (post({**account.signed(large), **CHUNKED}, chunked(large)), (413,)),
        "packed": (
            post({**account.signed(large), "Content-Length": len(packed)}, packed, "Content-Encoding: gzip"),
            (401,),
        ),
        "packed chunks": (post({**signed, "Transfer-Encoding": "gzip, chunked"}, chunked(packed)), (0, 400, 401, 501)),
        "two signatures": (post({**signed, **length}, BODY, f"Webhook-Signature: v1,{'A' * 43}="), (401,)),
        "two times": (post({**signed, **length}, BODY, "Webhook-Timestamp: 1"), (401,)),
        "two ids": (post({**signed, **length}, BODY, "Webhook-Id: msg_2"), (401,)),
        "thousands of signatures": (post({**signed, "Webhook-Signature": "v1,x " * 1600}, BODY), (0, 400, 401)),
        "a long header": (post({**signed, "Webhook-Signature": "x" * 200_000}, BODY), (0, 400, 431)),
        "a thousand headers": (post({f"x-{number}": "x" for number in range(1000)}, BODY), (0, 400, 431)),
        "names with underscores": (
            post({name.replace("-", "_"): value for name, value in signed.items()}, BODY),
            (401,),
        ),
        "letters of no alphabet": (post({**signed, "Webhook-Id": "\xff\xfe"}, BODY), (401,)),
        "a long address": (post(signed, BODY).replace(b"op=", b"op=" + b"x" * 100_000), (401,)),
        "another method": (b"BREW / HTTP/1.1\r\nHost: f\r\nConnection: close\r\n\r\n", (405,)),
        "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", (0, 400)),
        "nothing": (b"", (0,)),
    }


@pytest.mark.parametrize("kind", requests(Account()))
def test_odd_bytes_are_refused_and_reach_nobody(webhook: ServedFunction, outside: tuple[Account, Bystander], kind: str):
    account, bystander = outside
    request, statuses = requests(account)[kind]
    status, answer = webhook.send(request)
    assert status in statuses, answer[:500]
    assert b"Traceback" not in answer
    assert (bystander.visits(), set(account.asked) - {SECRET_PATH}) == (0, set())
    assert len(account.asked) <= 1  # of all that this server has seen


def test_none_of_that_is_an_error_of_ours(webhook: ServedFunction, outside: tuple[Account, Bystander]):
    for request, _ in requests(outside[0]).values():
        webhook.send(request)
    assert "Traceback" not in webhook.log


GETS = {
    "two tokens": ("/videos", ["Authorization: Bearer a", "Authorization: Bearer b"], (401,)),
    "a token of a megabyte": ("/videos", ["Authorization: Bearer " + "x" * 1_000_000], (0, 400, 431)),
    "a token of eight thousand letters": ("/videos", ["Authorization: Bearer " + "x" * 8100], (401,)),
    "no alphabet": ("/videos", ["Authorization: Bearer \xff\xfe"], (401,)),
    "two dots": ("/../videos", [], (404,)),
    "escaped dots": ("/%2e%2e/videos", [], (404,)),
    "another path in a name": ("/videos/x%2f..%2f..%2fother/clips/a.mp4", [], (404,)),
    "no Unicode": ("/videos/%ff%fe", [], (401,)),
    "a NUL": ("/videos/%00", [], (401,)),
    "half an escape": ("/videos/%", [], (401,)),
    "raw bytes": ("/videos/\xff\xfe", [], (400, 401)),
    "another server's address": ("http://evil.example/videos", [], (401, 404)),
    "a long address": ("/videos?page_token=" + "x" * 100_000, [], (414,)),
    "a long path": ("/videos/" + "x" * 100_000, [], (414,)),
    "a line break in it": ("/videos?a=%0d%0aX-Injected:%20yes", [], (401,)),
    "an odd host": ("/videos", ['X-Forwarded-Host: evil.example"><script>'], (401,)),
    "a body": ("/videos", ["Content-Length: 5", "", "hello"], (401,)),
    "a large body": ("/videos", ["Content-Length: 100000"], (413,)),
    "a huge body": ("/videos", ["Content-Length: 99999999999"], (413,)),
}


@pytest.mark.parametrize("kind", GETS)
def test_the_api_refuses_odd_requests_without_asking_anybody(
    api: ServedFunction, outside: tuple[Account, Bystander], kind: str
):
    path, headers, statuses = GETS[kind]
    lines = [f"GET {path} HTTP/1.1", "Host: f.example", "Connection: close", *headers, "", ""]
    status, answer = api.send("\r\n".join(lines).encode("latin-1"))
    assert status in statuses, answer[:500]
    assert b"\r\nX-Injected" not in answer
    assert b"<script>" not in answer
    assert b"Traceback" not in answer
    assert outside[1].visits() == 0
    assert "Traceback" not in api.log
