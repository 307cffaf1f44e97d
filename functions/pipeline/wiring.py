"""Builds the real things from the settings, once per instance, and runs jobs with them.

The only module that knows all others. `main` calls INSTANCE.
"""

import os
import random
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import firebase_admin
from google.cloud import firestore

from pipeline.adapters import logger, tracing
from pipeline.adapters.downloads import Downloader
from pipeline.adapters.function_calls import CallFailed, FunctionCalls
from pipeline.adapters.object_storage import ObjectStorage
from pipeline.adapters.openai_api import OpenAiApi
from pipeline.adapters.replicate_api import ReplicateApi
from pipeline.adapters.replicate_webhooks import WebhookVerifier
from pipeline.adapters.signing_secrets import SigningSecret
from pipeline.adapters.tasks import TaskQueue
from pipeline.config import (
    Settings,
    StorageSettings,
    read_openai_key,
    read_replicate,
    read_settings,
    read_storage,
    secret_values,
)
from pipeline.domain.errors import ConfigurationError
from pipeline.domain.jobs import CreatedWake, JobKind, JobRef, SignalWake, TaskWake
from pipeline.handlers.receive_webhook import read_webhook, receive_webhook
from pipeline.handlers.sweep import Swept, sweep
from pipeline.handlers.tools import Desk, Library, Tools
from pipeline.repositories.clips import ClipRepository
from pipeline.repositories.deletions import DeletionRepository
from pipeline.repositories.jobs import JobRepository
from pipeline.repositories.metadata_phases import MetadataPhaseRepository
from pipeline.repositories.predictions import PredictionRepository
from pipeline.repositories.results import ResultRepository
from pipeline.repositories.scenes import SceneRepository
from pipeline.repositories.stuck_jobs import StuckJobRepository
from pipeline.repositories.videos import VideoRepository

__all__ = ["INSTANCE", "CallFailed", "Instance", "open_library"]

if TYPE_CHECKING:
    from flask import Request, Response

    from pipeline.adapters.cloud_trace import CloudTracer
    from pipeline.api.app import Api

GOOGLE_SECONDS = 15
"""For one call through the Admin SDK: certificates, users, tasks. Its own limit, two minutes, is longer than whoever
waits for the API or the webhook may wait.
"""


LONGEST_FACT = 200
"""Characters of what strangers choose."""

Thing = TypeVar("Thing")


