"""The parts of the chaos suite that need no stack: what is drawn, what is planned, what is complained about."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest

from localdev.chaos.boundaries import CATALOGUE, KillFolder, missed_boundaries, plan_kills
from localdev.chaos.cases import CASES, SHARES, make_jobs
from localdev.chaos.storage_front import StorageFront
from localdev.chaos.watch import JobHistory
from localdev.stack.loopback import Exchange, LoopbackServer
from localdev.stub_replicate.rates import Dice, FaultRates
from pipeline.domain.jobs import JobKind


class Store(Exchange):
    """Takes everything, and counts it."""

    stored: ClassVar[Counter[str]] = Counter()

    def do_PUT(self) -> None:
        self.body()
        self.stored[self.path] += 1
        self.answer(200)


@pytest.fixture
def front() -> Iterator[StorageFront]:
    Store.stored.clear()
    with LoopbackServer(Store) as store:
        front = StorageFront(seed=3, rate=0.5)
        front.target = store.base_url
        front.start()
        yield front
        front.stop()


def put(front: StorageFront, path: str) -> int | str:
    try:
        return httpx.put(f"{front.base_url}{path}", content=b"x" * 1000).status_code
    except httpx.TransportError as error:
        return type(error).__name__


def test_a_seed_gives_the_same_jobs_again_and_another_gives_others():
    assert make_jobs(50, 1) == make_jobs(50, 1)
    assert [job.case for job in make_jobs(50, 1)] != [job.case for job in make_jobs(50, 2)]


def test_the_full_run_has_every_case_of_every_kind():
    jobs = make_jobs(200, 1)
    assert Counter(job.kind for job in jobs) == SHARES
    assert {(job.kind, job.case) for job in jobs} == {(kind, case) for kind, cases in CASES.items() for case in cases}


def test_every_boundary_is_somebodys_in_the_full_run():
    jobs = make_jobs(200, 1)
    ids = {kind: [job.job_id for job in jobs if job.kind is kind and job.can_be_killed_by_plan] for kind in CASES}
    assert CASES.keys() == SHARES.keys() == CATALOGUE.keys()
    plans = plan_kills(ids, seed=1)
    planned = [(job_id, boundary) for job_id, boundaries in plans.items() for boundary in boundaries]
    kinds = {job.job_id: job.kind for job in jobs}
    assert missed_boundaries(kinds, planned) == []
    some = [(JobKind.IMAGE, CATALOGUE[JobKind.IMAGE][0])]
    assert missed_boundaries(kinds, [one for one in planned if (kinds[one[0]], one[1]) not in some]) == some


def test_the_folder_tells_who_died_where(tmp_path: Path):
    folder = KillFolder(tmp_path / "run")
    folder.make({"job-1": ["claim:after", "finish:before"]})
    assert (folder.path / "plans" / "job-1").read_text().split() == ["claim:after", "finish:before"]
    (folder.path / "hits" / "job-1~claim:after").touch()
    (folder.path / "hits" / "job-2~always~3").touch()
    assert sorted(folder.hits()) == [("job-1", "claim:after"), ("job-2", "always")]


def test_uploads_fail_by_seed_some_of_them_after_they_were_stored(front: StorageFront):
    answers = {f"/bucket/{number}.png": put(front, f"/bucket/{number}.png") for number in range(60)}
    failed = {path for path, answer in answers.items() if answer != 200}
    assert 15 < len(failed) < 45
    assert sum(front.faults.values()) == len(failed)
    stored_though_failed = failed & set(Store.stored)
    assert len(stored_though_failed) == front.faults["500_after"] + front.faults["reset_after"] > 0
    again = StorageFront(seed=3, rate=0.5)
    assert {path for path in answers if again.fault_of(path)} == failed


def test_the_providers_faults_depend_on_the_request_and_not_on_the_order():
    rates = FaultRates(seed=5).changed({"create_429": 0.3, "create_reset_after": 0.3})
    first, second = Dice(), Dice()
    first.rates = second.rates = rates
    forwards = {mark: first.create_fault(mark) for mark in range(40)}
    backwards = {mark: second.create_fault(mark) for mark in reversed(range(40))}
    assert forwards == backwards
    assert set(forwards.values()) == {"", "status:429", "reset_after_create"}
    with pytest.raises(ValueError, match="unknown setting create_430"):
        rates.changed({"create_430": 0.1})


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ({"progress_percent": 40}, {"progress_percent": 39}, "progress_percent went from 40 to 39"),
        ({"turn": 3}, {"turn": 2}, "turn went from 3 to 2"),
        ({"status": "complete"}, {"status": "processing"}, "status went from complete to processing"),
        ({"steps": {"a": {"done": True}}}, {"steps": {"a": {"done": False}}}, "steps a were forgotten"),
        ({"status": "complete"}, {"status": "complete", "image_url": "x"}, "image_url changed after the job had ended"),
        ({"status": "complete"}, {"status": "complete", "chaos_touched": 1}, None),
        ({"progress_percent": 40}, {"progress_percent": 40}, None),
    ],
)
def test_a_history_complains_about_what_runs_backwards(
    before: dict[str, Any], after: dict[str, Any], complaint: str | None
):
    history = JobHistory("image_generation_jobs/a")
    history.add({"status": "processing", **before}, 1)
    history.add({"status": "processing", **after}, 2)
    if complaint is None:
        assert history.complaints == []
    else:
        assert complaint in history.complaints


def test_an_old_state_that_comes_late_is_no_step_backwards():
    history = JobHistory("image_generation_jobs/a")
    history.add({"status": "processing", "turn": 2}, 2)
    history.add({"status": "processing", "turn": 1}, 1)
    assert (history.complaints, history.fields["turn"]) == ([], 2)
