"""Which web pages may call the API."""

import pytest

from tests.api.conftest import without_library

PAGE = "https://app.example.com"
PREFLIGHT = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}


@pytest.mark.parametrize("path", ["/api/videos", "/api/videos/run-1", "/api/videos/run-1/clips/a.mp4"])
def test_a_preflight_needs_no_token(path: str):
    http = without_library([PAGE]).test_client()
    answer = http.options(path, headers={"Origin": PAGE, **PREFLIGHT})
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert "GET" in answer.headers["Access-Control-Allow-Methods"].split(", ")
    allowed = {name.lower() for name in answer.headers["Access-Control-Allow-Headers"].split(", ")}
    assert allowed == {"authorization", "if-none-match", "x-firebase-appcheck"}
    assert int(answer.headers["Access-Control-Max-Age"]) > 0
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_errors_can_be_read_by_pages_too():
    answer = without_library([PAGE]).test_client().get("/api/videos", headers={"Origin": PAGE})
    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    assert set(answer.headers["Vary"].split(", ")) == {"Authorization", "Origin"}


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"{PAGE}.evil.example", "http://app.example.com"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_other_pages_cannot_read_answers(origin: str, method: str):
    headers = {"Origin": origin, **PREFLIGHT}
    answer = without_library([PAGE]).test_client().open("/api/videos", method=method, headers=headers)
    assert [name for name, _ in answer.headers if name.startswith("Access-Control")] == []
    assert "Origin" in answer.headers["Vary"]


def test_without_the_setting_no_page_can():
    answer = without_library().test_client().options("/api/videos", headers={"Origin": PAGE, **PREFLIGHT})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_with_a_star_all_pages_can():
    answer = without_library(["*"]).test_client().get("/api/videos", headers={"Origin": "https://any.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
