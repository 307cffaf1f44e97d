"""How `make test` divides the tests between its workers.

What takes long is begun first, so that nobody works alone at the end; and files that share what is slow to start (the
local stack, a browser) are one piece of work, so that one worker starts it and not each:

    worker 0    through the stack ── ... ──────────────────── one file after the other
    worker 1    the longest files, one after the other ── chaos ── one file after the other
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

TOGETHER = ("tests/end_to_end/", "tests/playback/")
CHAOS = "tests/end_to_end/test_chaos.py"
"""Has a stack of its own; later than the others, for two at the same time are slow."""

LONGEST = (
    "tests/end_to_end/",
    "tests/handlers/test_killed_compositions.py",
    "tests/migration/test_ten_thousand_objects.py",
    "tests/rules/test_rules.py",
    "tests/simulation/test_protocol.py",
    "tests/adapters/test_cutouts.py",
    "tests/adapters/test_composer.py",
    "tests/handlers/test_recall.py",
    "tests/handlers/test_generate_multi_video.py",
    "tests/adapters/test_composer_limits.py",
    "tests/handlers/test_dry_run.py",
    "tests/handlers/test_blending.py",
    CHAOS,
)
"""Twenty seconds and more of few tests; the others are begun in the order of how many tests they hold."""


def piece_of(nodeid: str) -> str:
    """What one worker does from beginning to end."""
    file = nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if file.startswith(folder) and file != CHAOS), file)


def longest_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The tests in the order in which their pieces are given out; within a piece, as they were."""
    sizes = Counter(piece_of(item.nodeid) for item in items)

    def place(item: pytest.Item) -> tuple[int, int, str]:
        piece = piece_of(item.nodeid)
        return LONGEST.index(piece) if piece in LONGEST else len(LONGEST), -sizes[piece], piece

    return sorted(items, key=place)


class LongestFirst(LoadFileScheduling):
    """Gives out the pieces in the order of the tests."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return piece_of(nodeid)
