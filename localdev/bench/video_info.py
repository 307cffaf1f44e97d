"""A video's info from Firestore's documents against the same from a listing, with the same distance to both servers.

Both answer the same question, in one run, in turns, over connections that are open: the listing design as the
integration guide describes it (`listing_design`), and the API's route `/videos/{id}` with all that belongs to it but
the check of the ID token, which either would need. Firestore and S3 both stand 20 ms away (`far_server`). The first
page is what a screen shows; the whole list is what the listing design cannot but fetch, and stands beside it: fetched
in pages of 50, one after the other, and in the largest pages that the API has.

What can be compared: round trips, which are counted, and what runs in this process: signing, parsing, JSON.
What cannot: the servers. The S3 server answers from memory, at once (`stocked_storage`), which R2 does not; so the
listing design looks better here than it is. The Firestore emulator has no indexes and looks through all of a video's
clips for every page, which Firestore does not; so ours looks worse, the more so the more clips there are. What each
takes without any distance is in the table, and so is a listing design that signs as cheaply as we do: what is left
between that and ours is the work of Firestore and of pages alone.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from google.cloud import firestore

from localdev.bench.far_server import ROUND_TRIP_SECONDS, FarServer
from localdev.bench.figures import Figure, medians_of
from localdev.bench.firestore_clients import firestore_client
from localdev.bench.listing_design import URL_SECONDS, ListingDesign
from localdev.bench.round_trips import RoundTrips, count_firestore_calls, count_s3_calls
from localdev.bench.stocked_storage import BUCKET, StockedStorage, s3_client
from localdev.bench.video_material import MaterialVideo
from localdev.stack.firestore_emulator import FirestoreEmulator
from localdev.stack.object_stores import R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY
from pipeline.adapters.presigning import UrlSigner
from pipeline.adapters.r2_storage import R2Storage
from pipeline.api.app import build_api
from pipeline.api.parameters import DEFAULT_PAGE_SIZE
from pipeline.config import read_settings
from pipeline.domain.pages import MAX_PAGE_SIZE
from pipeline.domain.url_lifetimes import from_now
from pipeline.handlers.tools import Library
from pipeline.repositories.clips import ClipRepository
from pipeline.repositories.deletions import DeletionRepository
from pipeline.repositories.metadata_phases import MetadataPhaseRepository
from pipeline.repositories.videos import VideoRepository

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

USER = "bench-user"
ROUNDS = {10: 9, 100: 9, 1000: 5, 10_000: 2}
"""By number of clips."""

MOST_IN_SMALL_PAGES = 1000
"""More clips are not fetched in small pages: the emulator looks through all of them for each, which takes a minute."""

AIMED_AT = 1000
TABLE = Path("build/bench_video_info.md")

FIRST_PAGE = f"Firestore, first page of {DEFAULT_PAGE_SIZE}"
ALL_PAGES = f"Firestore, all, in pages of {DEFAULT_PAGE_SIZE}"
LARGE_PAGES = f"Firestore, all, in pages of {MAX_PAGE_SIZE}"
LISTING = "listing, all"
CHEAP_LISTING = "listing, all, signed as we sign"


@dataclass(frozen=True)
class Row:
    """One design at one number of clips. `near_ms`: with no distance; `queries`: of clips."""

    clips: int
    design: str
    far_ms: float
    near_ms: float
    calls: int
    in_sequence: int
    queries: int


def measure() -> list[Figure]:
    videos = {count: MaterialVideo(USER, f"video-{count}", count) for count in ROUNDS}
    with ExitStack() as open_until_done:
        enter = open_until_done.enter_context
        storage = enter(StockedStorage(list(videos.values())))
        emulator = enter(FirestoreEmulator(Path(enter(tempfile.TemporaryDirectory()))))
        far_storage, far_emulator = enter(FarServer(storage.port)), enter(FarServer(emulator.port))
        near = Designs(s3_client(storage.port), enter(firestore_client(emulator.address)))
        far = Designs(s3_client(far_storage.port), enter(firestore_client(far_emulator.address)))
        rows = []
        for video in videos.values():
            fill_firestore(near.firestore, video)
            rows += _rows(video, near, far)
    _write_table(rows)
    return _figures({(row.clips, row.design): row for row in rows})


class Designs:
    """Everything that answers for a video, over clients of one distance."""

    def __init__(self, s3: "S3Client", client: firestore.Client) -> None:
        self.firestore = client
        self.trips = RoundTrips()
        count_s3_calls(s3, self.trips)
        count_firestore_calls(client, self.trips)
        self._listing = ListingDesign(s3, BUCKET)
        self._cheap_listing = ListingDesign(s3, BUCKET, _cached_key_signing(s3.meta.endpoint_url))
        library = _library(client, s3.meta.endpoint_url)
        self._api = build_api(lambda: library, lambda token: token, ()).test_client()

    def answers(self, video: MaterialVideo) -> dict[str, Callable[[], list[bytes]]]:
        """What each design answers; the bodies of all its pages."""
        small_pages = {ALL_PAGES: lambda: list(self._pages(video, DEFAULT_PAGE_SIZE))}
        return {
            FIRST_PAGE: lambda: [next(self._pages(video, DEFAULT_PAGE_SIZE))],
            **(small_pages if video.clips_count <= MOST_IN_SMALL_PAGES else {}),
            LARGE_PAGES: lambda: list(self._pages(video, MAX_PAGE_SIZE)),
            LISTING: lambda: [self._listing.video_info(video.user_id, video.video_id)],
            CHEAP_LISTING: lambda: [self._cheap_listing.video_info(video.user_id, video.video_id)],
        }

    def _pages(self, video: MaterialVideo, page_size: int) -> Iterator[bytes]:
        asked: dict[str, str | int] = {"page_size": page_size}
        while True:
            answer = self._api.get(
                f"/videos/{video.video_id}?{urlencode(asked)}", headers={"Authorization": f"Bearer {video.user_id}"}
            )
            if answer.status_code != 200:
                raise RuntimeError(f"The API answered {answer.status}: {answer.text}")
            yield answer.data
            if not (token := answer.json["next_page_token"]):
                return
            asked["page_token"] = token


def fill_firestore(client: firestore.Client, video: MaterialVideo) -> None:
    """Write the documents of a video and its clips."""
    ClipRepository(video.user_id, video.video_id, client=client).import_clips(video.clips())
    VideoRepository(video.user_id, client=client).import_video(video.video())


def _library(client: firestore.Client, endpoint_url: str) -> Library:
    return Library(
        settings=read_settings({}),
        clips=lambda user_id, video_id: ClipRepository(user_id, video_id, client=client),
        videos=lambda user_id: VideoRepository(user_id, client=client),
        phases=MetadataPhaseRepository(client),
        deletions=DeletionRepository(client),
        storage=R2Storage(endpoint_url, BUCKET, R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY, f"{endpoint_url}/{BUCKET}"),
        clock=lambda: datetime.now(UTC),
    )


def _cached_key_signing(endpoint_url: str) -> Callable[[str], str]:
    signer = UrlSigner(endpoint_url, BUCKET, R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY)
    return lambda key: signer.url(key, from_now(datetime.now(UTC), URL_SECONDS))


def _rows(video: MaterialVideo, near: Designs, far: Designs) -> list[Row]:
    works, near_works = far.answers(video), near.answers(video)
    answered, counted = {}, {}
    for name, work in works.items():  # connections are warm from here on, and storage remembers its answers
        far.trips.clear()
        answered[name] = work()
        counted[name] = (far.trips.count(), far.trips.in_sequence, far.trips.count("run_query"))
    check_same_clips(video, answered)
    turns = [one[name] for name in works for one in (works, near_works)]
    times = iter([seconds * 1000 for seconds in medians_of(*turns, rounds=ROUNDS[video.clips_count])])
    return [Row(video.clips_count, name, next(times), next(times), *counted[name]) for name in works]


def check_same_clips(video: MaterialVideo, answered: dict[str, list[bytes]]) -> None:
    """That every design tells the same of the same clips in the same order, each with its URLs."""
    told = {
        design: [
            tuple(clip[field] for field in ("name", "title", "description", "size", "style", "priority"))
            for body in bodies
            for clip in json.loads(body)["clips"]
            if clip["url"] and clip["thumbnail"]
        ]
        for design, bodies in answered.items()
    }
    whole = told[LISTING]
    if len(whole) != video.clips_count or told.pop(FIRST_PAGE) != whole[:DEFAULT_PAGE_SIZE]:
        raise RuntimeError(f"The designs answer differently for the first of {video.clips_count} clips.")
    if any(clips != whole for clips in told.values()):
        raise RuntimeError(f"The designs answer differently for {video.clips_count} clips.")


def _figures(rows: dict[tuple[int, str], Row]) -> list[Figure]:
    first, listing = rows[AIMED_AT, FIRST_PAGE], rows[AIMED_AT, LISTING]
    cheap, whole, pages = (rows[AIMED_AT, design] for design in (CHEAP_LISTING, LARGE_PAGES, ALL_PAGES))
    distance = f"{ROUND_TRIP_SECONDS * 1000:.0f} ms away"
    waits = f"{first.in_sequence} round trip in sequence, listing {listing.in_sequence}"
    return [
        Figure(
            "video_info_speedup_1000",
            listing.far_ms / first.far_ms,
            f"x of listing ({listing.far_ms:.0f} ms, ours {first.far_ms:.0f} ms), first page, {distance}",
            ">= 10",
        ),
        Figure("video_info_queries_a_page", first.queries, f"queries of clips; {waits}", "<= 1"),
        Figure(
            "video_info_speedup_1000_signing_apart",
            cheap.far_ms / first.far_ms,
            f"x of a listing that signs as we do ({cheap.far_ms:.0f} ms), first page",
            ">= 1",
        ),
        Figure(
            "video_info_all_clips_speedup_1000",
            listing.far_ms / whole.far_ms,
            f"x of listing, all clips in one page ({whole.far_ms:.0f} ms; in pages of 50: {pages.far_ms:.0f} ms)",
            ">= 1",
        ),
    ]


def _write_table(rows: Sequence[Row]) -> None:
    TABLE.parent.mkdir(exist_ok=True)
    away = f"ms, {ROUND_TRIP_SECONDS * 1000:.0f} ms away"
    lines = [f"| clips | design | {away} | ms, beside | round trips in sequence | calls |"]
    lines.append("| ---: | --- | ---: | ---: | ---: | ---: |")
    for row in rows:
        times = f"{row.far_ms:.0f} | {row.near_ms:.0f}"
        lines.append(f"| {row.clips:,} | {row.design} | {times} | {row.in_sequence} | {row.calls} |")
    print(*lines, sep="\n")
    TABLE.write_text("\n".join(lines) + "\n")
