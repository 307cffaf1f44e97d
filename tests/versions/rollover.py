"""Begin jobs with one version of the functions and finish them with another, in real processes on real documents.

    python -m tests.versions.rollover v1.2.0          what that tag began is finished by this code (a deploy), and the
                                                      other way round (a rollback); 1 where one is not, or costs more
    python -m tests.versions.rollover v1.2.0 --keep   and writes what the tag began to mid_flight/, for the tests

Needs a clone with that commit in it. Every version runs as it is deployed, from a process of its own, on one Firestore
emulator, one stand-in for Replicate, and one S3 server.
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.cloud import firestore

from localdev.stack.firestore_emulator import FirestoreEmulator
from localdev.stack.object_stores import R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY, LocalR2
from localdev.stack.ports import choose_ports
from localdev.stub_replicate import StubReplicate
from pipeline.domain.jobs import JobKind, JobRef
from tests.media_samples import MediaSamples
from tests.versions.code_of_commit import ROOT, RunningCode, TaskSink, checked_out, git
from tests.versions.mid_flight import Place, keep

PROJECT = "demo-versions"
USER = "user-1"
LEASE_SECONDS = 20
ONE_PIECE = 60.0
"""Seconds of a turn of a composition that makes one part of it, and leaves the rest to the next."""
PATIENCE_SECONDS = 150.0
OVER = ("complete", "error", "canceled")
IMAGE, VIDEO, MULTI_VIDEO, COMPOSITION = JobKind
COSTS = {"waiting": 0.003, "died": 0.003, "clip": 0.036, "clips": 0.072, "composed": 0.0, "unclaimed": 0.003}


@dataclass
class World:
    """What all versions share."""

    folder: Path
    emulator: FirestoreEmulator
    client: firestore.Client
    replicate: StubReplicate
    r2: LocalR2
    sink: TaskSink
    jobs: dict[str, JobRef] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        return Place(self.client, self.replicate, self.r2)

    def environment(self) -> dict[str, str]:
        hosts = [url.removeprefix("http://") for url in (self.replicate.base_url, self.r2.endpoint_url)]
        return {
            "GOOGLE_CLOUD_PROJECT": PROJECT,
            "GCLOUD_PROJECT": PROJECT,
            "FIRESTORE_EMULATOR_HOST": self.emulator.address,
            "CLOUD_TASKS_EMULATOR_HOST": self.sink.address,
            "REPLICATE_API_TOKEN": "token",
            "REPLICATE_BASE_URL": self.replicate.base_url,
            "REPLICATE_WEBHOOK_URL": "off",
            "R2_ENDPOINT_URL": self.r2.endpoint_url,
            "R2_BUCKET": self.r2.bucket,
            "R2_ACCESS_KEY_ID": R2_ACCESS_KEY_ID,
            "R2_SECRET_ACCESS_KEY": R2_SECRET_ACCESS_KEY,
            "R2_PUBLIC_BASE_URL": self.r2.public_base_url,
            "ALLOWED_HTTP_HOSTS": ",".join(hosts),
            "LEASE_SECONDS": str(LEASE_SECONDS),
            "POLL_FIRST_SECONDS": "0.5",
            "IMAGE_INLINE_WAIT_SECONDS": "0",
            "VIDEO_RESOLUTION": "480p",
            "SUBMISSION_GRACE_SECONDS": "3",
        }

    def read(self, ref: JobRef) -> dict[str, Any]:
        return self.client.document(ref.path).get().to_dict() or {}

    def create(self, name: str, kind: JobKind, **fields: Any) -> JobRef:
        ref = self.jobs[name] = JobRef(kind, f"rolled-{name}")
        asked = {"job_id": ref.job_id, "user_id": USER, "status": "pending", **fields}
        self.client.document(ref.path).set(asked)
        return ref

    def scene(self, name: str) -> str:
        fields = {"user_id": USER, "state": "text", "generation_status": {"image": "pending", "video": "pending"}}
        self.client.document(f"scenes/{name}").set(fields)
        return name


@contextlib.contextmanager
def world() -> Iterator[World]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        emulator = stack.enter_context(FirestoreEmulator(folder))
        with _environment(FIRESTORE_EMULATOR_HOST=emulator.address):
            client = firestore.Client(project=PROJECT)
        stack.callback(client.close)
        replicate = StubReplicate(image_seconds=6.0, video_seconds=1.0, spread=0.0)
        stack.enter_context(replicate)
        r2 = LocalR2(choose_ports(["r2"])["r2"], "versions")
        r2.start()
        stack.callback(r2.stop)
        yield World(folder, emulator, client, replicate, r2, stack.enter_context(TaskSink()))


def begin(world: World, functions: Path) -> None:
    """Jobs in every state that a deploy or a rollback can find them in."""
    samples = MediaSamples(world.folder)
    picture = world.r2.publish(samples.picture(), "sources/picture.png")
    code = RunningCode(functions, world.environment(), world.folder / "log")
    died = world.create("died", IMAGE, scene_id=world.scene("died"), text="Its instance dies")

    def is_worked_on() -> bool:
        job = world.read(died)
        return job.get("lease_expires_at") is not None and bool(job.get("steps", {}).get("prompt", {}).get("done"))

    code.dies_during(died.kind, died.job_id, when=is_worked_on)
    code = RunningCode(functions, world.environment(), world.folder / "log")

    clip = {"scene_id": world.scene("clip"), "image_url": picture, "text": "A clip [stub:slow]", "duration": 2.0}
    begun = [world.create("clip", VIDEO, **clip)]
    texts = ("First of two", "Second of two [stub:slow]")
    scenes = [
        {"scene_number": number, "seed_image_url": picture, "duration": 2.0, "description": text}
        for number, text in enumerate(texts, start=1)
    ]
    begun.append(world.create("clips", MULTI_VIDEO, scenes=scenes))
    for ref in begun:
        code.created(ref.kind, ref.job_id, 500.0)
    time.sleep(2.5)
    _deliver(world, code)  # the first of the two scenes is stored now

    colours = ("red", "blue", "green")
    sources = [samples.solid(colour, seconds=0.5, sound_hz=300 if colour == "red" else None) for colour in colours]
    urls = [world.r2.publish(path, f"sources/{colour}.mp4") for colour, path in zip(colours, sources, strict=True)]
    clips = [{"scene_number": number, "video_url": url} for number, url in enumerate(urls, start=1)]
    composed = world.create("composed", COMPOSITION, clips=clips)
    code.created(composed.kind, composed.job_id, ONE_PIECE)
    for _ in range(2):  # another part or two
        time.sleep(0.3)
        _deliver(world, code, ONE_PIECE)

    waiting = world.create("waiting", IMAGE, scene_id=world.scene("waiting"), text="It waits")
    code.created(waiting.kind, waiting.job_id, 500.0)
    world.create("unclaimed", IMAGE, scene_id=world.scene("unclaimed"), text="Nobody came")
    code.stop()


def finish(world: World, functions: Path) -> None:
    """Deliver what is due, sweep, and start what was never started, until all have ended."""
    code = RunningCode(functions, world.environment(), world.folder / "log")
    unclaimed = world.jobs["unclaimed"]
    code.created(unclaimed.kind, unclaimed.job_id, 500.0)
    give_up_at, swept_at = time.monotonic() + PATIENCE_SECONDS, 0.0
    while any(world.read(ref)["status"] not in OVER for ref in world.jobs.values()):
        if time.monotonic() > give_up_at:
            break
        if time.monotonic() - swept_at > 5.0:
            code.sweep()
            swept_at = time.monotonic()
        _deliver(world, code)
        time.sleep(0.2)
    code.stop()


def faults(world: World, before: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What is not as it should be at the end."""
    found = []
    for name, ref in world.jobs.items():
        job = world.read(ref)
        if job["status"] != "complete":
            found.append(f"{name}: {job['status']} {job.get('error')}")
        if abs(job.get("cost_usd", -1.0) - COSTS[name]) > 1e-9:
            found.append(f"{name}: cost {job.get('cost_usd')}, not {COSTS[name]}")
        if job.get("turn", 0) <= before[name].get("turn", 0):
            found.append(f"{name}: begun anew: turn {before[name].get('turn')} became {job.get('turn')}")
    records = [one.to_dict() or {} for one in world.client.collection("predictions").stream()]
    if world.replicate.creates != len(records):
        found.append(f"{world.replicate.creates} predictions were paid, {len(records)} are known")
    active = world.client.document(f"users/{USER}/usage/active").get().to_dict() or {}
    if active.get("job_paths"):
        found.append(f"these count as running: {active['job_paths']}")
    for day in world.client.collection("usage").stream():
        usage, spent = day.to_dict() or {}, round(sum(COSTS.values()) * 1e6)
        if (usage["reserved_microusd"], usage["spent_microusd"]) != (0, spent):
            found.append(f"of {day.id} {usage['reserved_microusd']} are reserved, {usage['spent_microusd']} spent")
    return found


