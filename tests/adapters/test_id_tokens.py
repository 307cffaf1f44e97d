"""Which ID tokens are believed. No network: keys and certificates are the tests' own."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import firebase_admin
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from firebase_admin import auth
from google.auth import crypt, jwt
from google.auth.exceptions import TransportError

from localdev.stack.loopback import Exchange, LoopbackServer
from pipeline.adapters.id_tokens import (
    MAX_TOKEN_CHARS,
    CertificatesUnavailable,
    IdTokens,
    UnverifiedToken,
    UsersUnavailable,
)
from pipeline.domain.errors import ConfigurationError

PROJECT_ID = "demo-tokens"
KEY_ID = "key-1"


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": f"https://securetoken.google.com/{PROJECT_ID}",
        "aud": PROJECT_ID,
        "sub": "user-1",
        "auth_time": now - 60,
        "iat": now - 60,
        "exp": now + 3540,
        **changed,
    }


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def unsigned(payload: Any, header: Any = None) -> str:
    """As the Auth emulator makes them."""
    return f"{part({'alg': 'none', 'typ': 'JWT'} if header is None else header)}.{part(payload)}."


class Authority:
    """Signs tokens, and certifies its key as Google does."""

    def __init__(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "securetoken.test")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        self._signer = crypt.RSASigner.from_string(private, KEY_ID)
        self.certificates = {KEY_ID: certificate.public_bytes(pem).decode()}

    def sign(self, payload: dict[str, Any]) -> str:
        return bytes(jwt.encode(self._signer, payload)).decode()


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[firebase_admin.App]:
    monkeypatch.delenv("FIREBASE_AUTH_EMULATOR_HOST", raising=False)
    app = firebase_admin.initialize_app(_NoCredential(), {"projectId": PROJECT_ID}, name="tokens")
    yield app
    firebase_admin.delete_app(app)


@pytest.fixture
def tokens(app: firebase_admin.App, authority: Authority) -> IdTokens:
    serve(app, lambda: SimpleNamespace(status=200, data=json.dumps(authority.certificates).encode()))
    return IdTokens(app)


@pytest.fixture
def emulated(app: firebase_admin.App, monkeypatch: pytest.MonkeyPatch) -> IdTokens:
    monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:1")
    return IdTokens(app)


class _NoCredential(firebase_admin.credentials.Base):
    def get_credential(self) -> None:
        return None


def serve(app: firebase_admin.App, answer: Callable[[], Any]) -> None:
    """Let the SDK fetch Google's certificates from a function: no argument of it changes their address."""
    auth._get_client(app)._token_verifier.request = lambda *_, **__: answer()


def test_a_signed_token_tells_its_user(tokens: IdTokens, authority: Authority):
    assert tokens.user_of(authority.sign(claims())) == "user-1"


def test_clocks_may_differ_by_some_seconds(tokens: IdTokens, authority: Authority):
    now = int(time.time())
    assert tokens.user_of(authority.sign(claims(iat=now + 5))) == "user-1"
    assert tokens.user_of(authority.sign(claims(exp=now - 5))) == "user-1"


def test_an_expired_token_says_so(tokens: IdTokens, authority: Authority):
    with pytest.raises(UnverifiedToken, match="expired"):
        tokens.user_of(authority.sign(claims(iat=int(time.time()) - 3700, exp=int(time.time()) - 100)))


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "another-project"},
        {"iss": "https://securetoken.google.com/another-project"},
        {"iss": "https://accounts.google.com"},
        {"sub": ""},
        {"sub": None},
        {"sub": 7},
        {"sub": "u" * 129},
        {"iat": int(time.time()) + 3600},
        {"aud": [PROJECT_ID]},
    ],
)
def test_a_signed_token_of_somebody_else_is_refused(tokens: IdTokens, authority: Authority, changed: dict[str, Any]):
    with pytest.raises(UnverifiedToken, match="project"):
        tokens.user_of(authority.sign(claims(**changed)))


def test_only_googles_key_counts(tokens: IdTokens, authority: Authority):
    header, payload, signature = authority.sign(claims()).split(".")
    forged = [
        Authority().sign(claims()),
        f"{header}.{part(claims(sub='user-2'))}.{signature}",
        f"{part({'alg': 'RS256', 'kid': 'key-2'})}.{payload}.{signature}",
        f"{part({'alg': 'HS256', 'kid': KEY_ID})}.{payload}.{signature}",
        f"{part({'alg': 'none', 'kid': KEY_ID})}.{payload}.",
        unsigned(claims()),
    ]
    for token in forged:
        with pytest.raises(UnverifiedToken):
            tokens.user_of(token)


def test_a_certificate_is_no_shared_secret(tokens: IdTokens, authority: Authority):
    """HS256, keyed with what is public: the certificate, and the key in it."""
    pem = authority.certificates[KEY_ID].encode()
    public = x509.load_pem_x509_certificate(pem).public_key()
    formats = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for key in (pem, pem.strip(), public.public_bytes(*formats)):
        signed = f"{part({'alg': 'HS256', 'kid': KEY_ID, 'typ': 'JWT'})}.{part(claims())}"
        digest = base64.urlsafe_b64encode(hmac.new(key, signed.encode(), hashlib.sha256).digest()).decode()
        with pytest.raises(UnverifiedToken):
            tokens.user_of(f"{signed}.{digest.rstrip('=')}")


