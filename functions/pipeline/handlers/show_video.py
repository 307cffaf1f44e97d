"""Show a video and a page of its clips."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

from pipeline.adapters.threads import Threads
from pipeline.domain.clips import ClipDocument, VideoDocument, check_document_id
from pipeline.domain.errors import NotFound
from pipeline.domain.pages import Page
from pipeline.domain.url_lifetimes import UrlLifetime, for_period
from pipeline.handlers.metadata_sources import ClipSelection, metadata_source
from pipeline.handlers.tools import Library

THUMBNAIL_PERIOD_SECONDS = 1800
"""For so long a thumbnail has the same URL, so that browsers find it in their cache."""
THUMBNAIL_LEAST_SECONDS = 3600
"""For so long a thumbnail's URL is valid at least."""

CALLS_AT_ONCE = 8
"""Storage that cannot sign URLs is asked for each of them."""


@dataclass(frozen=True)
class ShownVideo:
    """`thumbnails`: the URLs of those clips that have one, by clip_id."""

    video: VideoDocument
    clips: Page[ClipDocument]
    thumbnails: Mapping[str, str]


def show_video(user_id: str, video_id: str, selection: ClipSelection, library: Library) -> ShownVideo:
    """The user's video. Raises NotFound when there is none, or it is somebody else's; InvalidRequest.

    The video and its clips are asked for at once: what a caller waits for is one round trip, and one query.
    """
    check_document_id("video_id", video_id)
    video, clips = metadata_source(user_id, library).get_video_and_clips(video_id, selection)
    if video is None:
        raise NotFound(f"There is no video '{video_id[:80]}'.")
    lifetime = for_period(library.clock(), THUMBNAIL_PERIOD_SECONDS, THUMBNAIL_LEAST_SECONDS)
    shares = [clips[number::CALLS_AT_ONCE] for number in range(CALLS_AT_ONCE)]
    with Threads(CALLS_AT_ONCE) as beside:
        thumbnails = dict(chain.from_iterable(beside.map(lambda share: _thumbnails(share, lifetime, library), shares)))
    return ShownVideo(video, clips, thumbnails)


def _thumbnails(clips: list[ClipDocument], lifetime: UrlLifetime, library: Library) -> list[tuple[str, str]]:
    """(clip_id, URL) of those that have a thumbnail. A picture that is gone does not hide the others."""
    found = []
    for clip in clips:
        if clip["thumbnail_r2_key"] is not None:
            with suppress(NotFound):
                url = library.storage.readable_url(clip["thumbnail_r2_key"], clip.get("thumbnail_url"), lifetime)
                found.append((clip["clip_id"], url))
    return found
