"""One browser for all tests of a session that watch videos."""

from collections.abc import Iterator

import pytest

from tests.playback.player import NoPlayer, Player


@pytest.fixture(scope="session")
def player() -> Iterator[Player]:
    try:
        player = Player()
    except NoPlayer as reason:
        pytest.fail(str(reason), pytrace=False)
    with player:
        yield player
