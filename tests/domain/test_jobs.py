from datetime import UTC, datetime, timedelta

import pytest

from pipeline.domain.errors import RateLimited
from pipeline.domain.jobs import (
    KILLED,
    MAX_TURNS,
    Busy,
    CreatedWake,
    GiveUp,
    Ignore,
    Job,
    JobKind,
    JobRef,
    JobStatus,
    SignalWake,
    StepRecord,
    Take,
    TaskWake,
    TooEarly,
    backoff_seconds,
    decide_claim,
    pause_seconds,
    poll_delay_seconds,
)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SOON, LATER, EARLIER = NOW + timedelta(seconds=0.5), NOW + timedelta(minutes=5), NOW - timedelta(minutes=5)


def job(status: JobStatus = JobStatus.PROCESSING, **fields: object) -> Job:
    return Job(ref=JobRef(JobKind.IMAGE, "j1"), status=status, user_id="u1", fields={}, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "wake", "decision"),
    [
        # a new job
        (job(JobStatus.PENDING), CreatedWake(), Take(interrupted=False)),
        (job(JobStatus.PENDING), SignalWake(), Take(interrupted=False)),
        # waiting between turns
        (job(turn=1, wake_at=LATER), CreatedWake(), Ignore("created event delivered again")),
        (job(turn=1, wake_at=LATER), TaskWake(1), TooEarly(LATER)),
        (job(turn=1, wake_at=SOON), TaskWake(1), Take(interrupted=False)),
        (job(turn=1, wake_at=EARLIER), TaskWake(1), Take(interrupted=False)),
        (job(turn=2, wake_at=LATER), TaskWake(1), Ignore("task of turn 1, the job is at turn 2")),
        (job(turn=2, wake_at=LATER), SignalWake(), Take(interrupted=False)),
        # nobody came when somebody should have: any wake-up will do
        (job(turn=2, wake_at=EARLIER), TaskWake(1), Take(interrupted=False)),
        (job(turn=2, wake_at=EARLIER), CreatedWake(), Take(interrupted=False)),
        # another instance is at work
        (job(turn=1, lease_expires_at=LATER), CreatedWake(), Busy()),
        (job(turn=1, lease_expires_at=LATER), TaskWake(1), Busy()),
        (job(turn=1, lease_expires_at=LATER), SignalWake(), Busy()),
        (job(turn=2, lease_expires_at=LATER), TaskWake(1), TooEarly(LATER)),
        # the other instance died
        (job(turn=1, lease_expires_at=EARLIER), CreatedWake(), Take(interrupted=True)),
        (job(turn=1, lease_expires_at=EARLIER, interruptions=1), SignalWake(), Take(interrupted=True)),
        (job(turn=3, lease_expires_at=EARLIER, interruptions=2), SignalWake(), GiveUp(KILLED, interrupted=True)),
        # over
        (job(JobStatus.COMPLETE), CreatedWake(), Ignore("already complete")),
        (job(JobStatus.ERROR), TaskWake(3), Ignore("already error")),
        (job(JobStatus.CANCELED), SignalWake(), Ignore("already canceled")),
    ],
)
def test_a_wake_up_starts_a_turn_only_when_the_job_needs_one(found, wake, decision):
    assert decide_claim(found, wake, NOW) == decision


def test_a_job_that_is_woken_without_end_is_stopped():
    decision = decide_claim(job(turn=MAX_TURNS, wake_at=EARLIER), TaskWake(MAX_TURNS), NOW)
    assert isinstance(decision, GiveUp)
    assert decision.error.code == "runaway"


def test_a_terminal_job_is_left_alone_even_under_an_old_lease():
    assert isinstance(decide_claim(job(JobStatus.COMPLETE, lease_expires_at=EARLIER), SignalWake(), NOW), Ignore)


def test_backoff_grows_and_is_bounded():
    waits = [backoff_seconds(attempt, spread=0.0) for attempt in range(1, 8)]
    assert waits[:3] == [2.0, 8.0, 32.0]
    assert waits == sorted(waits)
    assert waits[-1] == 300.0


def test_jitter_adds_at_most_half():
    assert backoff_seconds(1, spread=0.0) == 2.0
    assert 2.9 < backoff_seconds(1, spread=0.999) < 3.0


def test_who_is_asked_to_wait_comes_again_at_another_moment_than_the_others():
    assert [pause_seconds(1, spread) for spread in (0.0, 0.5)] == [1.0, 2.0]
    assert (pause_seconds(9, 0.0), pause_seconds(9, 0.5)) == (150.0, 300.0)
    assert 449 < pause_seconds(9, 0.999) < 450


def test_a_step_that_is_asked_to_wait_does_so_twelve_times_and_for_three_hours():
    def after(limited: int, hours: float, started_at: datetime | None) -> StepRecord:
        waiting = StepRecord(rate_limited=limited, started_at=started_at)
        return waiting.after_failure(RateLimited("later", 5.0), NOW + timedelta(hours=hours), 0.5)

    assert not after(40, 2.9, NOW).failed
    assert after(40, 2.9, NOW).retry_at == NOW + timedelta(hours=2.9, seconds=300)
    assert after(40, 3.0, NOW).failed
    assert after(40, 3.0, NOW).ended_at == NOW + timedelta(hours=3)
    assert not after(5, 3.0, NOW).failed  # what went before took the time
    assert (after(10, 0.0, None).failed, after(11, 0.0, None).failed) == (False, True)  # an earlier version's
    assert after(0, 0.0, NOW).attempt == 0


def test_polls_grow_to_a_minute():
    waits = [poll_delay_seconds(polls, first_seconds=5.0) for polls in range(100)]
    assert waits[0] == 5.0
    assert waits[1] == 6.25
    assert waits == sorted(waits)
    assert waits[-1] == 60.0


@pytest.mark.parametrize("kind", list(JobKind))
def test_every_kind_has_its_collection(kind):
    assert JobRef(kind, "j1").path == f"{kind.collection}/j1"
