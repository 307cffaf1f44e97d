"""The local stack with fronts that count what would be billed for a piece of work.

    frontend ──> emulators ──events, tasks──> functions ──┬──> FirestoreFront ──> Firestore
                  ▲               ▲                       ├──> StorageCounter ──> object store
                  │               └── webhooks ── stub <──┤
                  └───────── TaskFront <──────────────────┘

The functions run as they are deployed, each in a process of its own; the frontend's own reads and writes go past the
fronts, and what a listener would be told is counted by the writes to the document that it listens to.
"""

import os
import re
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from localdev.bench.firestore_front import FirestoreFront
from localdev.bench.storage_counter import StorageCounter
from localdev.bench.task_front import TaskFront
from localdev.stack import LocalStack
from localdev.stack.ports import LOOPBACK, choose_ports
from localdev.stack.stack import R2_BUCKET
from localdev.stack.startable import Startable

HOOK = Path(__file__).with_name("hook")
FINISHED = re.compile(r'Finished "[a-z0-9-]+?-([a-z_]+)" in ([\d.]+)ms')
ENTRY = re.compile(r'^>\s+(\{.*"severity".*\})\s*$', re.MULTILINE)
SETTLING_SECONDS = 2.0
"""What comes behind the end of a job, its last webhook's turn for one, is billed as well: until nothing has run for so
long, and every webhook was answered."""

GIVE_UP_SECONDS = 90.0
BEGUN = re.compile('Beginning execution of "')


@dataclass(frozen=True)
class Spent:
    """What a piece of work took. Seconds of function calls by function; bytes of what was stored and logged."""

    calls: Counter[str]
    seconds: Counter[str]
    firestore: Counter[str]
    storage: Counter[str]
    tasks: int
    log_bytes: int


class CountedStack(Startable):
    """Runs with the defaults of a deployment: nobody writes prompts, nothing is moderated."""

    def __init__(self, video_seconds: float) -> None:
        self._parts = ExitStack()
        self._video_seconds = video_seconds

    def start(self) -> Self:
        self.firestore = self._parts.enter_context(FirestoreFront())
        self.storage = self._parts.enter_context(StorageCounter())
        self.tasks = self._parts.enter_context(TaskFront())
        servers = choose_ports(("r2", "replicate", "storage_download"))
        hosts = [f"{LOOPBACK}:{port}" for port in servers.values()] + [self.storage.address]
        self.stack = LocalStack(
            environ={name: value for name, value in os.environ.items() if name != "REPLICATE_API_TOKEN"},
            preferred_ports=servers,
            video_seconds=self._video_seconds,
            spread=0.0,
            functions_environment={
                "PYTHONPATH": str(HOOK),
                "COUNTED_FIRESTORE": self.firestore.address,
                "COUNTED_TASKS": self.tasks.address,
                "R2_ENDPOINT_URL": self.storage.base_url,
                "R2_PUBLIC_BASE_URL": f"{self.storage.base_url}/{R2_BUCKET}",
                "ALLOWED_HTTP_HOSTS": ",".join(hosts),
                "PROMPT_WRITER": "template",
                "MODERATION": "off",
            },
            name="bench-costs",
            say=lambda _: None,
        )
        self._parts.enter_context(self.stack)
        self.firestore.target = self.stack.urls.firestore
        self.tasks.target = self.stack.urls.tasks
        self.storage.target = self.stack.urls.r2_url.removeprefix("http://")
        return self

    def stop(self) -> None:
        self._parts.close()

    def spent_by(self, work: Callable[[], object]) -> Spent:
        """What `work`, and what comes behind it, takes."""
        self._settle(self.stack.functions_log.stat().st_size)  # what came before
        self.firestore.take()
        self.storage.take()
        self.tasks.take()
        begin = self.stack.functions_log.stat().st_size
        work()
        self._settle(begin)
        self.tasks.hurry()
        self._settle(begin)
        text = self._log_since(begin)
        calls: Counter[str] = Counter()
        seconds: Counter[str] = Counter()
        for name, milliseconds in FINISHED.findall(text):
            calls[name] += 1
            seconds[name] += float(milliseconds) / 1000
        entries = ENTRY.findall(text)
        log_bytes = sum(len(entry.encode()) for entry in entries)
        return Spent(calls, seconds, self.firestore.take(), self.storage.take(), self.tasks.take(), log_bytes)

    def _settle(self, begin: int) -> None:
        """Wait until all that was begun since then is over."""
        stub, give_up_at = self.stack.replicate, time.monotonic() + GIVE_UP_SECONDS
        quiet_since, seen = time.monotonic(), ""
        while time.monotonic() < quiet_since + SETTLING_SECONDS:
            if time.monotonic() > give_up_at:
                raise RuntimeError("The functions do not come to rest.")
            time.sleep(0.2)
            text = self._log_since(begin)
            is_busy = len(BEGUN.findall(text)) > len(FINISHED.findall(text)) or len(stub.webhooks.sent) < stub.creates
            if is_busy or text != seen:
                quiet_since, seen = time.monotonic(), text

    def _log_since(self, begin: int) -> str:
        with self.stack.functions_log.open(encoding="utf-8", errors="replace") as lines:
            lines.seek(begin)
            return lines.read()
