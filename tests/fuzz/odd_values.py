"""Values that a document may hold although nobody expects them there."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from google.cloud.firestore import GeoPoint
from hypothesis import strategies as st

WIRE_TEXT = st.characters(exclude_categories=["Cs"])
"""What the wire can carry: a lone surrogate never gets as far as a document."""

words = st.text(WIRE_TEXT, max_size=30)
names = words.filter(lambda name: name and not name.startswith("__"))  # Firestore keeps __x__ for itself

odd_texts = st.sampled_from(
    [
        *("", " ", ".", "..", "/", "a/b", "\\", "__x__", "~", "\x00", "a\x00b", "\x7f", "\u202egnp.exe", "\ufeff"),
        *("\ud7ff\U0010ffff", "e\u0301", "ﬃ", "👩‍👩‍👧‍👦", "\u2028", "٣"),
        *("https://", "https://sources.test/", "http://169.254.169.254/", "file:///etc/passwd", "data:,x"),
        *("https://sources.test\x00/", "https://[::1]/", "https://sources.test:99999/", "javascript:alert(1)"),
        *("true", "null", "NaN", "1e999", "-1", "1.2.3", "0:0", "9:16", "720p", "dissolve", "pending", "complete"),
        *("scene-1", "theirs", "users/user-b/videos/theirs", "image_generation_jobs/theirs"),
    ]
)

long_texts = st.builds(
    lambda letter, length: letter * length, st.sampled_from("x é"), st.sampled_from([201, 4001, 9000])
)

numbers = (
    st.integers(-(2**63), 2**63 - 1)
    | st.sampled_from([0, -1, 1, 2**31 - 1, 2**31, 2**63 - 1, -(2**63), 0.0, -0.0, 1.5, 5e-324, 1.7e308])
    | st.sampled_from([math.nan, math.inf, -math.inf])
    | st.floats()
)

moments = st.sampled_from(
    [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2020, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ]
)

scalars = (
    st.none()
    | st.booleans()
    | numbers
    | words
    | odd_texts
    | long_texts
    | moments
    | st.just(GeoPoint(90.0, -180.0))
    | st.binary(max_size=20)
)


def _deep(depth: int) -> Any:
    value: Any = "deep"
    for level in range(depth):
        value = {"deeper": value} if level % 2 else {"list": [value]}
    return value


values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner.filter(lambda value: not isinstance(value, list)), max_size=4)
        | st.dictionaries(names, inner, max_size=4)
    ),
    max_leaves=8,
) | st.sampled_from([{}, [], [{}], {"a": {}}, list(range(1000)), _deep(8)])
"""Anything that Firestore takes. (Of its depth of 20 maps the document itself and its lists use some.)"""


def mutated(valid: Mapping[str, Any], most: int = 3) -> st.SearchStrategy[dict[str, Any]]:
    """`valid` with some fields replaced by odd values, and some left out."""
    changed = st.dictionaries(st.sampled_from([*valid, "odd"]), values, max_size=most)
    left_out = st.sets(st.sampled_from([*valid]), max_size=1)
    return st.builds(
        lambda change, gone: {**{name: value for name, value in valid.items() if name not in gone}, **change},
        changed,
        left_out,
    )
