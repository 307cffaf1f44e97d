"""One burst: many users' jobs within a minute, through the real claim, limits, turns, sweeper and webhook."""

import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

from pipeline.adapters.frames import write_clip_thumbnail
from pipeline.adapters.media_probe import probe_media
from pipeline.adapters.placeholders import placeholder_of
from pipeline.config import Settings, read_settings
from pipeline.domain.jobs import CreatedWake, JobKind, JobRef, Wake
from pipeline.domain.media import MediaProbe
from pipeline.domain.quotas import Limits
from pipeline.handlers import clips, generate_image
from pipeline.handlers.receive_webhook import receive_webhook
from pipeline.handlers.run_job import run_job
from pipeline.handlers.sweep import sweep
from pipeline.handlers.tools import Desk, Tools
from tests.simulation.burst_platform import BurstReplicate, BurstTasks, FunctionPool
from tests.simulation.indexed_store import IndexedClient, IndexedStore
from tests.simulation.memory_store import Change, Document
from tests.simulation.schedule import Call, Schedule, nothing_more
from tests.simulation.virtual_platform import (
    EVENT_SECONDS,
    LETTING_GO_SECONDS,
    PlatformMood,
    VirtualDownloads,
    VirtualStorage,
)
from tests.simulation.virtual_replicate import VirtualPrediction
from tests.simulation.world import (
    SWEEP_SECONDS,
    WEBHOOK_DELIVERIES,
    WEBHOOK_SECONDS,
    WEBHOOK_URL,
    desk_of,
    tools_of,
    virtual_modules,
)

PLACES = 40
"""Of every function: ten instances with four calls at once (functions/main.py). So many tasks, too."""

CREATED_WITHIN_SECONDS = 60.0
WEBHOOK_AGAIN_SECONDS = 15.0
CLIP_WORK_SECONDS = 1.5
"""So long a function is at work on a clip before it is stored, as `make bench` measures it."""

HORIZON_SECONDS = 24 * 3600.0
SAMPLE_SECONDS = 30.0
IMAGE_EVERY = 5
"""Every fifth job makes a picture, the others a clip of five seconds."""

ROOMY_DAY = Limits(active_jobs_per_user=50, jobs_per_user_per_day=1000, usd_per_user_per_day=20, usd_per_day=10_000)
"""The defaults, but for MAX_USD_PER_DAY: 100 dollars are spent after 600 clips."""


@dataclass(frozen=True)
class Crowd:
    """Who comes: the number of jobs by user. `per_minute`, `at_once`: what Replicate takes."""

    name: str
    jobs: Mapping[str, int]
    limits: Limits = ROOMY_DAY
    per_minute: float = 600.0
    at_once: int = 10
    seed: int = 1

    @property
    def count(self) -> int:
        return sum(self.jobs.values())


@dataclass(frozen=True)
class Sample:
    """How things stand at one moment. Times in seconds."""

    at: float
    unclaimed: int  # nobody has looked at them yet
    waiting: int  # claimed, and not at Replicate
    predicting: int
    ended: int
    overdue_tasks: int


class QuietSchedule(Schedule):
    """Keeps no trace: ten thousand jobs' would fill the memory."""

    def note(self, line: str) -> None: ...


