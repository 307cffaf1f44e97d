"""How often Replicate is asked for its secret, and who waits for the answer."""

import base64
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.adapters.signing_secrets import REFETCH_SECONDS, REST_SECONDS, SecretUnavailable, SigningSecret
from pipeline.domain.errors import ConfigurationError, ProviderUnavailable

OLD, NEW = b"old " * 6, b"new " * 6


class Provider:
    """Answers with `key` while it is up, and tells the time."""

    def __init__(self, key: bytes = OLD) -> None:
        self.key = key
        self.failure: Exception | None = None
        self.questions = 0
        self.now = 1000.0

    def secret(self) -> SigningSecret:
        return SigningSecret(self._answer, clock=lambda: self.now)

    def _answer(self) -> str:
        self.questions += 1
        if self.failure is not None:
            raise self.failure
        return "whsec_" + base64.b64encode(self.key).decode()


@pytest.fixture
def provider() -> Provider:
    return Provider()


def test_nothing_is_asked_before_it_is_needed_and_then_once(provider: Provider):
    secret = provider.secret()
    assert provider.questions == 0
    assert [secret.current() for _ in range(5)] == [OLD] * 5
    assert provider.questions == 1


def test_a_new_secret_is_asked_for_at_most_every_five_minutes(provider: Provider):
    secret = provider.secret()
    provider.key, old = NEW, secret.current()
    for _ in range(9):
        provider.now += REFETCH_SECONDS / 10
        assert secret.newer_than(old) is None
    assert provider.questions == 1
    provider.now += REFETCH_SECONDS / 10
    assert secret.newer_than(old) == NEW
    assert (secret.current(), provider.questions) == (NEW, 2)


def test_whoever_tried_the_old_one_meanwhile_is_given_the_new_one(provider: Provider):
    secret = provider.secret()
    old = secret.current()
    provider.key, provider.now = NEW, provider.now + REFETCH_SECONDS
    assert [secret.newer_than(old) for _ in range(3)] == [NEW] * 3
    assert provider.questions == 2


@pytest.mark.parametrize("failure", [ProviderUnavailable("down"), ConfigurationError("no"), ValueError("no JSON")])
def test_a_new_secret_that_cannot_be_had_leaves_the_old_one(provider: Provider, failure: Exception):
    secret = provider.secret()
    old = secret.current()
    provider.failure, provider.now = failure, provider.now + REFETCH_SECONDS
    assert [secret.newer_than(old) for _ in range(10)] == [None] * 10
    assert (secret.current(), provider.questions) == (OLD, 2)


@pytest.mark.parametrize("failure", [ProviderUnavailable("down"), ConfigurationError("no"), ValueError("no JSON")])
def test_the_first_secret_is_tried_again_after_a_rest(provider: Provider, failure: Exception):
    provider.failure, secret = failure, provider.secret()
    told = [_told(secret) for _ in range(10)]
    assert (told, provider.questions) == ([True] + [False] * 9, 1)
    provider.failure, provider.now = None, provider.now + REST_SECONDS
    assert (secret.current(), provider.questions) == (OLD, 2)


def test_a_failure_of_ours_counts_too(provider: Provider):
    provider.failure, secret = RuntimeError("unforeseen"), provider.secret()
    with pytest.raises(RuntimeError):
        secret.current()
    assert [_told(secret) for _ in range(5)] == [False] * 5
    assert provider.questions == 1


@pytest.mark.parametrize("written", ["", "whsec_", "whsec_AAAA", "whsec_" + "!" * 40, "A" * 40, "whsec_é" + "A" * 40])
def test_what_is_no_secret_is_not_used(written: str):
    with pytest.raises(SecretUnavailable) as refused:
        SigningSecret(lambda: written).current()
    assert written == "" or written not in f"{refused.value} {refused.value.__cause__}"


def test_all_that_come_at_once_share_one_question():
    begun, go_on, questions = threading.Event(), threading.Event(), []

    def answer() -> str:
        questions.append(1)
        begun.set()
        assert go_on.wait(10)
        return "whsec_" + base64.b64encode(OLD).decode()

    secret = SigningSecret(answer)
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(secret.current) for _ in range(8)]
        assert begun.wait(10)
        go_on.set()
        assert [one.result(10) for one in waiting] == [OLD] * 8
    assert len(questions) == 1


def test_nobody_who_can_go_on_waits_for_a_question_that_takes_long():
    now, answers, go_on = [1000.0], [_quick(OLD)], threading.Event()

    def slow() -> str:
        assert go_on.wait(10)
        return _quick(NEW)()

    secret = SigningSecret(lambda: answers.pop(0)(), clock=lambda: now[0])
    old = secret.current()
    now[0] += REFETCH_SECONDS
    answers.append(slow)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(secret.newer_than, old)
        while answers:  # until the question is under way
            threading.Event().wait(0.001)
        assert (secret.current(), secret.newer_than(old)) == (OLD, None)
        go_on.set()
        assert asking.result(10) == NEW


def _quick(key: bytes) -> Callable[[], str]:
    return lambda: "whsec_" + base64.b64encode(key).decode()


def _told(secret: SigningSecret) -> bool:
    """Whether a refusal says that the provider was asked."""
    with pytest.raises(SecretUnavailable) as refused:
        secret.current()
    return refused.value.has_asked
