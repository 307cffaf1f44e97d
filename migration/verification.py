"""`verify`: what files and documents of a user's videos say differently, for every video that either side knows."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from migration.differences import Difference, DifferenceKind, DocumentedVideo, FiledVideo, compare_video
from migration.discovery import VideoRef, stored_users, stored_videos
from migration.parallel import for_each
from migration.progress import ProgressBar
from migration.running import Failed, attempt, failure_line
from migration.tools import Tools
from migration.video_migration import is_possible, is_possible_user, no_video_remark
from pipeline.domain.catalogue import Remark
from pipeline.domain.errors import InvalidRequest
from pipeline.domain.metadata_modes import MetadataMode
from pipeline.handlers.metadata_sources import effective_mode
from pipeline.handlers.stored_catalogue import read_catalogue
from pipeline.repositories.documents import pages_of

KEPT = 10_000
"""Differences that a report holds; more are counted."""


@dataclass(frozen=True)
class ComparedVideo:
    """What was found in one video."""

    ref: VideoRef
    clips: int
    differences: Sequence[Difference]
    remarks: Sequence[Remark]


@dataclass
class Findings:
    """What a verification has found. `by_kind` counts all differences, `differences` holds the first of them."""

    videos: int = 0
    clips: int = 0
    by_kind: Counter[DifferenceKind] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    remarks: list[dict[str, Any]] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Everything was looked at, and nothing stands in the way."""
        return not self.failed and not any(self.by_kind[kind] for kind in DifferenceKind if not kind.is_harmless)

    def add(self, outcome: ComparedVideo | Failed) -> None:
        """Count what was found in one video."""
        self.videos += 1
        if isinstance(outcome, Failed):
            self.failed.append(failure_line(outcome))
            return
        ref = outcome.ref
        self.clips += outcome.clips
        self.by_kind.update(difference.kind for difference in outcome.differences)
        self.differences += outcome.differences[: KEPT - len(self.differences)]
        self.remarks += [
            {"user_id": ref.user_id, "video_id": ref.video_id, "key": remark.key, "text": remark.text}
            for remark in outcome.remarks
        ]


@dataclass(frozen=True)
class WantedVideo:
    """Which video is to be compared, and where its user's answers come from."""

    ref: VideoRef
    mode: MetadataMode


def verify(user_ids: Sequence[str], tools: Tools) -> Findings:
    """Compare everything of these users, of everybody for none. Reads only. Raises KeyboardInterrupt at Ctrl-C."""
    findings = Findings()

    def work(wanted: WantedVideo) -> ComparedVideo | Failed:
        return attempt(lambda: compare(wanted, tools), wanted.ref)

    def collect(outcome: ComparedVideo | Failed) -> None:
        findings.add(outcome)
        bar.advance(outcome.clips if isinstance(outcome, ComparedVideo) else 0)

    users = list(user_ids) or known_users(tools)
    counted = (ref for user_id in users for ref in known_videos(user_id, tools))
    with ProgressBar("verification", tools.console, counted) as bar:
        for_each(_wanted(users, tools), work, collect, threads=tools.threads, stop=tools.stop)
    return findings


def compare(wanted: WantedVideo, tools: Tools) -> ComparedVideo:
    """Read both sides of one video. Raises JobError for what did not pass in time."""
    tools.stop.check()
    ref, patience = wanted.ref, tools.patience
    catalogue = patience.call(lambda: read_catalogue(ref.user_id, ref.video_id, tools.library.storage))
    if not is_possible(ref):
        return ComparedVideo(ref, 0, (), catalogue.remarks if catalogue else [no_video_remark(ref)])
    documented = patience.call(lambda: _documented(ref, tools))
    filed = FiledVideo(None, {}, frozenset())
    if catalogue is not None:
        clips = {clip["clip_id"]: clip for clip in catalogue.clips}
        filed = FiledVideo(catalogue.video, clips, catalogue.titled)
    words_are_filed = wanted.mode is MetadataMode.DUAL_WRITE
    found = compare_video(ref.user_id, ref.video_id, filed, documented, words_are_filed=words_are_filed)
    return ComparedVideo(ref, len(filed.clips), tuple(found), catalogue.remarks if catalogue else ())


def known_users(tools: Tools) -> list[str]:
    """Everybody who has files or documents."""
    stored = list(stored_users(tools.library.storage, tools.patience))
    return list(dict.fromkeys([*stored, *documented_users(tools)]))


def possible_users(tools: Tools) -> list[str]:
    """Those of them who can have documents: of folders with other names nobody is the user."""
    return [user_id for user_id in known_users(tools) if is_possible_user(user_id)]


def documented_users(tools: Tools) -> list[str]:
    """Everybody who has documents, of whatever kind below their own."""
    users = tools.client.collection("users")
    return tools.patience.call(lambda: [document.id for document in users.list_documents()])


def known_videos(user_id: str, tools: Tools) -> list[VideoRef]:
    """All that the user has a folder or documents of."""
    stored = list(stored_videos(user_id, tools.library.storage, tools.patience))
    if not is_possible_user(user_id):
        return stored
    videos = tools.client.collection("users", user_id, "videos")
    documented = tools.patience.call(lambda: [document.id for document in videos.list_documents()])
    return list(dict.fromkeys([*stored, *(VideoRef(user_id, video_id) for video_id in documented)]))


def mode_of(user_id: str, tools: Tools) -> MetadataMode:
    """Where the user's answers come from, by the deployment's mode and the user's own."""
    try:
        return tools.patience.call(lambda: effective_mode(user_id, tools.library))
    except InvalidRequest:  # no user can be called so
        return tools.library.settings.metadata_mode


def _wanted(users: Sequence[str], tools: Tools) -> Iterator[WantedVideo]:
    for user_id in users:
        mode = mode_of(user_id, tools)
        for ref in known_videos(user_id, tools):
            yield WantedVideo(ref, mode)


def _documented(ref: VideoRef, tools: Tools) -> DocumentedVideo:
    video = tools.client.document("users", ref.user_id, "videos", ref.video_id)
    clips = {
        snapshot.id: snapshot.to_dict() or {}
        for page in pages_of(video.collection("clips").order_by("__name__"))
        for snapshot in page
    }
    return DocumentedVideo(video.get().to_dict(), clips)
