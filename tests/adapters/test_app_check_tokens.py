"""Which App Check tokens are believed. No network: keys are the tests' own, served where the SDK asks for Google's."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import firebase_admin
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from firebase_admin import app_check
from jwt.algorithms import RSAAlgorithm

from localdev.stack.loopback import Exchange, LoopbackServer
from pipeline.adapters.app_check import MAX_TOKEN_CHARS, AppCheckTokens, AppCheckUnavailable, UnverifiedApp

NUMBER, PROJECT_ID, KEY_ID = "123456789", "demo-apps", "key-1"


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    issuer = f"https://firebaseappcheck.googleapis.com/{NUMBER}"
    audience = [f"projects/{NUMBER}", f"projects/{PROJECT_ID}"]
    return {"iss": issuer, "aud": audience, "sub": "1:1:web:1", "iat": now - 60, "exp": now + 3540, **changed}


class Keys(LoopbackServer):
    """Signs tokens, and publishes its key as App Check does."""

    def __init__(self) -> None:
        keys = self

        class Answer(Exchange):
            def do_GET(self) -> None:
                keys.questions += 1
                self.answer_json(keys.published)

        super().__init__(Answer)
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
        self.published = {"keys": [{**public, "kid": KEY_ID, "use": "sig", "alg": "RS256"}]}
        self.questions = 0

    def sign(self, payload: dict[str, Any], **header: Any) -> str:
        return jwt.encode(payload, self.key, "RS256", headers={"kid": KEY_ID, **header})


@pytest.fixture(scope="module")
def keys() -> Iterator[Keys]:
    with Keys() as keys:
        yield keys


class _Credential(firebase_admin.credentials.Base):
    def get_credential(self) -> None:
        return None


@pytest.fixture
def app() -> Iterator[firebase_admin.App]:
    app = firebase_admin.initialize_app(_Credential(), {"projectId": PROJECT_ID}, name="apps")
    yield app
    firebase_admin.delete_app(app)


@pytest.fixture
def tokens(app: firebase_admin.App, keys: Keys) -> AppCheckTokens:
    keys.questions = 0
    app_check._get_app_check_service(app)._jwks_client.uri = keys.base_url  # no argument of the SDK changes it
    return AppCheckTokens(app)


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def keyed(key: bytes, payload: str) -> str:
    """Signed with a shared secret, HS256, for which the key is taken."""
    signed = f"{part({'alg': 'HS256', 'kid': KEY_ID, 'typ': 'JWT'})}.{payload}"
    digest = base64.urlsafe_b64encode(hmac.new(key, signed.encode(), hashlib.sha256).digest()).decode()
    return f"{signed}.{digest.rstrip('=')}"


def test_a_token_of_one_of_the_projects_apps_is_good(tokens: AppCheckTokens, keys: Keys):
    for _ in range(5):
        tokens.check(keys.sign(claims()))
    assert keys.questions == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": int(time.time()) - 1},
        {"aud": ["projects/another"]},
        {"aud": f"projects/{PROJECT_ID}"},
        {"iss": "https://securetoken.google.com/demo-apps"},
        {"iss": None},
        {"sub": None},
        {"sub": 7},
        {"nbf": int(time.time()) + 10**6},
    ],
)
def test_a_signed_token_of_something_else_is_refused(tokens: AppCheckTokens, keys: Keys, changed: dict[str, Any]):
    payload = {name: value for name, value in claims(**changed).items() if value is not None}
    with pytest.raises(UnverifiedApp):
        tokens.check(keys.sign(payload))


def test_only_app_checks_key_counts(tokens: AppCheckTokens, keys: Keys):
    header, payload, signature = keys.sign(claims()).split(".")
    formats = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    public = keys.key.public_key().public_bytes(*formats)
    forged = [
        jwt.encode(claims(), rsa.generate_private_key(65537, 2048), "RS256", headers={"kid": KEY_ID}),
        keyed(public, payload),
        f"{header}.{part(claims(sub='another'))}.{signature}",
        f"{part({'alg': 'none', 'kid': KEY_ID, 'typ': 'JWT'})}.{payload}.",
        keys.sign(claims(), kid="another"),
        jwt.encode(claims(), keys.key, "RS256"),
        keys.sign(claims(), typ="JWS"),
    ]
    for token in forged:
        with pytest.raises(UnverifiedApp):
            tokens.check(token)


def test_a_flood_of_unknown_keys_asks_for_the_keys_once(tokens: AppCheckTokens, keys: Keys):
    for number in range(30):
        with pytest.raises(UnverifiedApp):
            tokens.check(keys.sign(claims(), kid=f"key-of-a-forger-{number}"))
    assert keys.questions == 1


GARBAGE = [
    *("", "x", "a.b.c", "...", "a" * (MAX_TOKEN_CHARS + 1), "ä.ö.ü", "\ud800"),
    f"{part([])}.{part({})}.",
    f"{part({'kid': KEY_ID})}.{part([])}.",
    f"{part({'kid': [KEY_ID], 'alg': 'RS256'})}.{part({})}.",
    f"{part({'kid': KEY_ID})}.{base64.urlsafe_b64encode(b'[' * 3000).decode()}.",
    f"{part({'kid': KEY_ID})}.{base64.urlsafe_b64encode(b'9' * 5000).decode()}.",
]


@pytest.mark.parametrize("token", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_no_token(tokens: AppCheckTokens, token: str):
    with pytest.raises(UnverifiedApp):
        tokens.check(token)


def test_without_keys_nothing_is_said_about_a_token(app: firebase_admin.App, keys: Keys):
    app_check._get_app_check_service(app)._jwks_client.uri = "http://127.0.0.1:1"
    with pytest.raises(AppCheckUnavailable):
        AppCheckTokens(app).check(keys.sign(claims()))
