"""`make monitoring`: what it asks of gcloud, and what it says when gcloud does not do it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from operations.monitoring.__main__ import main
from tests.operations.fake_gcloud import FakeGcloud

CHANNEL = "projects/films-staging/notificationChannels/7"
MORE = {"metric": 15, "policy": 14, "dashboard": 1}


@pytest.fixture
def gcloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGcloud]:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    with FakeGcloud(folder) as fake:
        yield fake


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "functions").mkdir()
    (tmp_path / ".firebaserc").write_text(json.dumps({"projects": {"staging": "films-staging"}}))
    (tmp_path / "functions/.env.staging").write_text("MAX_USD_PER_DAY=50\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(root: Path, capsys: pytest.CaptureFixture[str]):
    def run(*arguments: str) -> tuple[int, str]:
        status = main(["--alias", "staging", *arguments], {}, root)
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


def test_a_dry_run_prints_every_command_and_runs_none(gcloud: FakeGcloud, run, root: Path):
    status, said = run()
    assert status == 0
    lines = [line for line in said.splitlines() if line.startswith("gcloud ")]
    assert len(lines) == sum(MORE.values())
    metric = (
        "logging metrics create pipeline_sweeps --config-from-file=build/monitoring/staging/metrics/pipeline_sweeps"
    )
    assert f"gcloud {metric}.json --project=films-staging" in lines
    policy = "monitoring policies create --policy-from-file=build/monitoring/staging/policies/spend.json"
    assert f"gcloud {policy} --project=films-staging" in lines
    assert "metric    create 15\npolicy    create 14\ndashboard create 1\n" in said
    assert not gcloud.changes
    files = list((root / "build/monitoring/staging").rglob("*.json"))
    assert len(files) == len(lines)
    assert "${" not in "".join(file.read_text() for file in files)


def test_applied_twice_the_second_finds_nothing_to_do(gcloud: FakeGcloud, run):
    status, said = run("--apply", "--channel", CHANNEL, "--runbooks", "https://example.com/operations")
    assert (status, said.count("created  ")) == (0, 30)
    assert {kind: len(found) for kind, found in gcloud.state.items()} == {
        "metrics": 15,
        "policies": 14,
        "dashboards": 1,
    }
    assert len(gcloud.changes) == 30
    gcloud.calls.clear()
    for again in ((), ("--apply",)):
        status, said = run(*again, "--runbooks", "https://example.com/operations")
        assert status == 0
        assert "metric    is so 15\npolicy    is so 14\ndashboard is so 1\n" in said
    assert not gcloud.changes


def test_only_what_differs_is_updated(gcloud: FakeGcloud, run):
    run("--apply")
    gcloud.state["metrics"]["pipeline_sweeps"]["filter"] = 'jsonPayload.event="sweep"'
    (spend,) = (one for one in gcloud.state["policies"].values() if one["userLabels"]["pipeline-alert"] == "spend")
    spend["displayName"] = "Renamed by hand"
    (dashboard,) = gcloud.state["dashboards"].values()
    dashboard["mosaicLayout"]["tiles"].pop()
    gcloud.calls.clear()
    status, said = run("--apply")
    assert status == 0
    assert "updated  metric pipeline_sweeps\nupdated  policy spend\nupdated  dashboard Words to video\n" in said
    assert [call[:4] for call in gcloud.changes] == [
        ["logging", "metrics", "update", "pipeline_sweeps"],
        ["monitoring", "policies", "update", spend["name"]],
        ["monitoring", "dashboards", "update", dashboard["name"]],
    ]
    assert "sweep_ended" in gcloud.state["metrics"]["pipeline_sweeps"]["filter"]
    assert "update" not in run()[1]


def test_what_people_have_set_stays(gcloud: FakeGcloud, run):
    run("--apply", "--channel", CHANNEL)
    for policy in gcloud.state["policies"].values():
        assert policy["notificationChannels"] == [CHANNEL]
        policy["enabled"] = policy["userLabels"]["pipeline-alert"] != "fallback-reads"
    status, said = run("--apply", "--spend-usd-per-hour", "3")
    assert status == 0
    assert "policy fallback-reads is switched off, and stays so." in said
    policies = gcloud.state["policies"].values()
    assert all(policy["notificationChannels"] == [CHANNEL] for policy in policies)
    off = [policy["userLabels"]["pipeline-alert"] for policy in policies if not policy["enabled"]]
    assert off == ["fallback-reads"]
    (spend,) = (one for one in policies if one["userLabels"]["pipeline-alert"] == "spend")
    assert spend["conditions"][0]["conditionPrometheusQueryLanguage"]["query"].endswith("[1h])) > 3")


def test_an_hour_may_cost_a_fifth_of_what_a_day_may(gcloud: FakeGcloud, run, root: Path):
    run()
    policy = json.loads((root / "build/monitoring/staging/policies/spend.json").read_text())
    assert policy["conditions"][0]["conditionPrometheusQueryLanguage"]["query"].endswith("[1h])) > 10")
    assert "more than 10 US dollars" in policy["documentation"]["content"]
    (root / "functions/.env.staging").write_text("MAX_USD_PER_DAY=0\n")
    status, said = run()
    assert (status, "--spend-usd-per-hour" in said) == (2, True)
    assert run("--spend-usd-per-hour", "5")[0] == 0


def test_a_link_is_a_url_or_only_told(gcloud: FakeGcloud, run, root: Path):
    def told() -> dict[str, object]:
        return json.loads((root / "build/monitoring/staging/policies/spend.json").read_text())["documentation"]

    run()
    assert "links" not in told()
    assert str(told()["content"]).endswith("\n\nRunbook: docs/operations.md#more-is-spent-than-usual")
    run("--runbooks", "https://example.com/o")
    assert told()["links"] == [{"displayName": "Runbook", "url": "https://example.com/o#more-is-spent-than-usual"}]


def test_one_that_fails_does_not_keep_the_others(gcloud: FakeGcloud, run):
    gcloud.denied, gcloud.too_new = "pipeline_sweeps", "user_pipeline_prediction_cost_usd_sum"
    status, said = run("--apply")
    assert status == 1
    assert "FAILED  metric pipeline_sweeps: (gcloud.logging.metrics.create) PERMISSION_DENIED: Permission" in said
    assert "FAILED  policy spend: its metric was made only now: run this again in ten minutes." in said
    assert "metric    create 14\npolicy    create 13\ndashboard create 1\n" in said
    assert "2 failed. Run it again" in said
    gcloud.denied = gcloud.too_new = ""
    status, said = run("--apply")
    assert status == 0
    assert "metric    create 1, is so 14\npolicy    create 1, is so 13\n" in said


def test_without_gcloud_the_dry_run_still_shows_the_commands(gcloud: FakeGcloud, run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(gcloud.folder / "nothing"))
    status, said = run()
    assert status == 1
    assert "gcloud is not installed" in said
    assert "gcloud logging metrics create pipeline_sweeps" in said
    status, said = run("--apply")
    assert (status, "metrics create" in said) == (1, False)


def test_who_is_not_logged_in_is_told_how(gcloud: FakeGcloud, run):
    gcloud.is_logged_in = False
    status, said = run("--apply")
    assert status == 1
    assert said == "gcloud has no account to work with: run `gcloud auth login`.\n"


def test_versions_that_have_alert_policies_in_alpha_only(gcloud: FakeGcloud, run):
    gcloud.groups = ["alpha"]
    status, _ = run("--apply")
    assert status == 0
    created = [call for call in gcloud.calls if "policies" in call and "create" in call]
    assert {tuple(call[:4]) for call in created} == {("alpha", "monitoring", "policies", "create")}
    gcloud.groups = []
    status, said = run()
    assert (status, "gcloud components update" in said) == (1, True)


def test_what_no_file_tells_of_is_named_and_left(gcloud: FakeGcloud, run):
    run("--apply")
    gcloud.state["metrics"] |= {
        name: {"name": name, "filter": "severity>=ERROR"} for name in ("pipeline_old", "somebody-elses")
    }
    old = "projects/films-staging/alertPolicies/99"
    gcloud.state["policies"][old] = {"name": old, "displayName": "Old", "userLabels": {"pipeline-alert": "old"}}
    gcloud.state["policies"]["theirs"] = {"name": "theirs", "displayName": "Theirs"}
    gcloud.calls.clear()
    status, said = run("--apply")
    assert status == 0
    deleting = [line for line in said.splitlines() if line.startswith("gcloud ")]
    assert deleting == [
        f"gcloud monitoring policies delete {old} --project=films-staging",
        "gcloud logging metrics delete pipeline_old --project=films-staging",
    ]
    assert not gcloud.changes


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--alias", "stage"], "'stage' is none of the aliases"),
        (["--alias", "local"], "No local stack is running"),
        (["--alias", "staging", "--channel", "me@example.com"], "'me@example.com' is no channel"),
    ],
)
def test_wrong_arguments_are_told(
    arguments: list[str], says: str, gcloud: FakeGcloud, root: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(arguments, {}, root) == 2
    assert says in capsys.readouterr().err
    assert not gcloud.calls
