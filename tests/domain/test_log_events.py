import re
from dataclasses import fields
from pathlib import Path

import pytest

from pipeline.domain.log_events import LOG_EVENTS, LogEvent, step_without_numbers


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("predict", "predict"),
        ("scene_3_predict", "scene_predict"),
        ("scene_12_store", "scene_store"),
        ("segment_7_0123456789abcdef", "segment"),
        ("sound_abcdefabcdefabcd", "sound"),
        ("probe_2", "probe"),
        ("manifest", "manifest"),
    ],
)
def test_steps_of_many_scenes_and_segments_are_one_kind(name: str, kind: str):
    assert step_without_numbers(name) == kind


def test_every_event_has_a_name_of_its_own():
    assert len({event.event for event in LOG_EVENTS}) == len(LOG_EVENTS)


@pytest.mark.parametrize("event", LOG_EVENTS, ids=lambda event: event.event)
def test_the_document_tells_of_every_event_and_field(event: type[LogEvent]):
    text = Path("docs/logs.md").read_text()
    (row,) = [line for line in text.splitlines() if line.startswith(f"| `{event.event}`")]
    named = re.sub(r"\([^)]*\)", "", row.split("|")[3])  # without what is said of the fields
    assert [field.name for field in fields(event)] == named.split("`")[1::2]


def test_the_document_tells_of_no_others():
    table = Path("docs/logs.md").read_text().partition("## Events")[2].partition("\n## ")[0]
    rows = [line.split("`")[1] for line in table.splitlines() if line.startswith("| `")][1:]
    assert rows == [event.event for event in LOG_EVENTS]
