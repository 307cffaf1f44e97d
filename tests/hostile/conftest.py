"""What hostile files are made of."""

from collections.abc import Iterator

import pytest

from tests.hostile.bait import SECRET, Bait, WatchedFile
from tests.hostile.files import Source
from tests.hostile.servers import Canary
from tests.media_samples import MediaSamples


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, media_samples: MediaSamples) -> Iterator[Source]:
    """A port and a file that nobody may reach, and a small clip."""
    canary = Canary()
    file = WatchedFile(tmp_path_factory.mktemp("bait") / "secret.ts", SECRET * 100)
    yield Source(Bait(canary, file), media_samples.solid("red", seconds=0.25, size="64x64").read_bytes())
    file.close()
    canary.close()
