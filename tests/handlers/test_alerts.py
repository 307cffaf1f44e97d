"""Each alert's situation, brought about: the log then holds what sets off that alert, and sets off no other.

The rules are those of operations/monitoring; the runbooks are in docs/operations.md.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from pipeline.domain.jobs import CreatedWake, JobKind, JobRef, SignalWake
from pipeline.domain.metadata_modes import MetadataMode
from pipeline.handlers.metadata_sources import FallbackSource
from pipeline.handlers.sweep import sweep
from tests.handlers.conftest import USER, Workbench
from tests.operations.alerts import alerts, counted
from tests.operations.log_filters import Entry, entry_of

PATIENCE = timedelta(minutes=10)


class Watched:
    """A workbench whose log is read as Cloud Logging would."""

    def __init__(self, bench: Workbench, capsys: pytest.CaptureFixture[str]) -> None:
        self.bench = bench
        self._capsys = capsys
        self._lines: list[str] = []

    @property
    def log(self) -> list[Entry]:
        """All entries so far."""
        written = self._capsys.readouterr()
        self._lines += (written.out + written.err).splitlines()
        return [entry_of(line) for line in self._lines]

    def job(self, name: str, words: str) -> dict[str, object]:
        """A picture that is made, or not."""
        fields = {"scene_id": self.bench.scene(name), "text": words}
        return self.bench.run(JobKind.IMAGE, name, fields)

    def forgotten(self, name: str) -> JobRef:
        """A job whose created event got lost."""
        ref = JobRef(JobKind.IMAGE, name)
        fields = {"user_id": USER, "status": "pending", "scene_id": self.bench.scene(name), "text": "x"}
        self.bench.write(ref.path, fields)
        return ref

    def sweep(self) -> None:
        sweep(self.bench.desk(), self.bench.tools, 60.0)


@pytest.fixture
def watched(workbench: Workbench, capsys: pytest.CaptureFixture[str]) -> Iterator[Watched]:
    capsys.readouterr()
    watched = Watched(workbench, capsys)
    yield watched
    ids = [snapshot.reference for snapshot in workbench.client.collection("image_generation_jobs").stream()]
    for reference in ids:  # the next test's sweeps must not find them
        reference.delete()


def test_while_all_is_well_no_alert_goes_off(watched: Watched):
    watched.job("alert-none", "A lighthouse")
    watched.sweep()
    assert alerts(watched.log) == set()
    assert counted("pipeline_jobs_ended", watched.log) == [1]
    assert counted("pipeline_prediction_cost_usd", watched.log) == [0.003]
    assert counted("pipeline_step_seconds", watched.log)


def test_no_round_of_the_sweeper(watched: Watched):
    watched.job("alert-no-sweeper", "A lighthouse")
    assert alerts(watched.log) == {"sweeper-silent"}


@pytest.mark.parametrize("status", [401, 422])  # a token that is no longer valid; a model that takes something else
def test_what_replicate_does_not_take_is_our_fault(watched: Watched, status: int):
    for number in range(3):
        assert watched.job(f"alert-{status}-{number}", f"{number} [stub:{status}]")["status"] == "error"
    watched.sweep()
    assert alerts(watched.log) == {"our-faults"}


def test_two_that_fail_are_no_alert_and_what_users_do_never_is(watched: Watched):
    for number in range(2):
        watched.job(f"alert-few-{number}", f"{number} [stub:422]")
    for number in range(4):
        assert watched.job(f"alert-nsfw-{number}", f"{number} [stub:nsfw]")["status"] == "error"
    watched.sweep()
    assert alerts(watched.log) == set()


def test_predictions_that_fail_are_the_providers(watched: Watched):
    for number in range(3):
        assert watched.job(f"alert-provider-{number}", f"{number} [stub:fail]")["status"] == "error"
    watched.sweep()
    assert alerts(watched.log) == {"provider-faults"}


def test_an_account_without_credit(watched: Watched):
    job = watched.job("alert-402", "A lighthouse [stub:402]")
    assert (job["status"], job["error"]["code"]) == ("error", "insufficient_credit")  # type: ignore[index]
    watched.sweep()
    assert alerts(watched.log) == {"no-credit"}


def test_being_throttled_is_counted_and_much_of_it_is_an_alert(watched: Watched):
    assert watched.job("alert-429", "A lighthouse [stub:429-once]")["status"] == "complete"
    watched.sweep()
    assert alerts(watched.log) == set()
    (throttled,) = [
        entry
        for entry in watched.log
        if entry.get("jsonPayload", {}).get("code") == "rate_limited"
        and entry["jsonPayload"]["event"] == "provider_refused"
    ]
    assert throttled["jsonPayload"]["http_status"] == 429
    assert alerts([*watched.log, *[throttled] * 59]) == set()
    assert alerts([*watched.log, *[throttled] * 60]) == {"rate-limited"}


def test_a_prediction_that_nobody_can_explain(watched: Watched):
    bench = watched.bench
    ref = watched.forgotten("alert-held")
    bench.wake(ref, CreatedWake())
    (record,) = bench.desk().predictions.of_job(ref.path)
    changes = {"state": "submitting", "submitting_at": bench.now(), "prediction_id": None}
    bench.client.document(f"predictions/{record.op}").update(changes)
    bench.ahead += timedelta(minutes=56)
    bench.wake(ref, SignalWake())
    assert bench.read(ref.path)["error"]["code"] == "outcome_unknown"
    watched.sweep()
    assert alerts(watched.log) == {"held-predictions"}


def test_jobs_that_nobody_comes_for(watched: Watched):
    ref = watched.forgotten("alert-stuck")
    for _ in range(5):  # its tasks get lost, too
        watched.bench.ahead += PATIENCE
        watched.sweep()
    assert alerts(watched.log) == {"stuck-jobs"}
    watched.bench.wake(ref, SignalWake())
    watched.bench.finish(ref)
    before = len(watched.log)
    watched.sweep()
    assert alerts(watched.log[before:]) == set()


def test_one_that_got_lost_is_no_alert_unless_it_waited_for_long(watched: Watched):
    watched.forgotten("alert-lost")
    watched.bench.ahead += PATIENCE
    watched.sweep()
    assert alerts(watched.log) == set()
    watched.bench.ahead += timedelta(hours=1)
    watched.sweep()
    assert alerts(watched.log) == {"stuck-jobs"}


def test_a_sweeper_that_cannot_reach_the_queue(watched: Watched):
    watched.forgotten("alert-no-queue")
    watched.bench.ahead += PATIENCE
    watched.bench.tasks.is_down = True
    for _ in range(3):
        watched.sweep()
    assert alerts(watched.log) == {"sweeper-in-trouble"}


def test_spending_more_than_usual(watched: Watched):
    watched.job("alert-spend", "A lighthouse")
    watched.sweep()
    (paid,) = [entry for entry in watched.log if entry["jsonPayload"].get("event") == "prediction_ended"]
    dear = {**paid, "jsonPayload": {**paid["jsonPayload"], "cost_usd": 5.0}}
    assert alerts([*watched.log, *[dear] * 3]) == set()
    assert alerts([*watched.log, *[dear] * 4]) == {"spend"}


def test_a_job_that_takes_long(watched: Watched):
    ref = watched.forgotten("alert-slow")
    watched.bench.wake(ref, CreatedWake())
    (record,) = watched.bench.desk().predictions.of_job(ref.path)
    assert watched.bench.replicate.predictions[record.prediction_id or ""].ended.wait(10)
    watched.bench.ahead += timedelta(minutes=4)
    watched.bench.wake(ref, SignalWake())
    assert watched.bench.read(ref.path)["status"] == "complete"
    watched.sweep()
    assert alerts(watched.log) == {"slow-jobs"}
    assert 240 < max(counted("pipeline_job_seconds", watched.log)) < 260


def test_videos_that_only_storage_knows(watched: Watched):
    bench = watched.bench
    bench.settings = replace(bench.settings, metadata_mode=MetadataMode.FIRESTORE_WITH_FALLBACK)
    tools = bench.tools()
    tools.storage.upload_bytes("alert-user/v/clips/clip_01_01_a_split.mp4", b"x", "video/mp4")
    assert FallbackSource("alert-user", tools).get_video("v") is not None
    watched.sweep()
    assert alerts(watched.log) == {"fallback-reads"}
