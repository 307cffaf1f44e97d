"""One simulated world: the real handlers over the virtual outside, run to the end of a schedule."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

from pipeline.config import Settings, read_settings
from pipeline.domain.jobs import CreatedWake, JobKind, JobRef, Wake
from pipeline.domain.predictions import PredictionRecord, PredictionState
from pipeline.handlers import generate_multi_video, predictions, turns
from pipeline.handlers import sweep as sweeping
from pipeline.handlers.receive_webhook import receive_webhook
from pipeline.handlers.run_job import run_job
from pipeline.handlers.sweep import sweep
from pipeline.handlers.tools import Desk, Tools
from pipeline.repositories import clip_statistics, documents
from pipeline.repositories.clips import ClipRepository
from pipeline.repositories.deletions import DeletionRepository
from pipeline.repositories.jobs import JobRepository
from pipeline.repositories.metadata_phases import MetadataPhaseRepository
from pipeline.repositories.predictions import PredictionRepository
from pipeline.repositories.results import ResultRepository
from pipeline.repositories.scenes import SceneRepository
from pipeline.repositories.stuck_jobs import StuckJobRepository
from pipeline.repositories.videos import VideoRepository
from tests.simulation.memory_firestore import MemoryClient
from tests.simulation.memory_store import MemoryStore
from tests.simulation.schedule import CALM, Call, Schedule, VirtualPool, VirtualThreading, VirtualTime, nothing_more
from tests.simulation.virtual_platform import (
    EVENT_SECONDS,
    LETTING_GO_SECONDS,
    FirestoreGate,
    VirtualDownloads,
    VirtualStorage,
    VirtualTasks,
)
from tests.simulation.virtual_replicate import SentInput, VirtualPrediction, VirtualReplicate
from tests.simulation.weather import JobPlan, Weather

USER = "user-1"
SWEEP_SECONDS = 300.0
WEBHOOK_SECONDS = 60.0
WEBHOOK_DELIVERIES = 4
WEBHOOK_URL = "https://functions.test/handle_replicate_webhook"
STORM_SECONDS = 3 * 3600.0
"""After this nothing dies, freezes or fails any more: what is not right by the horizon never will be."""

HORIZON_SECONDS = 8 * 3600.0
RETENTION = timedelta(days=30)

SETTINGS = replace(read_settings({}), reuse_days=0)  # needed predictions are counted


class TracedPredictions(PredictionRepository):
    """What is sent by its records tells the provider's stand-in, and so the checks, for which operation."""

    def claim(self, op: str, turn: int, now: datetime, until: datetime) -> tuple[PredictionRecord, bool]:
        record, is_ours = super().claim(op, turn, now, until)
        return replace(record, input=SentInput(op, record.input)), is_ours


