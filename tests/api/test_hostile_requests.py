"""Requests as no client of ours sends them: too large, twice, from other pages; and what answers give away."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from google.cloud import firestore
from werkzeug.test import TestResponse

from pipeline.adapters.id_tokens import MAX_TOKEN_CHARS
from pipeline.api.app import MAX_URL_CHARS, build_api
from pipeline.handlers.tools import Library
from tests.api.conftest import Visitor, user_of, without_library

PAGE = "https://app.example.com"
SIGNED_IN = {"Authorization": "Bearer token-of-somebody"}
CLIP = "/api/videos/run-1/clips/a.mp4"

QUERIES = {
    "ten thousand parameters": "&".join(f"p{number}=" for number in range(10_000)),
    "as many as a URL may hold": "a&" * ((MAX_URL_CHARS - 20) // 2),
    "one parameter a thousand times": "&".join(["page_size=1"] * 1000),
    "a value of sixteen thousand letters": "status=" + "a" * (MAX_URL_CHARS - 30),
    "a token of eight thousand letters": "page_token=" + "A" * 8191,
    "a name of ten thousand letters": "x" * 10_000,
    "a name of another script": "%F0%9F%92%A9=1",
    "no Unicode": "page_token=%ff%fe",
    "no Unicode as a name": "%ff%fe=1",
    "half an escape": "page_size=%",
    "brackets": "page_size[]=1&page_size[$gt]=1",
    "semicolons": "page_size=1;page_size=2",
    "only signs": "=&=&&=",
    "markup": "<script>alert(1)</script>=1",
    "a line break": "status=a%0d%0aX-Injected:%20yes",
    "another user": "user_id=stranger",
    "another user's id": "uid=stranger",
}


def refused(answer: TestResponse, *statuses: int) -> None:
    assert answer.status_code in statuses, answer.text
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "X-Injected" not in answer.headers
    assert len(answer.data) < 1000
    assert set(answer.json["error"]) == {"status", "message", "details"}
    for word in ("Traceback", ".py", "/workspace", "demo-words-to-video", "pipeline", "firestore", "werkzeug"):
        assert word not in answer.text


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("path", ["/api/videos", "/api/videos/run-1", CLIP, "/api/openapi.yaml"])
def test_odd_queries_are_refused_in_few_words(visitor: Visitor, path: str, query: str):
    refused(visitor.ask(f"{path}?{QUERIES[query]}"), 400, 414)


TOKENS = [
    "",
    "x",
    "x" * (MAX_TOKEN_CHARS + 1),
    "x" * 1_000_000,
    "\xff\xfe",
    "null",
    "undefined",
    "Bearer token-of-somebody",
]


def never(token: str) -> str:
    """Verifies as the real thing does with what is none."""
    raise AssertionError(f"{len(token)} letters should not have been looked at")


@pytest.mark.parametrize(
    "scheme", ["Basic", "Digest", "JWT", "Token", "bearer-token", "", "Bearertoken-of-x", "Bearer\ttoken-of-x"]
)
def test_other_schemes_are_no_token(scheme: str):
    headers = {"Authorization": f"{scheme} token-of-somebody".strip()}
    answer = without_library(check=never).test_client().get("/api/videos", headers=headers)
    refused(answer, 401)
    assert answer.json["error"]["details"] == [{"reason": "missing_token"}]


@pytest.mark.parametrize("token", TOKENS, ids=range(len(TOKENS)))
def test_what_is_no_token_is_refused_in_few_words(token: str):
    refused(without_library().test_client().get("/api/videos", headers={"Authorization": f"Bearer {token}"}), 401)


def test_of_two_tokens_none_counts():
    """A server hands on what comes twice as one, with a comma."""
    seen: list[str] = []

    def check(token: str) -> str:
        seen.append(token)
        return user_of("none" if "," in token else token)

    both = {"HTTP_AUTHORIZATION": "Bearer token-of-a,Bearer token-of-b"}
    refused(without_library(check=check).test_client().get("/api/videos", environ_overrides=both), 401)
    assert seen == ["token-of-a,Bearer token-of-b"]


@pytest.mark.parametrize("name", ["access_token", "token", "id_token", "auth", "Authorization", "key"])
def test_a_token_in_the_url_is_not_looked_at(name: str):
    http = without_library(check=never).test_client()
    refused(http.get(f"/api/videos?{name}=token-of-somebody"), 401)
    refused(http.get("/api/videos", headers={"Cookie": f"{name}=token-of-somebody; __session=token-of-somebody"}), 401)
    refused(http.get("/api/videos", data={name: "token-of-somebody"}), 401)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "TRACE", "CONNECT", "PROPFIND", "DELETE ", "G\u00c4T"])
@pytest.mark.parametrize("path", ["/api/videos", "/api/videos/run-1", CLIP, "/api/openapi.yaml"])
def test_other_methods_do_nothing(method: str, path: str):
    environ = {"REQUEST_METHOD": method}
    refused(without_library().test_client().get(path, headers=SIGNED_IN, environ_overrides=environ), 405)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-HTTP-Method-Override": "DELETE"},
        {"X-Original-URL": "/api/videos/run-1"},
        {"X-Rewrite-URL": "/api/videos/run-1"},
        {"X-Forwarded-Prefix": "/evil"},
        {"X-Forwarded-Host": "evil.example"},
        {"Forwarded": "host=evil.example;proto=http"},
        {"Host": "evil.example"},
        {"Host": "evil.example:x/y"},
        {"Host": ""},
    ],
)
def test_headers_of_proxies_change_nothing(visitor: Visitor, headers: dict[str, str]):
    visitor.add_video("one")
    visitor.add_clip("one", 1)
    plain, odd = visitor.ask("/api/videos/one"), visitor.ask("/api/videos/one", headers=headers)
    assert (odd.status_code, odd.json) == (200, plain.json)
    assert "evil" not in str(odd.headers)


@pytest.mark.parametrize(
    "origin",
    [
        *("null", "", "*", "https://", "file://", "https://app.example.com.", "https://app.example.com.evil.test"),
        *("https://app.example.com@evil.test", "https://evil.test/https://app.example.com", "HTTPS://APP.EXAMPLE.COM"),
        *(
            "https://app.example.com:443",
            "https://app.example.com:8443",
            "https://xapp.example.com",
            "https://example.com",
        ),
        *(
            "https://app.example.com, https://evil.test",
            "https://app.example.com\thttps://evil.test",
            PAGE + "/",
            PAGE + "#",
        ),
        *("https://app-example.com", "https://appXexample.com", "https://app.example.com%00.evil.test", "x" * 8000),
    ],
)
def test_origins_that_are_almost_ours_may_read_nothing(origin: str):
    http = without_library([PAGE]).test_client()
    for method in ("GET", "OPTIONS", "DELETE"):
        headers = {"Origin": origin, "Access-Control-Request-Method": "DELETE"}
        answer = http.open("/api/videos/run-1", method=method, headers=headers)
        assert [name for name, _ in answer.headers if name.startswith("Access-Control")] == []
        assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize("path", ["/api/videos", "/api/videos/run-1", CLIP])
def test_no_page_is_told_that_it_may_send_cookies(path: str):
    for origins in ([PAGE], ["*"]):
        answer = without_library(origins).test_client().get(path, headers={"Origin": PAGE})
        assert "Access-Control-Allow-Credentials" not in answer.headers


def test_no_answer_of_ones_own_is_for_shared_caches(visitor: Visitor):
    visitor.add_video("one")
    filename = visitor.add_clip("one", 1)
    paths = ("/api/videos", "/api/videos/one", f"/api/videos/one/clips/{filename}", "/api/videos/nobodys")
    for path in (*paths, f"/api/videos/one/clips/{filename}?redirect=false"):
        answer = visitor.ask(path)
        assert answer.headers["Cache-Control"] in ("private, no-cache", "no-store")
        assert {"Authorization", "Origin"} <= set(answer.headers["Vary"].split(", "))
        assert "Set-Cookie" not in answer.headers


def test_an_etag_of_another_user_opens_nothing(visitor: Visitor, stranger: Visitor):
    stranger.add_video("theirs", video_title="theirs")
    visitor.add_video("theirs", video_title="mine")
    etag = stranger.ask("/api/videos/theirs").headers["ETag"]
    answer = visitor.ask("/api/videos/theirs", headers={"If-None-Match": etag})
    assert (answer.status_code, answer.json["title"]) == (200, "mine")
    assert answer.headers["ETag"] != etag
    for known in (etag, "*"):
        assert visitor.ask("/api/videos/absent", headers={"If-None-Match": known}).status_code == 404


class _OldLinks:
    """Storage whose URLs stand in documents, as with STORAGE_BACKEND=firebase."""

    def readable_url(self, key: str, known_url: str | None, lifetime: object) -> str:
        return known_url or ""


@pytest.mark.parametrize(
    "url",
    [
        "https://media.example.com/a.mp4\r\nSet-Cookie: a=b",
        "https://media.example.com/a.mp4\nX-Injected: yes",
        "https://media.example.com/a.mp4\r\n\r\n<script>alert(1)</script>",
        "https://media.example.com/a.mp4\0",
        "https://media.example.com/\u560a\u560dX-Injected: yes",
        'https://media.example.com/"><script>alert(1)</script>',
    ],
)
def test_no_stored_address_becomes_a_header_or_a_page(
    visitor: Visitor, library: Library, firestore_client: firestore.Client, url: str
):
    visitor.add_video("one")
    filename = visitor.add_clip("one", 1)
    path = f"users/{visitor.user_id}/videos/one/clips/{filename.removesuffix('.mp4')}"
    firestore_client.document(path).update({"video_url": url})
    http = build_api(lambda: replace(library, storage=_OldLinks()), user_of, ()).test_client()
    headers = {"Authorization": f"Bearer token-of-{visitor.user_id}"}
    answer = http.get(f"/api/videos/one/clips/{filename}", headers=headers)
    assert {"Set-Cookie", "X-Injected"} & set(answer.headers.keys()) == set()
    assert "<script>" not in answer.text
    if answer.status_code == 302:
        assert answer.headers["Location"].startswith("https://media.example.com/")
        assert not set("\r\n\0") & set(answer.headers["Location"])
    else:
        assert (answer.status_code, answer.json["error"]["status"]) == (500, "INTERNAL")


FAILURES: list[Callable[[], Exception]] = [
    lambda: RuntimeError("/workspace/pipeline/x.py of demo-words-to-video failed"),
    lambda: KeyError("demo-words-to-video"),
    lambda: RecursionError("/workspace/pipeline/x.py"),
    lambda: UnicodeEncodeError("utf-8", "\ud800", 0, 1, "demo-words-to-video"),
]


@pytest.mark.parametrize("failure", FAILURES)
def test_errors_of_ours_give_nothing_away(failure: Callable[[], Exception], capfd: pytest.CaptureFixture[str]):
    def library() -> Library:
        raise failure()

    refused(build_api(library, user_of, ()).test_client().get("/api/videos", headers=SIGNED_IN), 500)
    assert json.loads(capfd.readouterr().err)["severity"] == "ERROR"
