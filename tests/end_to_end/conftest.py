"""The whole local stack, once for all end-to-end tests, and a user who is signed in."""

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from localdev.stack import PROJECT_ID, LocalStack
from localdev.studio.page import build_page
from operations.deployment import EMULATORS
from operations.frontend import Frontend, local_user
from tests.media_samples import MediaSamples

LOOKS_SECRET = re.compile(r"X-Amz-Signature=\w+|[?&]token=[\w.-]+|\beyJ[\w-]{8,}\.[\w-]+|Bearer [\w.-]{8,}")
ROOT = Path(__file__).parents[2]
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "alone")
PROVIDER_KEYS = ("REPLICATE_API_TOKEN", "OPENAI_API_KEY")


@pytest.fixture(scope="session")
def site() -> Path:
    """A folder with the page, built as it is deployed."""
    web, built = ROOT / "web", ROOT / "build" / f"studio-page-{WORKER}"
    if not (web / "node_modules").is_dir():
        pytest.fail("The page's packages are missing: npm ci --prefix web", pytrace=False)
    build_page(web, "--outDir", str(built), "--emptyOutDir")
    return built


@pytest.fixture(scope="session")
def stack(site: Path) -> Iterator[LocalStack]:
    """Emulators, relay, object store, stand-ins, page. Never the real providers: a developer's keys are taken away."""
    environment = {name: value for name, value in os.environ.items() if name not in PROVIDER_KEYS}
    environment.pop("FIRESTORE_EMULATOR_HOST", None)
    settings = {
        "POLL_FIRST_SECONDS": "0.5",
        "SUBMISSION_GRACE_SECONDS": "3",
        "VIDEO_RESOLUTION": "480p",
        "LEASE_SECONDS": "15",
    }
    with LocalStack(
        environ=environment,
        site=site,
        image_seconds=0.3,
        video_seconds=0.6,
        functions_environment=settings,
        name=f"end-to-end-{WORKER}",
    ) as running:
        yield running
        told = secrets_in(running.functions_log.read_text(errors="replace"), running)
    assert told == [], "the functions' log holds secrets, after all tests"


def secrets_in(log: str, stack: LocalStack) -> list[str]:
    """What gives access and stands in a log: keys of the stack, signed URLs, tokens of users."""
    settings = stack.functions_settings()
    names = ("REPLICATE_API_TOKEN", "OPENAI_API_KEY", "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY")
    keys = {name: settings[name] for name in names} | {"webhook secret": stack.replicate.webhooks.secret}
    return [*(name for name, value in keys.items() if value in log), *LOOKS_SECRET.findall(log)]


@pytest.fixture
def frontend(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Frontend]:
    """A new user's frontend."""
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)
    user = local_user(stack.urls.auth, f"{uuid.uuid4().hex[:8]}@example.com")
    shown = Frontend(PROJECT_ID, user)
    yield shown
    shown.firestore.close()


@pytest.fixture
def checkout(stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which ALIAS=local is the stack of these tests, for commands of `operations`."""
    for name in EMULATORS:
        monkeypatch.setenv(name, "")  # what a command sets is taken back afterwards
        monkeypatch.delenv(name)
    (tmp_path / "build/local").mkdir(parents=True)
    shutil.copy(stack.functions_log.with_name("stack.env"), tmp_path / "build/local/stack.env")
    (tmp_path / ".firebaserc").write_text('{"projects": {"staging": "films-staging", "prod": "films"}}')
    return tmp_path


@pytest.fixture(scope="session")
def picture_url(stack: LocalStack, media_samples: MediaSamples) -> str:
    return stack.publish(media_samples.picture())


@pytest.fixture
def saved(tmp_path: Path, stack: LocalStack):
    """Fetches a URL into a file."""

    def fetch(url: str, name: str) -> Path:
        import urllib.request

        path = tmp_path / name
        with urllib.request.urlopen(url, timeout=20) as response:
            path.write_bytes(response.read())
        return path

    return fetch
