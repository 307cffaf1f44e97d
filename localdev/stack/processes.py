"""Commands that end completely when they are stopped, or when this process ends in whatever way (see guard.py)."""

import atexit
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

GUARD = Path(__file__).with_name("guard.py")


class GuardedCommand:
    """A running command with all that it starts. Its output goes to a log file."""

    def __init__(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path) -> None:
        """Start the command.

        The new session keeps Ctrl-C in a terminal from reaching it: the stack decides when and in what order
        parts end. Nothing but this process holds the guard's standard input.
        """
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", str(GUARD), *argv],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
            )
        atexit.register(self.stop)

    @property
    def pid(self) -> int:
        """Process id of the guard, which is also the id of its process group and session."""
        return self._guard.pid

    def exit_status(self) -> int | None:
        """The command's exit status, or None while it runs."""
        return self._guard.poll()

    def let_go(self) -> None:
        """Ask for the end without waiting for it."""
        if self._guard.stdin and not self._guard.stdin.closed:
            self._guard.stdin.close()

    def stop(self, timeout_seconds: float = 15.0) -> None:
        """End the command and everything it started; returns when nothing of it is left. Safe to repeat."""
        atexit.unregister(self.stop)
        self.let_go()
        self._guard.wait(timeout_seconds)
