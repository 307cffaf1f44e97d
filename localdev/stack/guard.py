"""Run one command, and end everything that it started when whoever asked for it goes away.

    parent (the stack) --pipe--> guard --spawns--> firebase-tools --spawns--> java (a session of its own),
                                                                              sh -> functions-framework (one each)

firebase-tools leaves its Python workers behind when it stops, and starts java in a session of its own, so neither
`terminate()` nor ending one process group is enough. The guard
- reads its standard input, of which only the parent holds the other end: however the parent ends, even by SIGKILL,
  the pipe closes and the guard ends the command;
- is the "subreaper" of its descendants where the system has that (Linux): orphans become its children and are found;
- asks all descendants to stop (SIGTERM), gives them a moment, then ends what is left (SIGKILL) until none is.

Run by path with `python -I -S guard.py COMMAND...`: standard library only, so that it starts in milliseconds.
Exit status: the command's own, or 0 when the parent asked for the end.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

GRACE_SECONDS = 1.0
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def main(command: Sequence[str]) -> int:
    """Run the command until it ends by itself, the parent's pipe closes, or SIGTERM comes."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    woken_by, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    asked_to_stop: list[int] = []
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: asked_to_stop.append(received))

    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=end_with_parent)
    status: int | None = None
    while status is None and not asked_to_stop:
        readable, _, _ = select.select([0, woken_by], [], [])
        if 0 in readable and not os.read(0, 64):
            break
        if woken_by in readable:
            os.read(woken_by, 4096)
        status = _reap(child.pid)
    end_descendants(os.getpid())
    return 0 if status is None else status


def end_with_parent() -> None:
    """Ask the system to send this process SIGTERM when its parent dies (Linux; nothing elsewhere)."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def end_descendants(ancestor: int, grace_seconds: float = GRACE_SECONDS) -> None:
    """SIGTERM everything below `ancestor`, SIGKILL what is left after the grace; whatever was seen once is not lost."""
    seen: set[int] = set()
    give_up_asking = time.monotonic() + grace_seconds
    give_up = give_up_asking + 10.0
    while time.monotonic() < give_up:
        _reap()
        new = descendants(ancestor) - seen
        seen |= new
        seen = {pid for pid in seen if is_running(pid)}
        if not seen:
            return
        asking = time.monotonic() < give_up_asking
        for pid in new if asking else seen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM if asking else signal.SIGKILL)
        time.sleep(0.02)


def descendants(ancestor: int) -> set[int]:
    """Ids of all processes below `ancestor` now."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    pending = [ancestor]
    while pending:
        for pid in children.get(pending.pop(), []):
            found.add(pid)
            pending.append(pid)
    return found


def _parents() -> list[tuple[int, int]]:
    """(pid, parent's pid) of every process that has not ended."""
    if sys.platform != "linux":
        rows = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=True)  # noqa: S607
        pairs = [row.split() for row in rows.stdout.splitlines()]
        return [(int(pid), int(parent)) for pid, parent in pairs]
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                state, parent = _state_and_parent(int(entry.name))
                if state not in "ZX":
                    found.append((int(entry.name), parent))
    return found


def _state_and_parent(pid: int) -> tuple[str, int]:
    """From /proc/PID/stat, whose second field is a name in brackets that may hold anything."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return fields[0], int(fields[1])


def is_running(pid: int) -> bool:
    """Whether the process has not ended; one that has and was not yet collected by its parent does not count."""
    try:
        if sys.platform == "linux":
            return _state_and_parent(pid)[0] not in "ZX"
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _reap(watched: int = 0) -> int | None:
    """Collect every ended child; the exit status of the watched one, if it is among them."""
    watched_status = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return watched_status
        if pid == 0:
            return watched_status
        if pid == watched:
            watched_status = os.waitstatus_to_exitcode(status) & 0xFF


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
