"""What must hold when the dust has settled. Each check tells its numbers and the jobs that fail it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localdev.chaos.cases import ChaosJob
from localdev.chaos.evidence import Evidence
from localdev.chaos.written import broken_documents, broken_scenes, broken_videos, strings_in
from pipeline.domain.predictions import operation_seed


@dataclass(frozen=True)
class Check:
    """One thing that must hold. `numbers` for the table; `problems`: (job id, or "", and a sentence)."""

    name: str
    numbers: str
    problems: Sequence[tuple[str, str]] = ()

    @property
    def ok(self) -> bool:
        return not self.problems


def run_checks(evidence: Evidence) -> list[Check]:
    """All of them, in the order in which a reader wants to know."""
    checks: tuple[Callable[[Evidence], Check], ...] = (
        _ended_right,
        _paid_once,
        _recorded,
        _costs,
        _limits,
        _no_orphans,
        _whole_documents,
        _scenes_agree,
        _videos_agree,
        _never_backwards,
        _forgeries_refused,
    )
    return [check(evidence) for check in checks]


def _ended_right(evidence: Evidence) -> Check:
    problems = []
    for job in evidence.jobs:
        fields = evidence.job(job)
        status, code = str(fields.get("status", "missing")), (fields.get("error") or {}).get("code")
        if status not in job.case.ends:
            problems.append((job.job_id, f"'{job.case.name}' is {status} ({code or fields.get('stage')})"))
        elif status == "error" and code != job.case.code:
            problems.append((job.job_id, f"'{job.case.name}' failed with {code}, not {job.case.code}"))
    stuck = [job for job in evidence.jobs if evidence.job(job).get("status") in (None, "pending", "processing")]
    right = len(evidence.jobs) - len(problems)
    return Check("jobs ended right", f"{right} of {len(evidence.jobs)}, {len(stuck)} stuck", problems)


def paid_and_needed(evidence: Evidence) -> tuple[int, int]:
    """Predictions that were started, and those that were needed."""
    needed = sum(_needed(evidence, job) for job in evidence.jobs)
    return sum(len(ids) for ids in evidence.accepted.values()), needed


def _needed(evidence: Evidence, job: ChaosJob) -> int:
    # a job that was canceled needs what it had asked for by then: each operation once
    return len(evidence.paid(job)) if job.case.predictions is None else job.case.predictions


def _paid_once(evidence: Evidence) -> Check:
    problems = []
    for job in evidence.jobs:
        paid = sum(len(ids) for ids in evidence.paid(job))
        if paid != _needed(evidence, job):
            problems.append((job.job_id, f"'{job.case.name}' paid {paid}, needed {_needed(evidence, job)}"))
    known = {operation_seed(op) for op in evidence.records}
    problems += [("", f"a prediction with seed {seed} is nobody's") for seed in evidence.accepted.keys() - known]
    paid, needed = paid_and_needed(evidence)
    return Check("predictions paid / needed", f"{paid} / {needed} = {paid / max(needed, 1):.3f}", problems)


def _recorded(evidence: Evidence) -> Check:
    """Every record holds a prediction that was started for it, and those of finished jobs have an end."""
    problems = []
    for op, record in evidence.records.items():
        started = evidence.accepted.get(operation_seed(op), ())
        if record.get("prediction_id") and record["prediction_id"] not in started:
            problems.append((op, "holds a prediction that was not started for it"))
        job = evidence.documents.get(record["job_path"], {})
        if job.get("status") == "complete" and record["state"] not in ("succeeded", "failed"):
            problems.append((op, f"is {record['state']} though its job is complete"))
    return Check("prediction records", f"{len(evidence.records)}", problems)


def _costs(evidence: Evidence) -> Check:
    problems, total = [], 0.0
    for job in evidence.jobs:
        shown = float(evidence.job(job).get("cost_usd") or 0.0)
        total += shown
        prices = [float(evidence.records[op]["cost_usd"]) for op in evidence.operations(job)]
        wanted = sum(prices[:1]) * (job.case.predictions or 0)
        if job.case.predictions is not None and abs(shown - wanted) > 1e-6:
            problems.append((job.job_id, f"'{job.case.name}' shows ${shown:.3f}, paid ${wanted:.3f}"))
    return Check("costs shown are those paid", f"${total:.3f}", problems)


def _limits(evidence: Evidence) -> Check:
    """What the limits count: nothing runs, nothing is reserved, and what was spent is what the jobs show."""
    problems, spent = [], 0
    for path, usage in evidence.usage.items():
        if usage.get("job_paths") or usage.get("reserved_microusd"):
            left = usage.get("job_paths") or f"{usage.get('reserved_microusd')} micro-dollars"
            problems.append(("", f"{path} still holds {left}"))
        spent += usage.get("spent_microusd", 0) if path.startswith("usage/") else 0
    shown = sum(round(float(evidence.job(job).get("cost_usd") or 0.0) * 1e6) for job in evidence.jobs)
    if spent != shown:
        problems.append(("", f"the limits count {spent} micro-dollars, the jobs show {shown}"))
    return Check("limits settled", f"{len(evidence.usage)} documents, ${spent / 1e6:.3f}", problems)


def _no_orphans(evidence: Evidence) -> Check:
    named = set(strings_in(list(evidence.documents.values())))
    orphans = sorted(key for key in evidence.files if key not in named)
    problems = [(_job_of(evidence, key), f"no document names the file {key}") for key in orphans]
    parts = [key for key in evidence.files if "/parts/" in key]  # the steps of ended jobs name them
    problems += [(_job_of(evidence, key), f"a part was kept after the end: {key}") for key in parts]
    if evidence.unfinished_uploads:
        problems.append(("", f"{evidence.unfinished_uploads} uploads in parts were never finished"))
    return Check("orphan files", f"{len(orphans)} of {len(evidence.files)}", problems)


def _job_of(evidence: Evidence, key: str) -> str:
    """The job a file's name tells of."""
    squeezed = key.replace("_", "-")
    return next((job.job_id for job in evidence.jobs if job.job_id in squeezed), "")