class Instance:
    """What all calls that one instance serves have in common. Built at first use; calls come from several threads."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._building = threading.RLock()  # two first calls at once must not build everything twice

    def run_created_job(self, kind: JobKind, job_id: str, seconds: float) -> None:
        """What the created triggers do."""
        from pipeline.handlers.run_job import run_job  # pictures and video: the webhook and the sweeper need neither

        with self._call("job", f"job {job_id}"):
            run_job(JobRef(kind, job_id), CreatedWake(), seconds, self.desk(), self.tools)

    def run_task(self, data: Any, seconds: float) -> None:
        """What the task functions do with the body that `adapters.tasks` sent."""
        from pipeline.handlers.run_job import DeliverAgain, run_job

        with self._call("task", "a task", DeliverAgain):
            ref = JobRef(JobKind(data["kind"]), str(data["job_id"]))
            wake = SignalWake() if data.get("signal") else TaskWake(int(data["turn"]))
            run_job(ref, wake, seconds, self.desk(), self.tools)

    def answer_webhook(self, request: "Request") -> "Response":
        """What the webhook function does."""
        from pipeline.api.webhooks import answer_webhook

        with self._call("webhook", "a webhook", op=request.args.get("op", "")[:LONGEST_FACT]):
            return _noted(answer_webhook(request, self.receive_webhook))

    def receive_webhook(self, op: str, headers: Mapping[str, str], body: bytes) -> None:
        """Raises ForgedWebhook and SecretUnavailable before anything is built, UnreadableWebhook."""
        with self._building:
            verifier = self._verifier
        verifier.verify(headers, body)
        receive_webhook(op, read_webhook(body), self.desk(), self.tools())

    def sweep(self, seconds: float) -> Swept:
        """What the schedule does every few minutes."""
        with self._call("sweep", "the sweeper"):
            return sweep(self.desk(), self.tools, seconds)

    def answer_api(self, environ: dict[str, Any]) -> "Response":
        """What the API answers to a request, given as its WSGI environment."""
        asked = {"method": environ.get("REQUEST_METHOD", ""), "path": environ.get("PATH_INFO", "")[:LONGEST_FACT]}
        with self._call("api", "the API", **asked):
            with self._building:
                api = self._api
            return _noted(api.answer(environ))

    def desk(self) -> Desk:
        """What is needed to claim a job and to write down how it ended."""
        with self._building:
            return self._desk

    def library(self) -> Library:
        """What is needed to answer for videos and clips. Raises ConfigurationError, as `tools` does."""
        with self._building:
            return self._library

    def tools(self) -> Tools:
        """What is needed to do the work. Raises ConfigurationError with the name of what is missing."""
        with self._building:
            return self._tools

    def _call(self, name: str, what: str, *answers: type[Exception], **facts: str) -> AbstractContextManager[None]:
        """One call of a function, as `adapters.function_calls` has it. Raises CallFailed."""
        logger.conceal(secret_values(self._environment))
        return self._calls.call(name, what, *answers, **facts)

    @cached_property
    def _calls(self) -> FunctionCalls:
        return FunctionCalls(_project(self._environment), self._own_tracer)

    def _own_tracer(self) -> "CloudTracer | None":
        """What records spans; None, which is the default, where nothing does. No job fails for want of it."""
        with self._building:
            try:
                return self._tracer
            except Exception as error:  # noqa: BLE001  whatever it is
                logger.unexpected("Spans cannot be recorded", error)
                self._tracer = None
                return None

    @cached_property
    def _tracer(self) -> "CloudTracer | None":
        settings, project = self._settings_or_defaults(), _project(self._environment)
        if not settings.tracing or not project:
            return None
        from pipeline.adapters.cloud_trace import CloudTracer, cloud_trace_exporter

        service = self._environment.get("K_SERVICE", "")
        return CloudTracer(settings.tracing_share, lambda: cloud_trace_exporter(project), service)

    @cached_property
    def _desk(self) -> Desk:
        settings, seen = self._settings_or_defaults(), self._seen
        retention = timedelta(days=settings.job_retention_days)
        return Desk(
            settings=settings,
            jobs=seen(JobRepository(self._firestore, retention, settings.limits), "firestore.jobs"),
            stuck=StuckJobRepository(self._firestore),
            scenes=seen(SceneRepository(self._firestore), "firestore.scenes"),
            predictions=seen(PredictionRepository(self._firestore, retention), "firestore.predictions"),
            tasks=seen(TaskQueue(_admin_app(self._environment), settings.region), "tasks"),
            clock=_now,
            jitter=random.random,
        )

    @cached_property
    def _tools(self) -> Tools:
        library, replicate, seen = self._library, read_replicate(self._environment), self._seen
        key = read_openai_key(self._environment)
        return Tools(
            **{field.name: getattr(library, field.name) for field in fields(library)},
            predictions=self._desk.predictions,
            results=seen(ResultRepository(self._firestore), "firestore.results"),
            replicate=seen(ReplicateApi(replicate.api_token, replicate.base_url), "replicate"),
            openai=seen(OpenAiApi(key, library.settings.prompt_model), "openai") if key else None,
            downloads=seen(Downloader(allowed_http_hosts=library.settings.allowed_http_hosts), "downloads"),
        )

    @cached_property
    def _library(self) -> Library:
        library, seen = open_library(self._environment, self._firestore), self._seen
        return replace(
            library,
            clips=lambda user_id, video_id: seen(library.clips(user_id, video_id), "firestore.clips"),
            videos=lambda user_id: seen(library.videos(user_id), "firestore.videos"),
            storage=seen(library.storage, "storage"),
        )

    def _seen(self, thing: Thing, name: str) -> Thing:
        """With a span for each call of it, where spans are recorded."""
        return thing if self._own_tracer() is None else tracing.traced(thing, name)

    @cached_property
    def _api(self) -> "Api":
        from pipeline.adapters.app_check import AppCheckTokens
        from pipeline.adapters.id_tokens import IdTokens
        from pipeline.api.app import build_api

        settings, app = self._settings_or_defaults(), _admin_app(self._environment)
        id_tokens = IdTokens(app, check_revoked=settings.api_check_revoked)
        check_app = AppCheckTokens(app).check if settings.app_check else None
        return build_api(self.library, id_tokens.user_of, settings.cors_origins, check_app)

    def _settings_or_defaults(self) -> Settings:
        """A wrong setting must end up on the job, so the defaults do here; `tools` is the one to complain."""
        try:
            return read_settings(self._environment)
        except ConfigurationError:
            return read_settings({})

    @cached_property
    def _verifier(self) -> WebhookVerifier:
        replicate = read_replicate(self._environment)
        return WebhookVerifier(SigningSecret(ReplicateApi(replicate.api_token, replicate.base_url).webhook_secret))

    @cached_property
    def _firestore(self) -> firestore.Client:
        # not the Admin SDK's client: on the emulator that one looks for real credentials first, for seconds
        return firestore.Client()


INSTANCE = Instance(os.environ)


def open_library(environment: Mapping[str, str], client: firestore.Client) -> Library:
    """What it takes to answer for videos and clips. Raises ConfigurationError with the name of what is missing."""
    return Library(
        settings=read_settings(environment),
        clips=lambda user_id, video_id: ClipRepository(user_id, video_id, client=client),
        videos=lambda user_id: VideoRepository(user_id, client=client),
        phases=MetadataPhaseRepository(client),
        deletions=DeletionRepository(client),
        storage=_storage(read_storage(environment)),
        clock=_now,
    )


def _storage(settings: StorageSettings) -> ObjectStorage:
    """The backend that was chosen; the other one's SDK is not loaded."""
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


def _admin_app(environment: Mapping[str, str]) -> firebase_admin.App:
    """An app of our own name: firebase_functions makes the default one when an event comes, or does not."""
    try:
        return firebase_admin.get_app("pipeline")
    except ValueError:
        # Whoever gives options must name the project too: or the SDK looks for it in real credentials, for seconds.
        project = _project(environment)
        options = {"httpTimeout": GOOGLE_SECONDS, **({"projectId": project} if project else {})}
        return firebase_admin.initialize_app(options=options, name="pipeline")


def _noted(response: "Response") -> "Response":
    tracing.note(**{"http.status_code": response.status_code})
    return response


def _project(environment: Mapping[str, str]) -> str | None:
    return environment.get("GOOGLE_CLOUD_PROJECT") or environment.get("GCLOUD_PROJECT")


def _now() -> datetime:
    return datetime.now(UTC)
