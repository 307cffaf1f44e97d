"""Limits on the real emulator: exact however many jobs are claimed at once, and settled to the last micro-dollar."""

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from google.api_core.exceptions import FailedPrecondition
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from pipeline.domain.errors import InvalidRequest, QuotaExceeded, Runaway
from pipeline.domain.jobs import ClaimDecision, CreatedWake, GiveUp, Job, JobKind, JobRef, SignalWake, Take
from pipeline.domain.outcomes import Canceled, Completed, Failed
from pipeline.domain.quotas import Application, Limits, microusd
from pipeline.repositories.jobs import JobRepository

# a day of its own, so that no other test's spending counts
NOW = datetime(2031, 1, 1, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=180)
RETENTION = timedelta(days=30)


class Office:
    """Creates jobs of one new user and claims them under limits, each day of tests on a day of its own."""

    days = 0

    def __init__(self, client: firestore.Client, limits: Limits) -> None:
        Office.days += 1
        self.now = NOW + timedelta(days=Office.days)
        self.client = client
        self.user_id = f"user-{uuid.uuid4().hex[:8]}"
        self.jobs = JobRepository(client, RETENTION, limits)

    def create(self, name: str) -> JobRef:
        ref = JobRef(JobKind.IMAGE, f"{self.user_id}-{name}")
        self.client.document(ref.path).set({"user_id": self.user_id, "status": "pending"})
        return ref

    def claim(
        self, ref: JobRef, usd: float = 0.0, request_key: str | None = None, fingerprint: str = ""
    ) -> tuple[ClaimDecision, Job]:
        application = Application(self.user_id, microusd(usd), request_key, fingerprint)
        return self.jobs.claim(ref, CreatedWake(), self.now, LEASE, lambda _: application)

    def mine(self) -> dict:
        return self.client.document(f"users/{self.user_id}/usage/{self.now.date()}").get().to_dict() or {}

    def all(self) -> dict:
        """The sums of all users, of however many documents."""
        day = str(self.now.date())
        found = self.client.collection("usage").where(filter=FieldFilter("day", "==", day)).stream()
        sums: Counter[str] = Counter()
        for snapshot in found:
            sums.update({name: value for name, value in snapshot.to_dict().items() if isinstance(value, int)})
        return sums

    def active(self) -> list[str]:
        return (self.client.document(f"users/{self.user_id}/usage/active").get().to_dict() or {}).get("job_paths", [])


def refusals(decisions: list[ClaimDecision]) -> int:
    refused = [decision.error for decision in decisions if isinstance(decision, GiveUp)]
    assert all(isinstance(error, QuotaExceeded) for error in refused)
    return len(refused)


def test_of_twenty_jobs_at_once_exactly_as_many_begin_as_the_user_may_have(firestore_client: firestore.Client):
    office = Office(firestore_client, Limits(7, 0, 0.0, 0.0))
    refs = [office.create(str(number)) for number in range(20)]
    with ThreadPoolExecutor(20) as pool:
        decisions = [decision for decision, _ in pool.map(office.claim, refs)]
    assert refusals(decisions) == 13
    assert len(office.active()) == 7


@pytest.mark.parametrize("shards", [1, 4])
def test_of_twenty_jobs_at_once_exactly_as_many_begin_as_the_money_is_for(firestore_client: firestore.Client, shards):
    office = Office(firestore_client, Limits(0, 0, 0.0, 1.0, shards))
    others = [Office(firestore_client, Limits(0, 0, 0.0, 1.0, shards)) for _ in range(3)]
    for other in others:
        other.now = office.now
    refs = [(who, who.create(str(number))) for number in range(5) for who in (office, *others)]
    with ThreadPoolExecutor(20) as pool:
        decisions = [decision for decision, _ in pool.map(lambda pair: pair[0].claim(pair[1], 0.09), refs)]
    assert refusals(decisions) == 9
    assert office.all()["reserved_microusd"] == 11 * 90_000


