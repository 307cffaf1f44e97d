"""What a timeline of a job is drawn from: when each step began and ended, why it waits, what it took over."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import ServiceUnavailable

from pipeline.domain.jobs import CreatedWake, JobKind, JobRef, JobStatus, StepRecord, TaskWake
from pipeline.domain.outcomes import TurnLost, WakeLater
from pipeline.handlers.run_job import run_job
from pipeline.handlers.turns import Turn
from pipeline.repositories.job_documents import job_of
from pipeline.repositories.jobs import JobRepository
from tests.handlers.conftest import Workbench
from tests.handlers.test_generate_multi_video import scenes
from tests.handlers.test_run_job import LEASE, new_job


class CountedJobs(JobRepository):
    """The real repository, with the names of what was asked of it."""

    def __init__(self, workbench: Workbench) -> None:
        super().__init__(workbench.client, timedelta(days=30))
        self.calls: list[str] = []

    def write(self, *arguments: Any, **named: Any) -> Any:
        self.calls.append("write")
        return super().write(*arguments, **named)

    def release(self, *arguments: Any, **named: Any) -> bool:
        self.calls.append("release")
        return super().release(*arguments, **named)


class LostAnswer(JobRepository):
    """The real repository, whose answer about one step does not arrive."""

    def write(self, *arguments: Any, **named: Any) -> Any:
        found = super().write(*arguments, **named)
        if any(isinstance(argument, dict) and "steps.prompt" in argument for argument in arguments):
            raise ServiceUnavailable("lost")
        return found


def seconds_of(step: Mapping[str, Any]) -> float:
    took: timedelta = step["ended_at"] - step["started_at"]
    return took.total_seconds()


def later(workbench: Workbench, ref: JobRef, seconds: float) -> TaskWake:
    """The job's next task, and the clock so far on."""
    workbench.ahead += timedelta(seconds=seconds)
    return TaskWake(workbench.tasks.due[ref][0])


def test_a_step_that_waits_keeps_when_it_began_at_the_cost_of_no_write(workbench: Workbench):
    ref = new_job(workbench, "times-waits", text="Slowly [stub:slow]")
    jobs = CountedJobs(workbench)
    desk = replace(workbench.desk(), jobs=jobs)
    run_job(ref, CreatedWake(), 500.0, desk, workbench.tools)
    assert jobs.calls == ["write", "write", "write", "write", "release"]
    first = workbench.read(ref.path)["steps"]["predict"]
    assert list(first) == ["started_at"]
    jobs.calls.clear()
    run_job(ref, later(workbench, ref, 30), 500.0, desk, workbench.tools)
    assert jobs.calls == ["release"]
    assert workbench.read(ref.path)["steps"]["predict"] == first


def test_a_steps_time_goes_over_all_its_turns(workbench: Workbench):
    ref = new_job(workbench, "times-turns")
    workbench.wake(ref, CreatedWake())
    began = workbench.read(ref.path)["steps"]["predict"]["started_at"]
    workbench.ahead += timedelta(seconds=40)
    job = workbench.finish(ref)
    prompt, predict, store = (job["steps"][name] for name in ("prompt", "predict", "store"))
    assert (job["turn"] > 1, predict["started_at"]) == (True, began)
    assert seconds_of(predict) > 40 > seconds_of(store)
    steps = [step[name] for step in (prompt, predict, store) for name in ("started_at", "ended_at")]
    times = [job["started_at"], *steps, job["completed_at"]]
    assert times == sorted(times)


def test_a_step_that_waits_for_another_try_says_until_when_and_why(workbench: Workbench):
    ref = new_job(workbench, "times-again", text="In a moment [stub:429-once]")
    workbench.wake(ref, CreatedWake())
    job = workbench.read(ref.path)
    waits = job["steps"]["predict"]
    assert (waits["rate_limited"], waits["error_code"], waits["ended_at"]) == (1, "rate_limited", None)
    assert waits["started_at"] < job["updated_at"] < waits["retry_at"]
    assert job["wake_at"] == pytest.approx(waits["retry_at"], abs=timedelta(seconds=1))
    done = workbench.finish(ref)["steps"]["predict"]
    assert (done["done"], done["attempt"], done["rate_limited"], done["error_code"]) == (True, 0, 1, "rate_limited")
    assert (done["retry_at"], done["error_message"], done["error_details"]) == (None, None, {})
    assert done["started_at"] == waits["started_at"]
    assert seconds_of(done) > (waits["retry_at"] - waits["started_at"]).total_seconds()


