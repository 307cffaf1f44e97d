"""With APP_CHECK=on only the project's own apps are answered."""

import pytest

from pipeline.adapters.app_check import AppCheckUnavailable, UnverifiedApp
from pipeline.api.app import Api, build_api
from pipeline.handlers.tools import Library
from tests.api.conftest import user_of

USER = {"Authorization": "Bearer token-of-somebody"}
PAGE = "https://app.example.com"


class Apps:
    """Knows one App Check token, and notes all that it is shown."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def check(self, token: str) -> None:
        self.shown.append(token)
        if token == "unknown-now":
            raise AppCheckUnavailable("no route to a.host.inside")
        if token != "good":
            raise UnverifiedApp("The App Check token is none of this project, or has expired.")


@pytest.fixture
def apps() -> Apps:
    return Apps()


@pytest.fixture
def guarded(library: Library, apps: Apps) -> Api:
    return build_api(lambda: library, user_of, [PAGE], apps.check)


ROUTES = [
    ("GET", "/api/videos"),
    *((method, path) for method in ("GET", "DELETE") for path in ("/api/videos/v", "/api/videos/v/clips/a.mp4")),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    ("token", "status", "reason"),
    [
        (None, 401, "missing_app_check"),
        ("", 401, "missing_app_check"),
        ("bad", 401, "invalid_app_check"),
        ("good,good", 401, "invalid_app_check"),
        ("unknown-now", 503, "app_check_unavailable"),
    ],
)
def test_other_apps_are_refused(guarded: Api, method: str, path: str, token: str | None, status: int, reason: str):
    headers = USER if token is None else {**USER, "X-Firebase-AppCheck": token}
    answer = guarded.test_client().open(path, method=method, headers=headers)
    assert (answer.status_code, answer.json["error"]["details"]) == (status, [{"reason": reason}])
    assert (answer.headers.get("WWW-Authenticate") == 'Bearer realm="api"') == (status == 401)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "inside" not in answer.text


def test_our_own_apps_are_answered(guarded: Api):
    answer = guarded.test_client().get("/api/videos", headers={**USER, "X-Firebase-AppCheck": "good"})
    assert (answer.status_code, answer.json["videos"]) == (200, [])


def test_an_app_is_no_user(guarded: Api, apps: Apps):
    answer = guarded.test_client().get("/api/videos", headers={"X-Firebase-AppCheck": "good"})
    assert (answer.status_code, answer.json["error"]["details"]) == (401, [{"reason": "missing_token"}])
    assert apps.shown == []


def test_a_token_in_the_url_does_not_count(guarded: Api):
    answer = guarded.test_client().get("/api/videos?X-Firebase-AppCheck=good", headers=USER)
    assert answer.json["error"]["details"] == [{"reason": "missing_app_check"}]


def test_pages_may_send_it_and_read_the_refusal(guarded: Api):
    http, asks = guarded.test_client(), {"Origin": PAGE, "Access-Control-Request-Method": "GET"}
    preflight = http.options("/api/videos", headers=asks)
    assert preflight.status_code == 204
    assert "X-Firebase-AppCheck" in preflight.headers["Access-Control-Allow-Headers"].split(", ")
    refused = http.get("/api/videos", headers={**USER, "Origin": PAGE})
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (401, PAGE)


def test_the_description_is_for_everybody(guarded: Api):
    assert guarded.test_client().get("/api/openapi.yaml").status_code == 200
