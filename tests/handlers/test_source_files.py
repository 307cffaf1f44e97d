"""Sources on a disk that is small, from servers that are slow, broken, or gone."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localdev.stack.loopback import Exchange, LoopbackServer
from pipeline.adapters.downloads import Downloader
from pipeline.adapters.media_probe import probe_media
from pipeline.domain.errors import DeadlineExceeded, OutOfSpace, SourceError, UnsupportedMedia
from pipeline.domain.jobs import Job, JobKind, JobRef, JobStatus
from pipeline.domain.outcomes import CancelRequested
from pipeline.domain.requests import CompositionRequest, parse_request
from pipeline.handlers.source_files import FETCHES_AHEAD, SourceFiles
from pipeline.handlers.turns import Turn
from tests.handlers.conftest import USER, Workbench
from tests.media_samples import MediaSamples

SOON = 5.0
"""Seconds in which what is bounded happens, however slow this machine is."""


class Disk:
    """Stands for the Downloader: every URL is a file, and comes when the test lets it."""

    def __init__(self) -> None:
        self.files: dict[str, Path] = {}
        self.failures: dict[str, Exception] = {}
        self.fetched: Counter[str] = Counter()
        self.held: dict[str, threading.Event] = {}
        self.arrived: dict[str, threading.Event] = {}

    def add(self, path: Path, *, held: bool = False) -> str:
        url = f"https://files.example/{len(self.files)}"
        self.files[url] = path
        self.held[url], self.arrived[url] = threading.Event(), threading.Event()
        if not held:
            self.held[url].set()
        return url

    def fetch(self, url: str, path: Path, *, should_stop: Callable[[], None], **_: Any) -> None:
        self.fetched[url] += 1
        try:
            while not self.held[url].wait(0.01):
                should_stop()
            if url in self.failures:
                raise self.failures[url]
            path.write_bytes(self.files[url].read_bytes())
        finally:
            self.arrived[url].set()


@pytest.fixture
def disk() -> Disk:
    return Disk()


def source_files(
    workbench: Workbench,
    folder: Path,
    urls: list[str],
    downloads: Any = None,
    *,
    seconds: float = 500.0,
    turn_class: type[Turn] = Turn,
    **options: int,
) -> SourceFiles:
    clips = [{"scene_number": 10 + place, "video_url": url} for place, url in enumerate(urls, start=1)]
    fields = {"user_id": USER, "clips": clips}
    job = Job(JobRef(JobKind.COMPOSITION, "sources"), JobStatus.PROCESSING, USER, fields, turn=1)
    tools = workbench.tools()
    if downloads is not None:
        tools = replace(tools, downloads=downloads)
    return SourceFiles(
        turn_class(workbench.desk(), job, seconds), parse_request(CompositionRequest, fields), folder, tools, **options
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_fits_stays_on_the_disk_until_it_is_released(
    workbench: Workbench, media_samples: MediaSamples, tmp_path: Path
):
    red, blue = media_samples.solid("red"), media_samples.solid("blue")
    with source_files(workbench, tmp_path, [workbench.publish(red), workbench.publish(blue)]) as sources:
        probes = [sources.probe(0), sources.probe(1)]
        assert probes == [probe_media(red), probe_media(blue)]
        assert names(tmp_path) == ["clip_1", "clip_2"]
        sources.release(0)
        assert names(tmp_path) == ["clip_2"]


def test_what_does_not_fit_is_fetched_again_when_it_is_needed(
    workbench: Workbench, media_samples: MediaSamples, tmp_path: Path
):
    red, blue = media_samples.solid("red"), media_samples.solid("blue")
    urls = [workbench.publish(red), workbench.publish(blue)]
    with source_files(workbench, tmp_path, urls, kept_bytes=0) as sources:
        sources.probe(0)
        probe = sources.probe(1)
        assert "clip_2" not in names(tmp_path)
        assert sources.file(1, probe).read_bytes() == blue.read_bytes()


def test_the_next_ones_are_fetched_ahead_and_no_more(
    workbench: Workbench, media_samples: MediaSamples, tmp_path: Path, disk: Disk
):
    red = media_samples.solid("red")
    urls = [disk.add(red) for _ in range(8)]
    with source_files(workbench, tmp_path, urls, disk) as sources:
        sources.probe(2)
        ahead = urls[3 : 3 + FETCHES_AHEAD]
        assert all(disk.arrived[url].wait(SOON) for url in ahead)
        assert disk.fetched == dict.fromkeys((urls[2], *ahead), 1)


def test_nothing_is_fetched_ahead_on_a_disk_that_is_full_enough(
    workbench: Workbench, media_samples: MediaSamples, tmp_path: Path, disk: Disk
):
    red = media_samples.solid("red")
    urls = [disk.add(red) for _ in range(5)]
    with source_files(workbench, tmp_path, urls, disk, kept_bytes=red.stat().st_size) as sources:
        probe = sources.probe(4)
        sources.file(4, probe)
        sources.file(3, probe)  # two files in use are now more than may stay
        sources.file(1, probe)
        assert disk.fetched == {urls[4]: 1, urls[3]: 1, urls[1]: 1}


def test_a_fetch_ahead_that_fails_is_named_when_its_clip_is_needed_and_not_before(
    workbench: Workbench, media_samples: MediaSamples, tmp_path: Path, disk: Disk
):
    red = media_samples.solid("red")
    urls = [disk.add(red) for _ in range(3)]
    disk.failures[urls[1]] = SourceError("files.example does not serve the file (404).")
    with source_files(workbench, tmp_path, urls, disk) as sources:
        assert sources.probe(0) == probe_media(red)
        assert disk.arrived[urls[1]].wait(SOON)
        assert sources.probe(2) == probe_media(red)
        with pytest.raises(SourceError, match=r"^Clip 2 \(scene 12\): files.example does not serve"):
            sources.probe(1)


def test_a_disk_that_was_full_is_tried_again(
    workbench: Workbench, media_samples: MediaSamples, tmp_path: Path, disk: Disk
):
    red = media_samples.solid("red")
    urls = [disk.add(red)]
    disk.failures[urls[0]] = OutOfSpace("The function ran out of disk space.")
    with source_files(workbench, tmp_path, urls, disk) as sources:
        with pytest.raises(OutOfSpace, match=r"^Clip 1 \(scene 11\): "):
            sources.probe(0)
        disk.failures.clear()
        assert sources.probe(0) == probe_media(red)


def test_what_is_released_while_it_comes_does_not_stay(
    workbench: Workbench, media_samples: MediaSamples, tmp_path: Path, disk: Disk
):
    urls = [disk.add(media_samples.solid("red")), disk.add(media_samples.solid("blue"), held=True)]
    with source_files(workbench, tmp_path, urls, disk) as sources:
        sources.probe(0)
        sources.release(1)
        disk.held[urls[1]].set()
    assert disk.fetched == {urls[0]: 1, urls[1]: 1}
    assert names(tmp_path) == ["clip_1"]


def test_what_is_released_while_it_comes_and_then_needed_comes_once(
    workbench: Workbench, media_samples: MediaSamples, tmp_path: Path, disk: Disk
):
    blue = media_samples.solid("blue")
    urls = [disk.add(media_samples.solid("red")), disk.add(blue, held=True)]
    with source_files(workbench, tmp_path, urls, disk) as sources:
        sources.probe(0)
        sources.release(1)
        threading.Timer(0.05, disk.held[urls[1]].set).start()
        assert sources.file(1, probe_media(blue)).read_bytes() == blue.read_bytes()
        assert disk.fetched[urls[1]] == 1


def test_who_is_done_waits_for_no_fetch_ahead(
    workbench: Workbench, media_samples: MediaSamples, tmp_path: Path, disk: Disk
):
    red = media_samples.solid("red")
    urls = [disk.add(red), *(disk.add(red, held=True) for _ in range(4))]
    with source_files(workbench, tmp_path, urls, disk) as sources:
        sources.probe(0)
        started = time.monotonic()
    assert time.monotonic() - started < SOON
    assert disk.fetched.total() <= 1 + FETCHES_AHEAD
    assert names(tmp_path) == ["clip_1"]


class CanceledTurn(Turn):
    """A turn whose client has changed their mind."""

    def check(self) -> None:
        raise CancelRequested


def test_a_canceled_job_stops_its_fetches(
    workbench: Workbench, media_samples: MediaSamples, tmp_path: Path, disk: Disk
):
    urls = [disk.add(media_samples.solid("red"), held=True) for _ in range(3)]
    with (
        source_files(workbench, tmp_path, urls, disk, turn_class=CanceledTurn) as sources,
        pytest.raises(CancelRequested),
    ):
        sources.probe(0)
    assert names(tmp_path) == []


def test_a_turn_that_is_over_stops_its_fetches(
    workbench: Workbench, media_samples: MediaSamples, tmp_path: Path, disk: Disk
):
    urls = [disk.add(media_samples.solid("red"), held=True) for _ in range(3)]
    with source_files(workbench, tmp_path, urls, disk, seconds=0.1) as sources, pytest.raises(DeadlineExceeded):
        sources.probe(0)
    assert names(tmp_path) == []


class Dripping(Exchange):
    """Sends the head of a clip, then a byte now and then until the client is gone; or nothing at all."""

    head = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        self.wfile.write(self.head)
        while True:
            time.sleep(0.02)
            self.wfile.write(b"\0")


class Silent(Exchange):
    """Takes the request and never answers, until the test is over."""

    is_over = threading.Event()

    def do_GET(self) -> None:
        self.is_over.wait(60)
        self.close_connection = True


@pytest.fixture
def dripping(media_samples: MediaSamples) -> Iterator[LoopbackServer]:
    Dripping.head = media_samples.solid("red").read_bytes()[:2000]
    with LoopbackServer(Dripping) as server:
        yield server


@pytest.fixture
def silent() -> Iterator[LoopbackServer]:
    Silent.is_over.clear()
    with LoopbackServer(Silent) as server:
        yield server
        Silent.is_over.set()


def test_a_server_that_drips_holds_nobody(
    workbench: Workbench, media_samples: MediaSamples, tmp_path: Path, dripping: LoopbackServer
):
    hosts = frozenset({dripping.address, *workbench.settings.allowed_http_hosts})
    urls = [workbench.publish(media_samples.solid("red")), f"{dripping.base_url}/clip.mp4"]
    with source_files(workbench, tmp_path, urls, Downloader(hosts)) as sources:
        sources.probe(0)
        started = time.monotonic()
    assert time.monotonic() - started < SOON
    assert names(tmp_path) == ["clip_1"]


def test_a_server_that_says_nothing_is_named_and_holds_nobody_for_long(
    workbench: Workbench, tmp_path: Path, silent: LoopbackServer
):
    downloads = Downloader(frozenset({silent.address}), read_seconds=0.2)
    started = time.monotonic()
    urls = [f"{silent.base_url}/{n}.mp4" for n in range(3)]
    with (
        source_files(workbench, tmp_path, urls, downloads) as sources,
        pytest.raises(SourceError, match=r"^Clip 1 \(scene 11\): .* too slow"),
    ):
        sources.probe(0)
    assert time.monotonic() - started < SOON


def test_failures_name_the_source(workbench: Workbench, media_samples: MediaSamples, tmp_path: Path):
    red, page = media_samples.solid("red"), media_samples.broken("page.mp4", b"<html></html>")
    with source_files(workbench, tmp_path, [workbench.publish(red), workbench.publish(page)]) as sources:
        with pytest.raises(UnsupportedMedia, match=r"^Clip 2 \(scene 12\): "):
            sources.probe(1)
        with pytest.raises(SourceError, match=r"^Clip 1 \(scene 11\): The file was replaced"):
            sources.file(0, probe_media(media_samples.solid("blue", seconds=2.0)))
