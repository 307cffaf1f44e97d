"""What holds for every route: who may ask, which parameters there are, how errors look, what is cached."""

import json
from typing import Any

import pytest
from google.api_core import exceptions as google_errors

from pipeline.adapters.id_tokens import CertificatesUnavailable
from pipeline.api.app import MAX_BODY_BYTES, MAX_URL_CHARS, build_api
from pipeline.domain.errors import ConfigurationError, StorageUnavailable
from tests.api.conftest import Visitor, user_of, without_library

SIGNED_IN = {"Authorization": "Bearer token-of-somebody"}
CLIP = "/api/videos/run-1/clips/a.mp4"
ROUTES = [
    ("GET", "/api/videos"),
    *((method, path) for method in ("GET", "HEAD", "DELETE") for path in ("/api/videos/run-1", CLIP)),
]


def failing(error: Exception) -> Any:
    """A client of an API in which whatever is done fails."""

    def library() -> Any:
        raise error

    return build_api(library, user_of, ()).test_client()


@pytest.mark.parametrize(("method", "route"), ROUTES)
@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Basic dTpw"}]
)
def test_nobody_is_answered_without_a_token(method: str, route: str, headers: dict[str, str]):
    answer = without_library().test_client().open(route, method=method, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    if method != "HEAD":
        assert answer.json["error"]["status"] == "UNAUTHENTICATED"
        assert answer.json["error"]["details"] == [{"reason": "missing_token"}]


def test_a_token_in_the_url_does_not_count():
    assert without_library().test_client().get("/api/videos?access_token=token-of-somebody").status_code == 401


def test_a_token_that_is_none_is_refused():
    answer = without_library().test_client().get("/api/videos", headers={"Authorization": "bearer x"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'


def test_a_token_that_cannot_be_checked_may_be_sent_again():
    def offline(token: str) -> str:
        raise CertificatesUnavailable("no route to a.host.inside")

    answer = without_library(check=offline).test_client().get("/api/videos", headers=SIGNED_IN)
    assert (answer.status_code, answer.json["error"]["status"]) == (503, "UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) > 0
    assert "inside" not in answer.text


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("page_size=0", "page_size"),
        ("page_size=1001", "page_size"),
        ("page_size=", "page_size"),
        ("page_size=-1", "page_size"),
        ("page_size=1.5", "page_size"),
        ("page_size=1_0", "page_size"),
        ("page_size=%D9%A3", "page_size"),  # an Arabic three
        ("page_size=1&page_size=2", "page_size"),
        ("page_token=nonsense", "page_token"),
        ("page_token=%00", "page_token"),
        ("page_token=" + "a" * 8193, "page_token"),
        ("page_token=WzEsIngiXQ", "page_token"),  # [1,"x"]: of a page of clips
        ("status=", "status"),
        ("status=COMPLETED", "status"),
        ("style=split", "style"),
        ("pagesize=5", "pagesize"),
        ("%0A=5", "\n"),
    ],
)
def test_a_wrong_parameter_of_the_list_is_named(visitor: Visitor, query: str, name: str):
    answer = visitor.ask(f"/api/videos?{query}")
    assert answer.status_code == 400
    error = answer.json["error"]
    assert (error["status"], error["details"]) == ("INVALID_ARGUMENT", [{"reason": "invalid_argument"}])
    assert f"'{name}'" in error["message"]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("scene_id=one", "scene_id"),
        ("scene_id=99999999999999999999", "scene_id"),
        ("style=", "style"),
        ("style=__all__", "style"),
        ("style=a%00b", "style"),
        ("style=" + "a" * 201, "style"),
        ("page_token=WyJ4IiwieCJd", "page_token"),  # ["x","x"]: of a page of videos
        ("page_token=WzEsImEvYiJd", "page_token"),  # [1,"a/b"]
        ("redirect=true", "redirect"),
    ],
)
def test_a_wrong_parameter_of_a_video_is_named(visitor: Visitor, query: str, name: str):
    answer = visitor.ask(f"/api/videos/run-1?{query}")
    assert answer.status_code == 400
    assert f"'{name}'" in answer.json["error"]["message"]


