"""What must hold in every schedule, while it runs and at its end.

While it runs (`Watch`, told of every commit):
- only the call that claimed a turn writes a job, until the next claim; a turn's number only grows;
- a job's status goes pending, processing, terminal, and a terminal job changes no more; progress never goes back;
- a scene is only written together with a job, and a job lists a clip only in a commit that shows it on its scene;
- a record of a prediction moves along its states, and keeps the prediction it has.

At the end (`faults_at_end`): every job has ended, for a reason that this schedule gave; every operation was accepted at
most once, and has the prediction that was accepted for it; another was made only after one that failed and may be
repeated; the job's cost is what Replicate charged; scenes show the outcome; no record is left open.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.domain.jobs import MAX_ATTEMPTS, JobKind, JobRef, JobStatus
from pipeline.domain.quotas import microusd
from tests.simulation.memory_store import Change
from tests.simulation.schedule import Call
from tests.simulation.virtual_replicate import Fate, VirtualPrediction
from tests.simulation.weather import ROOMY, JobPlan
from tests.simulation.world import USER, World, scene_ids

JOB_COLLECTIONS = frozenset(kind.collection for kind in JobKind)
OF_CLIENTS = frozenset({"cancel_requested"})
OF_OTHERS = OF_CLIENTS | {"wake_requested"}
OF_SWEEPS = OF_OTHERS | {"wake_at"}
AFTER_THE_END = OF_CLIENTS | {"cost_usd"}
MOVES = {
    (None, "intent"),
    ("intent", "submitting"),
    ("intent", "submitted"),
    ("intent", "failed"),
    ("submitting", "intent"),
    ("submitting", "submitted"),
    ("submitting", "failed"),
    ("submitting", "held"),
    ("submitted", "succeeded"),
    ("submitted", "failed"),
}


class Watch:
    """Sees every commit of a world and notes what must not be."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._holders: dict[str, Call | None] = {}
        self.faults: list[str] = []
        world.store.on_commit = self.see

    def see(self, changes: Sequence[Change]) -> None:
        """Called with every commit."""
        collections = [change.path.split("/")[0] for change in changes]
        for change, collection in zip(changes, collections, strict=True):
            before, after = change.before, change.after
            if collection in JOB_COLLECTIONS:
                self._see_job(change.path, before, after)
                self._see_clips(change, changes)
            elif collection == "predictions":
                self._see_record(change.path, before, after)
            elif collection == "scenes" and before is not None:
                self._expect(
                    any(other in JOB_COLLECTIONS for other in collections), f"{change.path} is written without its job"
                )

    def _see_job(self, path: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
        if before is None or after is None:
            return
        names = {name for name in {*before, *after} if before.get(name) != after.get(name)}
        turn, next_turn = before.get("turn", 0), after.get("turn", 0)
        caller = self._world.schedule.caller
        if next_turn == turn + 1:
            self._holders[path] = caller
        self._expect(next_turn in (turn, turn + 1), f"{path} goes from turn {turn} to {next_turn}")
        old, new = JobStatus(before["status"]), JobStatus(after["status"])
        if caller is None:
            self._expect(names <= OF_CLIENTS, f"a client changes {names} of {path}")
        elif not names <= (OF_SWEEPS if caller.name.startswith("sweep") else OF_OTHERS) and not old.is_terminal:
            holder = self._holders.get(path)
            self._expect(
                holder is caller,
                f"{caller.name} writes {sorted(names)} of {path}, which {holder.name if holder else 'nobody'} holds",
            )
        if old.is_terminal:
            self._expect(names <= AFTER_THE_END, f"{path} is {old} and still changes: {sorted(names)}")
        self._expect(new is not JobStatus.PENDING or old is JobStatus.PENDING, f"{path} is pending again")
        progress, then = before.get("progress_percent", 0), after.get("progress_percent", 0)
        self._expect(then >= progress, f"progress of {path} goes back from {progress} to {then}")

    def _see_clips(self, job: Change, changes: Sequence[Change]) -> None:
        before, after = job.before or {}, job.after or {}
        if after.get("duplicate_of"):  # its scenes are those of the job that it repeats
            return
        shown = {change.path: (change.after or {}).get("video_url") for change in changes}
        scene_ids = {scene["scene_number"]: scene["scene_id"] for scene in after.get("scenes") or []}
        listed = [clip["scene_number"] for clip in before.get("clips") or []]
        for clip in after.get("clips") or []:
            scene_id = scene_ids[clip["scene_number"]]
            self._expect(
                clip["scene_number"] in listed or shown.get(f"scenes/{scene_id}") == clip["video_url"],
                f"{job.path} lists a clip that {scene_id} does not show",
            )

    def _see_record(self, path: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
        if after is None:
            self._expect(False, f"{path} is deleted")
            return
        old, new = before["state"] if before else None, after["state"]
        self._expect(old == new or (old, new) in MOVES, f"{path} goes from {old} to {new}")
        known = before.get("prediction_id") if before else None
        self._expect(known is None or known == after.get("prediction_id"), f"{path} changes its prediction")

    def _expect(self, holds: bool, fault: str) -> None:
        if not holds:
            self.faults.append(f"at {self._world.schedule.now:.3f}: {fault}")


def faults_at_end(world: World) -> Iterator[str]:
    """What is wrong when everything has come to rest."""
    records = dict(world.documents("predictions"))
    yield from (f"{one.id} is nobody's" for one in world.replicate.accepted if one.op not in records)
    yield from _usage_faults(world)
    for op, fields in records.items():
        yield from _record_faults(world, op, fields)
    tried_again = {plan.retry_of for plan in world.plans}
    for plan, ref in zip(world.plans, world.refs, strict=True):
        job = world.job(ref)
        if job is None:
            yield f"{ref.path} is gone"
        elif not JobStatus(job["status"]).is_terminal:
            yield f"{ref.path} is {job['status']} for ever"
        else:
            yield from _job_faults(world, ref, job, plan.cancel_at is not None)
            if plan.name not in tried_again:
                for number, scene_id in enumerate(scene_ids(plan), 1):
                    faults = list(_scene_faults(world, ref, job, scene_id, number))
                    yield from [] if faults and _is_anothers(world, plan, scene_id) else faults


def _is_anothers(world: World, plan: JobPlan, scene_id: str) -> bool:
    """Whether a scene rightly shows what another job came to: the same request sent twice, or what a retry retries."""
    others = [
        (other, ref)
        for other, ref in zip(world.plans, world.refs, strict=True)
        if other is not plan and scene_id in scene_ids(other)
    ]
    number = scene_ids(plan).index(scene_id) + 1
    return any(not list(_scene_faults(world, ref, world.job(ref) or {}, scene_id, number)) for _, ref in others)


def _usage_faults(world: World) -> Iterator[str]:
    """The ledger: nothing is reserved or active any more, and what was spent is what the jobs say they cost."""
    admitted = [job for ref in world.refs if (job := world.job(ref)) is not None and job.get("usage_day")]
    cost = sum(microusd(job.get("cost_usd", 0.0)) for job in admitted)
    active = (world.outside.fields(f"users/{USER}/usage/active") or {}).get("job_paths")
    if active:
        yield f"the ledger still has {active} as active"
    for path in (f"users/{USER}/usage", "usage"):
        days = {job["usage_day"] for job in admitted}
        sums = [fields for day in days if (fields := world.outside.fields(f"{path}/{day}")) is not None]
        reserved, spent = (sum(one[f"{name}_microusd"] for one in sums) for name in ("reserved", "spent"))
        if reserved or spent != cost:
            yield f"{path} has {reserved} reserved and {spent} spent, the jobs cost {cost} (micro-dollars)"


def _record_faults(world: World, op: str, fields: Mapping[str, Any]) -> Iterator[str]:
    accepted = world.accepted(op)
    if len(accepted) > 1:
        yield f"{op} was paid {len(accepted)} times: {', '.join(one.id for one in accepted)}"
    known = fields.get("prediction_id")
    if known is not None and known not in [one.id for one in accepted]:
        yield f"{op} has {known}, which is another's"
    step, _, number = op.rpartition("~")
    if int(number) > MAX_ATTEMPTS:
        yield f"{op} is one too many"
    if int(number) > 1:
        before = world.accepted(f"{step}~{int(number) - 1}")
        if not before or not all(map(_may_be_repeated, before)):
            yield f"{op} follows one that is not to be repeated"
    if fields["state"] not in ("succeeded", "failed", "held"):
        yield f"{op} is {fields['state']} for ever"
    if fields["state"] == "held" and not _may_lose_an_hour(world):
        yield f"{op} is held, although nothing kept us from looking for it in time"


def _may_lose_an_hour(world: World) -> bool:
    """Whether a submission may be out of sight until the provider's records are gone."""
    hazards, provider, platform = world.weather.hazards, world.weather.provider, world.weather.platform
    hindrances = (hazards.kill, hazards.freeze, provider.read_fails, platform.firestore_fails, platform.sweep_missed)
    return any(hindrances) or (_has_twins(world) and provider.lost + provider.answer_lost > 0)


def _has_twins(world: World) -> bool:
    """Whether two operations cannot be told apart in the provider's listing, while their outcomes are unknown."""
    orders = [(fields["model"], str(sorted(fields["input"].items()))) for _, fields in world.documents("predictions")]
    return len(set(orders)) < len(orders)


def _may_be_repeated(prediction: VirtualPrediction) -> bool:
    return prediction.status == "aborted" or prediction.fate is Fate.INTERRUPTED


def _job_faults(world: World, ref: JobRef, job: Mapping[str, Any], cancel_wanted: bool) -> Iterator[str]:
    records = {op: fields for op, fields in world.documents("predictions") if fields["job_path"] == ref.path}
    ops = list(records)
    predictions = [one for op in ops for one in world.accepted(op)]
    charged = sum(one.charged_usd for one in predictions)
    held = sum(fields["cost_usd"] for op, fields in records.items() if fields["state"] == "held")
    if not charged - 1e-6 < job["cost_usd"] < charged + held + 1e-6:
        yield f"{ref.path} ({job['status']}) says it cost {job['cost_usd']}, Replicate charged {charged:g}"
    if job.get("lease_expires_at") is not None or job.get("wake_at") is not None:
        yield f"{ref.path} has ended and is still to be woken"
    match JobStatus(job["status"]):
        case JobStatus.COMPLETE if job.get("duplicate_of"):
            yield from _duplicate_faults(world, ref, job, ops)
        case JobStatus.COMPLETE:
            yield from _complete_faults(world, ref, job, ops)
        case JobStatus.CANCELED if not cancel_wanted and not job.get("duplicate_of"):
            yield f"{ref.path} was canceled by nobody"
        case JobStatus.ERROR:
            if job.get("duplicate_of") or job.get("retry_of"):
                predictions = world.replicate.accepted
            errors = job.get("scene_errors") if job["error"]["code"] == "partial_failure" else [job["error"]]
            for error in errors or [{"code": "partial_failure"}]:
                if not _is_explained(world, error["code"], predictions):
                    yield f"{ref.path} failed with {error['code']}, for which nothing gave a reason"


def _complete_faults(world: World, ref: JobRef, job: Mapping[str, Any], ops: Sequence[str]) -> Iterator[str]:
    steps = {op.rpartition("~")[0] for op in ops}
    wanted = 1 if ref.kind is not JobKind.MULTI_VIDEO else len(job["scenes"])
    if len(steps) != wanted and not job.get("retry_of"):
        yield f"{ref.path} is complete with {len(steps)} predictions instead of {wanted}"
    if job.get("retry_of"):
        earlier = world.job(JobRef(ref.kind, job["retry_of"])) or {}
        stored = {name for name, step in earlier.get("steps", {}).items() if step.get("done")}
        for step in steps:
            if step.rpartition("~")[2].replace("predict", "store") in stored:
                yield f"{step} was paid again, although its file was there"
    for step in steps:
        succeeded = [one for op in ops if op.startswith(f"{step}~") for one in world.accepted(op) if one.output]
        if len(succeeded) != 1:
            yield f"{step} has {len(succeeded)} results"
    if job["progress_percent"] != 100:
        yield f"{ref.path} is complete at {job['progress_percent']} %"
    for key in (
        [job.get("image_key") or job.get("video_key")] if wanted == 1 else [c["video_key"] for c in job["clips"]]
    ):
        if key not in world.storage.objects:
            yield f"{ref.path} is complete without its file {key}"


def _duplicate_faults(world: World, ref: JobRef, job: Mapping[str, Any], ops: Sequence[str]) -> Iterator[str]:
    """A duplicate costs nothing and hands over what the other job has made."""
    other = world.job(JobRef.of_path(job["duplicate_of"])) or {}
    if ops:
        yield f"{ref.path} is a duplicate and ordered {', '.join(ops)}"
    for name in ("image_url", "video_url", "clips"):
        if job.get(name) != other.get(name):
            yield f"{ref.path} has another {name} than {job['duplicate_of']}"


def _is_explained(world: World, code: str, predictions: Sequence[VirtualPrediction]) -> bool:
    """Whether this schedule gave a reason for an error."""
    provider, platform = world.weather.provider, world.weather.platform
    fates = {one.fate for one in predictions}
    expired = any(until < world.schedule.now for until in world.replicate.files.values())
    match code:
        case "quota_exceeded":
            return world.settings.limits != ROOMY
        case "interrupted":
            return world.schedule.interruptions >= MAX_ATTEMPTS
        case "outcome_unknown":
            return _may_lose_an_hour(world)
        case "deadline_exceeded":
            return world.weather.hazards.freeze > 0
        case "provider_unavailable":
            return provider.unconnected > 0 or provider.read_fails > 0
        case "rate_limited":
            return provider.rate_limited > 0 or provider.read_fails > 0
        case "provider_refused":
            return provider.refused > 0
        case "content_rejected":
            return Fate.FLAGGED in fates
        case "prediction_failed":
            return Fate.FAILS in fates or expired
        case "prediction_interrupted":
            return Fate.INTERRUPTED in fates or any(one.status == "aborted" for one in predictions)
        case "prediction_timed_out":
            never_came = provider.lost > 0 or provider.answer_lost > 0  # five orders in a row
            return never_came or any(one.status == "canceled" for one in predictions)
        case "source_unreachable":
            return platform.download_fails > 0
        case "source_unavailable":
            return expired
        case "storage_unavailable":
            return platform.storage_fails > 0
        case "database_unavailable":
            return platform.firestore_fails > 0
    return False


def _scene_faults(world: World, ref: JobRef, job: Mapping[str, Any], scene_id: str, number: int) -> Iterator[str]:
    if job.get("duplicate_of") or not job.get("usage_day"):
        return  # what its scenes show is the business of the jobs that were admitted and do the work
    scene = world.outside.fields(f"scenes/{scene_id}") or {}
    medium = "image" if ref.kind is JobKind.IMAGE else "video"
    shown = scene["generation_status"][medium]
    clips = {clip["scene_number"]: clip for clip in job.get("clips") or []}
    failed = {error["scene_number"] for error in job.get("scene_errors") or []}
    url = None
    if number in clips:
        expected, url = "complete", clips[number]["video_url"]
    elif number in failed:
        expected = "error"
    else:
        expected = {"complete": "complete", "error": "error", "canceled": "pending"}[job["status"]]
        url = job.get(f"{medium}_url")
    never_begun = ref.kind is JobKind.MULTI_VIDEO and not job.get("steps", {}).get("place", {}).get("done")
    if shown != expected and not (never_begun and shown == "pending"):
        yield f"{ref.path} is {job['status']}, but {scene_id} shows {shown}"
    if expected == "complete" and scene.get(f"{medium}_url") != url:
        yield f"{scene_id} does not show the {medium} of {ref.path}"