def test_a_days_documents_may_become_more_or_fewer_while_jobs_run(firestore_client: firestore.Client):
    """Admitted with one number, settled with another: sums stay exact, and so does the limit."""
    office = Office(firestore_client, Limits(0, 0, 0.0, 1.0))
    running: list[tuple[JobRef, Job]] = []
    ended = 0

    def committed() -> int:
        sums = office.all()
        return sums["reserved_microusd"] + sums["spent_microusd"]

    for shards in (1, 4, 2, 1, 8):
        office.jobs = JobRepository(firestore_client, RETENTION, Limits(0, 0, 0.0, 1.0, shards))
        for ref, job in running[:2]:
            office.jobs.finish(ref, job.turn, office.now, Completed({}), 0.05)
            ended += 1
        running = running[2:]
        for number in range(5):
            fits = committed() + 90_000 <= 1_000_000
            ref = office.create(f"{shards}-{number}")
            assert (office.jobs.refusal(office.user_id, 90_000, office.now) is None) == fits
            decision, job = office.claim(ref, 0.09)
            assert isinstance(decision, Take) == fits
            running += [(ref, job)] if fits else []
        assert office.all()["reserved_microusd"] == len(running) * 90_000
    assert (committed() + 90_000 > 1_000_000, ended) == (True, 8)  # the limit was met on the way
    for ref, job in running:
        office.jobs.finish(ref, job.turn, office.now, Completed({}), 0.01)
    assert office.all()["reserved_microusd"] == 0
    assert office.all()["spent_microusd"] == ended * 50_000 + len(running) * 10_000


def test_with_several_documents_the_last_cent_can_be_spent_by_one_large_job(firestore_client: firestore.Client):
    office = Office(firestore_client, Limits(0, 0, 0.0, 1.0, 8))
    for number in range(4):
        assert isinstance(office.claim(office.create(f"small-{number}"), 0.05)[0], Take)
    assert isinstance(office.claim(office.create("large"), 0.8)[0], Take)
    assert refusals([office.claim(office.create("late"), 0.000001)[0]]) == 1


def test_a_limit_that_is_lowered_holds_for_what_was_set_aside_before(firestore_client: firestore.Client):
    office = Office(firestore_client, Limits(0, 0, 0.0, 100.0, 4))
    assert isinstance(office.claim(office.create("a"), 0.5)[0], Take)
    office.jobs = JobRepository(firestore_client, RETENTION, Limits(0, 0, 0.0, 0.01, 4))
    assert refusals([office.claim(office.create(f"b-{number}"), 0.02)[0] for number in range(6)]) == 6
    office.jobs = JobRepository(firestore_client, RETENTION, Limits(0, 0, 0.0, 200.0, 4))
    assert isinstance(office.claim(office.create("c"), 150.0)[0], Take)


def test_without_a_limit_nothing_is_read_of_what_all_have_spent(firestore_client: firestore.Client):
    for shards in (1, 3):
        office = Office(firestore_client, Limits(0, 0, 0.0, 0.0, shards))
        with ThreadPoolExecutor(6) as pool:
            decisions = list(pool.map(lambda n, o=office: o.claim(o.create(str(n)), 1.0)[0], range(6)))
        assert all(isinstance(decision, Take) for decision in decisions)
        assert office.all()["reserved_microusd"] == 6_000_000


def test_a_users_day_has_an_end_and_says_when_it_begins_anew(firestore_client: firestore.Client):
    office = Office(firestore_client, Limits(0, 0, 0.5, 0.0))
    assert isinstance(office.claim(office.create("a"), 0.3)[0], Take)
    decision, job = office.claim(office.create("b"), 0.3)
    assert isinstance(decision, GiveUp)
    assert isinstance(decision.error, QuotaExceeded)
    assert decision.error.resets_at == office.now.replace(hour=0) + timedelta(days=1)
    assert job.usage_day is None
    assert isinstance(office.claim(office.create("free"), 0.0)[0], Take)  # what costs nothing is not a matter of money
    office.now += timedelta(days=1)
    assert isinstance(office.claim(office.create("c"), 0.3)[0], Take)


def test_the_number_of_jobs_a_day_is_a_breaker_too(firestore_client: firestore.Client):
    office = Office(firestore_client, Limits(0, 3, 0.0, 0.0))
    decisions = []
    for number in range(5):
        ref = office.create(str(number))
        decision, job = office.claim(ref)
        decisions.append(decision)
        if isinstance(decision, Take):  # ended at once: none is ever active beside another
            office.jobs.finish(ref, job.turn, office.now, Completed({}), 0.0)
    assert refusals(decisions) == 2