def test_a_step_that_failed_for_good_has_ended(workbench: Workbench):
    ref = new_job(workbench, "times-failed", text="[stub:interrupt]")
    workbench.wake(ref, CreatedWake())
    job = workbench.finish(ref)
    step = job["steps"]["predict"]
    assert (step["failed"], step["attempt"], step["error_code"]) == (True, 3, job["error"]["code"])
    assert job["started_at"] < step["started_at"] < step["ended_at"] < job["completed_at"]


def test_steps_that_were_taken_over_ended_before_their_job_began(workbench: Workbench, picture: Path):
    url = workbench.publish(picture)
    first = workbench.run(JobKind.MULTI_VIDEO, "times-1", {"scenes": scenes(url, ["fine", "bad [stub:nsfw]"])})
    wanted = scenes(url, ["fine", "now it is good"])
    again = workbench.run(JobKind.MULTI_VIDEO, "times-2", {"scenes": wanted, "retry_of": "times-1"})
    taken_over = {name for name, step in again["steps"].items() if step["ended_at"] < again["started_at"]}
    assert taken_over == {"scene_1_predict", "scene_1_store"}
    assert {name: again["steps"][name] for name in taken_over} == {name: first["steps"][name] for name in taken_over}


def test_that_a_step_is_done_is_not_forgotten_when_the_answer_was_lost(workbench: Workbench):
    ref = new_job(workbench, "times-lost")
    desk = replace(workbench.desk(), jobs=LostAnswer(workbench.client, timedelta(days=30)))
    run_job(ref, CreatedWake(), 500.0, desk, workbench.tools)
    steps = workbench.read(ref.path)["steps"]
    assert (steps["prompt"]["done"], steps["advance"]["attempt"]) == (True, 1)
    assert workbench.finish(ref)["steps"]["prompt"] == steps["prompt"]


def turn_of(workbench: Workbench, name: str) -> Turn:
    ref = new_job(workbench, name)
    desk = workbench.desk()
    _, job = desk.jobs.claim(ref, CreatedWake(), workbench.now(), LEASE)
    return Turn(desk, job, 500.0)


def test_any_write_takes_along_that_a_step_has_begun(workbench: Workbench):
    """So that a turn that dies leaves it to the next."""
    turn = turn_of(workbench, "times-died")

    def dies() -> StepRecord:
        turn.report_now("predict", 10)
        raise TurnLost("died")

    with pytest.raises(TurnLost):
        turn.run_step("predict", StepRecord, dies)
    began = workbench.read(turn.ref.path)["steps"]["predict"]["started_at"]
    assert workbench.read(turn.ref.path)["started_at"] < began < workbench.now()
    record = workbench.desk().jobs.get(turn.ref).steps["predict"]
    assert record == StepRecord(started_at=began)


def test_who_is_asked_for_another_look_writes_down_what_has_begun(workbench: Workbench):
    turn = turn_of(workbench, "times-looks")

    def waits() -> StepRecord:
        raise WakeLater(5)

    with pytest.raises(WakeLater):
        turn.run_step("predict", StepRecord, waits)
    workbench.client.document(turn.ref.path).update({"wake_requested": True})
    assert not turn.release(workbench.now(), even_if_woken=False)
    assert workbench.read(turn.ref.path)["steps"]["predict"]["started_at"] < workbench.now()
    assert turn.release(workbench.now(), even_if_woken=False)


@pytest.mark.parametrize("odd", [None, "yesterday", 7, {"seconds": 1}])
def test_times_that_an_earlier_version_did_not_write_are_none(odd: object):
    ref = JobRef(JobKind.IMAGE, "times-older")
    fields = {"status": "processing", "steps": {"a": {"done": True}, "b": {"started_at": odd, "ended_at": odd}}}
    job = job_of(ref, fields)
    assert job.status is JobStatus.PROCESSING
    assert job.steps == {"a": StepRecord(done=True), "b": StepRecord()}


def test_a_step_that_an_earlier_version_began_is_finished_with_what_is_known(workbench: Workbench):
    ref = new_job(workbench, "times-between")
    workbench.wake(ref, CreatedWake())
    workbench.client.document(ref.path).update({"steps.predict": {"done": False, "attempt": 1, "error_code": "down"}})
    job = workbench.finish(ref)
    step = job["steps"]["predict"]
    assert (job["status"], step["attempt"], step["error_code"]) == ("complete", 1, "down")
    assert job["started_at"] < step["started_at"] < step["ended_at"] <= datetime.now(UTC) + workbench.ahead
