"""How the page is served: firebase.json's `hosting` in the hands of the CLI's own server, over a page made here."""

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIB = ROOT / "node_modules/firebase-tools/lib"
PAGE = "<!doctype html><title>A page</title>"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the page."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "index.html").write_text(PAGE)
    (folder / "favicon.svg").write_text("<svg/>")
    (folder / "licences.txt").write_text("\N{COPYRIGHT SIGN} their makers")
    (folder / "__" / "auth").mkdir(parents=True)
    (folder / "__" / "auth" / "iframe.html").write_text("Firebase's own")
    (folder / "assets").mkdir()
    (folder / "assets" / "index-a1b2c3.js").write_text("export {}")
    command = ["node", str(Path(__file__).with_name("serve_hosting.js")), str(LIB), str(ROOT / "firebase.json")]
    with subprocess.Popen([*command, str(folder)], stdout=subprocess.PIPE, text=True, cwd=folder) as server:
        assert server.stdout
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.terminate()


def fetch(url: str) -> tuple[int, str, Message]:
    """Status, body and headers."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), error.headers


@pytest.mark.parametrize("path", ["/", "/index.html", "/storyboards/abc", "/jobs", "/assetsandmore"])
def test_every_path_of_the_page_is_the_page_and_is_asked_for_again(site: str, path: str):
    status, body, headers = fetch(site + path)
    assert (status, body) == (200, PAGE)
    assert headers["Cache-Control"] == "no-cache"


def test_assets_are_kept_forever_and_one_that_is_gone_is_not_the_page(site: str):
    status, _, headers = fetch(f"{site}/assets/index-a1b2c3.js")
    assert (status, headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
    status, body, _ = fetch(f"{site}/assets/index-of-an-earlier-deploy.js")
    assert status == 404
    assert "A page" not in body


def test_other_files_are_served_as_they_are(site: str):
    status, body, headers = fetch(f"{site}/favicon.svg")
    assert (status, body, headers["Cache-Control"]) == (200, "<svg/>", "no-cache")


def test_the_licences_are_text_that_browsers_show(site: str):
    status, body, headers = fetch(f"{site}/licences.txt")
    assert (status, body) == (200, "\N{COPYRIGHT SIGN} their makers")
    assert (headers["Content-Type"], headers["Content-Disposition"]) == ("text/plain; charset=utf-8", None)


@pytest.mark.parametrize("path", ["/api/videos", "/api/videos/v1/clips/c1?redirect=false"])
def test_the_api_answers_at_the_pages_own_address_with_its_whole_path(site: str, path: str):
    _, body, headers = fetch(site + path)
    assert body == f"api {path}"
    assert headers["Cache-Control"] is None  # the function's own


def test_the_page_may_do_what_it_needs_and_be_in_nobodys_frame(site: str):
    _, _, headers = fetch(f"{site}/")
    directives = dict(part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";"))
    assert directives["script-src"] == "'self' https://apis.google.com"
    assert directives["frame-src"] == "'self' https://*.firebaseapp.com"
    assert directives["frame-ancestors"] == "'none'"
    assert directives["object-src"] == directives["base-uri"] == "'none'"
    for kind in ("img-src", "media-src", "connect-src"):
        assert {"'self'", "https:", "blob:"} <= set(directives[kind].split())
    assert "'unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert "microphone=()" in headers["Permissions-Policy"]
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"  # a window to sign in may answer


def test_firebases_own_pages_keep_their_own_headers(site: str):
    """The sign-in helper at /__/auth is framed by the page and has scripts of its own."""
    _, _, headers = fetch(f"{site}/__/auth/iframe.html")
    assert "Content-Security-Policy" not in headers
    assert "X-Frame-Options" not in headers


def test_a_deploy_builds_the_page_first(tmp_path: Path):
    """With the CLI's own hooks, in a project whose path has a space and whose build writes down where it ran."""
    project = tmp_path / "a project"
    (project / "web").mkdir(parents=True)
    scripts = {"build": "node -e \"require('fs').writeFileSync('built', process.env.GCLOUD_PROJECT)\""}
    package = {"name": "web", "version": "1.0.0", "private": True, "scripts": scripts}
    lock = {"name": "web", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": {"name": "web"}}}
    (project / "web" / "package.json").write_text(json.dumps(package))
    (project / "web" / "package-lock.json").write_text(json.dumps(lock))
    code = """
const [lib, project] = process.argv.slice(1);
const src = require(process.argv[3]);
const path = (name) => require("path").join(project, name);
const config = { src, projectDir: project, get: (name) => src[name], path };
const options = { project: "demo-page", projectId: "demo-page", projectRoot: project, config, only: "hosting" };
require(lib + "/deploy/lifecycleHooks").lifecycleHooks("hosting", "predeploy")({}, options)
  .then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
"""
    command = ["node", "-e", code, str(LIB), str(project), str(ROOT / "firebase.json")]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd=project)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert (project / "web" / "built").read_text() == "demo-page"
