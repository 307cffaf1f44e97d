"""`run`: every video that is not done yet, a few at a time, and a report of all that were ever done.

discovery ──> skip what the state file has ──> migrate_video in threads ──> a line in the state file
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from google.api_core.exceptions import GoogleAPIError

from migration.discovery import VideoRef, stored_users, stored_videos
from migration.parallel import for_each
from migration.progress import ProgressBar
from migration.state_file import StateFile
from migration.tools import Tools
from migration.video_migration import MigratedVideo, migrate_video
from operations.waiting import Stopped
from pipeline.domain.errors import InvalidRequest, JobError
from pipeline.domain.metadata_modes import MetadataMode
from pipeline.handlers.failures import failure_of

Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class RunOptions:
    """What the command line says. No users: all of them."""

    user_ids: Sequence[str] = ()
    video_id: str | None = None
    dry: bool = False
    again: bool = False


@dataclass
class RunFigures:
    """What this run has done. `failed` are videos: whose, which, and why."""

    videos: int = 0
    clips: int = 0
    already_done: int = 0
    users_ahead: list[str] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    is_whole: bool = False

    @property
    def clips_per_second(self) -> float:
        return self.clips / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Failed:
    """A video that could not be done."""

    ref: VideoRef
    error: JobError


def run(options: RunOptions, state: StateFile, tools: Tools) -> RunFigures:
    """Migrate what is not in the state file. What fails is in the figures, and stops nothing else.

    After Ctrl-C too there are figures: those of a run that is not whole.
    """
    figures = RunFigures()
    done = frozenset[VideoRef]() if options.again else frozenset(state.done())
    started = time.monotonic()

    def work(ref: VideoRef) -> MigratedVideo | Failed:
        return attempt(lambda: migrate_video(ref, tools, dry=options.dry), ref)

    def collect(outcome: MigratedVideo | Failed) -> None:
        if isinstance(outcome, Failed):
            figures.failed.append(failure_line(outcome))
        else:
            state.add(outcome.as_line())
            figures.clips += outcome.clips
        figures.videos += 1
        bar.advance(outcome.clips if isinstance(outcome, MigratedVideo) else 0)

    title = "dry run" if options.dry else "migration"
    counted = (ref for ref in _wanted(options, tools, RunFigures()) if ref not in done)
    try:
        with ProgressBar(title, tools.console, counted) as bar:
            wanted = _not_done(_wanted(options, tools, figures), done, figures)
            for_each(wanted, work, collect, threads=tools.threads, stop=tools.stop)
        figures.is_whole = True
    except (KeyboardInterrupt, Stopped):
        pass
    figures.seconds = time.monotonic() - started
    return figures


def attempt(work: Callable[[], Outcome], ref: VideoRef) -> Outcome | Failed:
    """What `work` returns, or the failure of this one video."""
    try:
        return work()
    except (JobError, GoogleAPIError) as error:
        return Failed(ref, failure_of(error))


def failure_line(failed: Failed) -> dict[str, Any]:
    """For the report."""
    return {
        "user_id": failed.ref.user_id,
        "video_id": failed.ref.video_id,
        "code": failed.error.code,
        "message": failed.error.message,
    }


def totals(state: StateFile) -> tuple[Counter[str], list[dict[str, Any]]]:
    """Of all videos that are done, by this run or an earlier one: figures, and all remarks."""
    figures: Counter[str] = Counter()
    remarks: list[dict[str, Any]] = []
    for line in state.finished():
        figures["videos"] += 1
        figures[f"videos_{line['document']}"] += 1
        for name in ("created", "changed", "unchanged"):
            figures[f"clips_{name}"] += line[name]
            figures["clips"] += line[name]
        figures["size_bytes"] += line["size_bytes"]
        remarks += [{"user_id": line["user_id"], "video_id": line["video_id"], **one} for one in line["remarks"]]
    return figures, remarks


def _wanted(options: RunOptions, tools: Tools, figures: RunFigures) -> Iterator[VideoRef]:
    """The videos that were asked for. Who reads nothing but documents by now is only done when named."""
    storage, patience = tools.library.storage, tools.patience
    for user_id in options.user_ids or stored_users(storage, patience):
        if not options.user_ids and _is_ahead(user_id, tools):
            figures.users_ahead.append(user_id)
        elif options.video_id is not None:
            yield VideoRef(user_id, options.video_id)
        else:
            yield from stored_videos(user_id, storage, patience)


def _is_ahead(user_id: str, tools: Tools) -> bool:
    try:
        return tools.patience.call(lambda: tools.library.phases.mode_of(user_id)) is MetadataMode.FIRESTORE_ONLY
    except InvalidRequest:  # such a folder is no user's: its videos are remarked
        return False


def _not_done(wanted: Iterator[VideoRef], done: frozenset[VideoRef], figures: RunFigures) -> Iterator[VideoRef]:
    for ref in wanted:
        if ref in done:
            figures.already_done += 1
        else:
            yield ref
