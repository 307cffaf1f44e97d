"""What a command has found and done: tables for people, JSON with everything for machines."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from migration.differences import DifferenceKind
from migration.running import RunFigures
from migration.switching import Switched
from migration.tools import Tools
from migration.verification import Findings
from pipeline.repositories.metadata_phases import MetadataPhase

SHOWN = 20
"""Remarks and differences that are printed; the report has them all."""


def write_report(path: Path, report: Mapping[str, Any]) -> None:
    """The report as JSON; whoever reads it meanwhile sees the one before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".draft")
    text = json.dumps(report, indent=1, ensure_ascii=False, default=str)
    draft.write_bytes(text.encode(errors="replace") + b"\n")
    draft.replace(path)


def run_report(
    figures: RunFigures, totals: Mapping[str, int], remarks: Sequence[Mapping[str, Any]], tools: Tools, *, dry: bool
) -> dict[str, Any]:
    """Of a run, and of all that earlier ones have left in the same state file."""
    return {
        "command": "run",
        "dry_run": dry,
        **tools.origin,
        "is_whole": figures.is_whole,
        "this_run": {
            "videos": figures.videos,
            "clips": figures.clips,
            "already_done": figures.already_done,
            "seconds": round(figures.seconds, 1),
            "clips_per_second": round(figures.clips_per_second, 1),
            "commits": tools.client.written.commits,
            "documents_written": tools.client.written.documents,
        },
        "all_runs": dict(totals),
        "users_ahead": figures.users_ahead,
        "failed": figures.failed,
        "remarks": list(remarks),
    }


def show_run(report: Mapping[str, Any], console: Console) -> None:
    """The table of what was created and changed, remarks, and what failed."""
    totals, this = report["all_runs"], report["this_run"]
    would = "would be " if report["dry_run"] else ""
    table = Table("", "videos", "clips", title=f"{report['bucket']} -> {report['project']}")
    for name in ("created", "changed", "unchanged"):
        table.add_row(would + name, str(totals.get(f"videos_{name}", 0)), str(totals.get(f"clips_{name}", 0)))
    table.add_row("no video can be called so", str(totals.get("videos_impossible", 0)), "")
    table.add_row("failed", str(len(report["failed"])), "")
    console.print(table)
    console.print(
        f"This run: {this['videos']} videos, {this['clips']} clips in {this['seconds']} s "
        f"({this['clips_per_second']:.0f} clips/s), {this['documents_written']} documents {would}written in "
        f"{this['commits']} commits; {this['already_done']} videos were done before."
    )
    if report["users_ahead"]:
        console.print(f"{len(report['users_ahead'])} users read nothing but documents by now and were left out.")
    _show_remarks(report["remarks"], console)
    _show_failed(report["failed"], console)
    if not report["is_whole"]:
        console.print("Stopped before the end. The same command goes on where this one was.", style="yellow")


def verify_report(findings: Findings, tools: Tools) -> dict[str, Any]:
    """Of a verification."""
    return {
        "command": "verify",
        **tools.origin,
        "is_clean": findings.is_clean,
        "videos": findings.videos,
        "clips": findings.clips,
        "counts": {kind.value: findings.by_kind[kind] for kind in DifferenceKind},
        "differences": [difference.as_json() for difference in findings.differences],
        "differences_left_out": findings.by_kind.total() - len(findings.differences),
        "failed": findings.failed,
        "remarks": findings.remarks,
    }


def show_verify(report: Mapping[str, Any], console: Console) -> None:
    """How many differences of each kind there are, and the first of them."""
    table = Table(*report["counts"], title=f"{report['videos']} videos, {report['clips']} clips")
    table.add_row(*(str(count) for count in report["counts"].values()))
    console.print(table)
    shown = [one for one in report["differences"] if one["kind"] != "edited"]
    if shown:
        table = Table("", "user", "video", "clip", "field", "in storage", "in Firestore")
        for one in shown[:SHOWN]:
            names = ("kind", "user_id", "video_id", "clip_id", "field", "in_storage", "in_firestore")
            table.add_row(*(_text(one[name]) for name in names))
        console.print(table)
    _show_remarks(report["remarks"], console)
    _show_failed(report["failed"], console)
    console.print("Clean: nothing is different." if report["is_clean"] else "Not clean.")


def switch_report(switched: Sequence[Switched], tools: Tools) -> dict[str, Any]:
    """Of all users that were to be switched."""
    users = []
    for one in switched:
        verified = verify_report(one.findings, tools) if one.findings else None
        users.append({"user_id": one.user_id, "switched": one.is_done, "mode": one.mode.value, "verified": verified})
    return {"command": "switch", **tools.origin, "users": users}


def show_switch(switched: Sequence[Switched], tools: Tools) -> None:
    """Who is where now, and what stood in the way of the others."""
    for one in switched:
        if one.findings is not None and not one.is_done:
            show_verify(verify_report(one.findings, tools), tools.console)
        said = "switched" if one.is_done else "NOT switched: the two sides are not the same"
        tools.console.print(f"{escape(one.user_id)}: {said}. Mode: {one.mode}.")


def show_phases(found: Sequence[MetadataPhase], deployed: str, console: Console) -> None:
    """Where users are."""
    table = Table("user", "own mode", "verified at", "fallbacks", "last fallback", title=f"deployment: {deployed}")
    for one in found:
        table.add_row(
            *(_text(value) for value in (one.user_id, one.mode, one.verified_at, one.fallbacks, one.last_fallback_at))
        )
    console.print(table)


def _show_remarks(remarks: Sequence[Mapping[str, Any]], console: Console) -> None:
    if not remarks:
        return
    table = Table("file", "remark", title=f"the first {min(SHOWN, len(remarks))} of {len(remarks)} remarks")
    for one in remarks[:SHOWN]:
        table.add_row(_text(one["key"]), _text(one["text"]))
    console.print(table)


def _show_failed(failed: Sequence[Mapping[str, Any]], console: Console) -> None:
    for one in failed[:SHOWN]:
        console.print(f"{one['user_id']}/{one['video_id']}: {one['code']}: {one['message']}", style="red", markup=False)


def _text(value: object) -> str:
    return "" if value is None else escape(str(value))
