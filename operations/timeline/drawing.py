"""A job's story for a terminal of 80 columns or more.

Bars are told apart by their characters; colour only repeats what they say. Everything that somebody else has written
is printed without the queries of its URLs, without tokens, and without characters that would steer a terminal.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from textwrap import wrap
from typing import Any

from rich.console import Console
from rich.text import Text

from operations.timeline.diagnosis import diagnose, time_of_day
from operations.timeline.exported_jobs import ExportedJob, Fields
from operations.timeline.spans import DEFAULT_LEASE, Span, Story, Who, tell_story
from pipeline.domain.jobs import JobRef
from pipeline.domain.redaction import redacted

MARKS: Mapping[Who, tuple[str, str]] = {
    "functions": ("█", "cyan"),
    "Replicate": ("▒", "magenta"),
    "nobody": ("·", "yellow"),
}
NAME_WIDTH, LEAST_BAR, MOST_BAR = 20, 16, 60
_OTHER_COLUMNS = NAME_WIDTH + 8 + 1 + 8 + 2 + 11
_JOBS_LINE = "{:<15} {:<10} {:<20} {:>8}  {}"


def draw(exported: ExportedJob, width: int, lease: timedelta = DEFAULT_LEASE) -> list[Text]:
    """Everything, line by line: how it stands, its story, its money, what it made."""
    story = tell_story(exported, lease)
    lines = [*_header(exported, story, width), Text()]
    for sentence in diagnose(exported, story, lease):
        lines += _indented(sentence, 2, width)
    return [*lines, Text(), *_timeline(story, width), *_sections(exported, width)]


def draw_list(jobs: Sequence[tuple[JobRef, Fields]]) -> list[Text]:
    """One line a job."""
    lines = [Text(_JOBS_LINE.format("created (UTC)", "status", "error", "price", "job"), style="bold")]
    for ref, fields in jobs:
        created, error = fields.get("created_at"), fields.get("error")
        time = f"{created:%m-%d %H:%M:%S}" if isinstance(created, datetime) else ""
        code = _clean(error.get("code")) if isinstance(error, dict) else ""
        price = _dollars(fields["cost_usd"]) if "cost_usd" in fields else ""
        lines.append(Text(_JOBS_LINE.format(time, _clean(fields.get("status")), code, price, _clean(ref.path))))
    return lines


def show(console: Console, exported: ExportedJob, lease: timedelta = DEFAULT_LEASE) -> None:
    """Print it as wide as the terminal is."""
    for line in draw(exported, console.width, lease):
        console.print(line, soft_wrap=True)


def length(seconds: float) -> str:
    """`12.3 s`, `4:05 min`, `3:20 h`."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    if seconds < 6000:
        return f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"
    return f"{int(seconds) // 3600}:{int(seconds) // 60 % 60:02d} h"


def _header(exported: ExportedJob, story: Story, width: int) -> Iterator[Text]:
    fields, job = exported.fields, exported.job
    stage = fields.get("stage")
    status = f"{job.status}" + (f", stage {stage}" if stage not in (None, str(job.status)) else "")
    if not job.status.is_terminal:
        status += f", {job.progress_percent} %" + (", cancel requested" if job.cancel_requested else "")
    error = fields.get("error")
    took = "took" if job.status.is_terminal else "so far"
    rows = {
        "job": f"{exported.ref.path} ({exported.ref.kind.label})",
        "status": status,
        "error": f"{error.get('code')}: {error.get('message')}" if isinstance(error, dict) else "",
        "user": job.user_id,
        "price": f"estimated {_dollars(fields.get('estimated_cost_usd'))}, real {_dollars(_real_price(exported))}",
        "created": f"{story.since:%Y-%m-%d %H:%M:%S} UTC, {took} {length(story.seconds)}",
        "worked": f"{job.turn} {'turn' if job.turn == 1 else 'turns'}, attempt {job.attempt}",
        "dry run": "yes" if job.dry_run else "",
    } | {name: str(fields.get(name) or "") for name in ("request_id", "retry_of", "duplicate_of", "reused_from")}
    for name, value in rows.items():
        if value:
            first, *rest = _indented(value, 13, width)
            yield Text.assemble((f"{name:<13}", "bold"), first.plain[13:])
            yield from rest


def _timeline(story: Story, width: int) -> Iterator[Text]:
    bar = max(min(width - _OTHER_COLUMNS, MOST_BAR), LEAST_BAR)
    end = length(story.seconds)
    scale = f"0 {'─' * max(bar - len(end) - 3, 1)} {end}"
    yield Text(_row("what", "from", "took") + scale, style="bold")
    for span in story.spans:
        since = (span.since - story.since).total_seconds()
        name = f"  {span.name}" if span.is_part else "nobody" if span.who == "nobody" else span.name
        line = Text(_row(_clean(name), length(since), length(span.seconds)))
        line.append_text(_bar(span, story, bar)).append(f" {_clean(span.state)}" if span.state else "")
        line.rstrip()
        yield line
        notes = (f"waited for {span.name}",) if span.who == "nobody" else span.notes
        for note in notes:
            yield from _indented(note, 4, width, "italic")
    for names, why in (
        (story.inherited, "done before this job was created, and taken over"),
        (story.timeless, "recorded without times"),
    ):
        if names:
            yield from _indented(f"{why}: {', '.join(names)}", 0, width)
    if story.seconds:
        shares = [f"{mark} {who} {length(story.seconds_of(who))}" for who, (mark, _) in MARKS.items()]
        yield Text("   ".join(shares), style="dim")


