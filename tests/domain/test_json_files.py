import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.errors import InvalidRequest
from pipeline.domain.json_files import finite_number, read_json, readable_text, write_json

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(values)
def test_what_is_written_is_read_back(value):
    assert read_json(write_json(value), 10**6) == value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"[" * 60 + b"]" * 60,
        b'{"a":' * 20_000,
        b"1" * 5000,
        b" " * 200_001,
    ],
)
def test_files_that_cannot_be_read_are_refused(data):
    with pytest.raises(InvalidRequest, match="is "):
        read_json(data, 200_000)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    try:
        value = read_json(data, 100)
    except InvalidRequest:
        return
    assert read_json(write_json(value), 10_000) == value


def test_numbers_that_json_does_not_know_are_null():
    assert read_json(b"[NaN, Infinity, -Infinity, 1e999, 1.5]", 100) == [None, None, None, None, 1.5]


def test_a_mark_of_the_byte_order_is_no_content():
    assert read_json(b"\xef\xbb\xbf[]", 100) == []


@pytest.mark.parametrize("value", [True, None, "1", 10**400, 2**53 + 2, float("nan"), float("inf")])
def test_what_is_no_finite_number(value):
    assert finite_number(value) is None


def test_halves_of_surrogate_pairs_become_question_marks():
    assert readable_text("a\ud800b") == "a?b"
