"""What is written to run an exported job again.

    as its client wrote it   only the request, `pending`
    keep_steps               all that the functions had written, too: finished steps stay finished. What had failed, or
                             was under way at Replicate, begins anew

Of whoever owned the job, the local user takes the place, also in the documents that it names.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from localdev.replay.source_files import SourceFiles
from operations.timeline.exported_jobs import ExportedJob
from operations.timeline.job_lookup import named_paths
from pipeline.domain.job_fields import EndFields, ErrorFields
from pipeline.domain.jobs import JobKind, JobRef, JobStatus
from pipeline.domain.requests import REQUEST_MODELS
from pipeline.repositories.predictions import COLLECTION as PREDICTIONS

OTHER_USER = "somebody-else"
MARKER_FIELDS = ("text", "description")
_GONE_ON_RESUMING = {
    *EndFields.__annotations__,
    *ErrorFields.__annotations__,
    "lease_expires_at",
    "wake_at",
    "claim_id",
    "usage_day",  # it is admitted anew, under the local limits
    "reserved_microusd",
    "interruptions",
    "duplicate_of",
}

_RECORD_FIELDS = {"model", "input", "cost_usd", "cancel_after_seconds", "inline_wait_seconds"}
"""Without these a prediction's record cannot be read."""


@dataclass
class Plan:
    """What a replay writes: the documents beside the job, then the job."""

    ref: JobRef
    user_id: str
    fields: dict[str, Any]
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    predictions: dict[str, dict[str, Any]] = field(default_factory=dict)  # only with finished steps
    is_resumed: bool = False
    notes: list[str] = field(default_factory=list)


def plan_replay(
    exported: ExportedJob,
    ref: JobRef,
    user_id: str,
    files: SourceFiles,
    now: datetime,
    *,
    keep_steps: bool = False,
    marker: str = "",
) -> Plan:
    """The plan for a job of the local user. `ref` is the job's new place; `marker` a fault of the stub's models."""
    plan = Plan(ref, user_id, _request(exported, ref, user_id, now))
    _add_documents(plan, exported, user_id, files, now)
    _replace_urls(plan.fields, exported.ref.kind, files)
    if keep_steps:
        _keep_steps(plan, exported, files, now)
    if marker:
        _mark(plan, marker)
    plan.notes += files.notes
    return plan


def _request(exported: ExportedJob, ref: JobRef, user_id: str, now: datetime) -> dict[str, Any]:
    asked = REQUEST_MODELS[exported.ref.kind].model_fields
    fields = {name: copy.deepcopy(value) for name, value in exported.fields.items() if name in asked}
    if exported.predictions and not any(record.get("seed_is_clients") for record in exported.predictions):
        fields.pop("seed", None)  # the one that came of it, not one that was asked for
    return {
        **fields,
        "job_id": ref.job_id,
        "user_id": user_id,
        "status": str(JobStatus.PENDING),
        "created_at": now,
        "updated_at": now,
    }


def _add_documents(plan: Plan, exported: ExportedJob, user_id: str, files: SourceFiles, now: datetime) -> None:
    for path in named_paths(exported.ref, plan.fields):
        found = exported.documents.get(path)
        if path == f"{exported.ref.kind.collection}/{plan.fields.get('retry_of')}":
            _add_earlier_job(plan, exported, found, files, now)
        elif found is not None:
            is_own = found.get("user_id") == exported.fields.get("user_id")
            plan.documents[path] = {**found, "user_id": user_id if is_own else OTHER_USER}
        elif exported.has_documents:
            plan.notes.append(f"{path} was not there, and is not here.")
        else:
            plan.documents[path] = _invented(path, plan, user_id)
            plan.notes.append(f"The file does not hold {path}: one was made up.")
    for path, document in plan.documents.items():
        if path.startswith("products/"):
            document["image_url"] = files.url(document.get("image_url"), "product")


def _add_earlier_job(
    plan: Plan, exported: ExportedJob, found: Mapping[str, Any] | None, files: SourceFiles, now: datetime
) -> None:
    if found is None:
        plan.notes.append(f"It retries {plan.fields.pop('retry_of')}, which the file does not hold: all is made anew.")
        return
    path = f"{exported.ref.kind.collection}/{plan.fields['retry_of']}"
    steps = _finished_steps(found.get("steps"), exported.ref.kind, files, now)
    earlier = {**copy.deepcopy(dict(found)), "user_id": plan.user_id, "steps": steps}
    _replace_urls(earlier, exported.ref.kind, files)  # or it would not have asked for the same
    plan.documents[path] = earlier


def _invented(path: str, plan: Plan, user_id: str) -> dict[str, Any]:
    match path.split("/")[0]:
        case "scenes":
            text = plan.fields.get("text")
            return {"user_id": user_id, "state": "text", "text": text if isinstance(text, str) else "A scene"}
        case "products":
            return {"user_id": user_id, "name": "A product", "image_url": "https://replay.invalid/product.png"}
    return {"user_id": user_id, "title": "Replay"}


