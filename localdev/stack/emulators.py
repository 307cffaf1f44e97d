"""firebase-tools' emulators: their configuration, their processes, and the moment when they can be used.

The Auth emulator spends five seconds of processor time on compiling its API description, and firebase-tools starts
one emulator after the other; so it gets a firebase-tools of its own, which starts beside the one for the rest.
"""

import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localdev.stack.errors import StackError, with_log_tail
from localdev.stack.functions_source import Declarations
from localdev.stack.ports import LOOPBACK, is_listening
from localdev.stack.processes import GuardedCommand

PROJECT_ID = "demo-words-to-video"
EMULATORS = ("functions", "firestore", "auth", "tasks")
HOSTING = "hosting"
"""The emulator of the page, started where there is one to serve."""
PORT_NAMES = (*EMULATORS, "hub", "logging", "eventarc", "firestore_websocket", "auth_hub", "auth_logging")
_DISCOVERY_FAILED = "Failed to load function definition from source"


def local_config(
    config: Mapping[str, Any],
    ports: Mapping[str, int],
    runtime: str,
    config_dir: str,
    hosting: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """firebase.json for this run: chosen ports, the Python that is there, the stack's own dotenv directory.

    Without `storage`, whose emulator and rules need a jar that only the network has. `hosting` as this run has it
    (hosting.py); None: no page is served.
    """
    local = {name: value for name, value in config.items() if name not in ("storage", "hosting", "emulators")}
    declared = config.get("functions", {})
    local["functions"] = [
        {**source, "runtime": runtime, "configDir": config_dir}
        for source in (declared if isinstance(declared, list) else [declared])
    ]
    names = ["functions", "firestore", "tasks", "hub", "logging", "eventarc"]
    if hosting is not None:
        local["hosting"] = dict(hosting)
        names.append(HOSTING)
    local["emulators"] = _listening({name: ports[name] for name in names})
    local["emulators"]["firestore"]["websocketPort"] = ports["firestore_websocket"]
    return local


def auth_config(ports: Mapping[str, int]) -> dict[str, Any]:
    """For the firebase-tools that runs nothing but the Auth emulator."""
    names = {"auth": "auth", "hub": "auth_hub", "logging": "auth_logging"}
    return {"emulators": _listening({name: ports[chosen] for name, chosen in names.items()})}


def _listening(ports: Mapping[str, int]) -> dict[str, Any]:
    where = {name: {"host": LOOPBACK, "port": port} for name, port in ports.items()}
    return {**where, "ui": {"enabled": False}, "singleProjectMode": True}


def find_firebase(project_root: Path, environ: Mapping[str, str]) -> Path:
    """The firebase command: FIREBASE_TOOLS_BIN, else the project's own, else the one on PATH."""
    named = environ.get("FIREBASE_TOOLS_BIN")
    found = Path(named) if named else project_root / "node_modules" / ".bin" / "firebase"
    if found.exists():
        return found
    on_path = shutil.which("firebase", path=environ.get("PATH"))
    if on_path is None or named:
        raise StackError(f"{found} is missing: run `npm install` in {project_root} (Node 20 or newer).")
    return Path(on_path)


@dataclass(frozen=True)
class EmulatorRun:
    """Everything that starting the emulators takes."""

    project_root: Path
    config: Mapping[str, Any]
    ports: Mapping[str, int]
    environment: Mapping[str, str]
    declarations: Declarations
    log: Path


class Emulators:
    """The running emulators."""

    def __init__(self, run: EmulatorRun) -> None:
        """Nothing is started yet."""
        self._run = run
        # beside firebase.json: sources must lie below it
        self._config_path = run.project_root / f".firebase.{run.log.parent.name}.json"
        self._commands: list[GuardedCommand] = []

    def start(self) -> None:
        """Start them; `wait_until_ready` tells when they can be used."""
        log = self._run.log
        self._start("auth", log.with_name("auth.json"), auth_config(self._run.ports), log.with_name("auth.log"))
        only = ["functions", "firestore", "tasks", *([HOSTING] if HOSTING in self._run.config else [])]
        self._start(",".join(only), self._config_path, self._run.config, log)

    def _start(self, only: str, config_path: Path, config: Mapping[str, Any], log: Path) -> None:
        run = self._run
        firebase = find_firebase(run.project_root, run.environment)
        log.parent.mkdir(parents=True, exist_ok=True)
        config_path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        argv = [str(firebase), "emulators:start", "--only", only]
        argv += ["--project", PROJECT_ID, "--config", str(config_path), "--non-interactive"]
        env = _emulators_environment(run.environment)
        # firebase-tools puts its *-debug.log into the working directory
        self._commands.append(GuardedCommand(argv, env=env, cwd=log.parent, log=log))

    @property
    def functions_guard_pid(self) -> int:
        """The process below which the functions' processes are."""
        return self._commands[-1].pid

    def wait_until_ready(self, timeout_seconds: float) -> None:
        """Return once every emulator answers and every declared function is loaded; StackError says what is wrong."""
        give_up = time.monotonic() + timeout_seconds
        while not self._ready():
            self._raise_if_failed()
            if time.monotonic() > give_up:
                sentence = f"The emulators were not ready after {timeout_seconds:.0f} s."
                raise StackError(with_log_tail(sentence, self._run.log))
            time.sleep(0.1)

    def stop(self) -> None:
        """End them and everything that they started."""
        for command in self._commands:
            command.let_go()
        for command in self._commands:
            command.stop()
        self._config_path.unlink(missing_ok=True)

    def _ready(self) -> bool:
        names = [*EMULATORS, *([HOSTING] if HOSTING in self._run.config else [])]
        if not all(is_listening(self._run.ports[name]) for name in names):
            return False
        return set(self._run.declarations.functions) <= self._loaded_functions()

    def _loaded_functions(self) -> set[str]:
        try:
            with urllib.request.urlopen(
                f"http://{LOOPBACK}:{self._run.ports['functions']}/backends", timeout=5
            ) as answer:
                backends = json.load(answer)["backends"]
        except (urllib.error.URLError, OSError):
            return set()
        return {trigger["entryPoint"] for backend in backends for trigger in backend["functionTriggers"]}

    def _raise_if_failed(self) -> None:
        if _DISCOVERY_FAILED in self._run.log.read_text(encoding="utf-8", errors="replace"):
            raise StackError(with_log_tail("The functions could not be loaded.", self._run.log))
        for command in self._commands:
            if command.exit_status() is not None:
                raise StackError(with_log_tail(self._why_ended(), command.log))

    def _why_ended(self) -> str:
        for name in (*PORT_NAMES, HOSTING):
            port = self._run.ports.get(name)
            if port and is_listening(port):
                return f"Port {port}, chosen for {name}, is taken by another program or an earlier run: start again."
        return "firebase-tools stopped by itself."


def _emulators_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Nothing that makes firebase-tools call home (CI: no message of the day) or colour its log.

    A busy machine gets a minute for loading the functions, not ten seconds.
    """
    calm = {"NO_UPDATE_NOTIFIER": "1", "NO_COLOR": "1", "CI": "true"}
    return {"FUNCTIONS_DISCOVERY_TIMEOUT": "60", **environment, **calm}
