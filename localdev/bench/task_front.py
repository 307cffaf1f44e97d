"""In front of the Cloud Tasks emulator: counts the tasks, and holds each until its time has come.

The emulator delivers what is scheduled at once, is told that it came early, and tries again, some times a second; Cloud
Tasks keeps it until then. What would be billed is that.
"""

import http.client
import json
import threading
import uuid
from datetime import UTC, datetime
from functools import partial
from typing import Any

from localdev.stack.loopback import Exchange, LoopbackServer


class TaskFront(LoopbackServer):
    """Forwards to `target` (host:port), which is known once the stack runs."""

    def __init__(self) -> None:
        super().__init__(partial(_Tasks, self))
        self.target = ""
        self._created = 0
        self._lock = threading.Lock()
        self._waiting: dict[threading.Timer, tuple[str, bytes]] = {}

    def stop(self) -> None:
        super().stop()
        for timer in list(self._waiting):
            timer.cancel()

    def take(self) -> int:
        """How many tasks were created since the last time."""
        with self._lock:
            created, self._created = self._created, 0
        return created

    def accept(self, path: str, body: bytes) -> None:
        """Take a task over; it is forwarded in time."""
        at = json.loads(body)["task"].get("scheduleTime")
        due = datetime.fromisoformat(at.replace("Z", "+00:00")) if at else datetime.now(UTC)
        wait = max((due.replace(tzinfo=due.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), 0.0)
        timer = threading.Timer(wait, lambda: self._forward(timer))
        timer.daemon = True
        with self._lock:
            self._created += 1
            self._waiting[timer] = path, body
        timer.start()

    def hurry(self) -> None:
        """Deliver at once what is still held: for jobs that have ended, which leave it alone whenever it comes."""
        for timer in list(self._waiting):
            timer.cancel()
            self._forward(timer)

    def _forward(self, timer: threading.Timer) -> None:
        with self._lock:
            task = self._waiting.pop(timer, None)
        if task is None:
            return
        path, body = task
        connection = http.client.HTTPConnection(self.target, timeout=60)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            connection.getresponse().read()
        finally:
            connection.close()


class _Tasks(Exchange):
    def __init__(self, front: TaskFront, *arguments: Any) -> None:
        self._front = front
        super().__init__(*arguments)

    def do_POST(self) -> None:
        self._front.accept(self.path, self.body())
        self.answer_json({"task": {"name": f"{self.path}/{uuid.uuid4().hex}"}})
