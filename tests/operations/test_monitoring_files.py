"""What gcloud is given, checked without Google: against the messages of its APIs, and for what these do not catch."""

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from google.cloud.logging_v2.types import LogMetric
from google.cloud.monitoring_dashboard_v1.types import Dashboard
from google.cloud.monitoring_v3.types import AlertPolicy
from google.protobuf.json_format import ParseDict

from operations.monitoring.definitions import FILES, Parameters, read_definitions
from pipeline.domain.errors import Fault, error_codes
from pipeline.domain.jobs import JobKind
from pipeline.domain.log_events import LOG_EVENTS
from tests.operations.log_filters import Filter

ROOT = Path(__file__).parents[2]
RUNBOOKS = "https://example.com/docs/operations.md"
WANTED = read_definitions(Parameters("demo-films", 20.0, RUNBOOKS, ["projects/demo-films/notificationChannels/7"]))
POLICIES = WANTED.policies

GOOGLES = {
    "run.googleapis.com/request_count": ("DELTA", "INT64", {"response_code", "response_code_class"}),
    "run.googleapis.com/container/memory/utilizations": ("DELTA", "DISTRIBUTION", set()),
    "run.googleapis.com/container/instance_count": ("GAUGE", "INT64", {"state"}),
}
"""Kind, type and labels of the metrics that are Google's own: https://cloud.google.com/monitoring/api/metrics_gcp"""

OURS = {
    f"logging.googleapis.com/user/{name}": (
        metric["metricDescriptor"]["metricKind"],
        metric["metricDescriptor"]["valueType"],
        {label["key"] for label in metric["metricDescriptor"].get("labels", ())},
    )
    for name, metric in WANTED.metrics.items()
}
METRICS = {**GOOGLES, **OURS}
SERVICE_LABEL = "service_name"  # of the resource cloud_run_revision
REDUCERS = {
    "INT64": {"REDUCE_SUM"},
    "DISTRIBUTION": {"REDUCE_PERCENTILE_99", "REDUCE_PERCENTILE_95"},
}
ALIGNERS = {"DELTA": {"ALIGN_DELTA"}, "GAUGE": {"ALIGN_MEAN", "ALIGN_MAX"}}
SELECTOR = re.compile(r"(\w+:\w+)\{([^}]*)\}")


def operations_md() -> list[str]:
    return (ROOT / "docs/operations.md").read_text(encoding="utf-8").splitlines()


def runbook_sections() -> dict[str, list[str]]:
    """The sections `###` below `## Alerts`, by their headings."""
    sections: dict[str, list[str]] = {}
    chapter = heading = ""
    for line in operations_md():
        if line.startswith("## "):
            chapter, heading = line[3:], ""
        elif line.startswith("### ") and chapter == "Alerts":
            heading = line[4:]
            sections[heading] = []
        elif heading:
            sections[heading].append(line)
    return sections


def conditions() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, policy in POLICIES.items():
        for condition in policy["conditions"]:
            yield f"{name}: {condition['displayName']}", condition


def tiles() -> list[Mapping[str, Any]]:
    return list(WANTED.dashboard["mosaicLayout"]["tiles"])


