"""Which metric counts which entry: Logging's filters, on entries as the functions write them."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import pytest

from operations.monitoring.definitions import Parameters, read_definitions
from pipeline.adapters import logger
from pipeline.domain.log_events import (
    LOG_EVENTS,
    JobEnded,
    LogEvent,
    MetadataFellBack,
    PredictionEnded,
    ProviderRefused,
    StepEnded,
    SweepEnded,
)
from tests.operations.log_filters import Entry, Filter, FilterError, entry_of, extracted, matches

METRICS = read_definitions(Parameters("demo-films", 20.0)).metrics

COMPLETE = JobEnded("image", "complete", "", False, 12.5, 3, 0.003, False)
CANCELED = JobEnded("video", "canceled", "", False, 4.0, 2, 0.0, False)
USERS_FAULT = JobEnded("image", "error", "content_rejected", False, 3.0, 1, 0.0, False)
OUR_FAULT = JobEnded("composition", "error", "internal", True, 30.0, 2, 0.0, False)
TRIAL = JobEnded("image", "complete", "", False, 1.0, 1, 0.0, True)
FAULT_IN_TRIAL = JobEnded("image", "error", "internal", True, 1.0, 1, 0.0, True)
SUCCEEDED = PredictionEnded("black-forest-labs/flux-schnell", "succeeded", "", 2.5, 0.003)
UNPAID = PredictionEnded("black-forest-labs/flux-schnell", "failed", "prediction_failed", 1.0, 0.0)
HELD = PredictionEnded("bytedance/seedance-1-lite", "held", "outcome_unknown", 900.0, 0.0)
NO_CREDIT = ProviderRefused("replicate", "insufficient_credit", 402)
QUIET = SweepEnded(0, 0, 0, 0, 0, True, 0.0)
FOUND_OVERDUE = SweepEnded(3, 0, 0, 0, 0, True, 250.0)
FOUND_UNCLAIMED = SweepEnded(0, 1, 0, 0, 0, True, 130.0)
COULD_NOT_HELP = SweepEnded(0, 0, 0, 0, 2, True, 0.0)
RAN_OUT_OF_TIME = SweepEnded(0, 0, 900, 0, 0, False, 0.0)
FELL_BACK = MetadataFellBack(videos=2)
STEP_DONE = StepEnded("image", "render", True, "", 2.0)
STEP_FAILED = StepEnded("image", "render", False, "rate_limited", 0.5)
EVENTS: Mapping[str, LogEvent] = {name: value for name, value in dict(globals()).items() if type(value) in LOG_EVENTS}

JOBS = {"COMPLETE", "CANCELED", "USERS_FAULT", "OUR_FAULT"}
SWEEPS = {"QUIET", "FOUND_OVERDUE", "FOUND_UNCLAIMED", "COULD_NOT_HELP", "RAN_OUT_OF_TIME"}
COUNTED = {
    "pipeline_jobs_ended": JOBS,
    "pipeline_job_faults": {"OUR_FAULT"},
    "pipeline_job_seconds": {"COMPLETE"},
    "pipeline_predictions_ended": {"SUCCEEDED", "UNPAID", "HELD"},
    "pipeline_prediction_seconds": {"SUCCEEDED"},
    "pipeline_prediction_cost_usd": {"SUCCEEDED"},
    "pipeline_provider_refusals": {"NO_CREDIT"},
    "pipeline_sweeps": SWEEPS,
    "pipeline_sweeps_with_stuck_jobs": {"FOUND_OVERDUE", "FOUND_UNCLAIMED"},
    "pipeline_sweeps_in_trouble": {"COULD_NOT_HELP", "RAN_OUT_OF_TIME"},
    "pipeline_sweep_oldest_seconds": SWEEPS,
    "pipeline_fallback_reads": {"FELL_BACK"},
    "pipeline_step_seconds": {"STEP_DONE"},
    "pipeline_steps_failed": {"STEP_FAILED"},
    "pipeline_instances_out_of_memory": {"OUT_OF_MEMORY"},
}
"""Which of the entries below each metric counts; it counts no other."""


@pytest.fixture
def entries(capsys: pytest.CaptureFixture[str]) -> dict[str, Entry]:
    """Every event as it lies in Cloud Logging, beside lines that are none."""
    found = {}
    for name, event in EVENTS.items():
        logger.tell(event, "What has happened", is_warning=name.startswith("STEP"))
        found[name] = entry_of(_only_line(capsys))
    logger.error("The sweeper could not help image_generation_jobs/j1", overdue=3, failed=1)
    found["LINE"] = entry_of(_only_line(capsys))
    memory = "Memory limit of 1024 MiB exceeded with 1031 MiB used. Consider increasing the memory limit"
    found["OUT_OF_MEMORY"] = {**entry_of(memory), "severity": "ERROR"}
    found["MEMORY_TOLD"] = {**entry_of(memory), "severity": "INFO"}
    found["TEXT"] = entry_of("job_ended, said a library")
    return found


def _only_line(capsys: pytest.CaptureFixture[str]) -> str:
    written = capsys.readouterr()
    (line,) = (written.out + written.err).splitlines()
    return line


def test_every_metric_counts_what_it_is_for_and_nothing_else(entries: dict[str, Entry]):
    counted = {
        name: {said for said, entry in entries.items() if matches(metric["filter"], entry)}
        for name, metric in METRICS.items()
    }
    assert counted == COUNTED
    assert {type(event) for event in EVENTS.values()} == set(LOG_EVENTS)


def test_values_are_numbers_and_labels_are_there(entries: dict[str, Entry]):
    for name, metric in METRICS.items():
        for said in COUNTED[name]:
            for label, extractor in metric.get("labelExtractors", {}).items():
                assert isinstance(extracted(extractor, entries[said]), str), (name, label, said)
            if "valueExtractor" in metric:
                value = extracted(metric["valueExtractor"], entries[said])
                assert type(value) is float, (name, said)


def test_entries_of_other_services_are_not_counted(entries: dict[str, Entry]):
    for said, entry in entries.items():
        elsewhere = {**entry, "resource": {"type": "k8s_container", "labels": {}}}
        assert not [name for name, metric in METRICS.items() if matches(metric["filter"], elsewhere)], said


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_filter_names_an_event_and_its_fields(metric: Mapping[str, Any]):
    terms = Filter(metric["filter"]).terms
    assert ("resource.type", "=", "cloud_run_revision") in terms
    events = [value for path, _, value in terms if path == "jsonPayload.event"]
    if metric["name"] == "pipeline_instances_out_of_memory":  # Cloud Run's own words, no event of ours
        assert not events
        return
    (event,) = (one for one in LOG_EVENTS if one.event == events[0])
    types = {field.name: field.type for field in fields(event)}
    for path, operator, value in terms:
        name = path.removeprefix("jsonPayload.")
        if name not in ("event", "resource.type"):
            assert type(value) in {bool: {bool}, str: {str}, int: {float}, float: {float}}[types[name]], path
            assert operator == "=" or types[name] in (int, float), path
    labels = metric.get("labelExtractors", {})
    declared = {label["key"]: label["valueType"] for label in metric["metricDescriptor"].get("labels", ())}
    assert declared == dict.fromkeys(labels, "STRING")
    for label, extractor in labels.items():
        assert extractor == f"EXTRACT(jsonPayload.{label})"
        assert types[label] is str, label
    extractor = metric.get("valueExtractor")
    assert (extractor is not None) == (metric["metricDescriptor"]["valueType"] == "DISTRIBUTION")
    assert (extractor is not None) == ("bucketOptions" in metric)
    if extractor:
        field = extractor.removeprefix("EXTRACT(jsonPayload.").removesuffix(")")
        assert types[field] is float
        unit = {"seconds": "s", "usd": "USD"}[field.rpartition("_")[2]]
        assert metric["metricDescriptor"]["unit"] == unit
        assert metric["name"].endswith(field)


ENTRY = entry_of(json.dumps({"severity": "WARNING", "message": "m", "event": "e", "n": 3, "yes": True, "code": "Ab"}))


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ('jsonPayload.event="e"', True),
        ('jsonPayload.code="ab"', True),
        ('jsonPayload.code=~"^ab"', False),
        ('jsonPayload.message:"M"', True),
        ("jsonPayload.n>2 AND jsonPayload.n<=3", True),
        ('jsonPayload.n="3"', False),
        ("jsonPayload.code>2", False),
        ("jsonPayload.yes=true", True),
        ("jsonPayload.yes=false", False),
        ("jsonPayload.n=true", False),
        ("jsonPayload.gone=false", False),
        ("jsonPayload.gone<1 OR NOT jsonPayload.gone<1", True),
        ("severity>=WARNING AND NOT severity>=ERROR", True),
        # OR binds closer than AND: the last term is not a way around the first
        ("jsonPayload.n>5 AND jsonPayload.n>6 OR jsonPayload.n=3", False),
        ("(jsonPayload.n>5 AND jsonPayload.n>6) OR jsonPayload.n=3", True),
        ('resource.labels.service_name="advancejob"', True),
        ("jsonPayload.severity=WARNING", False),
    ],
)
def test_the_filters_here_are_read_as_logging_reads_them(text: str, fits: bool):
    assert matches(text, ENTRY) is fits


@pytest.mark.parametrize("text", ["", "jsonPayload.n", "jsonPayload.n=", "(a=1", "a=1 b=2", 'a="1', "a=1 AND"])
def test_what_is_no_filter_is_refused(text: str):
    with pytest.raises(FilterError):
        Filter(text)
