"""Builds the real things from the settings, once per instance, and runs jobs with them.

The only module that knows all others. `main` calls `run_created_job` and `run_task`.
"""

import os
import random
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import firebase_admin
from google.cloud import firestore

from pipeline.adapters.downloads import Downloader
from pipeline.adapters.object_storage import ObjectStorage
from pipeline.adapters.replicate_api import ReplicateApi
from pipeline.adapters.tasks import TaskQueue
from pipeline.config import read_replicate, read_settings, read_storage
from pipeline.domain.errors import ConfigurationError
from pipeline.domain.jobs import CreatedWake, JobKind, JobRef, TaskWake
from pipeline.handlers.run_job import run_job
from pipeline.handlers.tools import Desk, Tools
from pipeline.repositories.clips import ClipRepository
from pipeline.repositories.jobs import JobRepository
from pipeline.repositories.predictions import PredictionRepository
from pipeline.repositories.scenes import SceneRepository
from pipeline.repositories.videos import VideoRepository


def run_created_job(kind: JobKind, job_id: str, seconds: float) -> None:
    """What the four created triggers do."""
    run_job(JobRef(kind, job_id), CreatedWake(), seconds, desk(), tools)


def run_task(data: Any, seconds: float) -> None:
    """What the task functions do with the body that `adapters.tasks` sent."""
    ref = JobRef(JobKind(data["kind"]), str(data["job_id"]))
    run_job(ref, TaskWake(int(data["turn"])), seconds, desk(), tools)


@cache
def desk() -> Desk:
    """What is needed to claim a job and to write down how it ended.

    A setting that is wrong must end up on the job, so here the defaults do; `tools` is the one to complain.
    """
    try:
        settings = read_settings(os.environ)
    except ConfigurationError:
        settings = read_settings({})
    client = _firestore()
    return Desk(
        settings=settings,
        jobs=JobRepository(client, timedelta(days=settings.job_retention_days)),
        scenes=SceneRepository(client),
        predictions=PredictionRepository(client, timedelta(days=settings.job_retention_days)),
        tasks=TaskQueue(_app(), settings.region),
        clock=_now,
        jitter=random.random,
    )


@cache
def tools() -> Tools:
    """What is needed to do the work. Raises ConfigurationError with the name of what is missing."""
    settings = read_settings(os.environ)
    replicate = read_replicate(os.environ)
    client = _firestore()
    return Tools(
        settings=settings,
        predictions=desk().predictions,
        clips=lambda user_id, video_id: ClipRepository(user_id, video_id, client=client),
        videos=lambda user_id: VideoRepository(user_id, client=client),
        replicate=ReplicateApi(replicate.api_token, replicate.base_url),
        storage=_storage(),
        downloads=Downloader(allowed_http_hosts=settings.allowed_http_hosts),
        clock=_now,
    )


def _storage() -> ObjectStorage:
    settings = read_storage(os.environ)
    if settings.backend == "firebase":
        from pipeline.adapters.firebase_storage import FirebaseStorage

        return FirebaseStorage(settings.firebase_bucket, settings.firebase_download_base_url)
    from pipeline.adapters.r2_storage import R2Storage

    return R2Storage(
        endpoint_url=settings.r2_endpoint_url,
        bucket=settings.r2_bucket,
        access_key_id=settings.r2_access_key_id,
        secret_access_key=settings.r2_secret_access_key,
        public_base_url=settings.r2_public_base_url,
    )


@cache
def _app() -> firebase_admin.App:
    # a name of our own: firebase_functions makes the default app when an event comes, or does not
    return firebase_admin.initialize_app(name="pipeline")


@cache
def _firestore() -> firestore.Client:
    # not the Admin SDK's client: on the emulator that one looks for real credentials first, for seconds
    return firestore.Client()


def _now() -> datetime:
    return datetime.now(UTC)
