"""Accepts a debugger in a function process: gunicorn's worker, which its master forks.

    functions-framework (master) ── fork ──> worker: listens on its function's port ── adapter ── VS Code, PyCharm

A second process of the same function, which the emulator starts while the first is busy, finds the port taken and
takes any other. Standard library, and debugpy alone of all that is installed for development.
"""

import importlib.util
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

HOST = "127.0.0.1"
SECONDS = int(os.environ.get("DEBUGGER_SECONDS") or 1800)
DAY_SECONDS = 86_400


def accept_in_workers(function: str) -> None:
    """Listen in whatever this process forks to serve."""
    master = os.getpid()

    def forked() -> None:
        if os.getppid() == master:
            _accept(function)

    os.register_at_fork(after_in_child=forked)


def declare_without_limits() -> None:
    """In the process that tells the emulator which functions there are: each may take a day."""
    from firebase_functions.private import manifest

    real: Callable[[Any], Any] = manifest.manifest_to_spec_dict

    def without_limits(declared: Any) -> Any:
        found = real(declared)
        for endpoint in found.get("endpoints", {}).values():
            endpoint["timeoutSeconds"] = DAY_SECONDS
        return found

    manifest.manifest_to_spec_dict = without_limits


def _accept(function: str) -> None:
    try:
        debugpy = _debugpy(Path(os.environ["DEBUGGER_PACKAGE"]))
        wanted = json.loads(os.environ["DEBUGGER_PORTS"]).get(function, 0)
        host, port = _listen(debugpy, wanted)
        _give_turns_time()
    except Exception as error:  # noqa: BLE001  a function without a debugger is better than none
        print(f"debugger: {function} accepts none: {type(error).__name__}: {error}", flush=True)
        return
    why = f", since {wanted} was taken" if port != wanted else ""
    print(f"debugger: {function} (pid {os.getpid()}) accepts one at {host}:{port}{why}", flush=True)


def _listen(debugpy: Any, wanted: int) -> tuple[str, int]:
    if wanted and _is_free(wanted):
        return debugpy.listen((HOST, wanted))  # type: ignore[no-any-return]
    return debugpy.listen((HOST, 0))  # type: ignore[no-any-return]


def _is_free(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _debugpy(folder: Path) -> ModuleType:
    """That package of the developer's environment, and nothing else of it: the functions have packages of their own."""
    spec = importlib.util.spec_from_file_location(
        "debugpy", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} holds no debugpy")
    module = importlib.util.module_from_spec(spec)
    sys.modules["debugpy"] = module
    spec.loader.exec_module(module)
    return module


def _give_turns_time() -> None:
    """A turn ends itself before the function's time is over; at a breakpoint that is soon."""
    from pipeline.wiring import Instance

    for name in ("run_created_job", "run_task"):
        _lengthen(Instance, name)


def _lengthen(owner: Any, name: str) -> None:
    real = getattr(owner, name)

    def longer(self: Any, *arguments: Any) -> None:
        *others, seconds = arguments
        real(self, *others, max(seconds, SECONDS))

    setattr(owner, name, longer)
