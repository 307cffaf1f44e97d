"""How a turn's time is dealt out. Turns are real ones that write nothing; no time passes."""

import pytest

from pipeline.domain.errors import DeadlineExceeded, Interrupted
from pipeline.domain.jobs import Job, JobKind, JobRef, JobStatus, StepRecord
from pipeline.domain.outcomes import WakeLater
from pipeline.handlers.turn_pieces import LONG_TURN_SECONDS, SECONDS_TO_STORE, SecondsLeft, TurnPieces, is_hopeless
from pipeline.handlers.turns import Turn
from tests.handlers.conftest import USER, Workbench


def pieces_of(workbench: Workbench, seconds: float, failed_tries: int = 0) -> TurnPieces:
    steps = {"step": StepRecord(attempt=failed_tries)}
    job = Job(JobRef(JobKind.COMPOSITION, "pieces"), JobStatus.PROCESSING, USER, {}, turn=1, steps=steps)
    return TurnPieces(Turn(workbench.desk(), job, seconds))


def too_late(seconds_left: SecondsLeft) -> str:
    raise DeadlineExceeded("too late")


def test_a_piece_may_take_what_is_not_kept_for_storing(workbench: Workbench):
    pieces = pieces_of(workbench, 520)
    assert pieces.do("step", lambda seconds_left: seconds_left()) == pytest.approx(520 - SECONDS_TO_STORE, abs=1)


def test_a_very_short_turn_gives_its_first_piece_half_of_itself(workbench: Workbench):
    assert pieces_of(workbench, 30).do("step", lambda seconds_left: seconds_left()) == pytest.approx(15, abs=1)


def test_a_turn_without_time_does_one_piece(workbench: Workbench):
    pieces = pieces_of(workbench, SECONDS_TO_STORE)
    pieces.leave_if_spent()
    assert pieces.do("step", lambda _: "done") == "done"
    with pytest.raises(WakeLater):
        pieces.leave_if_spent()
    with pytest.raises(WakeLater):
        pieces.do("step", lambda _: "done")


def test_a_piece_that_would_not_fit_at_this_pace_is_not_begun(workbench: Workbench):
    pieces = pieces_of(workbench, 520)
    pieces.do("step", lambda _: "done", frames=1)
    assert pieces.do("step", lambda _: "done", frames=1) == "done"
    with pytest.raises(WakeLater):
        pieces.do("step", lambda _: "done", frames=10**15)


def test_a_piece_that_is_cut_after_another_was_done_is_no_failure(workbench: Workbench):
    pieces = pieces_of(workbench, 520)
    pieces.do("step", lambda _: "done")
    with pytest.raises(WakeLater) as later:
        pieces.do("step", too_late)
    assert later.value.wake_after_seconds == 0


@pytest.mark.parametrize(
    ("seconds", "failed_tries", "error"),
    [(520, 0, Interrupted), (520, 1, Interrupted), (520, 2, DeadlineExceeded), (1780, 0, DeadlineExceeded)],
)
def test_a_first_piece_that_is_cut_is_tried_three_times_or_once_for_long(
    workbench: Workbench, seconds: float, failed_tries: int, error: type[Exception]
):
    with pytest.raises(error):
        pieces_of(workbench, seconds, failed_tries).do("step", too_late)


def test_what_is_hopeless():
    assert is_hopeless(LONG_TURN_SECONDS, 1)
    assert not is_hopeless(LONG_TURN_SECONDS - 1, 2)
