"""Small bursts: no job is lost, each is paid once, sums are exact, and nobody fails because others are many."""

import re
from dataclasses import replace

import pytest

from pipeline.config import read_settings
from tests.simulation.burst import GREEDY, even, greedy, low_credit, run, small_users
from tests.simulation.burst_report import Waits, backlog, jains_index
from tests.simulation.burst_world import Crowd


def test_two_hundred_jobs_at_once_all_end_well():
    world, outcome = run(even(200))
    assert outcome.faults == ()
    assert outcome.ends == {"complete": 200}
    assert len(world.replicate.accepted) == 200
    assert world.samples[-1].ended == 200
    assert outcome.waits.longest < 600
    assert backlog(world.samples, 200).count("\n") == len(world.samples)


def test_who_wants_more_than_anybody_may_have_is_refused_and_keeps_nobody_waiting():
    alone, _ = run(small_users(200))
    world, outcome = run(greedy(200))
    assert outcome.faults == ()
    assert outcome.ends.keys() == {"complete", "error: quota_exceeded"}
    refused = [ref for ref, job in world.jobs() if job["status"] == "error"]
    assert {world.owners[ref.path] for ref in refused} == {GREEDY}
    assert _small(world).p50 < 2 * _small(alone).p50


def test_an_account_with_little_credit_makes_all_jobs_wait_and_fails_none():
    """The last of forty has been refused more often than a broken provider is asked again."""
    crowd = Crowd("low credit", {"user-1": 20, "user-2": 20}, per_minute=0.5, at_once=1)
    world, outcome = run(crowd)
    assert outcome.faults == ()
    assert outcome.ends == {"complete": 40}
    refusals = [
        step.get("rate_limited", 0)
        for _, job in world.jobs()
        for name, step in job["steps"].items()
        if name == "predict"
    ]
    assert max(refusals) > 12


def test_what_all_may_spend_in_a_day_stops_a_burst_to_the_cent():
    crowd = Crowd("ten dollars", {f"user-{number}": 25 for number in range(4)})
    world, outcome = run(replace(crowd, limits=replace(read_settings({}).limits, usd_per_day=10.0)))
    assert outcome.faults == ()
    assert outcome.ends.keys() == {"complete", "error: quota_exceeded"}
    reasons = {re.sub("[0-9.]+", "N", job["error"]["message"])[:50] for _, job in world.jobs() if job.get("error")}
    assert reasons == {"This service has reached what it may spend in a da"}
    spent = sum(found["spent_microusd"] for found in world.usage())
    assert 9_800_000 < spent <= 10_000_000


@pytest.mark.parametrize(("values", "index"), [([5, 5, 5], 1.0), ([1, 0, 0, 0], 0.25), ([], 1.0), ([0, 0], 1.0)])
def test_jains_index_is_one_where_all_have_the_same_and_a_share_where_one_has_all(values, index):
    assert jains_index(values) == pytest.approx(index)


def test_crowds_have_the_jobs_that_they_are_named_after():
    assert [crowd.count for crowd in (even(10_000), greedy(10_000), small_users(10_000))] == [10_000, 10_000, 500]
    assert (low_credit(10_000).count, low_credit(10_000).per_minute) == (600, 6.0)


def _small(world) -> Waits:
    return Waits.of(
        [world.ended[path] - world.created[path] for path, owner in world.owners.items() if owner != GREEDY]
    )
