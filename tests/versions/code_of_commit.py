"""The functions as they are at a commit, run by a process of their own, and the queue that their tasks go to."""

import base64
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from localdev.stack.loopback import Exchange, LoopbackServer

ROOT = Path(__file__).parents[2]
INSTANCE = Path(__file__).parent / "one_instance.py"
ANSWER = "ANSWER "  # as that script has it


def checked_out(commit: str, folder: Path) -> Path:
    """The functions of a commit, laid out under `folder`. "" is the working tree, which stays where it is."""
    if not commit:
        return ROOT / "functions"
    with tarfile.open(fileobj=io.BytesIO(git("archive", commit, "functions"))) as files:
        files.extractall(folder, filter="data")
    return folder / "functions"


def git(*arguments: str) -> bytes:
    """What git answers in this clone. Raises CalledProcessError."""
    command = [str(shutil.which("git")), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout


class RunningCode:
    """A process that is one instance of the functions."""

    def __init__(self, functions: Path, environment: Mapping[str, str], log: Path) -> None:
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, str(INSTANCE)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**_of_the_machine(), **environment, "PYTHONPATH": str(functions)},
            )
        self.log: list[str] = []
        assert self._answer() == "ready", self.log

    def created(self, kind: str, job_id: str, seconds: float) -> str:
        return self._call(do="created", kind=kind, job_id=job_id, seconds=seconds)

    def task(self, data: Mapping[str, Any], seconds: float) -> str:
        return self._call(do="task", data=data, seconds=seconds)

    def sweep(self) -> str:
        return self._call(do="sweep", seconds=60.0)

    def dies_during(self, kind: str, job_id: str, when: Callable[[], bool]) -> None:
        """The instance begins a job and is killed in the middle of it."""
        self._send(do="created", kind=kind, job_id=job_id, seconds=500.0)
        while not when():
            assert self._process.poll() is None
        self._process.send_signal(signal.SIGKILL)
        self.stop()

    def stop(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait(20)
        if self._process.stdout:
            self._process.stdout.close()

    def _call(self, **call: Any) -> str:
        self._send(**call)
        return self._answer()

    def _send(self, **call: Any) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(call) + "\n")
        self._process.stdin.flush()

    def _answer(self) -> str:
        assert self._process.stdout
        for line in self._process.stdout:
            if line.startswith(ANSWER):
                return line.removeprefix(ANSWER).strip()
            self.log.append(line.rstrip())
        raise AssertionError("the instance is gone:\n" + "\n".join(self.log[-20:]))


class TaskSink(LoopbackServer):
    """What speaks Cloud Tasks' protocol and keeps the tasks, for a driver to deliver."""

    def __init__(self) -> None:
        super().__init__(partial(_TaskExchange, self))
        self._tasks: list[tuple[float, dict[str, Any]]] = []
        self._lock = threading.Lock()

    def add(self, data: dict[str, Any], due: float) -> None:
        with self._lock:
            self._tasks.append((due, data))

    def due(self) -> list[dict[str, Any]]:
        """The tasks whose time has come; they are gone from here."""
        now = time.time()
        with self._lock:
            ready = [data for due, data in self._tasks if due <= now]
            self._tasks = [(due, data) for due, data in self._tasks if due > now]
        return ready

    def clear(self) -> None:
        with self._lock:
            self._tasks.clear()


class _TaskExchange(Exchange):
    def __init__(self, sink: TaskSink, *arguments: Any) -> None:
        self._sink = sink
        super().__init__(*arguments)

    def do_POST(self) -> None:
        task = json.loads(self.body())["task"]
        encoded = (task.get("httpRequest") or task["http_request"])["body"]
        at = task.get("scheduleTime") or task.get("schedule_time")
        due = datetime.fromisoformat(at.replace("Z", "+00:00")).astimezone(UTC).timestamp() if at else time.time()
        self._sink.add(json.loads(base64.b64decode(encoded))["data"], due)
        self.answer_json({"task": {"name": f"{self.path}/task-1"}})


def _of_the_machine() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