class _Gate:
    """Every call to Firestore takes some milliseconds."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self.calls = 0

    def before(self, label: str) -> None:
        self.calls += 1
        self._schedule.effect(label)

    def after(self, label: str) -> None: ...


@dataclass
class BurstWorld:
    """The state of one burst."""

    crowd: Crowd
    settings: Settings = field(default_factory=lambda: read_settings({}))
    samples: list[Sample] = field(default_factory=list)

    def __post_init__(self) -> None:
        crowd = self.crowd
        self.schedule = schedule = QuietSchedule(crowd.seed)
        # clips of three frames need no preparation, and what is made again is not what this is about
        self.settings = replace(
            self.settings, limits=crowd.limits, webhook_url=WEBHOOK_URL, prepare_clips=False, reuse_days=0
        )
        self.store = IndexedStore(schedule.clock)
        self.store.on_commit = self._see
        self.outside = IndexedClient(self.store)
        self.gate = _Gate(schedule)
        self.client = IndexedClient(self.store, self.gate)
        self.replicate = BurstReplicate(schedule, crowd.per_minute, crowd.at_once)
        self.replicate.on_end = lambda prediction: self._send_webhook(prediction, 1)
        calm = PlatformMood()
        self.storage = VirtualStorage(schedule, calm)
        self.downloads = VirtualDownloads(schedule, calm, self.replicate)
        self.pools = {
            "handle_image_generation": FunctionPool(schedule, "image", PLACES, EVENT_SECONDS),
            "handle_video_generation": FunctionPool(schedule, "video", PLACES, EVENT_SECONDS),
            "advancejob": FunctionPool(schedule, "task", PLACES, EVENT_SECONDS),
            "handle_replicate_webhook": FunctionPool(schedule, "webhook", PLACES, WEBHOOK_SECONDS),
        }
        self.tasks = BurstTasks(schedule, self.pools["advancejob"], PLACES, self._run_turn)
        self.owners: dict[str, str] = {}
        self.created: dict[str, float] = {}
        self.first_claimed: dict[str, float] = {}
        self.ended: dict[str, float] = {}
        self.statuses: Counter[str] = Counter()
        self.sweeps = 0

    def run(self) -> None:
        """Let everybody come, and everything happen."""
        names = [name for name, count in self.crowd.jobs.items() for _ in range(count)]
        self.schedule.random.shuffle(names)
        numbers: defaultdict[str, int] = defaultdict(int)
        for place, user in enumerate(names):
            numbers[user] += 1
            at = CREATED_WITHIN_SECONDS * place / len(names)
            ref = self._ref(user, numbers[user], place)
            self.schedule.at(at, lambda ref=ref, user=user: self._create(ref, user))
        self.schedule.after(SWEEP_SECONDS, self._sweep)
        self.schedule.after(SAMPLE_SECONDS, self._sample)
        nowhere = _Nowhere()
        with ExitStack() as stack:
            stack.enter_context(virtual_modules(self.schedule))
            stack.enter_context(remembered_media(self.schedule))
            stack.enter_context(redirect_stdout(nowhere))
            stack.enter_context(redirect_stderr(nowhere))
            self.schedule.run()

    # ---- what is there

    def jobs(self) -> Iterator[tuple[JobRef, Mapping[str, Any]]]:
        for path in self.owners:
            ref = JobRef.of_path(path)
            yield ref, self.outside.fields(path) or {}

    def usage(self, user_id: str | None = None) -> Sequence[Mapping[str, Any]]:
        """The documents with a user's, or everybody's, sums."""
        root = f"{self.outside._database_string}/documents/"
        prefix = f"{root}users/{user_id}/usage/" if user_id else f"{root}usage/"
        return [found.fields for name, found in self.store.documents.items() if name.startswith(prefix)]

    def predictions(self) -> list[Document]:
        """All records."""
        prefix = f"{self.outside._database_string}/documents/predictions/"
        return [found for name, found in self.store.documents.items() if name.startswith(prefix)]

    @property
    def is_over(self) -> bool:
        return len(self.ended) == self.crowd.count or self.schedule.now > HORIZON_SECONDS

    # ---- what a function is given

    def desk(self) -> Desk:
        return desk_of(self)

    def tools(self) -> Tools:
        return tools_of(self)

    def _run_turn(self, ref: JobRef, wake: Wake, limit: float) -> None:
        run_job(ref, wake, limit - LETTING_GO_SECONDS, self.desk(), self.tools)

    # ---- what happens outside

    def _ref(self, user: str, number: int, place: int) -> JobRef:
        kind = JobKind.IMAGE if place % IMAGE_EVERY == 0 else JobKind.VIDEO
        return JobRef(kind, f"{self.schedule.random.getrandbits(48):012x}-{user}-{number}")

    def _create(self, ref: JobRef, user: str) -> None:
        scene = f"scene-of-{ref.job_id}"
        status = {"image": "pending", "video": "pending"}
        self.outside.document(f"scenes/{scene}").set({"user_id": user, "state": "text", "generation_status": status})
        fields: dict[str, Any] = {"job_id": ref.job_id, "user_id": user, "status": "pending", "scene_id": scene}
        fields["text"] = f"a lighthouse, {ref.job_id}"
        pool = self.pools["handle_image_generation"]
        if ref.kind is JobKind.VIDEO:
            fields |= {"image_url": "https://sources.test/picture.png", "duration": 5.0}
            pool = self.pools["handle_video_generation"]
        self.owners[ref.path], self.created[ref.path] = user, self.schedule.now
        self.outside.document(ref.path).set(fields)
        pool.call(lambda: self._run_turn(ref, CreatedWake(), EVENT_SECONDS), nothing_more, lambda: None)

    def _send_webhook(self, prediction: VirtualPrediction, number: int) -> None:
        (op,) = parse_qs(urlsplit(prediction.webhook or "").query)["op"]
        told = self.replicate.report(prediction)

        def again() -> None:
            if number < WEBHOOK_DELIVERIES:
                self.schedule.after(WEBHOOK_AGAIN_SECONDS, lambda: self._send_webhook(prediction, number + 1))

        def ended(call: Call) -> None:
            if call.killed or call.error is not None:
                again()

        def run() -> None:
            receive_webhook(op, told, self.desk(), self.tools())

        self.schedule.after(
            self.schedule.random.uniform(0.1, 1.0),
            lambda: self.pools["handle_replicate_webhook"].call(run, ended, again),
        )

    def _sweep(self) -> None:
        if self.is_over:
            return
        self.schedule.after(SWEEP_SECONDS, self._sweep)
        self.sweeps += 1
        seconds = SWEEP_SECONDS - LETTING_GO_SECONDS
        self.schedule.start("sweep", lambda: _swept(sweep(self.desk(), self.tools, seconds)), SWEEP_SECONDS)

    def _sample(self) -> None:
        predicting, ended = self.replicate.running, len(self.ended)
        unclaimed = len(self.created) - len(self.first_claimed)
        waiting = len(self.first_claimed) - ended - predicting
        self.samples.append(
            Sample(self.schedule.now, unclaimed, max(waiting, 0), predicting, ended, self.tasks.overdue)
        )
        if not self.is_over:
            self.schedule.after(SAMPLE_SECONDS, self._sample)

    def _see(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.path in self.owners and change.after is not None and change.before is not None:
                if change.path not in self.first_claimed and change.after.get("turn"):
                    self.first_claimed[change.path] = self.schedule.now
                if change.path not in self.ended and change.after.get("completed_at"):
                    self.ended[change.path] = self.schedule.now


@contextmanager
def remembered_media(schedule: Schedule) -> Iterator[None]:
    """All clips and pictures of this world have the same bytes: what is made of them is worked out once.

    For all but that once, the work is only the time that it takes.
    """
    first: dict[str, bytes] = {}

    def thumbnail(clip: Path, target: Path) -> None:
        schedule.sleep(CLIP_WORK_SECONDS)
        if "thumbnail" not in first:
            write_clip_thumbnail(clip, target)
            first["thumbnail"] = target.read_bytes()
        target.write_bytes(first["thumbnail"])

    probes: dict[bytes, MediaProbe] = {}

    def probe(clip: Path) -> MediaProbe:
        data = clip.read_bytes()
        if data not in probes:
            probes[data] = probe_media(clip)
        return probes[data]

    placeholder = cache(placeholder_of)
    with ExitStack() as stack:
        stack.enter_context(patch.object(clips, "write_clip_thumbnail", thumbnail))
        stack.enter_context(patch.object(clips, "probe_media", probe))
        stack.enter_context(patch.object(clips, "placeholder_of", placeholder))
        stack.enter_context(patch.object(generate_image, "placeholder_of", placeholder))
        yield


def _swept(_: object) -> None: ...


class _Nowhere(io.TextIOBase):
    def write(self, text: str) -> int:
        return len(text)