@dataclass
class World:
    """The state of one schedule."""

    seed: int
    weather: Weather
    settings: Settings = SETTINGS
    schedule: Schedule = field(init=False)

    def __post_init__(self) -> None:
        self.schedule = schedule = Schedule(self.seed)
        weather = self.weather
        self.settings = replace(
            self.settings, limits=weather.limits, webhook_url=WEBHOOK_URL if weather.webhooks else ""
        )
        self.store = MemoryStore(schedule.clock)
        self.outside = MemoryClient(self.store)  # users and checks: no schedule holds it
        self.client = MemoryClient(self.store, FirestoreGate(schedule, weather.platform))
        self.replicate = VirtualReplicate(schedule, weather.provider)
        self.replicate.on_end = self._send_webhooks
        self.storage = VirtualStorage(schedule, weather.platform)
        self.downloads = VirtualDownloads(schedule, weather.platform, self.replicate)
        self.tasks = VirtualTasks(schedule, weather.platform, self.deliver)
        self.plans = list(weather.jobs)
        self._undecided = {plan.name for plan in weather.jobs if plan.again_after is not None}

    def run(self) -> None:
        """Create the jobs and let everything happen."""
        for plan in self.weather.jobs:
            self.schedule.at(plan.created_at, lambda plan=plan: self._create(plan))
            if plan.cancel_at is not None:
                self.schedule.at(plan.cancel_at, lambda plan=plan: self._cancel(plan))
        self.schedule.after(SWEEP_SECONDS, self._sweep)
        with virtual_modules(self.schedule):
            self.schedule.run()

    # ---- what is there

    @property
    def refs(self) -> list[JobRef]:
        """Where the jobs are."""
        return [job_ref(plan) for plan in self.plans]

    def job(self, ref: JobRef) -> dict[str, Any] | None:
        """A job document."""
        return self.outside.fields(ref.path)

    def documents(self, collection: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The ids and fields of a collection of the root."""
        prefix = f"{self.outside._database_string}/documents/{collection}/"
        for name, document in self.store.documents.items():
            if name.startswith(prefix):
                yield name.removeprefix(prefix), document.fields

    def accepted(self, op: str) -> list[VirtualPrediction]:
        """What Replicate accepted for an operation."""
        return [one for one in self.replicate.accepted if one.op == op]

    # ---- what a function is given

    def desk(self) -> Desk:
        return desk_of(self)

    def tools(self) -> Tools:
        return tools_of(self)

    def deliver(
        self, name: str, ref: JobRef, wake: Wake, limit: float, ended: Callable[[Call], None] = nothing_more
    ) -> None:
        """Start a function with a wake-up for a job."""
        seconds = limit - LETTING_GO_SECONDS
        self.call(name, lambda: run_job(ref, wake, seconds, self.desk(), self.tools), limit, ended)

    def call(
        self, name: str, run: Callable[[], None], limit: float, ended: Callable[[Call], None] = nothing_more
    ) -> None:
        """Start a function."""
        stormy = self.schedule.now < STORM_SECONDS
        self.schedule.start(name, run, limit, ended, self.weather.hazards if stormy else CALM)

    # ---- what happens outside

    def _create(self, plan: JobPlan) -> None:
        status = {"image": "pending", "video": "pending"}
        for scene_id in scene_ids(plan) if plan.scenes_of is None else []:
            scene = {"user_id": USER, "state": "text", "generation_status": status}
            self.outside.document("scenes", scene_id).set(scene)
        ref, mood, draw = job_ref(plan), self.weather.platform, self.schedule.random
        self.outside.document(ref.path).set(_fields(plan))
        self.schedule.note(f"{ref.path} is created")
        if plan.again_after is not None:
            self.schedule.after(plan.again_after, lambda: self._try_again(plan))
        if self.schedule.chance(mood.event_lost):
            self.schedule.note("its event is lost")
            return
        for _ in range(2 if self.schedule.chance(mood.duplicate) else 1):
            late = draw.uniform(0.0, mood.latest)
            self.schedule.after(
                late,
                lambda: self.deliver(f"event of {ref.job_id}", ref, CreatedWake(), EVENT_SECONDS),
            )

    def _try_again(self, plan: JobPlan) -> None:
        """The user looks from time to time; once the job has failed, they create it again."""
        ended = (self.job(job_ref(plan)) or {}).get("completed_at")
        after = plan.again_after or 0.0
        if ended is None or self.schedule.seconds_of(ended) + after > self.schedule.now:
            self.schedule.after(60.0, lambda: self._try_again(plan))
            return
        self._undecided.discard(plan.name)
        if (self.job(job_ref(plan)) or {})["status"] == "error":
            again = JobPlan(f"{plan.name}-again", plan.scenes, 0.0, retry_of=plan.name, scenes_of=plan.name)
            again = replace(again, seed=plan.seed, words=plan.words)
            self.plans.append(again)
            self._create(again)

    def _cancel(self, plan: JobPlan) -> None:
        ref = job_ref(plan)
        self.outside.document(ref.path).update({"cancel_requested": True})
        self.schedule.note(f"{ref.path} is to be canceled")

    def _send_webhooks(self, prediction: VirtualPrediction) -> None:
        """Replicate tells of an end: late, twice, or not at all; again when nobody takes it."""
        mood, schedule = self.weather.platform, self.schedule
        if prediction.webhook is None or schedule.chance(mood.webhook_lost):
            return
        for _ in range(2 if schedule.chance(mood.duplicate) else 1):
            late = schedule.random.uniform(0.0, mood.latest_webhook)
            schedule.after(late, lambda: self._receive_webhook(prediction, 1))

    def _receive_webhook(self, prediction: VirtualPrediction, number: int) -> None:
        (op,) = parse_qs(urlsplit(prediction.webhook or "").query)["op"]
        told = self.replicate.report(prediction)

        def ended(call: Call) -> None:
            if (call.killed or call.error is not None) and number < WEBHOOK_DELIVERIES:
                self.schedule.after(15.0, lambda: self._receive_webhook(prediction, number + 1))

        self.call(
            f"webhook of {prediction.id} delivery {number}",
            lambda: receive_webhook(op, told, self.desk(), self.tools()),
            WEBHOOK_SECONDS,
            ended,
        )

    def _sweep(self) -> None:
        if self._is_settled():
            return
        self.schedule.after(SWEEP_SECONDS, self._sweep)
        missed = self.schedule.chance(self.weather.platform.sweep_missed)
        if not missed or self.schedule.now > STORM_SECONDS:
            self.call("sweep", self._run_sweep, EVENT_SECONDS)

    def _run_sweep(self) -> None:
        sweep(self.desk(), self.tools, EVENT_SECONDS - LETTING_GO_SECONDS)

    def _is_settled(self) -> bool:
        """Whether there is nothing left for a sweeper, or it has been tried for long enough."""
        if self.schedule.now > HORIZON_SECONDS:
            return True
        if self._undecided or self.schedule.live_calls:
            return False
        jobs = [self.job(ref) for ref in self.refs]
        if any(job is None or not job.get("completed_at") for job in jobs):
            return False
        return all(_has_ended(fields) for _, fields in self.documents("predictions"))


def _has_ended(fields: Mapping[str, Any]) -> bool:
    """Whether a record is closed, and its job knows what it cost: the sweeper has no more to do with it."""
    return PredictionState(fields["state"]).is_terminal and fields.get("check_at") is None


def scene_ids(plan: JobPlan) -> list[str]:
    """The scenes that a job is for."""
    return [f"{plan.scenes_of or plan.name}-scene-{number}" for number in range(1, max(plan.scenes, 1) + 1)]


def job_ref(plan: JobPlan) -> JobRef:
    """Where a job is."""
    kinds = {0: JobKind.IMAGE, 1: JobKind.VIDEO}
    return JobRef(kinds.get(plan.scenes, JobKind.MULTI_VIDEO), plan.name)


def _fields(plan: JobPlan) -> dict[str, Any]:
    fields: dict[str, Any] = {"job_id": plan.name, "user_id": USER, "status": "pending"}
    fields |= {"request_id": plan.request_id} if plan.request_id else {}
    fields |= {"retry_of": plan.retry_of} if plan.retry_of else {}
    fields |= {"seed": plan.seed} if plan.seed is not None else {}
    picture = "https://sources.test/picture.png"
    scenes = scene_ids(plan)
    if plan.scenes == 0:
        return {**fields, "scene_id": scenes[0], "text": plan.words}
    if plan.scenes == 1:
        return {**fields, "scene_id": scenes[0], "image_url": picture, "text": plan.words, "duration": 5.0}
    return {
        **fields,
        "scenes": [
            {
                "scene_number": number,
                "scene_id": scene_id,
                "seed_image_url": picture,
                "duration": 5.0,
                "description": f"{plan.words}, scene {number}",
            }
            for number, scene_id in enumerate(scenes, 1)
        ],
    }


def desk_of(world: Any) -> Desk:
    """What is needed to claim a job and to write down how it ended, in a simulated world."""
    return Desk(
        settings=world.settings,
        jobs=JobRepository(world.client, RETENTION, world.settings.limits),
        stuck=StuckJobRepository(world.client),
        scenes=SceneRepository(world.client),
        predictions=PredictionRepository(world.client, RETENTION),
        tasks=world.tasks,  # type: ignore[arg-type]  # virtual
        clock=world.schedule.clock,
        jitter=world.schedule.random.random,
    )


def tools_of(world: Any) -> Tools:
    """What is needed to do the work there."""
    return Tools(
        settings=world.settings,
        predictions=TracedPredictions(world.client, RETENTION),
        clips=lambda user_id, video_id: ClipRepository(user_id, video_id, client=world.client),
        videos=lambda user_id: VideoRepository(user_id, client=world.client),
        phases=MetadataPhaseRepository(world.client),
        deletions=DeletionRepository(world.client),
        results=ResultRepository(world.client),
        replicate=world.replicate,  # type: ignore[arg-type]  # virtual
        openai=None,
        storage=world.storage,  # type: ignore[arg-type]  # virtual
        downloads=world.downloads,  # type: ignore[arg-type]  # virtual
        clock=world.schedule.clock,
    )


@contextmanager
def virtual_modules(schedule: Schedule) -> Iterator[None]:
    """Handlers' own time and threads become the schedule's: they are taken from the standard library, not passed in."""

    def pool(max_workers: int) -> VirtualPool:
        return VirtualPool(schedule, max_workers)

    time, threading = VirtualTime(schedule), VirtualThreading(schedule)
    with ExitStack() as stack:
        for module, name, stand_in in (
            (turns, "time", time),
            (turns, "threading", threading),
            (predictions, "time", time),
            (documents, "time", time),
            (documents, "random", schedule.random),
            (clip_statistics, "ThreadPoolExecutor", pool),
            (sweeping, "time", time),
            (sweeping, "Threads", pool),
            (generate_multi_video, "threading", threading),
            (generate_multi_video, "Threads", pool),
        ):
            stack.enter_context(patch.object(module, name, stand_in))
        yield
