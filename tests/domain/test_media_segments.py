from dataclasses import replace
from fractions import Fraction

import pytest

from pipeline.domain.media import MediaProbe, VideoStream
from pipeline.domain.media_plans import CompositionOptions, CompositionPlan, plan_composition
from pipeline.domain.media_segments import fingerprint, split_plan

SOURCES = ["https://a/1.mp4 100", "https://a/2.mp4 100", "https://a/3.mp4 100", "https://a/4.mp4 100"]


def planned(**options: object) -> CompositionPlan:
    clip = VideoStream("h264", 160, 284, "yuv420p", Fraction(24), 24, 1.0)
    return plan_composition([MediaProbe("mov", 1.0, 100, clip, None)] * 4, CompositionOptions(**options))  # type: ignore[arg-type]


def test_a_segment_names_the_clips_it_needs():
    assert [segment.clips for segment in split_plan(planned(), 2)] == [(0, 1, 2), (2, 3)]
    assert [segment.clips for segment in split_plan(planned(crossfade=False), 2)] == [(0, 1), (2, 3)]


def test_equal_plans_have_one_fingerprint():
    assert fingerprint(planned(), SOURCES, "1") == fingerprint(planned(), list(SOURCES), "1")
    assert len(fingerprint(planned(), SOURCES, "1")) == 16


@pytest.mark.parametrize(
    ("plan", "sources", "recipe"),
    [
        (planned(crossfade_seconds=0.25), SOURCES, "1"),
        (planned(transition="wipeleft"), SOURCES, "1"),
        (planned(optimize_size=True), SOURCES, "1"),
        (replace(planned(), has_clip_audio=True), SOURCES, "1"),
        (planned(), [*SOURCES[:3], "https://a/4.mp4 101"], "1"),
        (planned(), SOURCES, "2"),
    ],
)
def test_whatever_changes_a_segment_changes_the_fingerprint(plan: CompositionPlan, sources: list[str], recipe: str):
    assert fingerprint(plan, sources, recipe) != fingerprint(planned(), SOURCES, "1")
