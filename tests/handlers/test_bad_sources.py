"""What a composition is given and cannot use: each ends soon, with an error that names the clip."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.domain.errors import OutOfSpace
from pipeline.domain.jobs import JobKind, JobRef
from tests.handlers.composition_jobs import ONE_GO, CompositionJob
from tests.handlers.conftest import Workbench
from tests.media_samples import MediaSamples

PLAYLIST = b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:5,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
CONCAT = b"ffconcat version 1.0\nfile '/etc/passwd'\n"


def huge(samples: MediaSamples) -> Path:
    return samples.solid("red", seconds=0.1, size="4098x64")


def claims_to_be_huge(samples: MediaSamples) -> Path:
    """A small clip whose container says that its pictures are 60,000 pixels wide."""
    small = samples.solid("red")
    content = bytearray(small.read_bytes())
    entry = content.index(b"avc1", content.index(b"stsd")) + 4
    content[entry + 24 : entry + 26] = (60_000).to_bytes(2, "big")
    return samples.broken("claims_huge.mp4", bytes(content))


BAD_CLIPS: dict[str, tuple[Callable[[MediaSamples], Path], str]] = {
    "page": (lambda samples: samples.broken("page.mp4", b"<html><body>not a clip</body></html>"), "unsupported_media"),
    "playlist": (lambda samples: samples.broken("playlist.mp4", PLAYLIST), "unsupported_media"),
    "concat": (lambda samples: samples.broken("concat.mp4", CONCAT), "unsupported_media"),
    "empty": (lambda samples: samples.broken("empty.mp4", b""), "unsupported_media"),
    "only a head": (
        lambda samples: samples.broken("head.mp4", samples.solid("red").read_bytes()[:48]),
        "unsupported_media",
    ),
    "index missing": (lambda samples: samples.truncated(samples.moving(), faststart=False), "unsupported_media"),
    "end missing": (lambda samples: samples.truncated(samples.moving(), faststart=True), "unsupported_media"),
    "noise in it": (
        lambda samples: samples.broken("noise.mp4", samples.moving().read_bytes()[:600] + bytes(range(256)) * 64),
        "unsupported_media",
    ),
    "music": (lambda samples: samples.music(), "unsupported_media"),
    "picture": (lambda samples: samples.picture(), "unsupported_media"),
    "huge": (huge, "source_too_large"),
    "huge by its own account": (claims_to_be_huge, "source_too_large"),
}


@pytest.mark.parametrize("what", BAD_CLIPS)
@pytest.mark.parametrize("place", [1, 3])
def test_a_clip_that_cannot_be_used_is_named(workbench: Workbench, media_samples: MediaSamples, what: str, place: int):
    make, code = BAD_CLIPS[what]
    clips = [media_samples.solid("red")] * 3
    clips[place - 1] = make(media_samples)
    job = CompositionJob(workbench, f"bad-{what.replace(' ', '-')}-{place}", clips)
    ended = job.create(ONE_GO)
    assert (ended["status"], ended["error"]["code"]) == ("error", code), ended.get("error")
    assert f"Clip {place} " in ended["error_message"]
    assert (job.kept(), job.is_visible(), ended["attempt"]) == ([], False, 1)


def test_music_without_sound_is_named(workbench: Workbench, media_samples: MediaSamples):
    clip = media_samples.solid("red")
    for number, path in enumerate((clip, media_samples.broken("page.mp3", b"<html></html>"))):
        job = CompositionJob(workbench, f"bad-music-{number}", [clip], audio_url=workbench.publish(path))
        ended = job.create(ONE_GO)
        assert (ended["status"], ended["error"]["code"]) == ("error", "unsupported_media")
        assert "The audio track (audio_url)" in ended["error_message"]


@pytest.mark.parametrize("number", [201, 10_000])
def test_too_many_clips_are_refused_before_any_is_fetched(workbench: Workbench, number: int):
    clips = [{"scene_number": 1, "video_url": "https://a.example/1.mp4"}] * number
    job = CompositionJob(workbench, f"bad-many-{number}", [])
    job.change(clips=clips)
    ended = job.create(ONE_GO)
    assert (ended["status"], ended["error"]["code"]) == ("error", "invalid_argument")
    assert "Field 'clips'" in ended["error_message"]
    assert job.instance.fetches == []


@pytest.mark.parametrize("duration", [0, 0.0, -1.0, float("nan"), float("inf"), 1e9, "5"])
def test_a_duration_that_is_none_is_refused(workbench: Workbench, duration: object):
    job = CompositionJob(workbench, f"bad-duration-{duration}", [])
    job.change(clips=[{"scene_number": 1, "video_url": "https://a.example/1.mp4", "duration": duration}])
    ended = job.create(ONE_GO)
    assert (ended["status"], ended["error"]["code"]) == ("error", "invalid_argument")
    assert "Field 'clips.0.duration'" in ended["error_message"]
    assert job.instance.fetches == []


def test_a_duration_that_is_wrong_is_not_believed(workbench: Workbench, media_samples: MediaSamples):
    job = CompositionJob(workbench, "bad-belief", [media_samples.solid("red")])
    [clip] = job.document["clips"]
    job.change(clips=[{**clip, "duration": 3000.0}])
    assert job.create(ONE_GO)["duration"] == 1.0


class FullDisk:
    """A Downloader whose disk is full when the URL is fetched; `times` so often."""

    def __init__(self, downloads: Any, url: str, times: int) -> None:
        self._downloads = downloads
        self._url = url
        self._times = times

    def fetch(self, url: str, *arguments: Any, **named: Any) -> Any:
        if url == self._url and self._times > 0:
            self._times -= 1
            raise OutOfSpace("The function ran out of disk space while writing a file.")
        return self._downloads.fetch(url, *arguments, **named)


@pytest.mark.parametrize(("times", "status"), [(2, "complete"), (99, "error")])
def test_a_full_disk_is_tried_again_and_then_named(
    workbench: Workbench, media_samples: MediaSamples, times: int, status: str, monkeypatch: pytest.MonkeyPatch
):
    clips = [media_samples.solid("red"), media_samples.solid("blue")]
    tools = workbench.tools()
    full = replace(tools, downloads=FullDisk(tools.downloads, workbench.publish(clips[1]), times))
    monkeypatch.setattr(workbench, "tools", lambda: full)
    fields = {"clips": [{"scene_number": n, "video_url": workbench.publish(clip)} for n, clip in enumerate(clips, 1)]}
    ended = workbench.run(JobKind.COMPOSITION, f"bad-disk-{times}", fields)
    assert (ended["status"], ended["attempt"]) == (status, 3)
    if status == "error":
        assert ended["error"]["code"] == "out_of_space"
        assert "Clip 2 (scene 2): The function ran out of disk space" in ended["error_message"]
    assert JobRef(JobKind.COMPOSITION, f"bad-disk-{times}") in workbench.tasks.due
