"""Instances that are killed before any of their effects: the next one goes on, and nothing is made twice."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.adapters.streamed_uploads import PART_BYTES
from tests.handlers.composition_jobs import (
    ONE_GO,
    ONE_PIECE,
    CompositionJob,
    Killed,
    assert_same_video,
    composed_at_once,
)
from tests.handlers.conftest import Workbench
from tests.media_samples import MediaSamples

NOISE = ("-vf", "noise=alls=100:allf=t", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-qp", "8")
MAX_EFFECTS = 200


def killed_jobs(
    bench: Workbench,
    name: str,
    sources: list[Path],
    seconds: float,
    *,
    dies_at: str | None = None,
    every: int = 1,
    **fields: Any,
) -> Iterator[CompositionJob]:
    """The same job again and again, killed one effect (or `every` so many) later each time, until it comes through."""
    for effects in range(1, MAX_EFFECTS, every):
        job = CompositionJob(bench, f"{name}-{effects}", sources, **fields)
        job.instance.effects_left, job.instance.dies_at = effects, dies_at
        try:
            turn = job.create(seconds)
            while turn["status"] == "processing":
                turn = job.next_turn(seconds)
        except Killed:
            yield job
            job.instance.bury()
        else:
            return
    raise AssertionError("it has too many effects")


def unfinished_uploads(bench: Workbench) -> list[str]:
    """The keys of uploads in parts that somebody has begun."""
    found = bench.r2.client.list_multipart_uploads(Bucket=bench.r2.bucket)
    return [upload["Key"] for upload in found.get("Uploads", [])]


@pytest.fixture
def sources(media_samples: MediaSamples) -> list[Path]:
    """A copied beginning, a joint and an end that are encoded, and sound."""
    return [media_samples.solid("red", seconds=0.5, sound_hz=300), media_samples.solid("blue", seconds=0.5)]


def test_killed_anywhere_short_work_is_done_by_the_next_instance(
    workbench: Workbench, sources: list[Path], tmp_path: Path
):
    expected = composed_at_once(sources, tmp_path)
    deaths = 0
    for job in killed_jobs(workbench, "killed-short", sources, ONE_GO):
        deaths += 1
        recorded = job.recorded()
        assert job.is_visible() == (job.instance.uploads[job.final_key] > 0)
        assert job.after_a_kill()["status"] == "complete", job.document
        assert job.instance.uploads[job.final_key] == 1 or "compose" not in recorded
        assert (job.instance.parts(), job.kept()) == ([], [])
        assert_same_video(job.video(tmp_path), expected)
    assert deaths > 12


@pytest.mark.slow
def test_killed_anywhere_long_work_goes_on_where_it_was(workbench: Workbench, sources: list[Path], tmp_path: Path):
    expected = composed_at_once(sources, tmp_path)
    deaths = 0
    for job in killed_jobs(workbench, "killed-long", sources, ONE_PIECE):
        deaths += 1
        recorded = job.recorded()
        assert job.is_visible() == (job.instance.uploads[job.final_key] > 0)
        turn = job.after_a_kill(ONE_PIECE)
        while turn["status"] == "processing":
            turn = job.next_turn()
        assert turn["status"] == "complete", turn
        assert job.instance.uploads[job.final_key] == 1 or "compose" not in recorded
        *segments, sound = job.instance.parts()
        assert segments == [1, 1]  # one that was stored but not recorded is found
        assert sound == 1 or "sound" not in recorded
        assert len(set(job.instance.downloads)) == 3
        assert job.kept() == []
        assert_same_video(job.video(tmp_path), expected)
    assert deaths > 30


def test_killed_in_the_middle_of_a_large_upload_nothing_is_visible_and_the_next_one_stores_it(
    workbench: Workbench, media_samples: MediaSamples, tmp_path: Path
):
    clips = [media_samples.solid(color, seconds=2.0, size="480x360", options=NOISE) for color in ("gray", "white")]
    assert sum(path.stat().st_size for path in clips) > 2.5 * PART_BYTES
    expected = composed_at_once(clips, tmp_path, crossfade=False)
    in_parts = 0
    jobs = killed_jobs(
        workbench, "killed-large", clips, ONE_GO, dies_at="write_upload", every=33, include_crossfade=False
    )
    for job in jobs:
        assert not job.is_visible()
        in_parts += job.final_key in unfinished_uploads(workbench)
        assert job.after_a_kill()["status"] == "complete", job.document
        job.instance.bury()
        assert unfinished_uploads(workbench) == []
        assert job.video(tmp_path).read_bytes() == expected.read_bytes()
    assert in_parts > 0
