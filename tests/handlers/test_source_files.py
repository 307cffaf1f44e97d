"""Sources on a disk that is small."""

from pathlib import Path

import pytest

from pipeline.adapters.media_probe import probe_media
from pipeline.domain.errors import SourceError, UnsupportedMedia
from pipeline.domain.jobs import Job, JobKind, JobRef, JobStatus
from pipeline.domain.requests import CompositionRequest, parse_request
from pipeline.handlers.source_files import SourceFiles
from pipeline.handlers.turns import Turn
from tests.handlers.conftest import USER, Workbench
from tests.media_samples import MediaSamples


def source_files(workbench: Workbench, folder: Path, urls: list[str], **options: int) -> SourceFiles:
    clips = [{"scene_number": 10 + place, "video_url": url} for place, url in enumerate(urls, start=1)]
    fields = {"user_id": USER, "clips": clips}
    job = Job(JobRef(JobKind.COMPOSITION, "sources"), JobStatus.PROCESSING, USER, fields, turn=1)
    turn = Turn(workbench.desk(), job, 500)
    return SourceFiles(turn, parse_request(CompositionRequest, fields), folder, workbench.tools(), **options)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_fits_stays_on_the_disk_until_it_is_released(
    workbench: Workbench, media_samples: MediaSamples, tmp_path: Path
):
    red, blue = media_samples.solid("red"), media_samples.solid("blue")
    sources = source_files(workbench, tmp_path, [workbench.publish(red), workbench.publish(blue)])
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
    sources = source_files(workbench, tmp_path, urls, kept_bytes=red.stat().st_size)
    probes = [sources.probe(0), sources.probe(1)]
    assert names(tmp_path) == ["clip_1"]
    assert sources.file(1, probes[1]).read_bytes() == blue.read_bytes()


def test_failures_name_the_source(workbench: Workbench, media_samples: MediaSamples, tmp_path: Path):
    red, page = media_samples.solid("red"), media_samples.broken("page.mp4", b"<html></html>")
    sources = source_files(workbench, tmp_path, [workbench.publish(red), workbench.publish(page)])
    with pytest.raises(UnsupportedMedia, match=r"^Clip 2 \(scene 12\): "):
        sources.probe(1)
    with pytest.raises(SourceError, match=r"^Clip 1 \(scene 11\): The file was replaced"):
        sources.file(0, probe_media(media_samples.solid("blue", seconds=2.0)))
