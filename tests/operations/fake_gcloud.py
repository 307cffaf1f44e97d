"""A `gcloud` for PATH: knows the flags and the words of the real one's answers, and keeps what it is given.

Checked against Google Cloud SDK 528: its parsers take the same arguments, its messages are quoted. What is on PATH is
a few lines of bash, which ask this process: another Python for every call would be most of what the tests take.
"""

import json
import socketserver
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

CLIENT = """#!/bin/bash
exec 3<>/dev/tcp/127.0.0.1/PORT
printf '%s\\0' "$#" "$@" >&3
IFS= read -r status <&3
if [ "$status" = 0 ]; then cat <&3; else cat <&3 >&2; fi
exit "$status"
"""
NO_ACCOUNT = """ERROR: (gcloud.logging.metrics.list) You do not currently have an active account selected.
Please run:

  $ gcloud auth login

to obtain new credentials."""
TOO_NEW = (
    "ERROR: (gcloud.monitoring.policies.create) NOT_FOUND: Cannot find metric(s) that match type = "
    '"logging.googleapis.com/user/{}". If a metric was created recently, it could take up to 10 minutes to become '
    "available. Please try again soon."
)
DENIED = "ERROR: (gcloud.logging.metrics.create) PERMISSION_DENIED: Permission 'logging.logMetrics.create' denied"
CONFLICT = "ERROR: (gcloud.monitoring.dashboards.update) ABORTED: The etag is not the latest."
FLAGS = {"metrics": "config-from-file", "policies": "policy-from-file", "dashboards": "config-from-file"}
SERVICES = {"metrics": "logging", "policies": "monitoring", "dashboards": "monitoring"}


class Refused(Exception):
    """What it says when it fails."""


class FakeGcloud:
    """One on PATH, from `folder`; and what tests ask of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state: dict[str, dict[str, Any]] = {kind: {} for kind in FLAGS}
        self.calls: list[list[str]] = []
        self.is_logged_in = True
        self.groups: Collection[str] = ("GA", "alpha")  # that have `policies`
        self.denied = ""  # a metric that may not be made
        self.too_new = ""  # a metric that policies may not name yet

    def __enter__(self) -> Self:
        fake = self

        class Call(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                number = int(self._word())
                status, said = fake.answer([self._word() for _ in range(number)])
                self.wfile.write(f"{status}\n{said}".encode())

            def _word(self) -> str:
                return b"".join(iter(lambda: self.rfile.read(1), b"\0")).decode()

        self._server = socketserver.TCPServer(("127.0.0.1", 0), Call)
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.02])
        self._thread.start()
        executable = self.folder / "gcloud"
        executable.write_text(CLIENT.replace("PORT", str(self._server.server_address[1])))
        executable.chmod(0o755)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def changes(self) -> list[list[str]]:
        """The calls that were more than looks."""
        return [call for call in self.calls if "list" not in call]

    def answer(self, arguments: list[str]) -> tuple[int, str]:
        """Exit status, and what it prints."""
        self.calls.append(arguments)
        try:
            return 0, self._answer(arguments)
        except Refused as refused:
            return 1, str(refused)

    def _answer(self, arguments: list[str]) -> str:
        flags = dict(one[2:].split("=", 1) for one in arguments if one.startswith("--"))
        words = [one for one in arguments if not one.startswith("--")]
        group = words.pop(0) if words[0] == "alpha" else "GA"
        service, kind, verb, *names = words
        if SERVICES.get(kind) != service or (kind == "policies" and group not in self.groups):
            raise Refused(f"ERROR: (gcloud.{service}) Invalid choice: '{kind}'.")
        project = flags.pop("project", "")
        if not project or not self.is_logged_in:
            raise Refused(NO_ACCOUNT)
        if verb == "list":
            if set(flags) - {"limit"} != {"format"}:
                raise Refused(f"ERROR: (gcloud) unrecognized arguments: {flags}")
            return json.dumps(list(self.state[kind].values()))
        if set(flags) != {FLAGS[kind]} or len(names) != (0 if verb == "create" and kind != "metrics" else 1):
            raise Refused(f"ERROR: (gcloud) unrecognized arguments: {arguments}")
        body = json.loads(Path(flags[FLAGS[kind]]).read_text())
        self._store(kind, verb, names, body, project)
        return ""

    def _store(self, kind: str, verb: str, names: Sequence[str], body: dict[str, Any], project: str) -> None:
        """As the server keeps it: with what it adds, without what is empty."""
        there = self.state[kind]
        path = {"policies": "alertPolicies"}.get(kind, kind)
        name = names[0] if names else f"projects/{project}/{path}/{len(there) + 1}"
        if (verb == "update") is not (name in there):
            raise Refused(f"ERROR: (gcloud) {'NOT_FOUND' if verb == 'update' else 'ALREADY_EXISTS'}: {name}")
        if name == self.denied:
            raise Refused(DENIED)
        if kind == "policies" and self.too_new and self.too_new in json.dumps(body):
            raise Refused(TOO_NEW.format(self.too_new))
        if kind == "dashboards" and verb == "update" and body.pop("etag", "") != there[name]["etag"]:
            raise Refused(CONFLICT)
        if kind == "metrics":
            body["metricDescriptor"]["type"] = f"logging.googleapis.com/user/{name}"
            body["createTime"] = "2026-01-01T00:00:00Z"
        if kind == "policies":
            body["conditions"] = [{**one, "name": f"{name}/conditions/{n}"} for n, one in enumerate(body["conditions"])]
            body["creationRecord"] = {"mutateTime": "2026-01-01T00:00:00Z", "mutatedBy": "me"}
        if kind == "dashboards":
            body["etag"] = f"v{len(self.calls)}"
        there[name] = {**_without_what_is_empty(body), "name": name}


def _without_what_is_empty(value: Any) -> Any:
    if isinstance(value, Mapping):
        slim = {name: _without_what_is_empty(item) for name, item in value.items()}
        return {name: item for name, item in slim.items() if item not in ([], 0) or isinstance(item, bool)}
    return [_without_what_is_empty(item) for item in value] if isinstance(value, list) else value
