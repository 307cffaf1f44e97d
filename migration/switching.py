"""`switch`: a user goes on to a later mode only as verified right now; back at any time. `status`: who is where.

dual_write ──verified──> firestore_with_fallback ──verified──> firestore_only
     ^                              │                                │
     └──────────────────────────────┴──── manifests written anew ────┘
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from migration.parallel import for_each
from migration.tools import Tools
from migration.verification import Findings, documented_users, known_videos, mode_of, verify
from migration.video_migration import is_possible
from pipeline.domain.metadata_modes import MetadataMode, later_mode
from pipeline.handlers.dual_write import write_manifest
from pipeline.repositories.documents import PAGE
from pipeline.repositories.metadata_phases import MetadataPhase


@dataclass(frozen=True)
class Switched:
    """What became of a user. `mode` now holds for them; `findings` is None where nothing had to be verified."""

    user_id: str
    mode: MetadataMode
    is_done: bool
    findings: Findings | None = None


def switch(user_id: str, mode: MetadataMode, tools: Tools) -> Switched:
    """Put a user into a mode; to a later one than they were put into before only when nothing is different."""
    library, patience = tools.library, tools.patience
    own = patience.call(lambda: library.phases.mode_of(user_id)) or MetadataMode.DUAL_WRITE
    if later_mode(mode, own) is own:
        patience.call(lambda: library.phases.switch(user_id, mode, None))
        if mode_of(user_id, tools).writes_manifests:  # whoever was where, and however often this was broken off
            _write_manifests(user_id, tools)
        return Switched(user_id, mode_of(user_id, tools), is_done=True)
    now = library.clock()  # what was verified is no older
    findings = verify([user_id], tools)
    if findings.is_clean:
        patience.call(lambda: library.phases.switch(user_id, mode, now))
    return Switched(user_id, mode_of(user_id, tools), is_done=findings.is_clean, findings=findings)


def phases(user_ids: Sequence[str], tools: Tools) -> Iterator[MetadataPhase]:
    """Where these users are, everybody who has documents for none."""
    users = list(user_ids) or documented_users(tools)
    for start in range(0, len(users), PAGE):
        yield from _page_of_phases(users[start : start + PAGE], tools)


def _page_of_phases(user_ids: Sequence[str], tools: Tools) -> list[MetadataPhase]:
    return tools.patience.call(lambda: tools.library.phases.phases_of(user_ids))


def _write_manifests(user_id: str, tools: Tools) -> None:
    """Nobody writes any in the last mode, the deployment's or the user's: readers of files would miss what came since.

    Those that are as they should be are only read.
    """

    def write(video_id: str) -> None:
        tools.patience.call(lambda: write_manifest(user_id, video_id, tools.library))

    videos = (ref.video_id for ref in known_videos(user_id, tools) if is_possible(ref))
    for_each(videos, write, lambda _: None, threads=tools.threads, stop=tools.stop)
