"""A job's turns in this very process: no functions, no queue, no Auth, and no time limit.

    Firestore emulator, object store, stubs ── settings ──> pipeline.wiring ──> run_job, turn after turn

Only Cloud Tasks has a stand-in, which remembers when the job is to be woken.
"""

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from google.cloud import firestore

from localdev.replay.places import Say, write_beside, write_claimed
from localdev.replay.plans import Plan
from localdev.stack import PROJECT_ID
from localdev.stack.firestore_emulator import FirestoreEmulator
from localdev.stack.functions_source import read_dotenv
from localdev.stack.object_stores import R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY, LocalR2
from localdev.stack.ports import choose_ports
from localdev.stack.providers import Providers
from localdev.stack.stack import PROJECT_ROOT
from operations.timeline.following import changes
from pipeline.domain.jobs import CreatedWake, Job, JobRef, SignalWake, TaskWake, Wake
from pipeline.handlers.run_job import DeliverAgain, run_job
from pipeline.handlers.tools import Desk
from pipeline.repositories.job_documents import job_of
from pipeline.wiring import Instance

TURN_SECONDS = 86_400.0
"""Of a turn in this process: as long as somebody stands at a breakpoint."""


class WakeList:
    """In place of Cloud Tasks: what was ordered last for each job."""

    def __init__(self) -> None:
        self.due: dict[JobRef, tuple[datetime, Wake]] = {}

    def wake(self, ref: JobRef, turn: int, at: datetime) -> None:
        self.due[ref] = (at, TaskWake(turn))

    def signal(self, ref: JobRef) -> None:
        self.due[ref] = (datetime.now(UTC), SignalWake())


class InlinePlace:
    """The handlers in this process, with an administrator's rights and the settings of `environment`."""

    def __init__(self, environment: Mapping[str, str], *, twice: bool = False) -> None:
        self.environment = environment
        self.client = firestore.Client(project=environment["GCLOUD_PROJECT"])
        self.user_id = f"replay-{uuid.uuid4().hex[:8]}"
        self._wakes = WakeList()
        self._instance = Instance(environment)
        self._times = 2 if twice else 1

    def create(self, plan: Plan) -> None:
        write_beside(self.client, plan)
        if plan.is_resumed:
            write_claimed(self.client, plan)
        else:
            self.client.document(plan.ref.path).create(plan.fields)
        self._wakes.due[plan.ref] = (datetime.now(UTC), SignalWake() if plan.is_resumed else CreatedWake())

    def run(self, ref: JobRef, say: Say, seconds: float) -> None:
        """Turn after turn, each at its time. `seconds` counts the waiting, not the time at breakpoints."""
        before: Job | None = None
        waited = 0.0
        while True:
            at, wake = self._wakes.due.pop(ref, (datetime.now(UTC), SignalWake()))
            pause = max((at - datetime.now(UTC)).total_seconds(), 0.0)
            waited += pause
            if waited > seconds:
                raise TimeoutError(f"{ref.path} has not ended after {seconds:.0f} s of waiting.")
            time.sleep(pause)
            for _ in range(self._times):
                try:
                    # a breakpoint() below here, or an IDE's, stops in this process
                    run_job(ref, wake, TURN_SECONDS, self._desk(), self._instance.tools)
                except DeliverAgain:
                    self._wakes.due.setdefault(ref, (datetime.now(UTC), wake))
            job = job_of(ref, self.client.document(ref.path).get().to_dict() or {})
            for line in changes(before, job):
                say(line)
            if job.status.is_terminal:
                return
            before = job

    def _desk(self) -> Desk:
        return replace(self._instance.desk(), tasks=self._wakes)  # type: ignore[arg-type]  # the one stand-in

    def close(self) -> None:
        """Also the connections that its tools hold."""
        tools = self._instance.tools()
        tools.replicate.close()
        if tools.openai is not None:
            tools.openai.close()
        self.client.close()


@contextmanager
def inline_services(environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Firestore, an object store and the stubs, without functions, tasks and Auth: the settings that lead to them."""
    ports = choose_ports(["r2", "replicate", "openai"])
    providers = Providers(environ, image_seconds=0.5, video_seconds=1.0, spread=0.0).on_ports(
        ports["replicate"], ports["openai"]
    )
    r2 = LocalR2(ports["r2"], "words-to-video")
    quick = ["-XX:TieredStopAtLevel=1"]  # for one job the second compiler does not pay off
    with TemporaryDirectory() as folder, FirestoreEmulator(Path(folder), java_options=quick) as emulator:
        r2.start()
        providers.start()
        try:
            urls = (r2.endpoint_url, providers.replicate_url, providers.openai_url)
            yield {
                **read_dotenv(PROJECT_ROOT / "functions/.env"),
                **providers.functions_environment(),
                "GCLOUD_PROJECT": PROJECT_ID,
                "GOOGLE_CLOUD_PROJECT": PROJECT_ID,
                "FIRESTORE_EMULATOR_HOST": emulator.address,
                "NO_GCE_CHECK": "true",
                "REPLICATE_WEBHOOK_URL": "off",  # nobody listens: it is asked
                "POLL_FIRST_SECONDS": "0.5",
                "LEASE_SECONDS": "1800",
                "STORAGE_BACKEND": "r2",
                "R2_ENDPOINT_URL": r2.endpoint_url,
                "R2_BUCKET": r2.bucket,
                "R2_ACCESS_KEY_ID": R2_ACCESS_KEY_ID,
                "R2_SECRET_ACCESS_KEY": R2_SECRET_ACCESS_KEY,
                "R2_PUBLIC_BASE_URL": r2.public_base_url,
                "ALLOWED_HTTP_HOSTS": ",".join(url.removeprefix("http://") for url in urls if url),
            }
        finally:
            providers.stop()
            r2.stop()
