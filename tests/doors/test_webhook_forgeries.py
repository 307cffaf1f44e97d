"""What is not signed by Replicate, or not now, is refused for nothing: no call to Firestore, one for the secret."""

import base64
import gzip
import hashlib
import hmac
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from localdev.stub_replicate.webhooks import WebhookSender
from pipeline.adapters.replicate_api import ReplicateApi
from pipeline.adapters.replicate_webhooks import MAX_BODY_BYTES, ForgedWebhook, WebhookVerifier
from pipeline.adapters.signing_secrets import REFETCH_SECONDS, SigningSecret
from pipeline.wiring import Instance
from tests.doors.conftest import Account, Bystander, WebhookDoor, prediction_body

BODY = prediction_body()
WRONG = "v1," + base64.b64encode(bytes(32)).decode()
SECRET_PATH = "/v1/webhooks/default/secret"


def with_signature(account: Account, signature: str) -> dict[str, str]:
    return {**account.signed(BODY), "Webhook-Signature": signature}


def signature(account: Account) -> str:
    return account.signed(BODY)["Webhook-Signature"]


MALFORMED = {
    "none": lambda _: "",
    "blank": lambda _: " ",
    "v1 alone": lambda _: "v1",
    "no version": lambda account: signature(account).removeprefix("v1,"),
    "another version": lambda account: signature(account).replace("v1,", "v2,"),
    "asymmetric version": lambda account: signature(account).replace("v1,", "v1a,"),
    "no base64": lambda _: "v1,not base64 at all!",
    "too short": lambda _: "v1," + base64.b64encode(bytes(31)).decode(),
    "too long": lambda _: "v1," + base64.b64encode(bytes(33)).decode(),
    "empty ones": lambda _: "v1, " * 8,
    "url-safe alphabet": lambda _: "v1," + "-" * 43 + "=",
    "nine, the last one genuine": lambda account: " ".join([*[WRONG] * 8, signature(account)]),
    "thousands": lambda account: " ".join([*["v1,x"] * 5000, signature(account)]),
    "thousands of blanks": lambda _: " " * 8000,
    "commas": lambda account: signature(account) + "," * 4000,
    "a tab between": lambda account: f"{WRONG}\t{signature(account)}",
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_what_cannot_be_a_signature_reaches_nobody(
    account: Account, door: WebhookDoor, firestore_and_tasks: Bystander, kind: str
):
    answer = door.knock(BODY, with_signature(account, MALFORMED[kind](account)))
    assert (answer.status_code, answer.text) == (401, "not signed by Replicate, or too old")
    assert (account.asked, firestore_and_tasks.visits()) == ([], 0)


TIMESTAMPS: dict[str, Callable[[float], str]] = {
    "a fraction": lambda now: f"{now:.1f}",
    "too old": lambda now: str(int(now) - 302),
    "too new": lambda now: str(int(now) + 400),
    "milliseconds": lambda now: str(int(now * 1000)),
    "other digits": lambda now: "".join(chr(0x0660 + int(one)) for one in str(int(now))).encode().decode("latin-1"),
}
NONSENSE = ("", " ", "yesterday", "-1", "+1", "0", "1e9", "9" * 12, "9" * 5000, "0x10", "NaN", "Infinity", "1_0")


@pytest.mark.parametrize("kind", [*TIMESTAMPS, *NONSENSE], ids=lambda kind: kind[:20])
def test_what_was_not_signed_now_reaches_nobody(
    account: Account, door: WebhookDoor, firestore_and_tasks: Bystander, kind: str
):
    timestamp = TIMESTAMPS[kind](time.time()) if kind in TIMESTAMPS else kind
    digest = account.sender.sign("msg_1", timestamp, BODY)
    headers = {"Webhook-Id": "msg_1", "Webhook-Timestamp": timestamp, "Webhook-Signature": digest}
    assert door.knock(BODY, headers).status_code == 401
    assert (account.asked, firestore_and_tasks.visits()) == ([], 0)


@pytest.mark.parametrize("missing", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
def test_without_one_of_the_headers_it_reaches_nobody(
    account: Account, door: WebhookDoor, firestore_and_tasks: Bystander, missing: str
):
    headers = {name: value for name, value in account.signed(BODY).items() if name != missing}
    assert door.knock(BODY, headers).status_code == 401
    assert (account.asked, firestore_and_tasks.visits()) == ([], 0)


@pytest.mark.parametrize("webhook_id", ["", "x" * 257, "a b", "\x7f", "\xe9"])
def test_an_odd_id_reaches_nobody(account: Account, door: WebhookDoor, firestore_and_tasks: Bystander, webhook_id: str):
    assert door.knock(BODY, account.signed(BODY, webhook_id=webhook_id)).status_code == 401
    assert (account.asked, firestore_and_tasks.visits()) == ([], 0)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_another_method_reaches_nobody(
    account: Account, door: WebhookDoor, firestore_and_tasks: Bystander, method: str
):
    answer = door.knock(BODY, account.signed(BODY), method)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert (account.asked, firestore_and_tasks.visits()) == ([], 0)


def forged_with(key: bytes, body: bytes = BODY, algorithm: str = "sha256") -> str:
    content = f"msg_1.{int(time.time())}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, algorithm).digest().ljust(32, b"\0")[:32]).decode()


FORGED = {
    "another key": lambda _: forged_with(bytes(24)),
    "no key": lambda _: forged_with(b""),
    "the secret as it is written": lambda account: forged_with(account.sender.secret.encode()),
    "another algorithm": lambda account: forged_with(key_of(account), algorithm="sha1"),
    "another body": lambda account: forged_with(key_of(account), BODY + b" "),
    "no key at all": lambda _: "v1," + base64.b64encode(hashlib.sha256(BODY).digest()).decode(),
    "eight wrong ones": lambda _: " ".join([WRONG] * 8),
}


def key_of(account: Account) -> bytes:
    return base64.b64decode(account.sender.secret.removeprefix("whsec_"))


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_signature_costs_one_question_for_the_secret(
    account: Account, door: WebhookDoor, firestore_and_tasks: Bystander, kind: str
):
    for _ in range(3):
        assert door.knock(BODY, with_signature(account, FORGED[kind](account))).status_code == 401
    assert (account.asked, firestore_and_tasks.visits()) == ([SECRET_PATH], 0)


def test_a_flood_costs_one_question_for_the_secret(account: Account, door: WebhookDoor, firestore_and_tasks: Bystander):
    forger = WebhookSender()

    def forge(number: int) -> int:
        timestamp = str(int(time.time()))
        headers = {"Webhook-Id": f"msg_{number}", "Webhook-Timestamp": timestamp}
        return door.knock(BODY, {**headers, "Webhook-Signature": forger.sign("x", timestamp, BODY)}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(forge, range(400))) == {401}
    assert (account.asked, firestore_and_tasks.visits()) == ([SECRET_PATH], 0)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (404, {"detail": "no"}),
        (401, {"detail": "no"}),
        (200, {}),
        (200, {"key": None}),
        (200, {"key": ""}),
        (200, {"key": "whsec_"}),
        (200, {"key": "whsec_AAAA"}),
        (200, {"key": "whsec_secret-of-ours!"}),
    ],
)
def test_a_flood_while_there_is_no_secret_costs_one_question_and_one_line_in_the_log(
    account: Account,
    door: WebhookDoor,
    firestore_and_tasks: Bystander,
    status: int,
    answer: object,
    capfd: pytest.CaptureFixture[str],
):
    account.status, account.answer = status, answer
    for _ in range(20):
        refused = door.knock(BODY, with_signature(account, forged_with(b"")))
        assert (refused.status_code, refused.headers["Retry-After"], refused.text) == (503, "10", "not now")
    assert (account.asked, firestore_and_tasks.visits()) == ([SECRET_PATH], 0)
    (line,) = capfd.readouterr().err.splitlines()
    assert "could not be checked" in line
    assert "secret-of-ours" not in line