def series() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Every classic filter, with how its series are put together."""
    for name, condition in conditions():
        threshold = condition.get("conditionThreshold", {})
        for filter_name, aggregation_name in (
            ("filter", "aggregations"),
            ("denominatorFilter", "denominatorAggregations"),
        ):
            if filter_name in threshold:
                (aggregation,) = threshold[aggregation_name]
                yield name, threshold[filter_name], aggregation
    for name, query in charted():
        if "timeSeriesFilter" in query:
            yield name, query["timeSeriesFilter"]["filter"], query["timeSeriesFilter"]["aggregation"]


def promql() -> Iterator[tuple[str, str]]:
    for name, condition in conditions():
        if "conditionPrometheusQueryLanguage" in condition:
            yield name, condition["conditionPrometheusQueryLanguage"]["query"]
    for name, query in charted():
        if "prometheusQuery" in query:
            yield name, query["prometheusQuery"]


def charted() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for tile in tiles():
        for data in tile["widget"].get("xyChart", {}).get("dataSets", ()):
            yield tile["widget"]["title"], data["timeSeriesQuery"]


def test_all_of_it_is_what_the_apis_take():
    for metric in WANTED.metrics.values():
        ParseDict(metric, LogMetric.pb(LogMetric()))
    for policy in POLICIES.values():
        ParseDict(policy, AlertPolicy.pb(AlertPolicy()))
    ParseDict(WANTED.dashboard, Dashboard.pb(Dashboard()))


def test_files_have_the_names_of_what_they_hold_and_nothing_is_named_twice():
    assert {file.stem for file in FILES.glob("metrics/*")} == set(WANTED.metrics)
    assert {file.stem for file in FILES.glob("policies/*")} == set(POLICIES)
    assert len({policy["displayName"] for policy in POLICIES.values()}) == len(POLICIES)
    for policy in POLICIES.values():
        names = [condition["displayName"] for condition in policy["conditions"]]
        assert len(set(names)) == len(names) <= 6
    for name in WANTED.metrics:
        assert re.fullmatch("pipeline_[a-z_]{1,80}", name)
    for name in POLICIES:
        assert re.fullmatch("[a-z][a-z-]{1,62}", name)  # the value of a user label


def test_every_series_is_of_a_metric_that_is_there_by_labels_that_it_has():
    found = list(series())
    assert len(found) > 30
    for name, text, aggregation in found:
        metric, labels = read_series_filter(text)
        assert metric in METRICS, name
        kind, value_type, own = METRICS[metric]
        assert labels <= own, name
        assert aggregation["perSeriesAligner"] in ALIGNERS[kind], name
        assert aggregation["crossSeriesReducer"] in REDUCERS[value_type], name
        for field in aggregation.get("groupByFields", ()):
            of, _, label = field.partition(".label.")
            assert (of == "metric" and label in own) or (of, label) == ("resource", SERVICE_LABEL), name
        assert len(text) <= 2048


def test_every_query_is_of_a_metric_that_is_there():
    distributions = {name for name, (_, value_type, _) in METRICS.items() if value_type == "DISTRIBUTION"}
    names = {as_prometheus(name): labels for name, (_, _, labels) in METRICS.items() if name not in distributions}
    for name in distributions:
        names |= {f"{as_prometheus(name)}_{part}": METRICS[name][2] for part in ("sum", "count", "bucket")}
    queries = dict(promql())
    assert len(queries) >= 4
    for name, query in queries.items():
        selectors = SELECTOR.findall(query)
        assert len(selectors) == query.count(":") == 1, name  # one metric, by its name and its resource
        for metric, matchers in selectors:
            assert metric in names, name
            assert matchers == 'monitored_resource="cloud_run_revision"', name
            for labels in re.findall(r"by \(([^)]*)\)", query):
                assert set(labels.split(", ")) <= names[metric] | {SERVICE_LABEL}, name
        assert query.count("(") == query.count(")"), name
        assert re.search(r"\[\d+[mhd]\]", query), name


def test_times_are_those_that_the_api_takes():
    for name, condition in conditions():
        threshold = condition.get("conditionThreshold")
        duration = seconds((threshold or condition["conditionPrometheusQueryLanguage"])["duration"])
        assert duration % 60 == 0, name
        if threshold:
            assert ("evaluationMissingData" in threshold) == (duration > 0), name
            periods = {seconds(one["alignmentPeriod"]) for one in threshold["aggregations"]}
            periods |= {seconds(one["alignmentPeriod"]) for one in threshold.get("denominatorAggregations", ())}
            (period,) = periods
            assert period >= 60
            assert period % 60 == 0, name
            assert period + duration <= 25 * 3600, name
        else:
            assert seconds(condition["conditionPrometheusQueryLanguage"]["evaluationInterval"]) % 30 == 0, name
    for policy in POLICIES.values():
        assert 1800 <= seconds(policy["alertStrategy"]["autoClose"]) <= 7 * 86400
        assert policy["severity"] in ("CRITICAL", "ERROR", "WARNING")
        assert "notificationRateLimit" not in policy["alertStrategy"]  # of alerts on single entries only


def test_thresholds_of_shares_are_shares():
    for name, condition in conditions():
        threshold = condition.get("conditionThreshold", {})
        is_share = "denominatorFilter" in threshold or "utilizations" in threshold.get("filter", "")
        assert is_share == (0 < threshold.get("thresholdValue", 0) < 1), name


def test_the_four_kinds_and_the_codes_are_those_of_the_pipeline():
    slow = [condition["conditionThreshold"]["filter"] for condition in POLICIES["slow-jobs"]["conditions"]]
    assert [re.findall(r'labels\.kind="(\w+)"', text)[0] for text in slow] == [kind.value for kind in JobKind]
    told = POLICIES["provider-faults"]["conditions"][0]["conditionThreshold"]["filter"]
    codes = set(re.findall(r'"([a-z_]+)"', told.partition("one_of")[2]))
    assert codes == {code for code, error in error_codes().items() if error.fault is Fault.PROVIDER}
    for name, text, _ in series():
        for code in re.findall(r'labels\.code="([a-z_]+)"', text):
            assert code in error_codes(), name


def test_functions_that_are_named_are_deployed():
    declared = re.findall(
        r"^@\w+_fn\.(?:[^@]|\n)*?^def (\w+)\(", (ROOT / "functions/main.py").read_text(), re.MULTILINE
    )
    services = {name.replace("_", "-") for name in declared}
    assert {"api", "advancejob", "handle-replicate-webhook"} <= services
    for name, text, _ in series():
        for service in re.findall(r'service_name="([^"]+)"', text):
            assert service in services, name
        for pattern in re.findall(r'service_name=monitoring\.regex\.full_match\("([^"]+)"\)', text):
            unmatched = {service for service in services if not re.fullmatch(pattern, service)}
            assert unmatched == {"advancejob", "advancecomposition"}, name


def test_tiles_fit_and_do_not_overlap():
    columns = WANTED.dashboard["mosaicLayout"]["columns"]
    taken: dict[tuple[int, int], str] = {}
    for tile in tiles():
        title = tile["widget"]["title"]
        assert 0 <= tile["xPos"] < tile["xPos"] + tile["width"] <= columns <= 48
        for place in itertools.product(
            range(tile["xPos"], tile["xPos"] + tile["width"]), range(tile["yPos"], tile["yPos"] + tile["height"])
        ):
            assert taken.setdefault(place, title) == title
    height = max(y for _, y in taken) + 1
    assert len(taken) == columns * height  # no holes
    titles = [tile["widget"]["title"] for tile in tiles()]
    assert len(set(titles)) == len(titles)


def test_every_metric_is_looked_at():
    used = {read_series_filter(text)[0].rpartition("/")[2] for _, text, _ in series()}
    queried = " ".join(query for _, query in promql())
    assert {name for name in WANTED.metrics if name not in used and f"user_{name}" not in queried} == set()
    charts = json.dumps(WANTED.dashboard)
    assert {name for name in WANTED.metrics if name not in charts} == {
        "pipeline_job_faults",
        "pipeline_instances_out_of_memory",
    }


def test_the_panel_of_the_log_has_a_filter():
    (panel,) = (tile["widget"]["logsPanel"] for tile in tiles() if "logsPanel" in tile["widget"])
    assert Filter(panel["filter"]).terms == [("resource.type", "=", "cloud_run_revision"), ("severity", ">=", "ERROR")]


def test_each_alert_has_its_runbook_and_each_runbook_its_alert():
    headings = list(runbook_sections())
    linked = {}
    for name, policy in POLICIES.items():
        (link,) = policy["documentation"]["links"]
        assert link["url"].startswith(f"{RUNBOOKS}#")
        linked[link["url"].partition("#")[2]] = name
        assert policy["documentation"]["content"].endswith(f"Runbook: {link['url']}")
        assert policy["notificationChannels"] == ["projects/demo-films/notificationChannels/7"]
    assert sorted(linked) == sorted(anchor(heading) for heading in headings)
    for heading in headings:
        assert POLICIES[linked[anchor(heading)]]["displayName"] == heading
    text = json.dumps(WANTED.dashboard)
    anchors = {anchor(line.lstrip("# ")) for line in operations_md() if line.startswith("#")}
    for link in re.findall(rf"{re.escape(RUNBOOKS)}#([\w-]+)", text):
        assert link in anchors


@pytest.mark.parametrize(("heading", "lines"), runbook_sections().items(), ids=list(runbook_sections()))
def test_a_runbook_says_what_how_and_when_it_is_over(heading: str, lines: list[str]):
    text = " ".join(lines)
    order = [text.index(part) for part in ("**Means.**", "**See.**", "**Do.**", "**Over**")]
    assert order == sorted(order)
    for query in re.findall(r"`([^`]*(?:jsonPayload\.|textPayload:|resource\.labels\.)[^`]*)`", text):
        check_query(query)


def check_query(text: str) -> None:
    """It can be read, and names events and fields that are there."""
    terms = Filter(text).terms
    named = [value for path, _, value in terms if path == "jsonPayload.event"]
    known = {"job_id"}
    for event in LOG_EVENTS:
        if event.event in named:
            known |= {"event", *(field.name for field in fields(event))}
            named.remove(event.event)
    assert not named
    for path, _, _ in terms:
        if path.startswith("jsonPayload."):
            assert path.removeprefix("jsonPayload.") in known, text


def test_runbooks_quote_tiles_of_the_dashboard_and_words_of_the_log():
    titles = {tile["widget"]["title"] for tile in tiles()}
    code = "".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "functions/pipeline").rglob("*.py")))
    text = " ".join(line for lines in runbook_sections().values() for line in lines)
    quoted = set(re.findall(r'"([A-Z][^"=]+)"', re.sub(r"`[^`]*`", "", text)))
    assert len(quoted & titles) > 9
    for words in quoted - titles:
        assert words.removesuffix(" ...") in code, words


def anchor(heading: str) -> str:
    """As GitHub makes them."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def seconds(duration: str) -> int:
    assert re.fullmatch(r"\d+s", duration)
    return int(duration[:-1])


