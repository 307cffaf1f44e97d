"""The files of this folder, filled in for one deployment. They are in the form of Google's APIs, as JSON.

${project}               the project id
${runbooks}              the address of docs/operations.md
${spend_usd_per_hour}    from which hourly spending on somebody is told
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

FILES = Path(__file__).resolve().parent
RUNBOOKS = "docs/operations.md"
ALERT_LABEL = "pipeline-alert"
"""The user label by which a policy is found again; its value is the name of its file."""

DASHBOARD_LABEL = "pipeline-dashboard"
METRIC_PREFIX = "pipeline_"


@dataclass(frozen=True)
class Parameters:
    """What differs between deployments."""

    project: str
    spend_usd_per_hour: float
    runbooks_url: str = ""  # without the #; "": nobody knows, only the path is told
    channels: Sequence[str] = ()  # who is told, as projects/P/notificationChannels/N; none: those of before stay


@dataclass(frozen=True)
class Definitions:
    """Everything that a deployment should have, in the words of Google's APIs."""

    metrics: Mapping[str, Mapping[str, Any]]  # by name
    policies: Mapping[str, Mapping[str, Any]]  # by the label
    dashboard: Mapping[str, Any]


def read_definitions(parameters: Parameters, files: Path = FILES) -> Definitions:
    """Every file, filled in."""
    values = {
        "project": parameters.project,
        "runbooks": parameters.runbooks_url or RUNBOOKS,
        "spend_usd_per_hour": f"{parameters.spend_usd_per_hour:.15g}",
    }
    metrics = [_filled(_read(file), values) for file in sorted(files.glob("metrics/*.json"))]
    policies = [_filled(_read(file), values) for file in sorted(files.glob("policies/*.json"))]
    return Definitions(
        metrics={metric["name"]: metric for metric in metrics},
        policies={policy["userLabels"][ALERT_LABEL]: _addressed(policy, parameters) for policy in policies},
        dashboard=_filled(_read(files / "dashboard.json"), values),
    )


def _read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    """With `values` in the place of their names. Raises KeyError for a name that is none."""
    if isinstance(value, str):
        return Template(value).substitute(values)
    if isinstance(value, dict):
        return {name: _filled(item, values) for name, item in value.items()}
    return [_filled(item, values) for item in value] if isinstance(value, list) else value


def _addressed(policy: dict[str, Any], parameters: Parameters) -> dict[str, Any]:
    """With whom it tells, and what they may follow: a link must be a URL, so without one the text names the path."""
    told = dict(policy["documentation"])
    (link,) = told["links"]
    told["content"] += f"\n\nRunbook: {link['url']}"
    if not parameters.runbooks_url:
        del told["links"]
    return {**policy, "documentation": told, "notificationChannels": list(parameters.channels)}
