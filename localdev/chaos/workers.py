"""The function processes of a running stack: found in /proc, killed at random moments, and tidied up after.

firebase-tools starts one shell for each, in which gunicorn's master starts the process that serves:

    guard ── firebase ── sh ── functions-framework (master) ── functions-framework (serves; knows its turn)

A killed instance is the three of them. firebase-tools sees that the shell has ended, and starts another with the next
request. Linux only.
"""

import contextlib
import json
import os
import random
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INTERRUPTIONS_LIMIT = 1
"""A turn that follows so many interrupted ones is spared: the job would be given up, rightly."""

BUSY_SHARE = 0.85
FRAMEWORK = "functions-framework"


@dataclass(frozen=True)
class Process:
    """One process, as /proc shows it."""

    pid: int
    parent: int
    command: str
    started: str

    @property
    def name(self) -> str:
        """That no other process ever has: ids are used again."""
        return f"{self.pid}-{self.started}"

    @property
    def is_framework(self) -> bool:
        """Whether it is a master or serves; the shell around them only names it."""
        return FRAMEWORK in self.command and not self.command.startswith("/bin/sh")


def processes_below(ancestor: int) -> list[Process]:
    """Every process below `ancestor`, nearest first."""
    everything = list(_all_processes())
    found, pending = [], [ancestor]
    while pending:
        parent = pending.pop(0)
        children = [process for process in everything if process.parent == parent]
        found += children
        pending += [child.pid for child in children]
    return found


def _all_processes() -> list[Process]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if fields[0] not in "ZX":
                    found.append(Process(int(entry.name), int(fields[1]), command, fields[19]))
    return found


class Killer:
    """Kills function processes of the stack under `guard_pid` at random moments, from a thread of its own."""

    def __init__(self, guard_pid: int, folder: Path, seed: int, every_seconds: float) -> None:
        """`folder`: where the processes tell which turn they are in. `every_seconds`: on average."""
        self.kills: list[Mapping[str, Any]] = []
        self.orphans_ended = 0
        self._guard_pid = guard_pid
        self._folder = folder
        self._every_seconds = every_seconds
        self._dice = random.Random(f"{seed}/kills")  # noqa: S311 - repeatable on purpose
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Kill nobody from now on."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            wait = self._dice.expovariate(1 / self._every_seconds) if self._every_seconds else 2.0
            if self._stopping.wait(wait):
                return
            processes = processes_below(self._guard_pid)
            self._end_orphans(processes)
            if self._every_seconds:
                self._kill_one(processes)

    def _kill_one(self, processes: list[Process]) -> None:
        frameworks = {process.pid: process for process in processes if process.is_framework}
        serving = [process for process in frameworks.values() if process.parent in frameworks]
        # firebase-tools never answers a request whose process died before it was seen to listen: spare the new ones
        used = [process for process in serving if (self._folder / process.name).exists()]
        busy = [process for process in used if (turn := self._turn(process)) and not _is_spared(turn)]
        # an idle process dies too, but most kills should cost somebody a turn
        pool = busy if busy and self._dice.random() < BUSY_SHARE else used
        if pool:
            self._kill(self._dice.choice(sorted(pool, key=lambda process: process.pid)))

    def _kill(self, process: Process) -> None:
        """Hold it, see what it is doing, and kill it unless that would be once too often for its job."""
        turn: Mapping[str, Any] | None = None
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            os.kill(process.pid, signal.SIGSTOP)
            try:
                turn = self._turn(process)
                if turn and _is_spared(turn):
                    return
                os.kill(process.parent, signal.SIGKILL)
                os.kill(process.pid, signal.SIGKILL)
                self.kills.append({"at": time.time(), "pid": process.pid, **(turn or {})})
            finally:
                os.kill(process.pid, signal.SIGCONT)

    def _turn(self, process: Process) -> Mapping[str, Any] | None:
        with contextlib.suppress(OSError, ValueError):
            found: Mapping[str, Any] | None = json.loads((self._folder / process.name).read_text())
            return found
        return None

    def _end_orphans(self, processes: list[Process]) -> None:
        """What a killed instance has left behind (an ffmpeg, a master without its shell) dies with it elsewhere."""
        for process in processes:
            if process.parent == self._guard_pid and (FRAMEWORK in process.command or "ffmpeg" in process.command):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
                    self.orphans_ended += 1


def _is_spared(turn: Mapping[str, Any]) -> bool:
    """One that is just being claimed, or that follows too many interrupted ones."""
    return int(turn.get("interruptions", INTERRUPTIONS_LIMIT)) >= INTERRUPTIONS_LIMIT
