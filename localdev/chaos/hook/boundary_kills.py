"""Ends its own function process at the places that a plan names, as a crash of the instance would.

A *boundary* is the moment before or after something is recorded: `step:predict:before`, `prediction:submitted:after`.
What `pipeline.wiring` has loaded is wrapped so that every boundary is announced here. The files in CHAOS_FOLDER:

    plans/<job_id>      one boundary a line, at which this job's process is to die; `always` for every turn
    open/<kind>~<boundary>      at which any job of this kind is to die: the first that gets there
    hits/<job_id>~<boundary>    made just before the process dies: a boundary of a job is hit at most once
    turns/<pid>-<start> the turn that the process is in (or null), for `localdev.chaos.workers`, which kills at random

A job may die only so often in a row before it is given up (that is tested by `always`); so nobody kills a turn whose
`interruptions` have reached the limit. Tasks are lost and doubled here, too. Standard library only, and nothing of
localdev: this runs beside the functions.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import random
import re
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = Path(os.environ.get("CHAOS_FOLDER", "."))
TASK_LOST, TASK_DOUBLED = (float(os.environ.get(name) or 0) for name in ("CHAOS_TASK_LOST", "CHAOS_TASK_DOUBLED"))
SENDER_SECONDS = float(os.environ.get("CHAOS_SENDER_SECONDS") or 0)
"""A prediction whose sender died is sent again when the sender's function call would be over: up to nine minutes. No
process lives that long here, so this is what it is shortened to."""
ALWAYS = "always"
LIMIT = 1
OPEN_LIMIT = 2


class Moment:
    """What this process is doing: the functions emulator gives a process one request at a time."""

    job_id = kind = ""
    interruptions = 0
    is_probed = False

    def begin(self, ref: Any, turn: int, interruptions: int) -> None:
        """A turn was claimed."""
        job_id = str(ref.job_id)
        self.job_id, self.kind, self.interruptions = job_id, str(ref.kind), interruptions
        show({"job_id": job_id, "turn": turn, "interruptions": interruptions})
        if ALWAYS in plan_of(job_id):
            self.die(job_id, f"{ALWAYS}~{turn}")

    def reach(self, boundary: str) -> None:
        """Die here, if that is the plan of the job whose turn this is."""
        if self.job_id:
            self.die_as_planned(self.job_id, self.kind, boundary, self.interruptions)

    def die_as_planned(self, job_id: str, kind: str, boundary: str, interruptions: int = 0) -> None:
        """Die here, if that is the plan of the job, or still to be done by any of its kind."""
        if self.is_probed:
            return
        plan = plan_of(job_id)
        if boundary in plan and interruptions < LIMIT:
            self.die(job_id, boundary)
        if ALWAYS not in plan and interruptions < OPEN_LIMIT and _take(FOLDER / "open" / f"{kind}~{boundary}"):
            self.die(job_id, boundary)

    def die(self, job_id: str, boundary: str) -> None:
        """End the instance: the process that serves, and the one that would start another in its place."""
        try:
            (FOLDER / "hits" / f"{job_id}~{boundary}").open("x").close()
        except FileExistsError:
            return
        if b"functions-framework" in Path(f"/proc/{os.getppid()}/cmdline").read_bytes():
            os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def plan_of(job_id: str) -> list[str]:
    """The boundaries at which a process of this job is to die."""
    try:
        return (FOLDER / "plans" / job_id).read_text().split()
    except OSError:
        return []


def _take(path: Path) -> bool:
    """Whether the file was there; it is gone now."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def show(state: dict[str, Any] | None) -> None:
    """Tell the outside what this process is doing; None for nothing."""
    _write("turns", json.dumps(state))


def _write(folder: str, text: str) -> None:
    """Replace this process' file there at once."""
    started = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]  # ids of processes are used again
    path = FOLDER / folder / f"{os.getpid()}-{started}"
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").rename(path)


NOW = Moment()


def watch_for(name: str) -> None:
    """Wrap things as soon as the module `name` has been imported."""
    sys.meta_path.insert(0, _Finder(name))


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(importlib.abc.Loader):
    def __init__(self, real: Any) -> None:
        self._real = real

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._real.create_module(spec)  # type: ignore[no-any-return]

    def exec_module(self, module: ModuleType) -> None:
        self._real.exec_module(module)
        wrap_everything()


