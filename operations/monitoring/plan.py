"""What a deployment has already, and so which commands are needed. A second run of the same finds nothing to do.

    metric       found by its name
    policy       found by its label `pipeline-alert`, else by its display name
    dashboard    found by its label `pipeline-dashboard`, else by its display name

What people have set stays: who a policy tells, where no channel is named, and whether it is switched off. Whatever the
server adds to an object is not looked at, so something that was added by hand stays, too, until the object is changed.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from operations.monitoring.definitions import ALERT_LABEL, DASHBOARD_LABEL, METRIC_PREFIX, Definitions
from operations.monitoring.gcloud import Gcloud

Object = Mapping[str, Any]


class Action(StrEnum):
    """What has to be done with something."""

    CREATE = "create"
    UPDATE = "update"
    NOTHING = "is so"


@dataclass(frozen=True)
class Step:
    """One thing of the files, and the command that makes it so."""

    kind: str  # metric, policy, dashboard
    name: str
    action: Action
    body: Object
    file: Path
    command: Sequence[str]
    note: str = ""


@dataclass(frozen=True)
class Existing:
    """What is there."""

    metrics: Sequence[Object] = ()
    policies: Sequence[Object] = ()
    dashboards: Sequence[Object] = ()
    policies_group: Sequence[str] = ("monitoring", "policies")


@dataclass(frozen=True)
class Plan:
    """All steps, in the order of what needs what; and what is there that no file tells of."""

    steps: Sequence[Step]
    left_over: Sequence[Sequence[str]] = field(default=())  # the commands that would delete it


def look(gcloud: Gcloud) -> Existing:
    """What the project has. Raises GcloudError."""
    group = gcloud.policies_group()
    return Existing(
        metrics=gcloud.ask("logging", "metrics", "list") or (),
        policies=gcloud.ask(*group, "list") or (),
        dashboards=gcloud.ask("monitoring", "dashboards", "list") or (),
        policies_group=group,
    )


def make_plan(wanted: Definitions, existing: Existing, gcloud: Gcloud, folder: Path) -> Plan:
    """The steps to `wanted`. Their files will be in `folder`."""
    return Plan(
        steps=[
            *_metric_steps(wanted, existing, gcloud, folder),
            *_policy_steps(wanted, existing, gcloud, folder),
            _dashboard_step(wanted.dashboard, existing, gcloud, folder),
        ],
        left_over=list(_left_over(wanted, existing, gcloud)),
    )


def write_files(plan: Plan) -> None:
    """What the commands read."""
    for step in plan.steps:
        step.file.parent.mkdir(parents=True, exist_ok=True)
        step.file.write_text(json.dumps(step.body, indent=2) + "\n", encoding="utf-8")


def holds(found: Any, wanted: Any) -> bool:
    """Whether all that is wanted is there; a field that is empty may be missing."""
    if isinstance(wanted, Mapping):
        return all(holds((found or {}).get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list):
        return len(found or []) == len(wanted) and all(map(holds, found or [], wanted))
    if found is None:
        return wanted in ("", 0, False, "0s")
    if isinstance(wanted, int | float) and not isinstance(wanted, bool):
        return isinstance(found, int | float | str) and str(float(found)) == str(float(wanted))  # int64 is text in JSON
    return bool(found == wanted)


def _metric_steps(wanted: Definitions, existing: Existing, gcloud: Gcloud, folder: Path) -> Iterator[Step]:
    there = {metric["name"]: metric for metric in existing.metrics}
    for name, body in wanted.metrics.items():
        file = folder / "metrics" / f"{name}.json"
        action = _action(there.get(name), body)
        words = "create" if action is Action.CREATE else "update"
        command = gcloud.command("logging", "metrics", words, name, f"--config-from-file={file}")
        yield Step("metric", name, action, body, file, command)


def _policy_steps(wanted: Definitions, existing: Existing, gcloud: Gcloud, folder: Path) -> Iterator[Step]:
    for label, body in wanted.policies.items():
        file = folder / "policies" / f"{label}.json"
        found = _found(existing.policies, ALERT_LABEL, label, body["displayName"])
        if not found:
            command = gcloud.command(*existing.policies_group, "create", f"--policy-from-file={file}")
            yield Step("policy", label, Action.CREATE, body, file, command)
            continue
        kept = {
            **body,
            "notificationChannels": body["notificationChannels"] or list(found.get("notificationChannels", ())),
            "enabled": found.get("enabled", True),
        }
        command = gcloud.command(*existing.policies_group, "update", found["name"], f"--policy-from-file={file}")
        note = "" if kept["enabled"] else "is switched off, and stays so"
        yield Step("policy", label, _action(found, kept), kept, file, command, note)


def _dashboard_step(body: Object, existing: Existing, gcloud: Gcloud, folder: Path) -> Step:
    file = folder / "dashboard.json"
    found = _found(existing.dashboards, DASHBOARD_LABEL, "", body["displayName"])
    words: tuple[str, ...] = ("monitoring", "dashboards", "create")
    if found:
        words = ("monitoring", "dashboards", "update", found["name"])
    action = _action(found, body)
    if found and found.get("etag"):  # without it the server takes the change for one of an older state
        body = {**body, "etag": found["etag"]}
    command = gcloud.command(*words, f"--config-from-file={file}")
    return Step("dashboard", str(body["displayName"]), action, body, file, command)


def _found(objects: Sequence[Object], label: str, value: str, title: str) -> Object | None:
    """The one with that label (of a policy or a dashboard), else the one with that title."""
    labelled = [one for one in objects if {**one.get("labels", {}), **one.get("userLabels", {})}.get(label) == value]
    return next(iter([*labelled, *(one for one in objects if one.get("displayName") == title)]), None)


def _action(found: Object | None, wanted: Object) -> Action:
    if found is None:
        return Action.CREATE
    return Action.NOTHING if holds(found, wanted) else Action.UPDATE


def _left_over(wanted: Definitions, existing: Existing, gcloud: Gcloud) -> Iterator[Sequence[str]]:
    """What an older version of the files has made; nothing is deleted here, a person decides."""
    for policy in existing.policies:
        label = policy.get("userLabels", {}).get(ALERT_LABEL)
        if label is not None and label not in wanted.policies:
            yield gcloud.command(*existing.policies_group, "delete", policy["name"])
    for metric in existing.metrics:
        if metric["name"].startswith(METRIC_PREFIX) and metric["name"] not in wanted.metrics:
            yield gcloud.command("logging", "metrics", "delete", metric["name"])