def _replace_urls(fields: dict[str, Any], kind: JobKind, files: SourceFiles) -> None:
    match kind:
        case JobKind.VIDEO:
            fields["image_url"] = files.url(fields.get("image_url"), "picture")
        case JobKind.MULTI_VIDEO:
            for scene in _dicts(fields.get("scenes")):
                scene["seed_image_url"] = files.url(scene.get("seed_image_url"), "picture")
        case JobKind.COMPOSITION:
            for clip in _dicts(fields.get("clips")):
                clip["video_url"] = files.url(clip.get("video_url"), "clip", clip.get("duration"))
            if fields.get("audio_url"):
                fields["audio_url"] = files.url(fields["audio_url"], "music")


def _keep_steps(plan: Plan, exported: ExportedJob, files: SourceFiles, now: datetime) -> None:
    plan.is_resumed = True
    asked = REQUEST_MODELS[exported.ref.kind].model_fields
    ours = {name: copy.deepcopy(value) for name, value in exported.fields.items() if name not in asked}
    ours = {name: value for name, value in ours.items() if name not in _GONE_ON_RESUMING}
    steps = _finished_steps(exported.fields.get("steps"), exported.ref.kind, files, now)
    if exported.ref.kind is JobKind.COMPOSITION and files.replaced:
        steps = {name: step for name, step in steps.items() if name == "place"}
        plan.notes.append("Its clips are other ones here: what was made of them is made anew.")
    plan.fields = {
        **ours,
        **plan.fields,
        "status": str(JobStatus.PROCESSING),
        "turn": exported.job.turn,
        "steps": steps,
        "wake_requested": False,
        "wake_at": now - timedelta(seconds=1),
        "lease_expires_at": None,
        "progress_percent": min(exported.job.progress_percent, 99),
    }
    plan.notes.append(f"Kept as finished: {', '.join(steps) or 'no step'}.")
    _keep_predictions(plan, exported, files)


def _keep_predictions(plan: Plan, exported: ExportedJob, files: SourceFiles) -> None:
    """Those that succeeded: the rest is ordered anew, from the stub."""
    old, new = (f"{ref.kind}~{ref.job_id}~" for ref in (exported.ref, plan.ref))
    for record in exported.predictions:
        op = str(record.get("op", ""))
        if record.get("state") != "succeeded" or not op.startswith(old) or not record.keys() >= _RECORD_FIELDS:
            plan.notes.append(f"Prediction {op} ({record.get('state')}) is left out: it is ordered anew.")
            continue
        kept = new + op.removeprefix(old)
        sample = "picture" if exported.ref.kind is JobKind.IMAGE else "clip"
        outputs = [files.url(url, sample, record.get("units")) for url in record.get("outputs") or ()]
        owned = {"op": kept, "job_path": plan.ref.path, "user_id": plan.user_id, "outputs": outputs, "check_at": None}
        plan.predictions[f"{PREDICTIONS}/{kept}"] = {**record, **owned}


def _finished_steps(steps: Any, kind: JobKind, files: SourceFiles, now: datetime) -> dict[str, Any]:
    """The steps that are done, with files here in place of those that they have stored there."""
    if not isinstance(steps, dict):
        return {}
    done = {name: step for name, step in steps.items() if isinstance(step, dict) and step.get("done") is True}
    # the result of an earlier job is not remembered here
    done = {name: step for name, step in done.items() if not (step.get("output") or {}).get("reused_from")}
    return {name: {**step, "output": _with_files(step.get("output"), kind, files, now)} for name, step in done.items()}


def _with_files(output: Any, kind: JobKind, files: SourceFiles, now: datetime) -> Any:
    if not isinstance(output, dict):
        return output
    found = dict(output)
    seconds = found.get("duration")
    for name, value in output.items():
        if not isinstance(value, str) or not value:
            continue
        if name == "key" or (name.endswith("_key") and name != "content_key"):
            url = files.stored(value, seconds)
            if f"{name.removesuffix('_key')}_url" in found:
                found[f"{name.removesuffix('_key')}_url"] = url
        elif name == "url":
            found[name] = files.url(value, "picture" if kind is JobKind.IMAGE else "clip", seconds)
    if isinstance(found.get("ended_at"), datetime):  # the provider deletes its files after an hour
        found["ended_at"] = now
    return found


def _mark(plan: Plan, marker: str) -> None:
    """Let the stub's models do what the marker says."""
    word = marker if marker.startswith("[") else f"[stub:{marker}]"
    holders = [plan.fields, *_dicts(plan.fields.get("scenes"))]
    for holder in holders:
        for name in MARKER_FIELDS:
            if isinstance(holder.get(name), str):
                holder[name] = f"{holder[name]} {word}"


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