def _row(name: str, since: str, took: str) -> str:
    cut = name if len(name) < NAME_WIDTH else f"{name[: NAME_WIDTH - 2]}…"
    return f"{cut:<{NAME_WIDTH}}{since:>8} {took:>8}  "


def _bar(span: Span, story: Story, width: int) -> Text:
    """Where in the story it lies: at least one character of it, so that nothing is lost."""
    whole = max(story.seconds, 0.001)
    first = min(max(int((span.since - story.since).total_seconds() / whole * width), 0), width - 1)
    last = min(max(round((span.until - story.since).total_seconds() / whole * width), first + 1), width)
    mark, colour = MARKS[span.who]
    bar = Text(" " * first)
    bar.append(mark * (last - first), style=colour)
    return bar.append(" " * (width - last))


def _sections(exported: ExportedJob, width: int) -> Iterator[Text]:
    fields, begin = exported.fields, f"{exported.ref.kind}~{exported.ref.job_id}~"
    found: Mapping[str, Iterable[str]] = {
        f"predictions/{begin}...": (
            _prediction(record, begin, exported.exported_at) for record in exported.predictions
        ),
        "clips": map(_clip, _dicts(fields.get("clips"))),
        "scene errors": map(_scene_error, _dicts(fields.get("scene_errors"))),
        "adjustments": map(_adjustment, _dicts(fields.get("adjustments"))),
        "made": [
            f"{name} {fields[name]}" for name in ("image_url", "video_url", "poster_url") if _is_made(fields, name)
        ],
        "named": [_document(path, document) for path, document in exported.documents.items()],
    }
    for title, texts in found.items():
        lines = [line for text in texts for line in _indented(text, 2, width)]
        if lines:
            yield from (Text(), Text(_clean(title), style="bold"), *lines)


def _prediction(record: Fields, begin: str, now: datetime) -> str:
    times = [
        f"{word} {time_of_day(time, now)}"
        for word, name in (("intended", "created_at"), ("sent", "submitting_at"), ("ready", "ended_at"))
        if isinstance(time := record.get(name), datetime)
    ]
    price, state = _dollars(record.get("cost_usd")), record.get("state")
    paid = price if _is_paid(record) else f"{price} if it is paid" if state == "held" else f"not paid ({price})"
    lines = [
        f"{str(record.get('op')).removeprefix(begin)}: {state}, {record.get('model')}, {paid}",
        f"id {record.get('prediction_id') or 'unknown'}, asked {record.get('polls') or 0} times",
        ", ".join(times),
    ]
    if record.get("unanswered"):
        lines.append(f"sent {record['unanswered']} times without an answer")
    if record.get("error"):
        lines.append(f"{record.get('error_code')}: {record['error']}")
    return "\n  ".join(lines)


def _clip(clip: Fields) -> str:
    """One that was made, or one that a composition takes."""
    size = f", {clip['width']}x{clip['height']}" if clip.get("width") else ""
    return f"scene {clip.get('scene_number')}: {clip.get('duration')} s{size}  {clip.get('video_url')}"


def _scene_error(error: Fields) -> str:
    return f"scene {error.get('scene_number')}: {error.get('code')}: {error.get('message')}"


def _adjustment(one: Fields) -> str:
    return f"{one.get('field')}: {one.get('used')} in place of {one.get('asked')}: {one.get('reason')}"


def _document(path: str, found: Fields | None) -> str:
    return path if found is not None else f"{path}  is not there"


def _is_made(fields: Fields, name: str) -> bool:
    """A result, not a request: where a job is given a picture, no key stands beside it."""
    return bool(fields.get(name)) and bool(fields.get(name.replace("_url", "_key")))


def _is_paid(record: Fields) -> bool:
    return record.get("charged") is True or record.get("state") in ("submitted", "succeeded")


def _real_price(exported: ExportedJob) -> float:
    """What stands on the job once it is over; before that, what its predictions have cost."""
    cost = exported.fields.get("cost_usd")
    if isinstance(cost, int | float):
        return float(cost)
    return sum(float(record.get("cost_usd") or 0.0) for record in exported.predictions if _is_paid(record))


def _dollars(value: Any) -> str:
    return f"${value:.4f}" if isinstance(value, int | float) and not isinstance(value, bool) else "unknown"


def _dicts(value: Any) -> list[Fields]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _clean(value: Any) -> str:
    """For a terminal: without tokens, and without characters that would steer it."""
    text = redacted(str(value if value is not None else ""))
    return "".join(character if character.isprintable() or character == "\n" else " " for character in text)


def _indented(text: str, indent: int, width: int, style: str = "") -> list[Text]:
    """The text in lines that fit; those that it already has stay, and what is too long hangs by two more."""
    lines: list[str] = []
    for line in _clean(text).split("\n"):
        deep = " " * (indent + len(line) - len(line.lstrip()))
        hanging = deep if not lines and indent > 4 else f"{deep}  "
        lines += wrap(line.strip(), width, initial_indent=deep, subsequent_indent=hanging, break_on_hyphens=False)
    return [Text(line, style=style) for line in lines] or [Text()]
