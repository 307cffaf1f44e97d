"""What the handlers work with: the real things in production, the same against local servers in tests."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pipeline.adapters.downloads import Downloader
from pipeline.adapters.object_storage import ObjectStorage
from pipeline.adapters.openai_api import OpenAiApi
from pipeline.adapters.replicate_api import ReplicateApi
from pipeline.adapters.tasks import TaskQueue
from pipeline.config import Settings
from pipeline.repositories.clips import ClipRepository
from pipeline.repositories.deletions import DeletionRepository
from pipeline.repositories.jobs import JobRepository
from pipeline.repositories.metadata_phases import MetadataPhaseRepository
from pipeline.repositories.predictions import PredictionRepository
from pipeline.repositories.results import ResultRepository
from pipeline.repositories.scenes import SceneRepository
from pipeline.repositories.stuck_jobs import StuckJobRepository
from pipeline.repositories.videos import VideoRepository


@dataclass(frozen=True)
class Desk:
    """What it takes to claim a job, and to write down how it ended, even when nothing else can be reached."""

    settings: Settings
    jobs: JobRepository
    stuck: StuckJobRepository
    scenes: SceneRepository
    predictions: PredictionRepository
    tasks: TaskQueue
    clock: Callable[[], datetime]  # aware, UTC
    jitter: Callable[[], float]  # in [0, 1)


@dataclass(frozen=True)
class Library:
    """What it takes to answer for videos and clips: their documents and their files."""

    settings: Settings
    clips: Callable[[str, str], ClipRepository]  # (user_id, video_id)
    videos: Callable[[str], VideoRepository]  # (user_id)
    phases: MetadataPhaseRepository
    deletions: DeletionRepository
    storage: ObjectStorage
    clock: Callable[[], datetime]


@dataclass(frozen=True)
class Tools(Library):
    """What it takes to do the work of a job."""

    predictions: PredictionRepository
    results: ResultRepository
    replicate: ReplicateApi
    openai: OpenAiApi | None  # None: there is no key, or nothing is asked of it
    downloads: Downloader