def roll(old: Path, new: Path, commit: str, *, keep_them: bool = False) -> int:
    """Begin with one, finish with the other. Returns how many faults there were."""
    with world() as here:
        begin(here, old)
        before = {name: here.read(ref) for name, ref in here.jobs.items()}
        if keep_them:
            keep(here.place, commit, {name: ref.path for name, ref in here.jobs.items()})
        finish(here, new)
        after = {name: here.read(ref) for name, ref in here.jobs.items()}
        for name in here.jobs:
            print(f"  {name:10} {_told(before[name], after[name])}")
        found = faults(here, before)
        print("".join(f"  FAULT {fault}\n" for fault in found) or "  each paid once, none is left", flush=True)
        return len(found)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.versions.rollover", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("commit", help="a tag or commit")
    parser.add_argument("--keep", action="store_true", help="write mid_flight/<commit>.json")
    options = parser.parse_args()
    try:
        commit = git("rev-parse", "--short=7", f"{options.commit}^{{commit}}").decode().strip()
    except subprocess.CalledProcessError:
        print(f"There is no commit {options.commit} in this clone.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        other = checked_out(commit, Path(folder))
        print(f"A deploy: begun by {commit}, finished by this code")
        count = roll(other, ROOT / "functions", commit, keep_them=options.keep)
        print(f"A rollback: begun by this code, finished by {commit}")
        count += roll(ROOT / "functions", other, commit)
    return 1 if count else 0


def _deliver(world: World, code: RunningCode, seconds: float = 500.0) -> None:
    for task in world.sink.due():
        if code.task(task, seconds) != "done":
            world.sink.add(task, time.time() + 1.0)


def _told(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    done = {name for name, step in before.get("steps", {}).items() if step.get("done")}
    again = {name for name in done if after["steps"].get(name, {}).get("output") != before["steps"][name]["output"]}
    steps = f"{len(done)} steps done before{f', again: {sorted(again)}' if again else ''}"
    versions = f"version {before.get('schema_version', 0)} -> {after.get('schema_version', 0)}"
    return (
        f"{after['status']:10} turns {before.get('turn', 0)} + {after.get('turn', 0) - before.get('turn', 0)}, "
        f"${after.get('cost_usd', 0):.3f}, {steps}, {versions}"
    )


@contextlib.contextmanager
def _environment(**variables: str) -> Iterator[None]:
    import os

    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    yield
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


if __name__ == "__main__":
    sys.exit(main())