def as_prometheus(metric: str) -> str:
    """https://cloud.google.com/monitoring/promql/promql-mapping"""
    domain, _, path = metric.partition("/")
    return f"{re.sub(r'[^a-zA-Z0-9]', '_', domain)}:{re.sub(r'[^a-zA-Z0-9]', '_', path)}"


def read_series_filter(text: str) -> tuple[str, set[str]]:
    """The metric of a filter of time series, and which of its labels are compared. Every term must be understood."""
    metric, labels = "", set()
    for term in text.split(" AND "):
        if found := re.fullmatch(r'metric\.type="([^"]+)"', term):
            metric = found[1]
        elif found := re.fullmatch(r'metric\.labels\.(\w+)=(?:"\w+"|one_of\("\w+"(?:, "\w+")*\))', term):
            labels.add(found[1])
        else:
            assert term == 'resource.type="cloud_run_revision"' or re.fullmatch(
                r'resource\.labels\.service_name=(?:"[\w-]+"|monitoring\.regex\.full_match\("[^"]+"\))', term
            ), term
    return metric, labels


def test_a_query_that_names_no_metric_is_seen():
    """The readers above do not pass over what they do not know."""
    with pytest.raises(AssertionError):
        read_series_filter('metric.type="x" AND metric.label.kind="image"')
    assert as_prometheus("run.googleapis.com/container/memory/utilizations") == (
        "run_googleapis_com:container_memory_utilizations"
    )
