"""Who changes the shape of what is stored decides which version of the code can read it."""

from copy import deepcopy
from typing import Any

import pytest

from pipeline.domain.schema_versions import MIN_READER_VERSION, SCHEMA_VERSION
from tests.versions.shapes import advice, current_shapes, differences, stored_shapes

STORED = stored_shapes(SCHEMA_VERSION) or {"min_reader": None, "shapes": {}}


def test_the_shapes_are_those_of_their_version():
    changes = differences(STORED["shapes"], current_shapes())
    if changes:
        pytest.fail(advice(changes), pytrace=False)
    assert STORED["min_reader"] == MIN_READER_VERSION, "MIN_READER_VERSION has changed and SCHEMA_VERSION has not"


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION + 1))
def test_every_version_that_says_an_older_one_can_read_it_only_adds(version: int):
    newer = stored_shapes(version)
    assert newer is not None, f"tests/versions/shapes/{version}.json is missing"
    assert 0 <= newer["min_reader"] <= version
    for older in range(max(newer["min_reader"], 1), version):
        before = stored_shapes(older) or {}
        assert [text for text, is_readable in differences(before["shapes"], newer["shapes"]) if not is_readable] == []


def test_all_that_a_job_remembers_is_in_them():
    shapes = current_shapes()
    assert "started_at" in shapes["record StepRecord"]
    assert shapes["step generate_image: 'predict'"]["recorded as"] == "Predicted"
    assert shapes["step checkpoints: step"]["key"] == "str"
    assert {"steps", "usage_day", "min_reader_version"} <= shapes["job TurnFields"].keys()
    assert {"prediction_id", "submitting_until", "charged"} <= shapes["moves of a prediction"].keys()
    assert "held" in shapes["values PredictionState"]


ADDED, REMOVED, CHANGED = ("mood", "str"), ("url", None), ("url", "bytes")


@pytest.mark.parametrize(
    ("shape", "change", "text", "is_readable"),
    [
        ("step generate_image: 'predict'", ADDED, "mood is new", True),
        ("step generate_image: 'predict'", REMOVED, "url is gone", False),
        ("step generate_image: 'predict'", CHANGED, "url is bytes, and was str", False),
        ("record StepRecord", ("mood", "int, may be missing"), "mood is new", True),
        ("values PredictionState", ("queued", ""), "queued is new", False),
        ("a new shape", ADDED, "mood is new", True),
    ],
)
def test_a_change_is_told_in_words_and_what_to_do_about_it(
    shape: str, change: tuple[str, Any], text: str, is_readable: bool
):
    before, after = current_shapes(), deepcopy(current_shapes())
    name, value = change
    fields = dict(after.get(shape, {}))
    fields.pop(name, None)
    after[shape] = {**fields, name: value} if value is not None else fields
    (found,) = differences(before, after)
    assert found == (f"{shape}: {text}", is_readable)
    told = advice([found])
    assert f"- {shape}: {text}" in told
    assert f"raise SCHEMA_VERSION to {SCHEMA_VERSION + 1}" in told
    assert (f"raise MIN_READER_VERSION to {SCHEMA_VERSION + 1}" in told) is not is_readable