@pytest.mark.parametrize("query", ["redirect=yes", "redirect=false&redirect=false", "redirect="])
def test_a_wrong_parameter_of_a_clip_is_named(visitor: Visitor, query: str):
    answer = visitor.ask(f"/api/videos/run-1/clips/a.mp4?{query}")
    assert answer.status_code == 400
    assert "'redirect'" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/", "/api/video", "/api/videos/", "/api/videos//clips/a.mp4", "/static/x", "/%00"]
)
def test_what_is_no_route_is_not_found(path: str):
    answer = without_library().test_client().get(path, headers=SIGNED_IN)
    assert (answer.status_code, answer.json["error"]["status"]) == (404, "NOT_FOUND")
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "TRACE", "BREW"])
def test_what_is_no_method_of_a_route_is_told(method: str):
    answer = without_library().test_client().open("/api/videos", method=method, headers=SIGNED_IN)
    assert (answer.status_code, answer.json["error"]["status"]) == (405, "UNIMPLEMENTED")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_what_is_too_long_is_not_looked_at():
    http = without_library().test_client()
    assert http.get("/api/videos?page_token=" + "a" * MAX_URL_CHARS, headers=SIGNED_IN).status_code == 414
    answer = http.get("/api/videos", data=b"x" * (MAX_BODY_BYTES + 1), headers=SIGNED_IN)
    assert (answer.status_code, answer.json["error"]["status"]) == (413, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("error", "http_status", "status", "reason"),
    [
        (RuntimeError("secret-of-ours"), 500, "INTERNAL", "internal"),
        (ConfigurationError("R2_BUCKET is secret-of-ours"), 500, "INTERNAL", "configuration_error"),
        (StorageUnavailable("secret-of-ours"), 503, "UNAVAILABLE", "storage_unavailable"),
        (google_errors.ServiceUnavailable("secret-of-ours"), 503, "UNAVAILABLE", "database_unavailable"),
        (google_errors.RetryError("secret-of-ours", None), 503, "UNAVAILABLE", "database_unavailable"),
        (google_errors.FailedPrecondition("needs an index: secret-of-ours"), 500, "INTERNAL", "database_refused"),
    ],
)
def test_faults_of_ours_are_logged_once_and_not_told(
    error: Exception, http_status: int, status: str, reason: str, capfd: pytest.CaptureFixture[str]
):
    answer = failing(error).get("/api/videos", headers=SIGNED_IN)
    assert (answer.status_code, answer.json["error"]["status"]) == (http_status, status)
    assert answer.json["error"]["details"] == [{"reason": reason}]
    assert ("Retry-After" in answer.headers) == (http_status == 503)
    assert "secret-of-ours" not in answer.text
    (line,) = capfd.readouterr().err.splitlines()
    assert "secret-of-ours" in json.loads(line)["traceback"]


def test_an_answer_that_the_client_has_is_not_sent_again(visitor: Visitor):
    first = visitor.ask("/api/videos")
    etag = first.headers["ETag"]
    assert etag.startswith('"')
    assert first.headers["Cache-Control"] == "private, no-cache"
    for known in (etag, f'"other", W/{etag}', "*"):
        again = visitor.ask("/api/videos", headers={"If-None-Match": known})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
        assert "Content-Type" not in again.headers
    visitor.add_video("new")
    changed = visitor.ask("/api/videos", headers={"If-None-Match": etag})
    assert (changed.status_code, len(changed.json["videos"])) == (200, 1)


def test_nobody_is_told_by_etag_what_only_others_may_see():
    answer = without_library().test_client().get("/api/videos", headers={"If-None-Match": "*"})
    assert answer.status_code == 401


def test_head_has_the_headers_of_get_and_no_body(visitor: Visitor):
    visitor.add_video("one")
    got, headed = visitor.ask("/api/videos"), visitor.ask("/api/videos", "HEAD")
    assert headed.data == b""
    assert {name: headed.headers[name] for name in ("ETag", "Content-Type", "Content-Length")} == {
        name: got.headers[name] for name in ("ETag", "Content-Type", "Content-Length")
    }
