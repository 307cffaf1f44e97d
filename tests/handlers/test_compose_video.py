"""Composition jobs: the final video, its poster, its video document."""

from pathlib import Path

import pytest
from PIL import Image

from pipeline.adapters.media_probe import probe_media
from pipeline.adapters.placeholders import placeholder_of
from pipeline.domain.jobs import JobKind
from pipeline.handlers.delete_video import delete_video
from pipeline.repositories.videos import VideoRepository
from tests.handlers.composition_jobs import ONE_GO, ONE_PIECE, CompositionJob
from tests.handlers.conftest import USER, Workbench
from tests.handlers.watched_storage import WatchedStorage
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
    assert job["poster_key"] == "user-1/compose-happy/final/compose-happy.jpg"
    assert job["thumbnail_key"] == "user-1/compose-happy/final/compose-happy_thumbnail.jpg"
    for name, edge in (("poster", 284), ("thumbnail", 284)):
        assert job[f"{name}_url"].endswith(job[f"{name}_key"])
        with Image.open(fetch(workbench, job[f"{name}_key"], tmp_path / f"{name}.jpg")) as picture:
            assert (picture.format, max(picture.size)) == ("JPEG", edge)
    assert job["placeholder"] == placeholder_of((tmp_path / "thumbnail.jpg").read_bytes())
    video = VideoRepository(USER, client=workbench.client).get_video("compose-happy")
    assert video is not None
    assert (video["status"], video["video_url"], video["video_title"]) == ("completed", job["video_url"], "Two colours")


def test_a_video_that_is_deleted_while_it_is_composed_leaves_no_files(
    workbench: Workbench, media_samples: MediaSamples
):
    library, deleted = workbench.tools(), list[str]()

    def delete_once(name: str, key: str) -> None:
        if name == "upload_bytes" and not deleted:  # of the poster
            deleted.append(key)
            delete_video(USER, "compose-gone", library)

    workbench.write("storyboards/compose-gone", {"user_id": USER, "title": "Gone"})
    library.videos(USER).create_or_update_video("compose-gone", status="completed")
    workbench.storage = WatchedStorage(workbench.storage, delete_once)  # type: ignore[assignment]  # answers every method
    fields = {"clips": clips(workbench, [media_samples.solid("red")]), "storyboard_id": "compose-gone"}
    job = workbench.run(JobKind.COMPOSITION, "compose-gone-job", fields)
    assert (job["status"], job["error"]["code"], len(deleted)) == ("error", "not_found", 1)
    assert list(library.storage.list_objects(f"{USER}/compose-gone/")) == []


def test_a_large_video_has_a_smaller_poster_and_a_small_thumbnail(
    workbench: Workbench, media_samples: MediaSamples, tmp_path: Path
):
    source = media_samples.moving(seconds=0.2, size="1440x2560")
    job = workbench.run(JobKind.COMPOSITION, "compose-large", {"clips": clips(workbench, [source])})
    for name, size in (("poster", (720, 1280)), ("thumbnail", (270, 480))):
        with Image.open(fetch(workbench, job[f"{name}_key"], tmp_path / f"{name}.jpg")) as picture:
            assert picture.size == size


@pytest.mark.parametrize("seconds", [ONE_GO, ONE_PIECE])
def test_what_may_be_wrong_with_a_video_stands_on_its_job(
    workbench: Workbench, media_samples: MediaSamples, seconds: float
):
    black, red = (media_samples.solid(color, seconds=2.0) for color in ("black", "red"))
    tone = media_samples.solid("blue", seconds=0.5, sound_hz=300)
    job = CompositionJob(workbench, f"compose-warned-{seconds:.0f}", [black, red, tone], include_crossfade=False)
    turn = job.create(seconds)
    while turn["status"] == "processing":
        turn = job.next_turn(seconds)
    found = [(one["code"], one["clip"], round(one["start_seconds"], 1), one["end_seconds"]) for one in turn["warnings"]]
    assert found == [("black", 1, 0.0, 2.0), ("frozen", 2, 2.0, 4.0), ("silent", 0, 0.0, 4.0)]
    assert turn["warnings"][0]["message"] == "Clip 1 is black from 0.0 s to 2.0 s."
    assert turn["status"] == "complete"


def test_a_video_with_nothing_wrong_has_no_warnings(workbench: Workbench, media_samples: MediaSamples):
    fields = {
        "clips": clips(workbench, [media_samples.moving()]),
        "audio_url": workbench.publish(media_samples.music()),
    }
    assert workbench.run(JobKind.COMPOSITION, "compose-fine", fields)["warnings"] == []


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
