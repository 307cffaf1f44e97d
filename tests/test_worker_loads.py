"""The order in which workers are given the tests."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.worker_loads import CHAOS, LONGEST, longest_first, piece_of

ROOT = Path(__file__).parents[1]


def item(nodeid: str) -> pytest.Item:
    return SimpleNamespace(nodeid=nodeid)  # type: ignore[return-value]  # all that is asked of it


@pytest.mark.parametrize("piece", LONGEST)
def test_what_is_begun_first_exists(piece: str):
    assert (ROOT / piece).exists()


def test_files_that_share_a_stack_or_a_browser_are_one_piece():
    stack = {piece_of(f"tests/end_to_end/{name}.py::test_a[x::y]") for name in ("test_api", "test_watch")}
    assert stack == {"tests/end_to_end/"}
    assert piece_of(f"{CHAOS}::test_a") == CHAOS
    assert piece_of("tests/adapters/test_sound.py::TestA::test_b") == "tests/adapters/test_sound.py"


def test_the_longest_come_first_and_then_those_of_many_tests_in_their_own_order():
    few, many = "tests/domain/test_a.py", "tests/domain/test_b.py"
    given = [f"{few}::1", f"{many}::2", f"{many}::1", f"{CHAOS}::1", "tests/end_to_end/test_api.py::1"]
    ordered = [one.nodeid for one in longest_first([item(nodeid) for nodeid in given])]
    assert ordered == ["tests/end_to_end/test_api.py::1", f"{CHAOS}::1", f"{many}::2", f"{many}::1", f"{few}::1"]
