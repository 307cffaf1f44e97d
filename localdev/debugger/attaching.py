"""What the local stack needs so that a debugger can be attached to its functions, and so that nobody gives up on a job
while somebody stands at a breakpoint. Who would, first to last, and what is done about it:

    turn           520 s    the hook gives it as long as the longest lease
    emulator       540 s    the hook tells it, when functions are discovered, that they take a day
    relay          600 s    DELIVERY: a day
    lease          180 s    SETTINGS: 1,800 s, the most that the setting takes; after that another turn may take over
    Tasks emulator 300 s    its HTTP client's own limit: it sends the task again, which the lease turns away

The last two stay. A turn that has lost its job ends at its next write, without harm.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import debugpy

from localdev.stack.delivery import DeliveryPolicy
from localdev.stack.emulators import PROJECT_ID
from localdev.stack.ports import LOOPBACK, choose_ports

HOOK = Path(__file__).with_name("hook")
FIRST_PORT = 5680
JOB_FUNCTIONS = (
    "handle_image_generation",
    "handle_video_generation",
    "handle_multi_video_generation",
    "handle_composition",
    "advancejob",
    "advancecomposition",
)
"""Those that run turns: their processes are started at once, so that a debugger finds them."""
OTHER_FUNCTIONS = ("handle_replicate_webhook", "api", "sweep_jobs_now")
"""Their processes come with their first request."""

NO_EVENT = b'{"data": null, "start": true}'
DAY_SECONDS = 86_400
LEASE_SECONDS = 1800
DELIVERY = DeliveryPolicy(deadline_seconds=DAY_SECONDS)
SETTINGS: Mapping[str, str] = {
    "LEASE_SECONDS": str(LEASE_SECONDS),
    "IMAGE_CANCEL_AFTER_SECONDS": "1800",
    "VIDEO_CANCEL_AFTER_SECONDS": "1800",
    "KONTEXT_SECONDS": "600",
}


def choose_debug_ports() -> dict[str, int]:
    """A port for every function: from FIRST_PORT on where they are free."""
    names = (*JOB_FUNCTIONS, *OTHER_FUNCTIONS)
    return choose_ports(names, {name: FIRST_PORT + place for place, name in enumerate(names)})


def debug_environment(ports: Mapping[str, int]) -> dict[str, str]:
    """Settings of the functions, over those of the stack."""
    return {**SETTINGS, **hook_environment(ports)}


def hook_environment(ports: Mapping[str, int]) -> dict[str, str]:
    """What a function process needs to accept a debugger. One folder is added to its path, no package."""
    return {
        "PYTHONPATH": str(HOOK),
        "DEBUGGER_PORTS": json.dumps(dict(ports)),
        "DEBUGGER_PACKAGE": str(Path(debugpy.__file__).parent),
        "DEBUGGER_SECONDS": str(LEASE_SECONDS),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # or it warns of Python's frozen modules, which nobody steps through
    }


def write_addresses(path: Path, ports: Mapping[str, int]) -> None:
    """`{"advancejob": "127.0.0.1:5684", ...}`, for tools."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({name: f"{LOOPBACK}:{port}" for name, port in ports.items()}, indent=2) + "\n")


def start_processes(functions_url: str) -> list[str]:
    """Have the functions emulator start a process for each that runs turns. Returns the names of those that did not.

    What is sent is no event and no task: the framework refuses it, and no handler sees it.
    """
    host, _, rest = functions_url.removeprefix("http://").partition("/")
    region = rest.partition("/")[2]
    events = f"http://{host}/functions/projects/{PROJECT_ID}/triggers/{region}"
    urls = {
        name: f"{events}-{name}-0" if name.startswith("handle_") else f"{functions_url}/{name}"
        for name in JOB_FUNCTIONS
    }
    return [name for name, url in urls.items() if not _answers(url)]


def _answers(url: str) -> bool:
    request = urllib.request.Request(url, NO_EVENT, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return error.code != 404
    except OSError:
        return False
