"""A run's result, for people and for machines."""

from collections import Counter
from typing import Any

from rich.console import Console
from rich.table import Table

from localdev.chaos.boundaries import ALWAYS, CATALOGUE, missed_boundaries
from localdev.chaos.run import Outcome

SHOWN = 40
"""Problems that are printed; build/chaos.json has them all."""


def boundaries_missed(outcome: Outcome) -> list[str]:
    """Boundaries at which no job of their kind died."""
    kinds = {job.job_id: job.kind for job in outcome.evidence.jobs}
    return [f"{kind}: {boundary}" for kind, boundary in missed_boundaries(kinds, outcome.boundaries_hit)]


def boundary_numbers(outcome: Outcome) -> str:
    total = sum(len(boundaries) for boundaries in CATALOGUE.values())
    kills = len([boundary for _, boundary in outcome.boundaries_hit if boundary != ALWAYS])
    return f"{kills} kills at {total - len(boundaries_missed(outcome))} of {total} boundaries"


def show(outcome: Outcome, console: Console) -> None:
    """The tables, and what went wrong."""
    done = Table("what was done to them", "", title=f"{len(outcome.evidence.jobs)} jobs, seed {outcome.options.seed}")
    done.add_row("kills at step boundaries", boundary_numbers(outcome))
    for name, value in outcome.disturbances.items():
        done.add_row(name, _flat(value))
    done.add_row("provider faults", _flat(outcome.evidence.provider_faults))
    answers = Counter(f"{kind} {answer}" for kind, answer in outcome.evidence.forged)
    done.add_row("webhooks", f"{outcome.evidence.webhooks_sent} sent; forged: {_flat(answers) or 'none'}")
    console.print(done)
    table = Table("check", "", "ok", title=f"after {outcome.seconds:.0f} s")
    for check in outcome.checks:
        table.add_row(check.name, check.numbers, "yes" if check.ok else "NO")
    console.print(table)
    problems = [(check.name, *problem) for check in outcome.checks for problem in check.problems]
    for name, job_id, text in problems[:SHOWN]:
        console.print(f"{name}: {job_id} {text}", markup=False)
    if outcome.options.every_boundary and (missed := boundaries_missed(outcome)):
        console.print(f"boundaries not hit: {', '.join(missed)}", style="dim", markup=False)


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Everything; the documents of the jobs that failed a check too."""
    concerned = {job_id for check in outcome.checks for job_id, _ in check.problems}
    return {
        "seed": outcome.options.seed,
        "jobs": len(outcome.evidence.jobs),
        "seconds": round(outcome.seconds, 1),
        "ok": outcome.ok,
        "paid_per_needed": round(outcome.paid_per_needed, 4),
        "checks": [{"name": c.name, "numbers": c.numbers, "ok": c.ok, "problems": c.problems} for c in outcome.checks],
        "disturbances": outcome.disturbances,
        "provider_faults": outcome.evidence.provider_faults,
        "boundaries": {"numbers": boundary_numbers(outcome), "missed": boundaries_missed(outcome)},
        "boundaries_hit": sorted(outcome.boundaries_hit),
        "documents": {job.path: outcome.evidence.job(job) for job in outcome.evidence.jobs if job.job_id in concerned},
    }


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{number} {name}" for name, number in sorted(value.items()))
    return str(value)
