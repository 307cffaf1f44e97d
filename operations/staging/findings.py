"""What a test of a deployment found: one row a check, as a table for people and as JSON for machines."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

Outcome = Literal["well", "wrong", "not tried"]
_COLORS = {"well": "green", "wrong": "red", "not tried": "yellow"}


class Wrong(Exception):
    """A check failed. The message is a sentence that tells what was found."""


@dataclass(frozen=True)
class Finding:
    """The outcome of one check."""

    check: str
    outcome: Outcome
    says: str  # a sentence
    seconds: float = 0.0
    cost_usd: float = 0.0  # of the check's own job


@dataclass(frozen=True)
class Report:
    """All of a run."""

    alias: str
    project: str
    user_id: str  # "": nobody could sign in
    started_at: str  # ISO 8601
    seconds: float
    estimated_usd: float | None  # None: it was not told
    findings: tuple[Finding, ...]

    @property
    def is_well(self) -> bool:
        """Whether everything was tried, and nothing was wrong."""
        return bool(self.findings) and all(one.outcome == "well" for one in self.findings)

    @property
    def cost_usd(self) -> float:
        return round(sum(one.cost_usd for one in self.findings), 6)


def write_report(path: Path, report: Report) -> None:
    """As JSON. Raises OSError."""
    fields: dict[str, Any] = {"is_well": report.is_well, "cost_usd": report.cost_usd, **asdict(report)}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(fields, indent=2) + "\n", encoding="utf-8")


def show_report(report: Report, console: Console) -> None:
    """The table, and a line below it."""
    table = Table(title=f"{report.alias} ({report.project})", title_justify="left")
    table.add_column("check")
    table.add_column("outcome")
    table.add_column("seconds", justify="right")
    table.add_column("US dollars", justify="right")
    table.add_column("found")
    for one in (one for one in report.findings if one.outcome != "not tried"):
        seconds, cost = (f"{one.seconds:.1f}" if one.seconds else ""), (f"{one.cost_usd:.3f}" if one.cost_usd else "")
        table.add_row(one.check, f"[{_COLORS[one.outcome]}]{one.outcome}[/]", seconds, cost, _plain(one.says))
    console.print(table)
    wrong = [one for one in report.findings if one.outcome == "wrong"]
    told = "all is well" if report.is_well else f"{len(wrong)} of {len(report.findings)} checks failed"
    console.print(f"{told}; {report.seconds:.0f} s, ${report.cost_usd:.3f}")
    if untried := [one.check for one in report.findings if one.outcome == "not tried"]:
        console.print(f"Not tried: {', '.join(untried)}.", style="yellow", markup=False)
    for one in wrong:
        console.print(f"{one.check}: {one.says}", style="red", markup=False, soft_wrap=True)


def _plain(text: str) -> str:
    """Words from elsewhere are no markup."""
    return text.replace("[", "\\[")
