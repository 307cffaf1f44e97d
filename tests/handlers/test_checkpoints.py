"""Compositions of several turns: every part made once, whenever a turn ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.adapters.media_probe import probe_media
from pipeline.domain.jobs import CreatedWake, SignalWake
from pipeline.domain.requests import CompositionRequest, parse_request
from pipeline.handlers.checkpoints import discard_checkpoints, finish_parts, render_sound
from pipeline.handlers.planned_composition import PlannedComposition, plan_job
from pipeline.handlers.source_files import FETCHES_AHEAD, SourceFiles
from pipeline.handlers.turn_pieces import TurnPieces
from pipeline.handlers.turns import Turn
from tests.handlers.composition_jobs import (
    ONE_GO,
    CompositionJob,
    assert_same_video,
    composed_at_once,
    encoded_segments,
    planned,
)
from tests.handlers.conftest import USER, Workbench
from tests.media_samples import MediaSamples

COLORS = ["red", "blue", "green", "white", "gray", "yellow", "purple"]
KEYFRAMES = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "6")
"""Pictures of which every sixth is one that a copy may begin with."""
SMALL = ("-c:v", "libx264", "-preset", "veryslow", "-qp", "50", "-g", "6")
"""Pictures that nobody makes smaller."""


@pytest.fixture
def sources(media_samples: MediaSamples) -> list[Path]:
    """Three clips. Sound, pictures of the first, joint, pictures of the second, joint, pictures of the third."""
    clips = enumerate(COLORS[:3])
    return [media_samples.solid(color, sound_hz=300 if n % 2 else None, options=KEYFRAMES) for n, color in clips]


FADE = {"crossfade_seconds": 0.25}
LEASE = timedelta(seconds=180)


def test_a_composition_goes_on_over_turns(
    workbench: Workbench, media_samples: MediaSamples, sources: list[Path], tmp_path: Path
):
    music = media_samples.music()
    job = CompositionJob(workbench, "long-turns", sources, audio_url=workbench.publish(music), **FADE)
    turns = [job.create(), *job.finish()]
    assert [turn["status"] for turn in turns] == ["processing"] * 4 + ["complete"]
    assert [turn["stage"] for turn in turns] == ["fetch", "compose", "compose", "compose", "complete"]
    progress = [turn["progress_percent"] for turn in turns]
    assert progress == sorted(progress)
    assert turns[-2]["progress_percent"] > 70
    assert (turns[-1]["attempt"], turns[-1]["interruptions"]) == (1, 0)
    assert job.instance.parts() == [1, 1, 1]
    assert_same_video(job.video(tmp_path), composed_at_once(sources, tmp_path, music, **FADE))
    assert job.kept() == []


def test_a_part_is_kept_as_soon_as_it_is_made_the_sound_first(workbench: Workbench, sources: list[Path]):
    job = CompositionJob(workbench, "long-order", sources, **FADE)
    kept = []
    job.create()
    for _ in range(3):
        job.next_turn()
        kept.append([key.rpartition("_")[2] for key in job.kept()])
    assert kept == [["sound.m4a"], ["002.mp4", "sound.m4a"], ["002.mp4", "004.mp4", "sound.m4a"]]


def test_the_last_turn_takes_the_kept_parts_and_fetches_only_what_is_copied(workbench: Workbench, sources: list[Path]):
    job = CompositionJob(workbench, "long-joined", sources, **FADE)
    job.create()
    while len(job.kept()) < 3:
        job.next_turn()
    kept = job.kept()
    job.instance.fetches, job.instance.downloads = [], []
    assert job.next_turn()["status"] == "complete"
    assert sorted(job.instance.downloads) == kept
    assert sorted(job.instance.fetches) == ["clip_1", "clip_2", "clip_3"]
    assert job.instance.parts() == [1, 1, 1]


def test_silent_clips_without_music_keep_no_sound(workbench: Workbench, media_samples: MediaSamples, tmp_path: Path):
    clips = [media_samples.solid(color, options=KEYFRAMES) for color in COLORS[:2]]
    job = CompositionJob(workbench, "long-silent", clips, **FADE)
    job.create()
    job.next_turn()
    assert [key.rpartition("_")[2] for key in job.kept()] == ["002.mp4"]
    assert job.finish()[-1]["warnings"] == []
    assert probe_media(job.video(tmp_path)).audio is None
    assert_same_video(job.video(tmp_path), composed_at_once(clips, tmp_path, **FADE))


def test_short_work_keeps_no_parts_and_fetches_nothing_twice(
    workbench: Workbench, media_samples: MediaSamples, sources: list[Path], tmp_path: Path
):
    music = media_samples.music()
    job = CompositionJob(workbench, "long-not", sources, audio_url=workbench.publish(music), **FADE)
    assert job.create(ONE_GO)["status"] == "complete"
    assert (job.instance.parts(), job.instance.downloads) == ([], [])
    assert sorted(job.instance.fetches) == ["audio", "clip_1", "clip_2", "clip_3"]
    assert_same_video(job.video(tmp_path), composed_at_once(sources, tmp_path, music, **FADE))


def test_what_one_turn_kept_another_with_more_time_uses(workbench: Workbench, sources: list[Path], tmp_path: Path):
    job = CompositionJob(workbench, "long-then-short", sources, **FADE)
    for turn in (job.create, job.next_turn, job.next_turn):
        turn()
    kept = job.kept()
    assert job.next_turn(ONE_GO)["status"] == "complete"
    assert sorted(job.instance.downloads) == kept
    assert job.instance.parts() == [1, 1]
    assert_same_video(job.video(tmp_path), composed_at_once(sources, tmp_path, **FADE))
    assert job.kept() == []


def test_a_turn_fetches_the_clips_of_its_segment_and_the_next_ones(workbench: Workbench, media_samples: MediaSamples):
    clips = [media_samples.solid(color, seconds=0.5) for color in COLORS]
    job = CompositionJob(workbench, "long-lazy", clips)
    job.create()
    job.next_turn()  # clips 1 and 2
    job.instance.fetches, job.instance.files_on_disk = [], 0
    job.next_turn()
    assert {"clip_2", "clip_3"} <= set(job.instance.fetches) <= {"clip_2", "clip_3", "clip_4", "clip_5"}
    assert job.instance.files_on_disk < 2 + FETCHES_AHEAD


def test_another_plan_uses_no_part_of_this_one(workbench: Workbench, sources: list[Path], tmp_path: Path):
    job = CompositionJob(workbench, "long-replanned", sources, **FADE)
    for turn in (job.create, job.next_turn, job.next_turn):
        turn()
    before = set(job.kept())
    assert len(before) == 2
    job.change(crossfade_seconds=0.125)
    assert job.finish()[-1]["status"] == "complete"
    assert (len(job.instance.parts()), set(job.instance.parts())) == (5, {1})
    assert not before & set(job.instance.downloads)
    assert_same_video(job.video(tmp_path), composed_at_once(sources, tmp_path, crossfade_seconds=0.125))
    assert job.kept() == []


def test_a_part_that_is_gone_is_made_again(workbench: Workbench, sources: list[Path], tmp_path: Path):
    job = CompositionJob(workbench, "long-gone", sources, **FADE)
    for turn in (job.create, job.next_turn, job.next_turn):
        turn()
    assert len(job.kept()) == 2
    workbench.storage.delete_objects(job.kept())
    assert job.finish()[-1]["status"] == "complete"
    assert_same_video(job.video(tmp_path), composed_at_once(sources, tmp_path, **FADE))
    assert job.kept() == []


def test_made_small_over_turns(workbench: Workbench, media_samples: MediaSamples, tmp_path: Path):
    small = media_samples.solid("red", options=SMALL)
    large = media_samples.moving(rate="24")
    job = CompositionJob(workbench, "long-small", [small, large], include_crossfade=False, optimize_size=True)
    turns = [job.create(), *job.finish()]
    assert [turn["status"] for turn in turns] == ["processing"] * 3 + ["complete"]
    steps = {name[:9]: step["output"] for name, step in turns[-1]["steps"].items() if name.startswith("segment")}
    assert [steps["segment_1"]["is_copied"], steps["segment_2"]["is_copied"]] == [True, False]
    assert len(job.instance.parts()) == 1
    assert turns[-1]["file_size_bytes"] < large.stat().st_size + small.stat().st_size
    options = {"crossfade": False, "optimize_size": True}
    assert_same_video(job.video(tmp_path), composed_at_once([small, large], tmp_path, **options))
    assert job.kept() == []


@contextmanager
def planned_job(job: CompositionJob, folder: Path) -> Iterator[tuple[PlannedComposition, TurnPieces]]:
    """The job as its first turn has it before it."""
    bench = job.bench
    _, claimed = bench.desk().jobs.claim(job.ref, CreatedWake(), bench.now(), LEASE)
    turn, tools = Turn(bench.desk(), claimed, ONE_GO), bench.tools()
    request, pieces = parse_request(CompositionRequest, turn.fields), TurnPieces(turn)
    with SourceFiles(turn, request, folder, tools) as files:
        yield plan_job(turn, request, job.ref.job_id, pieces, files, tools), pieces


def test_what_turned_out_larger_than_a_copy_is_not_encoded_again(
    workbench: Workbench, media_samples: MediaSamples, tmp_path: Path
):
    job = CompositionJob(workbench, "long-small-2", [media_samples.solid("red", options=SMALL)], optimize_size=True)
    with planned_job(job, tmp_path) as (work, pieces):
        assert [segment.is_copied for segment in work.plan.segments] == [False]
        assert [segment.is_copied for segment in finish_parts(work, pieces).plan.segments] == [True]


def test_music_goes_from_the_disk_when_the_sound_is_made(
    workbench: Workbench, media_samples: MediaSamples, sources: list[Path], tmp_path: Path
):
    job = CompositionJob(workbench, "long-music", sources, audio_url=workbench.publish(media_samples.music()))
    with planned_job(job, tmp_path) as (work, _):
        assert work.music() == tmp_path / "audio"
        path, _ = render_sound(work, lambda: 60.0)
        assert path.exists()
        assert not (tmp_path / "audio").exists()


def test_canceled_in_the_middle_it_leaves_nothing(workbench: Workbench, sources: list[Path]):
    job, other = (CompositionJob(workbench, job_id, sources, **FADE) for job_id in ("long-cancel", "long-cancel-2"))
    for one in (job, other):
        one.create()
        one.next_turn()
    job.change(cancel_requested=True)
    assert job.next_turn()["status"] == "canceled"
    assert (job.kept(), len(other.kept())) == ([], 1)
    assert discard_checkpoints(USER, job.ref.job_id, job.ref.job_id, workbench.tools()) == 0
    assert discard_checkpoints("", "images", "..", workbench.tools()) == 0


def test_given_up_it_leaves_nothing(workbench: Workbench, sources: list[Path]):
    job = CompositionJob(workbench, "long-poison", sources, **FADE)
    job.create()
    job.next_turn()
    assert job.kept() != []
    for _ in range(3):
        workbench.desk().jobs.claim(job.ref, SignalWake(), workbench.now(), LEASE)
        workbench.ahead += LEASE * 1.2
    assert job.wake(SignalWake(), ONE_GO)["error"]["code"] == "interrupted"
    assert job.kept() == []


class TakenOver:
    """Storage; when one of its methods is called, the job is taken over, and ends."""

    def __init__(self, job: CompositionJob, method: str) -> None:
        self._job = job
        self._method = method
        self._storage = job.bench.storage

    def __getattr__(self, name: str) -> Any:
        if name == self._method:
            self._job.change(status="canceled", turn=99)
        return getattr(self._storage, name)


@pytest.mark.parametrize(("turns", "storing"), [(1, "upload_file"), (4, "open_upload")])
def test_what_a_late_instance_stores_after_the_end_is_deleted(
    workbench: Workbench, sources: list[Path], turns: int, storing: str
):
    job = CompositionJob(workbench, f"long-late-{turns}", sources, **FADE)
    job.create()
    for _ in range(turns - 1):
        job.next_turn()
    workbench.storage = TakenOver(job, storing)  # type: ignore[assignment]
    assert job.next_turn()["turn"] == 99
    assert (job.kept(), job.is_visible()) == ([], False)


def test_who_loses_the_job_while_encoding_stores_nothing(workbench: Workbench, sources: list[Path]):
    job = CompositionJob(workbench, "long-lost", sources, **FADE)
    job.create()
    job.next_turn()
    workbench.storage = TakenOver(job, "stat")  # type: ignore[assignment]
    assert job.next_turn()["turn"] == 99
    assert job.instance.parts() == [1]  # the sound


def test_work_that_fits_into_no_turn_fails(workbench: Workbench, media_samples: MediaSamples):
    clips = [media_samples.moving(seconds=4.0, size="1280x720")] * 2
    job = CompositionJob(workbench, "long-never", clips, optimize_size=True)
    job.create()
    turns = job.finish(seconds=1.0)
    assert [turn["status"] for turn in turns] == ["processing", "processing", "error"]
    assert turns[-1]["error"]["code"] == "deadline_exceeded"
    assert (job.instance.parts(), job.kept()) == ([], [])


def test_a_clip_that_disappears_between_turns_is_named(workbench: Workbench, sources: list[Path], tmp_path: Path):
    last = tmp_path / "vanishing.mp4"
    last.write_bytes(sources[0].read_bytes())
    job = CompositionJob(workbench, "long-vanishing", [*sources[:2], last], **FADE)
    job.create()
    workbench.storage.delete_objects([f"sources/{last.name}"])
    ended = job.finish()[-1]
    assert (ended["status"], ended["error"]["code"]) == ("error", "source_unavailable")
    assert "Clip 3 (scene 3)" in ended["error_message"]
    assert job.kept() == []


def test_a_clip_that_is_replaced_between_turns_is_named(workbench: Workbench, sources: list[Path], tmp_path: Path):
    first = tmp_path / "replaced.mp4"
    first.write_bytes(sources[0].read_bytes())
    job = CompositionJob(workbench, "long-replaced", [first, *sources[1:]], **FADE)
    job.create()
    first.write_bytes(sources[1].read_bytes())
    workbench.publish(first)
    ended = job.finish()[-1]
    assert (ended["status"], ended["error"]["code"]) == ("error", "source_unavailable")
    assert "Clip 1 (scene 1): The file was replaced" in ended["error_message"]


def test_the_samples_are_what_these_tests_believe(sources: list[Path]):
    plan = planned(sources, **FADE)
    assert [segment.is_copied for segment in plan.segments] == [True, False, True, False, True]
    assert encoded_segments(plan) == 2
