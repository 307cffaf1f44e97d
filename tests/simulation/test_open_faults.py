"""Faults that the simulation has found and that are still open, each as the schedule that shows it.

`strict`: the mark must go, and its test stays, when the fault is gone.
"""

from dataclasses import replace

import pytest

from tests.simulation.invariants import Watch
from tests.simulation.runner import replay
from tests.simulation.schedule import CALM
from tests.simulation.virtual_platform import PlatformMood
from tests.simulation.virtual_replicate import ProviderMood
from tests.simulation.weather import JobPlan, Weather
from tests.simulation.world import World

STILL = Weather(CALM, ProviderMood(), PlatformMood(webhook_lost=0.0), (JobPlan("job-0", 0, 0.0),))


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="a mark that failed is not repeated")
@pytest.mark.parametrize("seed", [1, 1278])
def test_a_scene_shows_its_clip_although_firestore_failed_once(seed: int) -> None:
    verdict = replay(seed)
    assert not verdict.faults, verdict.faults


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="the sweeper comes when the listing is purged")
def test_a_canceled_job_does_not_leave_a_submission_unknown() -> None:
    weather = replace(STILL, jobs=(JobPlan("job-0", 0, 0.0, cancel_at=20.0),), provider=ProviderMood(lost=1.0))
    verdict = replay(3, weather)
    assert not verdict.faults, verdict.faults


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="the sweeper dies between record and job")
def test_the_cost_is_corrected_although_the_sweeper_died_half_way() -> None:
    verdict = replay(755)
    assert not verdict.faults, verdict.faults


@pytest.mark.xfail(strict=True, reason="a canceled duplicate resets the scene")
def test_canceling_a_duplicate_leaves_the_picture_on_the_scene() -> None:
    first = JobPlan("job-0", 0, 0.0, request_id="request-0")
    twin = replace(first, name="twin", scenes_of="job-0", created_at=100.0, cancel_at=100.1)
    world = World(1, replace(STILL, jobs=(first, twin)))
    Watch(world)
    world.run()
    assert [(world.job(ref) or {})["status"] for ref in world.refs] == ["complete", "canceled"]
    scene = world.outside.fields("scenes/job-0-scene-1") or {}
    assert scene["generation_status"]["image"] == "complete"