def test_while_replicate_is_down_it_is_asked_three_times_and_then_left_alone(account: Account, door: WebhookDoor):
    account.status = 503
    for _ in range(20):
        assert door.knock(BODY, account.signed(BODY)).status_code == 503
    assert account.asked == [SECRET_PATH] * 3


@pytest.mark.parametrize("size", [MAX_BODY_BYTES + 1, 3 * MAX_BODY_BYTES])
def test_what_is_too_large_is_not_even_hashed(
    account: Account, door: WebhookDoor, firestore_and_tasks: Bystander, size: int
):
    body = b" " * size
    assert door.knock(body, account.signed(body)).status_code == 413
    assert (account.asked, firestore_and_tasks.visits()) == ([], 0)


def test_a_packed_body_is_not_unpacked(account: Account, door: WebhookDoor, firestore_and_tasks: Bystander):
    packed = gzip.compress(BODY)
    headers = {"Content-Encoding": "gzip"}
    assert door.knock(packed, {**account.signed(BODY), **headers}).status_code == 401
    assert door.knock(packed, {**account.signed(packed), **headers}).status_code == 400
    assert firestore_and_tasks.visits() == 0


def test_a_wrong_setting_is_not_looked_at_for_a_forgery(
    account: Account, settings: dict[str, str], firestore_and_tasks: Bystander
):
    door = WebhookDoor(Instance({**settings, "R2_BUCKET": "", "MAX_PARALLEL_SCENES": "many"}))
    assert door.knock(BODY, with_signature(account, WRONG)).status_code == 401
    assert firestore_and_tasks.visits() == 0


def test_a_genuine_one_is_let_in(account: Account, door: WebhookDoor):
    """Beside others, and whatever the headers' case: what is refused above is not refused for another reason."""
    body = b"[]"
    headers = account.signed(body)
    headers["Webhook-Signature"] = f"v2,{'A' * 43}= {WRONG} v1a,xyz {headers['Webhook-Signature']}"
    lowered = {name.lower(): value for name, value in headers.items()}
    assert door.knock(body, lowered).status_code == 400  # read, and no prediction
    assert account.asked == [SECRET_PATH]


def test_a_genuine_one_is_let_in_when_the_secret_has_changed(
    account: Account, settings: dict[str, str], firestore_and_tasks: Bystander
):
    """And whoever has the old one is refused; meanwhile nobody made us ask more than twice."""
    now = [1000.0]
    replicate = ReplicateApi("token", settings["REPLICATE_BASE_URL"])
    verifier = WebhookVerifier(SigningSecret(replicate.webhook_secret, clock=lambda: now[0]))
    old = account.signed(BODY)
    verifier.verify(old, BODY)
    account.sender = WebhookSender()
    account.answer = {"key": account.sender.secret}
    with pytest.raises(ForgedWebhook):  # Replicate sends it again
        verifier.verify(account.signed(BODY), BODY)
    now[0] += REFETCH_SECONDS
    verifier.verify(account.signed(BODY), BODY)
    for _ in range(5):
        with pytest.raises(ForgedWebhook):
            verifier.verify(old, BODY)
    assert (account.asked, firestore_and_tasks.visits()) == ([SECRET_PATH] * 2, 0)
    replicate.close()
