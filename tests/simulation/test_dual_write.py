"""While manifests are written, jobs end as they do without, and what they announced is in the manifests."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from pipeline.domain.jobs import JobKind
from pipeline.domain.manifests import manifest_bytes, read_manifest
from pipeline.domain.metadata_modes import MetadataMode
from pipeline.repositories.clips import ClipRepository
from pipeline.repositories.videos import VideoRepository
from tests.simulation.invariants import Watch, faults_at_end
from tests.simulation.weather import draw_weather
from tests.simulation.world import SETTINGS, World

SCHEDULES = 60
DUAL_WRITE = replace(SETTINGS, metadata_mode=MetadataMode.DUAL_WRITE)


@pytest.fixture(scope="module")
def worlds() -> list[tuple[World, tuple[str, ...]]]:
    """Each at its end, with what went wrong in it."""
    ended = []
    for seed in range(1, SCHEDULES + 1):
        world = World(seed, draw_weather(Random(seed)), DUAL_WRITE)  # noqa: S311  no secret
        watch = Watch(world)
        world.run()
        ended.append((world, (*watch.faults, *faults_at_end(world))))
    return ended


def test_every_schedule_ends_right(worlds: list[tuple[World, tuple[str, ...]]]) -> None:
    assert {world.seed: faults for world, faults in worlds if faults} == {}


def test_who_has_written_a_manifest_has_all_its_clips_in_it(worlds: list[tuple[World, tuple[str, ...]]]) -> None:
    checked = 0
    for world, _ in worlds:
        for ref in world.refs:
            job: dict[str, Any] = world.job(ref) or {}
            if ref.kind is JobKind.IMAGE or not job.get("steps", {}).get("manifest", {}).get("done"):
                continue
            video_id = job["steps"]["place"]["output"]["video_id"]
            video = VideoRepository(job["user_id"], client=world.outside).get_video(video_id)  # type: ignore[arg-type]
            assert video is not None
            clips = ClipRepository(job["user_id"], video_id, client=world.outside).list_clips()  # type: ignore[arg-type]
            own = [clip for clip in clips if clip["created_by"] == ref.path]
            told = read_manifest(world.storage.contents[f"{job['user_id']}/{video_id}/manifest.json"])
            wanted = read_manifest(manifest_bytes(video, own))
            assert {name: told.clips.get(name) for name in wanted.clips} == wanted.clips
            checked += len(own)
    assert checked > SCHEDULES / 4
