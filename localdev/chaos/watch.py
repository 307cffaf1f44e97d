"""Listens to all job documents while they run: which have ended, and whether any ever went backwards."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.cloud import firestore

from pipeline.domain.jobs import JobKind, JobStatus

ORDER = {"pending": 0, "processing": 1, "complete": 2, "error": 2, "canceled": 2}
TOUCHED = "chaos_touched"
"""The field that the contention writes; it is nobody's business."""


@dataclass
class JobHistory:
    """What was seen of one job."""

    path: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    seen_at: Any = None
    states: int = 0
    complaints: list[str] = field(default_factory=list)

    def add(self, fields: Mapping[str, Any], seen_at: Any) -> None:
        """The next state; complains about what may not happen."""
        if self.seen_at is not None and seen_at < self.seen_at:
            return
        before, self.fields, self.seen_at = self.fields, fields, seen_at
        self.states += 1
        if not before:
            return
        for name in ("turn", "progress_percent", "attempt"):
            if (fields.get(name) or 0) < (before.get(name) or 0):
                self.complaints.append(f"{name} went from {before.get(name)} to {fields.get(name)}")
        if ORDER[fields["status"]] < ORDER[before["status"]]:
            self.complaints.append(f"status went from {before['status']} to {fields['status']}")
        if ORDER[before["status"]] == 2 and _without_touch(before) != _without_touch(fields):
            changed = [n for n in {*before, *fields} - {TOUCHED} if before.get(n) != fields.get(n)]
            self.complaints.append(f"{', '.join(sorted(changed))} changed after the job had ended")
        lost = set(_done(before)) - set(_done(fields))
        if lost:
            self.complaints.append(f"steps {', '.join(sorted(lost))} were forgotten")


class Watch:
    """Job histories by id, kept up to date by listeners."""

    def __init__(self, client: firestore.Client) -> None:
        self.histories: dict[str, JobHistory] = {}
        self.changed = threading.Condition()
        self._client = client
        self._listeners: list[Any] = []

    def start(self) -> None:
        for kind in JobKind:
            self._listeners.append(self._client.collection(kind.collection).on_snapshot(self._on_snapshot))

    def stop(self) -> None:
        for listener in self._listeners:
            listener.unsubscribe()

    def ended(self) -> set[str]:
        """Ids of the jobs that have ended."""
        with self.changed:
            return {job_id for job_id, history in self.histories.items() if _is_ended(history.fields)}

    def open_paths(self) -> list[str]:
        """The documents of the jobs that exist and have not ended."""
        with self.changed:
            return [history.path for history in self.histories.values() if not _is_ended(history.fields)]

    def wait_for(self, condition: Callable[[], bool], timeout_seconds: float) -> bool:
        with self.changed:
            return self.changed.wait_for(condition, timeout_seconds)

    def _on_snapshot(self, _documents: Any, changes: Any, _read_time: Any) -> None:
        with self.changed:
            for change in changes:
                document = change.document
                history = self.histories.setdefault(document.id, JobHistory(document.reference.path))
                history.add(document.to_dict() or {}, document.update_time)
            self.changed.notify_all()


def _is_ended(fields: Mapping[str, Any]) -> bool:
    return fields.get("status") in [str(status) for status in JobStatus if status.is_terminal]


def _without_touch(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in fields.items() if name != TOUCHED}


def _done(fields: Mapping[str, Any]) -> list[str]:
    return [name for name, step in (fields.get("steps") or {}).items() if step.get("done")]
