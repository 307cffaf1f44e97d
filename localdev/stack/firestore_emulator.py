"""The Firestore emulator by itself, for what needs documents and no functions."""

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from localdev.stack.emulators import PROJECT_ID, find_firebase
from localdev.stack.errors import StackError, with_log_tail
from localdev.stack.firestore_jar import cached_jars, find_firestore_jar
from localdev.stack.java import find_java
from localdev.stack.ports import LOOPBACK, choose_ports, is_listening
from localdev.stack.processes import GuardedCommand
from localdev.stack.startable import Startable

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0


class FirestoreEmulator(Startable):
    """Holds the project's rules and nothing else, between start() and stop(). What it writes lies in `folder`."""

    def __init__(self, folder: Path, port: int | None = None, *, java_options: Sequence[str] = ()) -> None:
        self.port = port or choose_ports(["firestore"])["firestore"]
        self._folder = folder
        self._java_options = java_options
        self._command: GuardedCommand | None = None

    @property
    def address(self) -> str:
        """host:port, for FIRESTORE_EMULATOR_HOST"""
        return f"{LOOPBACK}:{self.port}"

    def start(self) -> Self:
        """Returns when it answers. Raises StackError with the end of its log."""
        command = [str(find_java()), *self._java_options, "-jar", str(_jar(self._folder))]
        command += ["--host", LOOPBACK, "--port", str(self.port)]
        command += ["--rules", str(ROOT / "firestore.rules"), "--project_id", PROJECT_ID]
        log = self._folder / "emulator.log"
        self._command = GuardedCommand(command, env=os.environ, cwd=self._folder, log=log)
        give_up_at = time.monotonic() + START_SECONDS
        while not is_listening(self.port):
            if self._command.exit_status() is not None or time.monotonic() > give_up_at:
                self.stop()
                raise StackError(with_log_tail("The Firestore emulator did not start.", log))
            time.sleep(0.1)
        return self

    def stop(self) -> None:
        """What was written is forgotten."""
        if self._command:
            self._command.stop()
            self._command = None


def _jar(folder: Path) -> Path:
    """The emulator's jar; firebase-tools fetches it where nothing else has it."""
    found = find_firestore_jar(os.environ, folder / "launcher.jar")
    if found is None and not cached_jars(os.environ):
        subprocess.run([find_firebase(ROOT, os.environ), "setup:emulators:firestore"], cwd=ROOT, check=True)
    return found or cached_jars(os.environ)[-1]
