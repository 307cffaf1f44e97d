"""Manifests beside the files: what jobs leave in each mode, whoever is killed or in the way."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.adapters.object_storage import ObjectStorage
from pipeline.domain.clips import ClipDocument
from pipeline.domain.errors import StorageUnavailable
from pipeline.domain.highlights import read_highlights
from pipeline.domain.jobs import JobKind, JobRef, SignalWake
from pipeline.domain.manifests import read_manifest
from pipeline.domain.metadata_modes import MetadataMode
from pipeline.domain.pages import Page
from pipeline.handlers.dual_write import write_manifest
from pipeline.handlers.metadata_sources import ClipSelection, FirestoreSource, StorageSource, metadata_source
from pipeline.repositories.clips import ClipRepository
from tests.handlers.conftest import USER, Workbench
from tests.handlers.watched_storage import WatchedStorage, refuse_everything
from tests.repositories.clip_samples import create_sample

DUAL, FALLBACK, ONLY = MetadataMode
EVERYTHING = ClipSelection()


class Killed(BaseException):
    """The instance is gone."""


def in_mode(workbench: Workbench, mode: MetadataMode) -> Workbench:
    workbench.settings = replace(workbench.settings, metadata_mode=mode)
    return workbench


def scenes(url: str, *texts: str) -> list[dict[str, object]]:
    return [
        {"scene_number": number, "seed_image_url": url, "duration": 2.0, "description": text}
        for number, text in enumerate(texts, start=1)
    ]


def video_job(workbench: Workbench, name: str, picture: Path) -> dict[str, Any]:
    return {
        "scene_id": workbench.scene(name),
        "image_url": workbench.publish(picture),
        "text": "A lighthouse at dusk",
        "duration": 2.0,
    }


def manifest_of(workbench: Workbench, video_id: str) -> dict[str, Any]:
    """The manifest as anybody reads it."""
    manifest: dict[str, Any] = json.loads(workbench.storage.read_bytes(f"{USER}/{video_id}/manifest.json"))
    return manifest


def failing_updates(storage: ObjectStorage, *errors: BaseException) -> WatchedStorage:
    """A store whose first updates fail."""
    left = list(errors)

    def before(name: str, key: str) -> None:
        if name == "update_bytes" and left:
            raise left.pop(0)

    return WatchedStorage(storage, before)


def test_a_job_in_dual_write_is_answered_for_by_its_files(workbench: Workbench, picture: Path):
    bench = in_mode(workbench, DUAL)
    job = bench.run(JobKind.MULTI_VIDEO, "dual-multi", {"scenes": scenes(bench.publish(picture), "one", "two")})
    assert job["status"] == "complete"
    manifest = manifest_of(bench, "dual-multi")
    assert manifest["video"]["status"] == "completed"
    assert [clip["scene_title"] for clip in manifest["clips"]] == ["one", "two"]
    highlights = read_highlights(bench.storage.read_bytes(f"{USER}/dual-multi/highlights.json"))
    assert [(scene.scene_id, scene.title) for scene in highlights.entries] == [(1, "one"), (2, "two")]
    assert highlights.remarks == ()
    source = metadata_source(USER, bench.tools())
    assert isinstance(source, StorageSource)
    firestore = FirestoreSource(USER, bench.tools())
    assert source.get_video("dual-multi") == firestore.get_video("dual-multi")
    assert source.list_clips("dual-multi", EVERYTHING) == firestore.list_clips("dual-multi", EVERYTHING)


def test_what_firestore_loses_the_fallback_answers_for_unchanged(
    workbench: Workbench, picture: Path, capsys: pytest.CaptureFixture[str]
):
    bench = in_mode(workbench, FALLBACK)
    assert bench.run(JobKind.VIDEO, "dual-lost", video_job(bench, "dual-lost", picture))["status"] == "complete"
    source = metadata_source(USER, bench.tools())
    video, clips = source.get_video("dual-lost"), source.list_clips("dual-lost", EVERYTHING)
    assert len(clips) == 1
    fallbacks = bench.read(f"users/{USER}/metadata/phase").get("fallbacks", 0)
    bench.tools().videos(USER).delete_video("dual-lost")
    capsys.readouterr()
    assert source.get_video("dual-lost") == video
    assert source.list_clips("dual-lost", EVERYTHING) == clips
    assert "".join(capsys.readouterr()).count('"metadata_fallback": true') == 2
    assert bench.read(f"users/{USER}/metadata/phase")["fallbacks"] == fallbacks + 2
    bench.storage.delete_objects([f"{USER}/dual-lost/manifest.json"])
    bare = source.list_clips("dual-lost", EVERYTHING)[0]
    unknown = {"created_at", "completed_at", "created_by"}
    assert {name for name in bare if bare[name] != clips[0][name]} == unknown  # type: ignore[literal-required]


def test_at_the_end_of_the_way_no_manifest_is_written_or_read(workbench: Workbench, picture: Path):
    bench = in_mode(workbench, ONLY)
    watched = WatchedStorage(bench.storage)
    bench.storage = watched  # type: ignore[assignment]  # answers every method
    assert bench.run(JobKind.VIDEO, "dual-off", video_job(bench, "dual-off", picture))["status"] == "complete"
    assert {name for name, _ in watched.calls} == {"upload_file"}
    closed = replace(bench.tools(), storage=WatchedStorage(bench.storage, refuse_everything))
    source = metadata_source(USER, closed)
    assert source.get_video("dual-off") is not None
    assert len(source.list_clips("dual-off", EVERYTHING)) == 1


def test_a_user_who_is_ahead_has_no_manifests_written(workbench: Workbench):
    tools = in_mode(workbench, DUAL).tools()
    tools.videos("dual-ahead").create_or_update_video("v")
    tools.phases.switch("dual-ahead", ONLY, workbench.now())
    write_manifest("dual-ahead", "v", replace(tools, storage=WatchedStorage(tools.storage, refuse_everything)))


def test_a_composition_completes_its_manifest_too(workbench: Workbench, picture: Path):
    bench = in_mode(workbench, DUAL)
    made = bench.run(JobKind.MULTI_VIDEO, "dual-parts", {"scenes": scenes(bench.publish(picture), "one", "two")})
    bench.write("storyboards/dual-board", {"user_id": USER, "title": "Board", "scene_order": []})
    clips = [{name: clip[name] for name in ("scene_number", "video_url")} for clip in made["clips"]]
    fields = {"clips": clips, "storyboard_id": "dual-board"}
    job = bench.run(JobKind.COMPOSITION, "dual-composed", fields)
    assert job["status"] == "complete", job
    video = manifest_of(bench, "dual-board")["video"]
    assert (video["status"], video["video_url"]) == ("completed", job["video_url"])
    assert StorageSource(USER, bench.tools()).get_video("dual-board") == bench.tools().videos(USER).get_video(
        "dual-board"
    )


def test_the_manifest_of_a_failed_job_says_so(workbench: Workbench, picture: Path):
    bench = in_mode(workbench, DUAL)
    wanted = scenes(bench.publish(picture), "fine", "bad [stub:nsfw]")
    job = bench.run(JobKind.MULTI_VIDEO, "dual-failed", {"scenes": wanted})
    assert job["error"]["code"] == "partial_failure"
    manifest = manifest_of(bench, "dual-failed")
    assert manifest["video"]["status"] == "failed"
    assert [clip["scene_title"] for clip in manifest["clips"]] == ["fine"]


def test_a_store_that_is_away_for_a_while_costs_a_wait_and_no_money(workbench: Workbench, picture: Path):
    bench = in_mode(workbench, DUAL)
    watched = failing_updates(bench.storage, StorageUnavailable("away"), StorageUnavailable("away"))
    bench.storage = watched  # type: ignore[assignment]
    before = bench.replicate.creates
    job = bench.run(JobKind.VIDEO, "dual-away", video_job(bench, "dual-away", picture))
    assert (job["status"], job["steps"]["manifest"]["attempt"]) == ("complete", 2)
    assert bench.replicate.creates == before + 1
    assert len(watched.named("upload_file")) == 2
    assert manifest_of(bench, "dual-away")["video"]["status"] == "completed"


def test_a_store_that_refuses_for_good_does_not_take_the_clips(workbench: Workbench, picture: Path):
    bench = in_mode(workbench, DUAL)
    watched = failing_updates(bench.storage, *[StorageUnavailable("away")] * 100)
    bench.storage = watched  # type: ignore[assignment]
    job = bench.run(JobKind.MULTI_VIDEO, "dual-gone", {"scenes": scenes(bench.publish(picture), "one", "two")})
    assert (job["status"], job["scene_errors"], len(job["clips"])) == ("complete", [], 2)
    assert bench.storage.stat(f"{USER}/dual-gone/manifest.json") is None
    assert len(StorageSource(USER, bench.tools()).list_clips("dual-gone", EVERYTHING)) == 2


@pytest.mark.parametrize("update", [0, 1])
def test_a_killed_dual_write_is_repeated_by_the_next_turn(workbench: Workbench, picture: Path, update: int):
    bench = in_mode(workbench, DUAL)
    name = f"dual-killed-{update}"
    kept = bench.storage

    def before(called: str, key: str) -> None:
        if called == "update_bytes" and len(watched.named("update_bytes")) == update + 1:
            raise Killed

    watched = WatchedStorage(kept, before)
    bench.storage = watched  # type: ignore[assignment]
    creates = bench.replicate.creates
    with pytest.raises(Killed):
        bench.run(JobKind.VIDEO, name, video_job(bench, name, picture))
    bench.ahead += 2 * timedelta(seconds=bench.settings.lease_seconds)
    ref = JobRef(JobKind.VIDEO, name)
    bench.wake(ref, SignalWake())
    assert bench.finish(ref)["status"] == "complete"
    assert bench.replicate.creates == creates + 1
    assert len(watched.named("upload_file")) == 2
    assert manifest_of(bench, name)["video"]["clips_count"] == 1
    assert kept.stat(f"{USER}/{name}/highlights.json") is not None


def test_eight_clips_that_finish_at_once_are_all_in_the_manifest(workbench: Workbench):
    tools = in_mode(workbench, DUAL).tools()
    tools.videos("dual-eight").create_or_update_video("v", video_title="Eight")
    found = json.dumps({"tool": "other", "highlights": [{"id": 99, "mood": "calm"}, {"id": 3, "hook": 1}]}).encode()
    tools.storage.upload_bytes("dual-eight/v/highlights.json", found, "application/json")
    together = threading.Barrier(8)

    def finish(number: int) -> None:
        together.wait()
        create_sample(tools.clips("dual-eight", "v"), number, status="completed")
        tools.videos("dual-eight").update_clip_statistics("v")
        write_manifest("dual-eight", "v", tools)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(finish, range(1, 9)))
    manifest = read_manifest(tools.storage.read_bytes("dual-eight/v/manifest.json"))
    assert sorted(clip["scene_id"] for clip in manifest.clips.values()) == list(range(1, 9))
    highlights = json.loads(tools.storage.read_bytes("dual-eight/v/highlights.json"))
    assert highlights["tool"] == "other"
    assert {entry["id"] for entry in highlights["highlights"]} == {99, *range(1, 9)}
    assert {"id": 99, "mood": "calm"} in highlights["highlights"]
    assert next(entry for entry in highlights["highlights"] if entry["id"] == 3)["hook"] == 1


def test_who_was_overtaken_while_reading_reads_again(workbench: Workbench):
    tools = in_mode(workbench, DUAL).tools()
    tools.videos("dual-race").create_or_update_video("v", video_title="Race")
    create_sample(tools.clips("dual-race", "v"), 1, status="completed")
    overtaken = []

    class Overtaken(ClipRepository):
        def list_clips(self, *arguments: Any, **named: Any) -> Page[ClipDocument]:
            read = super().list_clips(*arguments, **named)
            if len(overtaken) < 3:
                overtaken.append(create_sample(tools.clips("dual-race", "v"), 2 + len(overtaken), status="completed"))
                write_manifest("dual-race", "v", tools)
            return read

    slow = replace(tools, clips=lambda user, video: Overtaken(user, video, client=workbench.client))
    write_manifest("dual-race", "v", slow)
    manifest = json.loads(tools.storage.read_bytes("dual-race/v/manifest.json"))
    highlights = json.loads(tools.storage.read_bytes("dual-race/v/highlights.json"))
    assert len(overtaken) == 3
    assert sorted(clip["scene_id"] for clip in manifest["clips"]) == [1, 2, 3, 4]
    assert sorted(entry["id"] for entry in highlights["highlights"]) == [1, 2, 3, 4]


def test_the_job_of_a_storyboard_leaves_what_other_jobs_have_announced(workbench: Workbench, picture: Path):
    bench = in_mode(workbench, DUAL)
    bench.write("storyboards/dual-shared", {"user_id": USER, "title": "Shared", "scene_order": ["dual-a", "dual-b"]})
    for name in ("dual-a", "dual-b"):
        bench.run(JobKind.VIDEO, name, {**video_job(bench, name, picture), "storyboard_id": "dual-shared"})
    assert [clip["scene_id"] for clip in manifest_of(bench, "dual-shared")["clips"]] == [1, 2]


def test_a_video_that_was_deleted_meanwhile_gets_no_manifest(workbench: Workbench):
    tools = in_mode(workbench, DUAL).tools()
    write_manifest("dual-deleted", "v", tools)
    assert list(tools.storage.list_objects("dual-deleted/")) == []


def test_nothing_is_written_where_nothing_has_changed(workbench: Workbench):
    tools = in_mode(workbench, DUAL).tools()
    tools.videos("dual-same").create_or_update_video("v", video_title="Same")
    create_sample(tools.clips("dual-same", "v"), 1)
    write_manifest("dual-same", "v", tools)

    def written() -> list[Any]:
        return [(one.key, one.stored_at, one.size_bytes) for one in tools.storage.list_objects("dual-same/")]

    before = written()
    write_manifest("dual-same", "v", tools)
    assert written() == before
    assert len(before) == 2