def test_users_without_a_name_are_users(tokens: IdTokens, authority: Authority):
    """Whether anonymous sign-in is allowed, the project decides; security rules do not ask either."""
    anonymous = claims(provider_id="anonymous", firebase={"identities": {}, "sign_in_provider": "anonymous"})
    assert tokens.user_of(authority.sign(anonymous)) == "user-1"


GARBAGE = [
    "",
    "x",
    "a.b.c",
    "...",
    "a" * (MAX_TOKEN_CHARS + 1),
    "ä.ö.ü",
    "\ud800",
    unsigned([]),
    unsigned("text"),
    unsigned(None),
    unsigned(claims(), header=[]),
    unsigned(claims(aud={})),
    f"{part({})}.{base64.urlsafe_b64encode(b'[' * 3000).decode()}.",
    f"{part({})}.{base64.urlsafe_b64encode(b'9' * 5000).decode()}.",
]


@pytest.mark.parametrize("token", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_no_token(tokens: IdTokens, token: str):
    with pytest.raises(UnverifiedToken):
        tokens.user_of(token)


@pytest.mark.parametrize("token", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_no_token_on_the_emulator(emulated: IdTokens, token: str):
    with pytest.raises(UnverifiedToken):
        emulated.user_of(token)


def test_the_emulators_tokens_are_unsigned_and_of_its_project(emulated: IdTokens):
    assert emulated.user_of(unsigned(claims())) == "user-1"
    with pytest.raises(UnverifiedToken):
        emulated.user_of(unsigned(claims(aud="another-project")))


def no_route() -> Any:
    raise TransportError("no route to host")


@pytest.mark.parametrize("answer", [no_route, lambda: SimpleNamespace(status=503, data=b"")])
def test_without_certificates_nothing_is_said_about_a_token(
    app: firebase_admin.App, authority: Authority, answer: Callable[[], Any]
):
    serve(app, answer)
    with pytest.raises(CertificatesUnavailable):
        IdTokens(app).user_of(authority.sign(claims()))


def test_without_a_project_nobody_can_be_verified(monkeypatch: pytest.MonkeyPatch, authority: Authority):
    for name in ("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "FIREBASE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    app = firebase_admin.initialize_app(_NoCredential(), name="without-project")
    try:
        with pytest.raises(ConfigurationError, match="GOOGLE_CLOUD_PROJECT"):
            IdTokens(app).user_of(authority.sign(claims()))
    finally:
        firebase_admin.delete_app(app)


class AuthServer(LoopbackServer):
    """What Firebase Auth says about a user."""

    def __init__(self) -> None:
        server = self

        class Answer(Exchange):
            def do_POST(self) -> None:
                server.asked.append((self.path, json.loads(self.body())))
                self.answer_json(server.answer, server.status)

        super().__init__(Answer)
        self.asked: list[Any] = []
        self.answer: Any = {}
        self.status = 200

    def knows(self, **fields: Any) -> None:
        self.answer = {"users": [{"localId": "user-1", "validSince": "1000000000", **fields}]}


@pytest.fixture
def auth_server() -> Iterator[AuthServer]:
    with AuthServer() as server:
        yield server


@pytest.fixture
def strict(app: firebase_admin.App, auth_server: AuthServer, monkeypatch: pytest.MonkeyPatch) -> IdTokens:
    monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", auth_server.address)
    return IdTokens(app, check_revoked=True)


def test_a_user_who_is_signed_in_is_asked_about_once(strict: IdTokens, auth_server: AuthServer):
    auth_server.knows()
    assert strict.user_of(unsigned(claims())) == "user-1"
    ((path, body),) = auth_server.asked
    assert (path.endswith("/accounts:lookup"), body) == (True, {"localId": ["user-1"]})


@pytest.mark.parametrize("fields", [{"disabled": True}, {"validSince": str(int(time.time()) + 10**6)}, None])
def test_who_was_disabled_signed_out_everywhere_or_deleted_is_refused(
    strict: IdTokens, auth_server: AuthServer, fields: dict[str, Any] | None
):
    if fields is not None:
        auth_server.knows(**fields)
    with pytest.raises(UnverifiedToken, match="revoked"):
        strict.user_of(unsigned(claims()))


def test_nobody_is_asked_about_a_token_that_is_none(strict: IdTokens, auth_server: AuthServer):
    for token in (unsigned(claims(aud="another-project")), "x", unsigned(claims(sub=""))):
        with pytest.raises(UnverifiedToken):
            strict.user_of(token)
    assert auth_server.asked == []


@pytest.mark.parametrize("status", [400, 403, 429])
def test_when_firebase_auth_cannot_be_asked_nothing_is_said(strict: IdTokens, auth_server: AuthServer, status: int):
    auth_server.status, auth_server.answer = status, {"error": {"message": "QUOTA_EXCEEDED"}}
    with pytest.raises(UsersUnavailable):
        strict.user_of(unsigned(claims()))


def test_unless_it_is_set_nobody_is_asked(
    app: firebase_admin.App, auth_server: AuthServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", auth_server.address)
    assert IdTokens(app).user_of(unsigned(claims())) == "user-1"
    assert auth_server.asked == []
