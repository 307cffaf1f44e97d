"""Faults that the simulation has found, each as the schedule that shows it."""

from dataclasses import replace
from typing import Any

from google.api_core.exceptions import ServiceUnavailable

from pipeline.domain.errors import ProviderUnavailable
from pipeline.handlers.tools import Tools
from tests.simulation.invariants import Watch
from tests.simulation.runner import replay
from tests.simulation.schedule import CALM, Killed, Schedule
from tests.simulation.virtual_platform import PlatformMood
from tests.simulation.virtual_replicate import ProviderMood, VirtualReplicate
from tests.simulation.weather import JobPlan, Weather
from tests.simulation.world import World

STILL = Weather(CALM, ProviderMood(), PlatformMood(webhook_lost=0.0), (JobPlan("job-0", 0, 0.0),))


class FailingMark(World):
    """The first write that shows a finished scene fails."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.has_failed = False
        effect = self.schedule.effect

        def failing(label: str) -> None:
            effect(label)
            marks = label.startswith("commit multi_video_jobs/") and label.count("scenes/") == 1
            if marks and not self.has_failed:
                self.has_failed = True
                raise ServiceUnavailable("Firestore does not answer")

        self.schedule.effect = failing  # type: ignore[method-assign]


def test_a_scene_shows_its_clip_although_firestore_failed_once() -> None:
    quick = ProviderMood(longest_start_seconds=0.1, longest_run_seconds=1.0)
    weather = replace(STILL, jobs=(JobPlan("job-0", 3, 0.0),), provider=quick)
    verdict = replay(1, weather, world_type=FailingMark)
    assert verdict.statuses == ("complete",)
    assert not verdict.faults, verdict.faults


def test_a_canceled_job_does_not_leave_a_submission_unknown() -> None:
    weather = replace(STILL, jobs=(JobPlan("job-0", 0, 0.0, cancel_at=20.0),), provider=ProviderMood(lost=1.0))
    verdict = replay(3, weather)
    assert not verdict.faults, verdict.faults


class SilentReplicate:
    """Answers no questions for some minutes."""

    def __init__(self, real: VirtualReplicate, schedule: Schedule) -> None:
        self._real = real
        self._schedule = schedule

    def __getattr__(self, name: str) -> Any:
        if name in ("get_prediction", "cancel_prediction") and self._schedule.now < 200.0:
            raise ProviderUnavailable("Replicate could not be reached.")
        return getattr(self._real, name)


class DyingSweeper(World):
    """The first sweep that writes down how a prediction ended dies right after that."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.has_died = False
        effect = self.schedule.effect

        def dying(label: str) -> None:
            effect(label)
            caller = self.schedule.caller
            settled = label.startswith("commit predictions/") and label.endswith("done")
            if caller is not None and caller.name == "sweep" and settled and not self.has_died:
                self.has_died = True
                self.schedule.kill(caller, "for the test")
                raise Killed

        self.schedule.effect = dying  # type: ignore[method-assign]

    def tools(self) -> Tools:
        silent = SilentReplicate(self.replicate, self.schedule)
        return replace(super().tools(), replicate=silent)  # type: ignore[arg-type]


def test_the_cost_is_corrected_although_the_sweeper_died_half_way() -> None:
    never = ProviderMood(never_starts=1.0)
    weather = replace(STILL, jobs=(JobPlan("job-0", 0, 0.0, cancel_at=20.0),), provider=never, webhooks=False)
    verdict = replay(1, weather, world_type=DyingSweeper)
    assert "sweep is killed: for the test" in "\n".join(verdict.trace)
    assert not verdict.faults, verdict.faults


def test_canceling_a_duplicate_leaves_the_picture_on_the_scene() -> None:
    first = JobPlan("job-0", 0, 0.0, request_id="request-0")
    twin = replace(first, name="twin", scenes_of="job-0", created_at=100.0, cancel_at=100.1)
    world = World(1, replace(STILL, jobs=(first, twin)))
    Watch(world)
    world.run()
    assert [(world.job(ref) or {})["status"] for ref in world.refs] == ["complete", "canceled"]
    scene = world.outside.fields("scenes/job-0-scene-1") or {}
    assert scene["generation_status"]["image"] == "complete"


class DyingBetweenMarks(World):
    """The retry dies when it comes to show its second scene, for the first time."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.has_died = False
        effect = self.schedule.effect

        def dying(label: str) -> None:
            caller = self.schedule.caller
            second = label == "commit multi_video_jobs/job-0-again, scenes/job-0-scene-2"
            if caller is not None and second and not self.has_died:
                self.has_died = True
                self.schedule.kill(caller, "for the test")
                raise Killed
            effect(label)

        self.schedule.effect = dying  # type: ignore[method-assign]


def test_a_retry_that_died_shows_every_clip_that_it_lists() -> None:
    moody = ProviderMood(fails=0.5, longest_start_seconds=0.1, longest_run_seconds=1.0)
    weather = replace(STILL, jobs=(JobPlan("job-0", 3, 0.0, again_after=1.0),), provider=moody)
    verdicts = [replay(seed, weather, world_type=DyingBetweenMarks) for seed in range(25)]
    assert not [verdict.faults for verdict in verdicts if verdict.faults]
    died = [verdict for verdict in verdicts if "for the test" in "\n".join(verdict.trace)]
    assert ("error", "complete") in {verdict.statuses for verdict in died}