def wrap_everything() -> None:
    """Announce every boundary of the classes that record something."""
    from pipeline.adapters.r2_storage import R2Storage
    from pipeline.adapters.streamed_uploads import StreamedUpload
    from pipeline.adapters.tasks import TaskQueue
    from pipeline.repositories.clips import ClipRepository
    from pipeline.repositories.jobs import JobRepository
    from pipeline.repositories.predictions import PredictionRepository
    from pipeline.repositories.videos import VideoRepository
    from pipeline.wiring import Instance

    _wrap_claim(JobRepository)
    _wrap(JobRepository, "write", _steps)
    _wrap(JobRepository, "release", lambda *_, **__: ["release"], ends_turn=True)
    _wrap(JobRepository, "finish", lambda *_, **__: ["finish"], ends_turn=True)
    _wrap(PredictionRepository, "open", lambda *_, **__: ["intent"])
    _wrap_spending(PredictionRepository)
    _wrap(PredictionRepository, "claim", lambda *_, **__: ["prediction:claimed"])
    _wrap(PredictionRepository, "move", lambda _op, _from, to, *_, **__: [f"prediction:{to}"])
    for name in ("upload_file", "upload_bytes"):
        _wrap(R2Storage, name, lambda key, *_, **__: ["upload:" + ("picture" if key.endswith(".jpg") else "media")])
    _wrap(StreamedUpload, "write", lambda *_: ["upload:written"])
    _wrap(StreamedUpload, "finish", lambda: ["upload:media"])
    _wrap(ClipRepository, "create_clip", lambda *_, **__: ["clip:created"])
    _wrap(ClipRepository, "update_clip_status", lambda *_, **__: ["clip:completed"])
    _wrap(VideoRepository, "create_or_update_video", lambda *_, **__: ["video:created"])
    _wrap(VideoRepository, "update_clip_statistics", lambda *_, **__: ["video:statistics"])
    _wrap(VideoRepository, "update_video_status", lambda *_, **__: ["video:completed"])
    _wrap_queue(TaskQueue, "wake", "task")
    _wrap_queue(TaskQueue, "signal", "signal")
    _wrap_watch(Instance, "receive_webhook")
    _wrap_watch(Instance, "sweep")


def _wrap(owner: type, name: str, boundaries: Callable[..., list[str]], *, ends_turn: bool = False) -> None:
    real = getattr(owner, name)

    def wrapped(self: Any, *arguments: Any, **named: Any) -> Any:
        names = boundaries(*arguments, **named)
        for boundary in names:
            NOW.reach(f"{boundary}:before")
        result = real(self, *arguments, **named)
        for boundary in names:
            NOW.reach(f"{boundary}:after")
        if ends_turn and result is not False:  # a release that was refused keeps the turn
            show(None)
        return result

    setattr(owner, name, wrapped)


def _wrap_claim(owner: Any) -> None:
    real = owner.claim

    def claim(self: Any, ref: Any, *arguments: Any) -> Any:
        NOW.job_id = ""
        show({"claiming": True})
        decision, job = real(self, ref, *arguments)
        show(None)
        if type(decision).__name__ == "Take":
            NOW.begin(ref, job.turn, job.interruptions)
            NOW.reach("claim:after")
        return decision, job

    owner.claim = claim


def _wrap_spending(owner: Any) -> None:
    real = owner.claim

    def claim(self: Any, op: str, turn: int, now: datetime, until: datetime) -> Any:
        return real(
            self, op, turn, now, min(until, now + timedelta(seconds=SENDER_SECONDS)) if SENDER_SECONDS else until
        )

    owner.claim = claim


def _wrap_queue(owner: Any, name: str, boundary: str) -> None:
    """Tasks, too, are delivered at least once; and a queue that takes a task and loses it is the sweeper's business."""
    real = getattr(owner, name)
    dice = random.Random(f"{os.environ.get('CHAOS_SEED')}/{os.getpid()}")  # noqa: S311

    def queue(self: Any, ref: Any, *arguments: Any) -> None:
        chance = dice.random()
        fate = "lost" if chance < TASK_LOST else "doubled" if chance < TASK_LOST + TASK_DOUBLED else "one"
        NOW.die_as_planned(str(ref.job_id), str(ref.kind), f"{boundary}:before")
        for _ in range({"lost": 0, "doubled": 2, "one": 1}[fate]):
            real(self, ref, *arguments)
        with (FOLDER / "tasks").open("a") as log:
            log.write(f"{fate}\n")
        NOW.die_as_planned(str(ref.job_id), str(ref.kind), f"{boundary}:after")

    setattr(owner, name, queue)


def _wrap_watch(owner: Any, name: str) -> None:
    """Webhooks and sweeps are no turns, and die as well as those."""
    real = getattr(owner, name)

    def watched(self: Any, *arguments: Any) -> Any:
        NOW.job_id, NOW.is_probed = "", _is_probe()
        show({"doing": name, "interruptions": LIMIT if NOW.is_probed else 0})
        try:
            return real(self, *arguments)
        finally:
            NOW.is_probed = False
            show(None)

    setattr(owner, name, watched)


def _is_probe() -> bool:
    """firebase-tools asks a new process for /__/health, which any function answers by working; it never answers the
    request that it started the process for, when the process dies of that."""
    import flask

    return flask.has_request_context() and flask.request.path.startswith("/__/")


def _steps(_ref: Any, _turn: int, _now: Any, _lease: Any, fields: dict[str, Any], *_: Any, **__: Any) -> list[str]:
    """The steps that this write records as done, scenes without their numbers; `show` for a scene's result."""
    records = {name: value for name, value in fields.items() if re.fullmatch(r"steps\.[^.]+", name)}
    done = [name for name, value in records.items() if value.get("done")]
    steps = [re.sub(r"(?<=:)scene_\d+_", "scene_", name.replace("steps.", "step:")) for name in done]
    steps = [re.sub(r"_\d.*", "", name) for name in steps]  # probe_1, segment_1_<fingerprint>
    return [*steps, *(["show"] if "clips" in fields else [])]