@pytest.mark.parametrize(
    "outcome", [Completed({"image_url": "x"}), Failed(Runaway("x")), Canceled()], ids=["complete", "error", "canceled"]
)
def test_a_job_that_ends_frees_its_place_and_is_charged_what_it_cost(firestore_client: firestore.Client, outcome):
    office = Office(firestore_client, Limits(1, 0, 1.0, 10.0))
    ref = office.create("a")
    _, job = office.claim(ref, 0.9)
    office.jobs.reserve_more(ref, job.turn, office.now, microusd(0.1))
    office.jobs.finish(ref, job.turn, office.now, outcome, 0.003)
    assert (office.mine()["reserved_microusd"], office.mine()["spent_microusd"], office.mine()["jobs"]) == (0, 3000, 1)
    assert (office.all()["reserved_microusd"], office.all()["spent_microusd"]) == (0, 3000)
    assert office.active() == []
    assert isinstance(office.claim(office.create("b"), 0.9)[0], Take)


def test_paying_again_needs_room_as_well(firestore_client: firestore.Client):
    office = Office(firestore_client, Limits(0, 0, 1.0, 0.0))
    ref = office.create("a")
    _, job = office.claim(ref, 0.6)
    with pytest.raises(QuotaExceeded):
        office.jobs.reserve_more(ref, job.turn, office.now, microusd(0.6))
    office.jobs.reserve_more(ref, job.turn, office.now, microusd(0.4))
    office.jobs.finish(ref, job.turn, office.now, Canceled(), 0.0)
    assert office.mine()["reserved_microusd"] == 0


def test_a_later_turn_is_not_counted_again(firestore_client: firestore.Client):
    office = Office(firestore_client, Limits(1, 0, 1.0, 0.0))
    ref = office.create("a")
    office.claim(ref, 0.9)
    office.now += 2 * LEASE  # the instance died
    application = Application(office.user_id, microusd(0.9))
    decision, _ = office.jobs.claim(ref, SignalWake(), office.now, LEASE, lambda _: application)
    assert decision == Take(interrupted=True)
    assert office.mine()["reserved_microusd"] == 900_000


def test_a_correction_after_the_end_moves_every_sum_once(firestore_client: firestore.Client):
    office = Office(firestore_client, Limits(0, 0, 0.0, 0.0))
    ref = office.create("a")
    _, job = office.claim(ref, 0.5)
    office.jobs.correct_cost(ref, lambda _: 0.2)  # not over yet: nothing to correct
    office.jobs.finish(ref, job.turn, office.now, Canceled(), 0.5)
    for _ in range(2):
        office.jobs.correct_cost(ref, lambda _: 0.2)
    assert office.mine()["spent_microusd"] == office.all()["spent_microusd"] == 200_000
    assert office.jobs.get(ref).cost_usd == 0.2


def test_a_deleted_job_does_not_block_its_user(firestore_client: firestore.Client):
    office = Office(firestore_client, Limits(1, 0, 0.0, 0.0))
    ref = office.create("a")
    office.claim(ref)
    firestore_client.document(ref.path).delete()
    assert isinstance(office.claim(office.create("b"))[0], Take)


def test_a_request_id_is_answered_by_the_first_job_that_used_it(firestore_client: firestore.Client):
    office = Office(firestore_client, Limits(1, 0, 1.0, 0.0))
    first, second, other = (office.create(name) for name in "abc")
    key = uuid.uuid4().hex
    office.claim(first, 0.9, key, "same")
    decision, job = office.claim(second, 0.9, key, "same")  # past every limit: it costs nothing
    assert isinstance(decision, Take)
    assert job.duplicate_of == first.path
    assert office.active() == [first.path]
    decision, _ = office.claim(other, 0.9, key, "another")
    assert isinstance(decision, GiveUp)
    assert isinstance(decision.error, InvalidRequest)


def test_duplicates_cost_nothing_but_are_counted(firestore_client: firestore.Client):
    office = Office(firestore_client, Limits(0, 3, 0.0, 0.0))
    key = uuid.uuid4().hex
    decisions = [office.claim(office.create(str(number)), 0.1, key)[0] for number in range(5)]
    assert refusals(decisions) == 2
    assert (office.mine()["jobs"], office.mine()["reserved_microusd"]) == (3, 100_000)


def test_a_job_that_was_deleted_and_created_again_begins(firestore_client: firestore.Client):
    office = Office(firestore_client, Limits(0, 0, 0.0, 0.0))
    ref, key = office.create("again"), uuid.uuid4().hex
    office.claim(ref, 0.1, key)
    office.create("again")
    decision, job = office.claim(ref, 0.1, key)
    assert (decision, job.duplicate_of) == (Take(interrupted=False), None)


