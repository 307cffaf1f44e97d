"""Whatever is written into a job document: it ends with a code and a sentence, at no cost, with no exception."""

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from google.cloud import firestore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.domain.jobs import CreatedWake, JobKind, JobRef
from tests.domain.test_requests import COMPOSITION, IMAGE, MULTI, VIDEO
from tests.handlers.conftest import Workbench

DOCUMENTS = {
    JobKind.IMAGE: {**IMAGE, "aspect_ratio": "16:9"},
    JobKind.VIDEO: {**VIDEO, "resolution": "720p", "camera_fixed": True},
    JobKind.MULTI_VIDEO: {**MULTI, "resolution": "720p", "camera_fixed": True},
    JobKind.COMPOSITION: COMPOSITION,
}
SERVER_FIELDS = (
    "turn",
    "attempt",
    "steps",
    "lease_expires_at",
    "wake_at",
    "interruptions",
    "progress_percent",
    "clips",
)
numbers = itertools.count()

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
names = text.filter(lambda name: name and not name.startswith("__"))  # Firestore keeps __x__ for itself
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | text
    | st.sampled_from(["..", "__x__", "a/b", "x" * 3000, "https://", "file:///etc/passwd", "\x00"])
    | st.just(datetime(2020, 1, 1, tzinfo=UTC))
    | st.just(firestore.GeoPoint(1.0, 2.0))
    | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner.filter(lambda v: not isinstance(v, list)), max_size=3)
        | st.dictionaries(names, inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("kind", list(JobKind))
def test_every_odd_document_ends(workbench: Workbench, kind: JobKind):
    valid = DOCUMENTS[kind]

    @settings(max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(st.dictionaries(st.sampled_from([*valid, *SERVER_FIELDS, "odd"]), values, min_size=1, max_size=4))
    def ends(changes: dict[str, Any]) -> None:
        ref = JobRef(kind, f"odd-{kind}-{next(numbers)}")
        # a scene that does not exist, and hosts that may not be fetched: no odd document may get as far as to cost
        workbench.write(ref.path, {**valid, **changes, "status": "pending"})
        workbench.wake(ref, CreatedWake())
        job = workbench.read(ref.path)
        for _ in range(3):
            if job["status"] != "processing" or ref not in workbench.tasks.due:
                break
            job = workbench.finish(ref)
        assert job["status"] == "error", job
        assert job["error"]["code"] != "internal", job
        assert job["error_message"]

    before = workbench.replicate.creates
    ends()
    assert workbench.replicate.creates == before