def _whole_documents(evidence: Evidence) -> Check:
    problems = list(_per_job(evidence, broken_documents))
    return Check("half-written documents", f"{len(problems)} of {len(evidence.jobs)}", problems)


def _scenes_agree(evidence: Evidence) -> Check:
    scenes = sum(len(job.scene_ids) for job in evidence.jobs)
    return Check("scenes that agree with their jobs", f"{scenes}", list(_per_job(evidence, broken_scenes)))


def _videos_agree(evidence: Evidence) -> Check:
    videos = [path for path in evidence.documents if path.startswith("users/")]
    numbers = f"{len(videos)} documents"
    return Check("clip and video documents that agree", numbers, list(_per_job(evidence, broken_videos)))


def _never_backwards(evidence: Evidence) -> Check:
    problems = [(job_id, text) for job_id, history in evidence.histories.items() for text in history.complaints]
    states = sum(history.states for history in evidence.histories.values())
    return Check("nothing ran backwards", f"{states} states seen", problems)


def _forgeries_refused(evidence: Evidence) -> Check:
    """A webhook that was signed with another key, or long ago, is answered with an error, if it is answered."""
    answers = [(kind, answer) for kind, answer in evidence.forged if kind != "other_op" and isinstance(answer, int)]
    taken = [(kind, answer) for kind, answer in answers if 200 <= answer < 300]
    problems = [("", f"a forged webhook ({kind}) was answered with {answer}") for kind, answer in taken]
    return Check("forged webhooks refused", f"{len(answers) - len(taken)} of {len(answers)} answered", problems)


def _per_job(
    evidence: Evidence, find: Callable[[Evidence, ChaosJob, Mapping[str, Any]], Iterator[str]]
) -> Iterator[tuple[str, str]]:
    for job in evidence.jobs:
        fields = evidence.job(job)
        if fields:
            yield from ((job.job_id, f"'{job.case.name}': {text}") for text in find(evidence, job, fields))
