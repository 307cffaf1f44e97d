"""Compositions of several turns: every segment encoded once, whenever a turn ends or an instance dies."""

import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
import pytest

from pipeline.adapters.composer import compose
from pipeline.adapters.media_probe import probe_media
from pipeline.domain.jobs import CreatedWake, JobKind, JobRef, SignalWake, TaskWake, Wake
from pipeline.domain.media_plans import CompositionOptions, plan_composition
from pipeline.domain.object_keys import work_prefix
from pipeline.handlers.checkpoints import discard_checkpoints
from pipeline.handlers.run_job import run_job
from pipeline.handlers.turn_pieces import SECONDS_TO_STORE
from tests.handlers.conftest import USER, Workbench
from tests.media_samples import MediaSamples

COLORS = ["red", "blue", "green", "white", "gray", "yellow", "purple"]
ONE_PIECE = SECONDS_TO_STORE
"""Seconds of a turn that does its first piece, and then has no time for another."""


class Killed(BaseException):
    """The instance is gone."""


@dataclass
class Instance:
    """What one or several instances did to the world, and when the next of them is killed."""

    effects_left: int = 10**6
    uploads: Counter[str] = field(default_factory=Counter)
    downloads: list[str] = field(default_factory=list)
    fetches: list[str] = field(default_factory=list)
    clips_on_disk: int = 0  # the most that lay there when another one was fetched

    def watching(self, thing: Any) -> Any:
        return _Watched(thing, self)

    def before(self, name: str, arguments: tuple[Any, ...]) -> None:
        if self.effects_left == 0:
            raise Killed(name)
        self.effects_left -= 1
        if name == "upload_file":
            self.uploads[arguments[0]] += 1
        if name == "download_file":
            self.downloads.append(arguments[0])
        if name == "fetch":
            self.fetches.append(arguments[1].name)
            self.clips_on_disk = max(self.clips_on_disk, len(list(arguments[1].parent.glob("clip_*"))))

    def segments(self) -> list[int]:
        """How often each segment was uploaded."""
        return [times for key, times in sorted(self.uploads.items()) if "/work/" in key]


class _Watched:
    """Anything, every call of which may be the one that an instance does not live to make."""

    def __init__(self, thing: Any, instance: Instance) -> None:
        self._thing = thing
        self._instance = instance

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self._instance.before(name, arguments)
            return getattr(self._thing, name)(*arguments, **named)

        return call


class LongJob:
    """A composition job, and its turns."""

    def __init__(self, bench: Workbench, job_id: str, sources: Sequence[Path], **fields: Any) -> None:
        self.bench = bench
        self.ref = JobRef(JobKind.COMPOSITION, job_id)
        self.instance = Instance()
        clips = [{"scene_number": n, "video_url": bench.publish(path)} for n, path in enumerate(sources, start=1)]
        request = {"job_id": job_id, "user_id": USER, "status": "pending", "clips": clips, **fields}
        bench.write(self.ref.path, request)

    @property
    def document(self) -> dict[str, Any]:
        return self.bench.read(self.ref.path)

    def wake(self, wake: Wake, seconds: float) -> dict[str, Any]:
        desk, tools = self.bench.desk(), self.bench.tools()
        watching = self.instance.watching
        watched = replace(tools, storage=watching(tools.storage), downloads=watching(tools.downloads))
        run_job(self.ref, wake, seconds, replace(desk, jobs=watching(desk.jobs)), lambda: watched)
        return self.document

    def create(self, seconds: float = ONE_PIECE) -> dict[str, Any]:
        return self.wake(CreatedWake(), seconds)

    def next_turn(self, seconds: float = ONE_PIECE) -> dict[str, Any]:
        turn, at = self.bench.tasks.due[self.ref]
        self.bench.ahead += max(at - self.bench.now(), timedelta())
        return self.wake(TaskWake(turn), seconds)

    def finish(self, seconds: float = ONE_PIECE) -> list[dict[str, Any]]:
        """The document after each of the turns that it takes to the end."""
        seen = [self.next_turn(seconds)]
        while seen[-1]["status"] == "processing":
            assert len(seen) < 30, seen[-1]
            seen.append(self.next_turn(seconds))
        return seen

    def kept(self) -> list[str]:
        """The keys of the checkpoints that lie in storage."""
        prefix = work_prefix(USER, self.ref.job_id, self.ref.job_id)
        return [stored.key for stored in self.bench.tools().storage.list_objects(prefix)]

    def video(self, folder: Path) -> Path:
        target = folder / f"{self.ref.job_id}.mp4"
        self.bench.tools().storage.download_file(self.document["video_key"], target)
        return target


@pytest.fixture
def sources(media_samples: MediaSamples) -> list[Path]:
    """Five clips, three segments."""
    colors = enumerate(COLORS[:5])
    return [media_samples.solid(color, seconds=0.5, sound_hz=300 if n % 2 else None) for n, color in colors]


