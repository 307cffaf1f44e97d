"""A debugger at a real function process: it stops where it was told to, looks, and the job goes on."""

import base64
import json
import re
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from google.cloud import firestore
from google.events.cloud.firestore import Document, DocumentEventData

from localdev.debugger.attaching import (
    DELIVERY,
    JOB_FUNCTIONS,
    OTHER_FUNCTIONS,
    SETTINGS,
    debug_environment,
    hook_environment,
    write_addresses,
)
from localdev.stack.functions_source import read_declarations
from localdev.stack.ports import LOOPBACK, choose_ports, is_listening
from localdev.stack.processes import GuardedCommand
from pipeline.config import read_settings
from tests.localdev.debug_adapter import DebugClient

ROOT = Path(__file__).resolve().parents[2]
FUNCTION = "handle_image_generation"
SOURCE = ROOT / "functions/pipeline/handlers/run_job.py"
PROJECT = "demo-debugger"
START_SECONDS = 60.0


def line_of(text: str) -> int:
    lines = SOURCE.read_text().splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


class FunctionProcess:
    """functions-framework as the emulator starts it, with the hook."""

    def __init__(self, log: Path, ports: dict[str, int], debugger: dict[str, int]) -> None:
        self.url = f"http://{LOOPBACK}:{ports['http']}/"
        self.log = log
        venv = ROOT / "functions/venv/bin"
        environment = {
            **hook_environment(debugger),
            "PATH": "/usr/bin:/bin",
            "FUNCTION_TARGET": FUNCTION,
            "FUNCTION_SIGNATURE_TYPE": "cloudevent",
            "FIRESTORE_EMULATOR_HOST": ports["firestore"],
            "GOOGLE_CLOUD_PROJECT": PROJECT,
            "GCLOUD_PROJECT": PROJECT,
            "HOST": LOOPBACK,
            "PORT": str(ports["http"]),
            "WORKERS": "1",
        }
        self.command = GuardedCommand(
            [str(venv / "python"), str(venv / "functions-framework")], env=environment, cwd=ROOT / "functions", log=log
        )

    def debugger(self) -> tuple[str, int]:
        """Where it accepts one, as its log says."""
        give_up_at = time.monotonic() + START_SECONDS
        while not (found := re.search(r"accepts one at ([\d.]+):(\d+)", self.log.read_text())):
            assert time.monotonic() < give_up_at, self.log.read_text()
            assert self.command.exit_status() is None, self.log.read_text()
            time.sleep(0.05)
        return found[1], int(found[2])

    def send_created(self, job_id: str) -> int:
        """Deliver the event of a created job document; the status of the answer."""
        path = f"image_generation_jobs/{job_id}"
        name = f"projects/{PROJECT}/databases/(default)/documents/{path}"
        data = DocumentEventData.serialize(DocumentEventData(value=Document(name=name)))
        event = {
            "specversion": "1.0",
            "id": job_id,
            "source": f"//firestore.googleapis.com/projects/{PROJECT}/databases/(default)",
            "type": "google.cloud.firestore.document.v1.created",
            "subject": f"documents/{path}",
            "time": datetime.now(UTC).isoformat(),
            "datacontenttype": "application/protobuf",
            "location": "us-central1",
            "project": PROJECT,
            "database": "(default)",
            "namespace": "(default)",
            "document": path,
            "data_base64": base64.b64encode(data).decode(),
        }
        headers = {"Content-Type": "application/cloudevents+json"}
        request = urllib.request.Request(self.url, json.dumps(event).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory, firestore_emulator: str) -> Iterator[FunctionProcess]:
    ports = choose_ports(["http", "debugger"])
    process = FunctionProcess(
        tmp_path_factory.mktemp("function") / "function.log",
        {"http": ports["http"], "firestore": firestore_emulator},
        {FUNCTION: ports["debugger"]},
    )
    yield process
    process.command.stop()


def test_a_debugger_stops_a_turn_looks_and_lets_it_go_on(process: FunctionProcess, firestore_client: firestore.Client):
    client = firestore.Client(project=PROJECT)
    job = client.document("image_generation_jobs/job-at-a-breakpoint")
    job.set({"user_id": "user-1", "status": "pending", "scene_id": "scene-1", "text": "A lighthouse"})
    statuses: list[int] = []
    with DebugClient(process.debugger()) as debugger:
        debugger.request("initialize", adapterID="test", pathFormat="path", linesStartAt1=True)
        attached = debugger.send("attach", justMyCode=True)
        debugger.event("initialized")
        breakpoint_line = line_of("lease = timedelta(")
        debugger.request("setBreakpoints", source={"path": str(SOURCE)}, breakpoints=[{"line": breakpoint_line}])
        debugger.request("configurationDone")
        debugger.answer_to(attached)

        event = threading.Thread(target=lambda: statuses.append(process.send_created(job.id)))
        event.start()
        stopped = debugger.event("stopped")
        assert stopped["reason"] == "breakpoint"
        frame = debugger.request("stackTrace", threadId=stopped["threadId"])["stackFrames"][0]
        assert (frame["name"], frame["line"]) == ("_run", breakpoint_line)
        seen = debugger.request("evaluate", expression="ref.job_id", frameId=frame["id"])
        assert seen["result"] == "'job-at-a-breakpoint'"
        left = debugger.request("evaluate", expression="seconds", frameId=frame["id"])
        assert float(left["result"]) == 1800
        assert job.get().get("status") == "pending"
        debugger.send("continue", threadId=stopped["threadId"])
        event.join(60)
    assert statuses == [200]
    assert job.get().get("error")["code"] == "configuration_error"  # this process was given no settings
    client.close()


def test_a_second_process_of_a_function_takes_another_port(
    process: FunctionProcess, tmp_path: Path, firestore_emulator: str
):
    first = process.debugger()
    ports = {"http": choose_ports(["http"])["http"], "firestore": firestore_emulator}
    second = FunctionProcess(tmp_path / "second.log", ports, {FUNCTION: first[1]})
    try:
        assert second.debugger() != first
        assert f"since {first[1]} was taken" in second.log.read_text()
        assert is_listening(second.debugger()[1])
    finally:
        second.command.stop()


def test_every_function_has_a_port_and_settings_take_the_limits(tmp_path: Path):
    declared = set(read_declarations(ROOT / "functions", {"PATH": "/usr/bin:/bin"}).functions)
    assert {*JOB_FUNCTIONS, *OTHER_FUNCTIONS, "sweep_jobs"} == declared  # the emulators know no schedules
    assert read_settings(SETTINGS).lease_seconds == 1800
    assert DELIVERY.deadline_seconds > 1800
    ports = {"advancejob": 5684}
    assert json.loads(debug_environment(ports)["DEBUGGER_PORTS"]) == ports
    write_addresses(tmp_path / "build/debug.json", ports)
    assert json.loads((tmp_path / "build/debug.json").read_text()) == {"advancejob": "127.0.0.1:5684"}


def test_the_emulator_is_told_that_functions_may_take_a_day():
    source = (
        "from firebase_functions.private import serving; import yaml;"
        "m = yaml.safe_load(serving.functions_as_yaml(serving.get_functions()));"
        "print({e['timeoutSeconds'] for e in m['endpoints'].values()})"
    )
    environment = {**hook_environment({"api": 1}), "PATH": "/usr/bin:/bin", "ADMIN_PORT": "1"}
    python = ROOT / "functions/venv/bin/python"
    answer = subprocess.run(
        [python, "-c", source], cwd=ROOT / "functions", env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == ["{86400}"]
