"""A workbench: the real handlers on the Firestore emulator, the stub of Replicate and an S3 server, in this process.

Only Cloud Tasks and the clock are stand-ins: the queue remembers the latest wake-up of each job, and time jumps to it.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.cloud import firestore

from localdev.stack.object_stores import R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY, LocalR2
from localdev.stack.ports import choose_ports
from localdev.stub_openai import StubOpenAI
from localdev.stub_replicate import StubReplicate
from pipeline.adapters.downloads import Downloader
from pipeline.adapters.object_storage import ObjectStorage
from pipeline.adapters.openai_api import OpenAiApi
from pipeline.adapters.r2_storage import R2Storage
from pipeline.adapters.replicate_api import ReplicateApi
from pipeline.config import Settings, read_settings
from pipeline.domain.jobs import CreatedWake, JobKind, JobRef, TaskWake, Wake
from pipeline.domain.schema_versions import CURRENT
from pipeline.handlers.run_job import run_job
from pipeline.handlers.tools import Desk, Tools
from pipeline.repositories.clips import ClipRepository
from pipeline.repositories.deletions import DeletionRepository
from pipeline.repositories.job_documents import CLAIMED
from pipeline.repositories.jobs import JobRepository
from pipeline.repositories.metadata_phases import MetadataPhaseRepository
from pipeline.repositories.predictions import PredictionRepository
from pipeline.repositories.results import ResultRepository
from pipeline.repositories.scenes import SceneRepository
from pipeline.repositories.stuck_jobs import StuckJobRepository
from pipeline.repositories.videos import VideoRepository
from tests.media_samples import MediaSamples

USER = "user-1"
MAX_TURNS = 200


class WakeList:
    """Stands for Cloud Tasks: keeps the latest wake-up of every job, and the signals that nobody has taken."""

    def __init__(self) -> None:
        self.due: dict[JobRef, tuple[int, datetime]] = {}
        self.signals: list[JobRef] = []
        self.is_down = False

    def wake(self, ref: JobRef, turn: int, at: datetime) -> None:
        self.due[ref] = (turn, at)

    def signal(self, ref: JobRef) -> None:
        if self.is_down:
            raise ConnectionError
        self.signals.append(ref)


class Workbench:
    """Writes documents, runs jobs to their end, reads documents."""

    def __init__(self, client: firestore.Client, replicate: StubReplicate, r2: LocalR2, settings: Settings) -> None:
        self.client = client
        self.replicate = replicate
        self.r2 = r2
        self.settings = settings
        self.schema = CURRENT  # which version of the code this takes itself for
        self.ahead = timedelta()
        self.tasks = WakeList()
        self.turns = 0
        self.api = ReplicateApi("token", replicate.base_url)
        self.openai: OpenAiApi | None = None
        self.storage: ObjectStorage = R2Storage(
            r2.endpoint_url, r2.bucket, R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY, r2.public_base_url
        )

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def desk(self) -> Desk:
        return Desk(
            settings=self.settings,
            jobs=JobRepository(self.client, timedelta(days=30), self.settings.limits, self.schema),
            stuck=StuckJobRepository(self.client),
            scenes=SceneRepository(self.client),
            predictions=PredictionRepository(self.client, timedelta(days=30), self.schema),
            tasks=self.tasks,  # type: ignore[arg-type]  # the one stand-in
            clock=self.now,
            jitter=lambda: 0.0,
        )

    def tools(self) -> Tools:
        return Tools(
            settings=self.settings,
            predictions=self.desk().predictions,
            clips=lambda user_id, video_id: ClipRepository(user_id, video_id, client=self.client),
            videos=lambda user_id: VideoRepository(user_id, client=self.client),
            phases=MetadataPhaseRepository(self.client),
            deletions=DeletionRepository(self.client),
            results=ResultRepository(self.client),
            replicate=self.api,
            openai=self.openai,
            storage=self.storage,
            downloads=Downloader(self.settings.allowed_http_hosts),
            clock=self.now,
        )

    def write(self, path: str, fields: Mapping[str, Any]) -> None:
        self.client.document(path).set(dict(fields))

    def write_claimed(self, path: str, fields: Mapping[str, Any]) -> None:
        """Write a job document as if functions had claimed it before: what is theirs in it counts."""
        self.write(path, fields)
        document = self.client.document(path)
        document.update({CLAIMED: document.get().create_time})

    def read(self, path: str) -> dict[str, Any]:
        return self.client.document(path).get().to_dict() or {}

    def scene(self, scene_id: str, **fields: Any) -> str:
        """Write a scene of USER."""
        status = {"image": "pending", "video": "pending"}
        self.write(f"scenes/{scene_id}", {"user_id": USER, "state": "text", "generation_status": status, **fields})
        return scene_id

    def publish(self, path: Path) -> str:
        return self.r2.publish(path, f"sources/{path.name}")

    def wake(self, ref: JobRef, wake: Wake, seconds: float = 500.0, tools: Callable[[], Tools] | None = None) -> None:
        """One call of the function."""
        self.turns += 1
        run_job(ref, wake, seconds, self.desk(), tools or self.tools)

    def run(self, kind: JobKind, job_id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Create a job and see it through: the created trigger, then every task at its time."""
        ref = JobRef(kind, job_id)
        self.write(ref.path, {"job_id": job_id, "user_id": USER, "status": "pending", **fields})
        self.wake(ref, CreatedWake())
        return self.finish(ref)

    def finish(self, ref: JobRef) -> dict[str, Any]:
        """Deliver the job's tasks, each at its time, until it has ended."""
        for _ in range(MAX_TURNS):
            job = self.read(ref.path)
            if job["status"] in ("complete", "error", "canceled"):
                return job
            turn, at = self.tasks.due[ref]
            self.ahead = max(self.ahead, at - datetime.now(UTC))
            time.sleep(0.02)  # the stub's models work in real time
            self.wake(ref, TaskWake(turn))
        raise AssertionError(f"{ref.path} has not ended after {MAX_TURNS} turns: {self.read(ref.path)}")