def test_a_claim_whose_answer_was_lost_is_ours(firestore_client: firestore.Client, monkeypatch: pytest.MonkeyPatch):
    """The SDK sends a commit again when its answer got lost; then its conditions no longer hold."""
    office = Office(firestore_client, Limits(0, 0, 0.0, 0.0))
    ref = office.create("lost-answer")
    commit, lost = firestore.WriteBatch.commit, []

    def losing(batch: firestore.WriteBatch, *arguments: object, **named: object) -> object:
        answer = commit(batch, *arguments, **named)
        if not lost:
            lost.append(True)
            raise FailedPrecondition("the document has changed")
        return answer

    monkeypatch.setattr(firestore.WriteBatch, "commit", losing)
    decision, job = office.claim(ref, 0.1)
    assert (decision, job.turn) == (Take(interrupted=False), 1)
    assert office.mine()["reserved_microusd"] == 100_000


def test_of_many_with_one_request_id_at_once_one_works(firestore_client: firestore.Client):
    office = Office(firestore_client, Limits(0, 0, 0.0, 0.0))
    refs, key = [office.create(str(number)) for number in range(10)], uuid.uuid4().hex
    with ThreadPoolExecutor(10) as pool:
        jobs = [job for _, job in pool.map(lambda ref: office.claim(ref, 0.1, key), refs)]
    assert len([job for job in jobs if job.duplicate_of is None]) == 1
    assert office.mine()["reserved_microusd"] == 100_000


@pytest.mark.parametrize(
    ("limits", "usd"),
    [
        (Limits(1, 0, 0.0, 0.0), 0.0),
        (Limits(0, 1, 0.0, 0.0), 0.0),
        (Limits(0, 0, 0.5, 0.0), 0.3),
        (Limits(0, 0, 0.0, 0.5), 0.3),
    ],
    ids=["active jobs", "jobs a day", "the user's money", "everybody's money"],
)
def test_what_would_be_refused_is_told_beforehand_and_counts_nothing(
    firestore_client: firestore.Client, limits: Limits, usd: float
):
    office = Office(firestore_client, limits)
    assert office.jobs.refusal(office.user_id, microusd(usd), office.now) is None
    assert (office.mine(), office.all(), office.active()) == ({}, {}, [])
    office.claim(office.create("a"), usd)
    before = (office.mine(), office.all(), office.active())
    told = office.jobs.refusal(office.user_id, microusd(usd), office.now)
    assert (office.mine(), office.all(), office.active()) == before
    decision, _ = office.claim(office.create("b"), usd)
    assert isinstance(decision, GiveUp)
    assert told is not None
    assert told.as_fields() == decision.error.as_fields()


def test_a_dry_run_is_told_its_price_and_leaves_its_request_id_to_others(firestore_client: firestore.Client):
    office = Office(firestore_client, Limits(1, 1, 0.1, 0.1))
    key = uuid.uuid4().hex
    for number in range(3):
        ref = office.create(str(number))
        application = Application(office.user_id, microusd(0.9), key, "same", dry_run=True)
        decision, job = office.jobs.claim(ref, CreatedWake(), office.now, LEASE, lambda _, asked=application: asked)
        assert (decision, job.usage_day, job.duplicate_of) == (Take(interrupted=False), None, None)
        assert (job.fields["estimated_cost_usd"], job.reserved_microusd) == (0.9, 0)
    assert (office.mine(), office.all(), office.active()) == ({}, {}, [])
    assert not firestore_client.document(f"requests/{key}").get().exists


def test_a_request_id_is_free_again_once_its_document_has_expired(firestore_client: firestore.Client):
    office = Office(firestore_client, Limits(0, 0, 0, 0))
    first, second = office.create("first"), office.create("second")
    key = f"{office.user_id}-key"
    office.claim(first, request_key=key)
    firestore_client.document(first.path).delete()  # by its TTL; that of the request is deleted later
    office.now += RETENTION
    _, job = office.claim(second, request_key=key)
    assert job.duplicate_of is None
    remembered = firestore_client.document("requests", key).get().to_dict() or {}
    assert (remembered["job_path"], remembered["expire_at"]) == (second.path, office.now + RETENTION)