def composed_at_once(sources: Sequence[Path], folder: Path, music: Path | None = None, **options: Any) -> Path:
    probes = [probe_media(source) for source in sources]
    plan = plan_composition(probes, CompositionOptions(**options), probe_media(music) if music else None)
    target = folder / "at_once.mp4"
    compose(
        plan,
        sources,
        music,
        target,
        workdir=folder,
        on_progress=lambda _: None,
        deadline_seconds=60,
        should_stop=lambda: None,
    )
    return target


def pictures(path: Path) -> list[tuple[float, np.ndarray]]:
    """When each picture is shown, in seconds, and the picture in grey."""
    with av.open(str(path)) as container:
        return [(frame.time, frame.to_ndarray(format="gray").astype(float)) for frame in container.decode(video=0)]


def assert_same_video(made: Path, expected: Path) -> None:
    """Decodes without complaint, and shows the same pictures at the same times as the other."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "warning", "-xerror", "-err_detect", "explode", "-i", str(made)]
    decoded = subprocess.run([*command, "-f", "null", "-"], capture_output=True, text=True, check=False)
    assert (decoded.returncode, decoded.stderr) == (0, "")
    assert probe_media(made).duration_seconds == probe_media(expected).duration_seconds
    for (time, picture), (expected_time, other) in zip(pictures(made), pictures(expected), strict=True):
        assert time == pytest.approx(expected_time, abs=1e-4)
        assert np.abs(picture - other).mean() < 1.5  # x264 is not the same to the bit in every run


def test_a_composition_goes_on_over_turns(
    workbench: Workbench, media_samples: MediaSamples, sources: list[Path], tmp_path: Path
):
    music = media_samples.music()
    job = LongJob(workbench, "long-turns", sources, audio_url=workbench.publish(music))
    turns = [job.create(), *job.finish()]
    assert [turn["status"] for turn in turns] == ["processing"] * 4 + ["complete"]
    assert [turn["stage"] for turn in turns] == ["fetch", "compose", "compose", "compose", "complete"]
    progress = [turn["progress_percent"] for turn in turns]
    assert progress == sorted(progress)
    assert turns[-2]["progress_percent"] > 70
    assert (turns[-1]["attempt"], turns[-1]["interruptions"]) == (1, 0)
    assert job.instance.segments() == [1, 1, 1]
    assert_same_video(job.video(tmp_path), composed_at_once(sources, tmp_path, music))
    assert job.kept() == []


def test_a_composition_that_fits_into_one_turn_downloads_nothing_twice(
    workbench: Workbench, sources: list[Path], tmp_path: Path
):
    job = LongJob(workbench, "long-one-turn", sources)
    assert job.create(seconds=500)["status"] == "complete"
    assert (job.instance.segments(), job.instance.downloads) == ([1, 1, 1], [])
    assert sorted(job.instance.fetches) == [f"clip_{n}" for n in range(1, 6)]
    assert_same_video(job.video(tmp_path), composed_at_once(sources, tmp_path))
    assert job.kept() == []


def test_short_work_keeps_no_checkpoints(workbench: Workbench, sources: list[Path]):
    for job in (
        LongJob(workbench, "long-not", sources[:2]),
        LongJob(workbench, "long-copied", [sources[0]] * 5, include_crossfade=False),
    ):
        assert job.create(seconds=500)["status"] == "complete"
        assert job.instance.segments() == []


def test_killed_anywhere_it_goes_on_where_it_was(workbench: Workbench, sources: list[Path], tmp_path: Path):
    sources = sources[:3]
    expected = composed_at_once(sources, tmp_path)
    lease = timedelta(seconds=workbench.settings.lease_seconds)
    for effects in range(200):
        job = LongJob(workbench, f"long-killed-{effects}", sources)
        job.instance.effects_left = effects
        try:
            job.create(seconds=500)
        except Killed:
            job.instance.effects_left = 10**6
            workbench.ahead += 2 * lease
            job.wake(SignalWake(), 500)
        else:
            assert effects > 20
            break
        assert job.document["status"] == "complete", (effects, job.document)
        assert job.instance.segments() == [1, 1], effects
        assert job.kept() == [], effects
        assert_same_video(job.video(tmp_path), expected)
    else:
        raise AssertionError("it has too many effects")


def test_only_clips_that_are_needed_are_fetched_and_kept(workbench: Workbench, media_samples: MediaSamples):
    clips = [media_samples.solid(color, seconds=0.5) for color in COLORS]
    job = LongJob(workbench, "long-lazy", clips)
    job.create()
    job.next_turn()
    job.instance.fetches, job.instance.clips_on_disk = [], 0
    assert job.next_turn(seconds=500)["status"] == "complete"
    assert job.instance.fetches == ["clip_3", "clip_4", "clip_5", "clip_6", "clip_7"]
    assert job.instance.clips_on_disk == 2


def test_another_plan_uses_no_segment_of_this_one(workbench: Workbench, sources: list[Path], tmp_path: Path):
    job = LongJob(workbench, "long-replanned", sources)
    job.create()
    job.next_turn()
    job.next_turn()
    before = set(job.kept())
    assert len(before) == 2
    workbench.client.document(job.ref.path).update({"crossfade_seconds": 0.125})
    assert job.finish()[-1]["status"] == "complete"
    assert (len(job.instance.segments()), set(job.instance.segments())) == (5, {1})
    assert not before & set(job.instance.downloads)
    assert_same_video(job.video(tmp_path), composed_at_once(sources, tmp_path, crossfade_seconds=0.125))
    assert job.kept() == []


def test_a_checkpoint_that_is_gone_is_made_again(workbench: Workbench, sources: list[Path], tmp_path: Path):
    job = LongJob(workbench, "long-gone", sources)
    job.create()
    job.next_turn()
    workbench.tools().storage.delete_objects(job.kept())
    assert job.finish(seconds=500)[-1]["status"] == "complete"
    assert job.instance.segments() == [2, 1, 1]
    assert_same_video(job.video(tmp_path), composed_at_once(sources, tmp_path))


def test_canceled_in_the_middle_it_leaves_nothing(workbench: Workbench, sources: list[Path]):
    job, other = (LongJob(workbench, job_id, sources) for job_id in ("long-cancel", "long-cancel-2"))
    for one in (job, other):
        one.create()
        one.next_turn()
    workbench.client.document(job.ref.path).update({"cancel_requested": True})
    assert job.next_turn()["status"] == "canceled"
    assert (job.kept(), len(other.kept())) == ([], 1)
    assert discard_checkpoints(USER, job.ref.job_id, job.ref.job_id, workbench.tools()) == 0
    assert discard_checkpoints("", "images", "..", workbench.tools()) == 0


def test_work_that_fits_into_no_turn_fails(workbench: Workbench, media_samples: MediaSamples):
    clips = [media_samples.moving(seconds=3.0, size="1280x720", number=n) for n in range(3)]
    job = LongJob(workbench, "long-never", clips)
    job.create()
    turns = job.finish(seconds=1.0)
    assert [turn["status"] for turn in turns] == ["processing", "processing", "error"]
    assert turns[-1]["error"]["code"] == "deadline_exceeded"
    assert job.instance.segments() == []


def test_a_clip_that_disappears_between_turns_is_named(workbench: Workbench, sources: list[Path], tmp_path: Path):
    last = tmp_path / "vanishing.mp4"
    last.write_bytes(sources[0].read_bytes())
    job = LongJob(workbench, "long-vanishing", [*sources[:4], last])
    job.create()
    workbench.tools().storage.delete_objects([f"sources/{last.name}"])
    ended = job.finish()[-1]
    assert (ended["status"], ended["error"]["code"]) == ("error", "source_unavailable")
    assert "Clip 5 (scene 5)" in ended["error_message"]
    assert job.kept() == []


def test_given_up_it_leaves_nothing(workbench: Workbench, sources: list[Path]):
    job = LongJob(workbench, "long-poison", sources)
    job.create()
    job.next_turn()
    assert job.kept() != []
    for _ in range(3):
        workbench.desk().jobs.claim(job.ref, SignalWake(), workbench.now(), timedelta(seconds=180))
        workbench.ahead += timedelta(seconds=200)
    assert job.wake(SignalWake(), 500)["error"]["code"] == "interrupted"
    assert job.kept() == []


def test_what_a_late_instance_stores_after_the_end_is_deleted(workbench: Workbench, sources: list[Path]):
    job = LongJob(workbench, "long-late", sources)
    job.create()
    job.next_turn()
    upload = workbench.storage.upload_file

    class TakenOver:
        """Storage; while a segment is on its way up, the job is taken over and ends."""

        def __getattr__(self, name: str) -> Any:
            return getattr(storage, name)

        def upload_file(self, *arguments: Any) -> Any:
            workbench.client.document(job.ref.path).update({"status": "canceled", "turn": 99})
            return upload(*arguments)

    storage, workbench.storage = workbench.storage, TakenOver()  # type: ignore[assignment]
    assert job.next_turn()["turn"] == 99
    assert job.kept() == []


def test_a_clip_that_is_replaced_between_turns_is_named(workbench: Workbench, sources: list[Path], tmp_path: Path):
    first = tmp_path / "replaced.mp4"
    first.write_bytes(sources[0].read_bytes())
    job = LongJob(workbench, "long-replaced", [first, *sources[1:]])
    job.create()
    first.write_bytes(sources[1].read_bytes())
    workbench.publish(first)
    ended = job.finish()[-1]
    assert (ended["status"], ended["error"]["code"]) == ("error", "source_unavailable")
    assert "Clip 1 (scene 1): The file was replaced" in ended["error_message"]