@contextmanager
def empty_project() -> Iterator[firestore.Client]:
    """A client of a project that nobody else uses, on the emulator that the environment names."""
    client = firestore.Client(project=f"demo-{uuid.uuid4().hex[:8]}")
    yield client
    client.close()


@contextmanager
def empty_bucket(name: str) -> Iterator[LocalR2]:
    """A server that has this bucket and nothing in it."""
    server = LocalR2(choose_ports(["r2"])["r2"], name)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def firestore_client(firestore_client: firestore.Client) -> Iterator[firestore.Client]:
    """A project of each file's own on the same emulator: jobs of another file may have the same names."""
    with empty_project() as client:
        yield client


@pytest.fixture(scope="session")
def replicate_server() -> Iterator[StubReplicate]:
    server = StubReplicate(image_seconds=0.1, video_seconds=0.3)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def workbench(
    firestore_client: firestore.Client, replicate_server: StubReplicate, r2_server: LocalR2
) -> Iterator[Workbench]:
    hosts = frozenset(url.removeprefix("http://") for url in (replicate_server.base_url, r2_server.endpoint_url))
    settings = replace(
        read_settings({}),
        allowed_http_hosts=hosts,
        poll_first_seconds=0.2,
        image_inline_wait_seconds=0.0,
        submission_grace_seconds=3,
        video_resolution="480p",
        reuse_days=0,
    )
    bench = Workbench(firestore_client, replicate_server, r2_server, settings)
    yield bench
    bench.api.close()


@pytest.fixture
def openai_account(workbench: Workbench, monkeypatch: pytest.MonkeyPatch) -> Iterator[StubOpenAI]:
    """An OpenAI account of the workbench's; what it is used for is for the test to set."""
    with StubOpenAI() as account:
        monkeypatch.setenv("OPENAI_BASE_URL", account.base_url)
        workbench.openai = OpenAiApi("sk-test", workbench.settings.prompt_model)
        yield account
        workbench.openai.close()


@pytest.fixture(scope="session")
def picture(media_samples: MediaSamples) -> Path:
    return media_samples.picture()
