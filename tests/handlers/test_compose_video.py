"""Composition jobs: the final video, its poster, its video document."""

from pathlib import Path

import pytest

from pipeline.adapters.media_probe import probe_media
from pipeline.domain.jobs import JobKind
from pipeline.repositories.videos import VideoRepository
from tests.handlers.conftest import USER, Workbench
from tests.media_samples import MediaSamples


def clips(workbench: Workbench, paths: list[Path]) -> list[dict[str, object]]:
    return [{"scene_number": n, "video_url": workbench.publish(path)} for n, path in enumerate(paths, start=1)]


def fetch(workbench: Workbench, key: str, target: Path) -> Path:
    workbench.tools().storage.download_file(key, target)
    return target


def test_clips_and_music_become_one_video(workbench: Workbench, media_samples: MediaSamples, tmp_path: Path):
    sources = [media_samples.solid("red"), media_samples.solid("blue")]
    fields = {
        "clips": clips(workbench, sources),
        "audio_url": workbench.publish(media_samples.music()),
        "include_crossfade": True,
        "optimize_size": False,
        "video_url": None,
        "title": "Two colours",
    }
    job = workbench.run(JobKind.COMPOSITION, "compose-happy", fields)
    assert (job["status"], job["progress_percent"], job["cost_usd"]) == ("complete", 100, 0.0)
    probe = probe_media(fetch(workbench, job["video_key"], tmp_path / "final.mp4"))
    lengths = sum(probe_media(path).duration_seconds for path in sources)
    assert probe.duration_seconds == pytest.approx(lengths - 0.5, abs=0.06)
    assert probe.audio is not None
    assert job["poster_url"].endswith(".jpg")
    video = VideoRepository(USER, client=workbench.client).get_video("compose-happy")
    assert video is not None
    assert (video["status"], video["video_url"], video["video_title"]) == ("completed", job["video_url"], "Two colours")


def test_a_bad_clip_is_named(workbench: Workbench, media_samples: MediaSamples, tmp_path: Path):
    page = tmp_path / "page.mp4"
    page.write_text("<html><body>not a clip</body></html>")
    fields = {"clips": clips(workbench, [media_samples.solid("red"), page])}
    job = workbench.run(JobKind.COMPOSITION, "compose-html", fields)
    assert (job["status"], job["error"]["code"]) == ("error", "unsupported_media")
    assert "Clip 2 (scene 2)" in job["error_message"]


def test_a_missing_clip_is_named(workbench: Workbench):
    missing = [{"scene_number": 7, "video_url": f"{workbench.r2.public_base_url}/no/such.mp4"}]
    job = workbench.run(JobKind.COMPOSITION, "compose-missing", {"clips": missing})
    assert (job["status"], job["error"]["code"]) == ("error", "source_unavailable")
    assert "Clip 1 (scene 7)" in job["error_message"]


def test_another_users_storyboard_is_refused(workbench: Workbench, media_samples: MediaSamples):
    workbench.write("storyboards/compose-foreign", {"user_id": "somebody-else", "title": "Not yours"})
    fields = {"clips": clips(workbench, [media_samples.solid("red")]), "storyboard_id": "compose-foreign"}
    job = workbench.run(JobKind.COMPOSITION, "compose-foreign", fields)
    assert (job["status"], job["error"]["code"]) == ("error", "permission_denied")


@pytest.mark.parametrize(
    "fields",
    [{"clips": []}, {}, {"clips": "x"}, {"clips": [{"scene_number": 1}]}, {"clips": [{"video_url": "ftp://x/y"}]}],
)
def test_a_job_without_clips_is_refused(workbench: Workbench, fields: dict):
    job = workbench.run(JobKind.COMPOSITION, f"compose-bad-{abs(hash(str(fields)))}", fields)
    assert (job["status"], job["error"]["code"]) == ("error", "invalid_argument")
