"""The page of the local stack: what the Hosting emulator is told, and what it then answers."""

import base64
import json
from http.cookies import SimpleCookie
from pathlib import Path

import pytest

from localdev.stack.errors import StackError
from localdev.stack.hosting import COOKIE, CSP, local_hosting, widened_policy
from tests.localdev.addresses import URLS

ROOT = Path(__file__).resolve().parents[2]
FIREBASE_JSON = json.loads((ROOT / "firebase.json").read_text())


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("<!doctype html><title>A page</title>")
    return tmp_path


def headers_of(hosting: dict, source: str) -> dict[str, str]:
    found = [entry["headers"] for entry in hosting["headers"] if entry["source"] == source]
    return {header["key"]: header["value"] for headers in found for header in headers}


def test_the_page_lies_where_it_was_built_and_requests_go_to_the_runs_region(site: Path):
    hosting = local_hosting(FIREBASE_JSON, ROOT, site, URLS, "europe-west1")
    assert (ROOT / hosting["public"]).resolve() == site
    functions = [rewrite["function"] for rewrite in hosting["rewrites"] if "function" in rewrite]
    assert functions == [{"functionId": "api", "region": "europe-west1"}]
    assert [rewrite["destination"] for rewrite in hosting["rewrites"] if "destination" in rewrite] == ["/index.html"]
    assert "predeploy" not in hosting


def test_the_cookie_tells_the_sdk_of_project_and_emulators(site: Path):
    cookie = headers_of(local_hosting(FIREBASE_JSON, ROOT, site, URLS, "us-central1"), "**")["Set-Cookie"]
    told = json.loads(base64.b64decode(SimpleCookie(cookie)[COOKIE].value))
    assert told["config"]["projectId"] == "demo-words-to-video"
    assert told["config"]["storageBucket"] == URLS.storage_bucket
    assert told["emulatorHosts"] == {
        "auth": "127.0.0.1:9099",
        "firestore": "127.0.0.1:8080",
        "storage": "127.0.0.1:6003",
    }


def test_the_policy_lets_the_page_reach_this_runs_servers_and_nothing_else_more():
    policy = "default-src 'self'; connect-src 'self' https:; img-src https:; media-src https:; frame-src 'self'"
    assert widened_policy(policy, URLS) == (
        "default-src 'self'; "
        "connect-src 'self' https: http://127.0.0.1:9099 http://127.0.0.1:8080 "
        "http://127.0.0.1:6003 http://127.0.0.1:6001; "
        "img-src https: http://127.0.0.1:6003 http://127.0.0.1:6001; "
        "media-src https: http://127.0.0.1:6003 http://127.0.0.1:6001; "
        "frame-src 'self' http://127.0.0.1:9099"
    )


def test_what_is_deployed_knows_nothing_of_local_servers(site: Path):
    assert "127.0.0.1" not in json.dumps(FIREBASE_JSON["hosting"])
    widened = headers_of(local_hosting(FIREBASE_JSON, ROOT, site, URLS, "us-central1"), "!/__/**")[CSP]
    assert "http://127.0.0.1:6003" in widened


def test_a_page_that_was_not_built_is_said(tmp_path: Path):
    with pytest.raises(StackError, match="build the page"):
        local_hosting(FIREBASE_JSON, ROOT, tmp_path, URLS, "us-central1")


def test_a_project_without_a_page_is_said(site: Path):
    with pytest.raises(StackError, match="no `hosting`"):
        local_hosting({}, ROOT, site, URLS, "us-central1")
