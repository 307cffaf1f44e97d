"""Every hostile file is read as a picture and as media: nothing it refers to is reached, only errors of ours appear."""

from pathlib import Path

import pytest

from pipeline.domain.errors import JobError
from pipeline.domain.media_types import SNIFF_BYTES, media_kind, sniff_media_type
from tests.hostile.bait import SECRET
from tests.hostile.files import FILE_ATTACKS, TEXTS, FileAttack, Source
from tests.hostile.readers import MEDIA_READERS, READERS


def outcome(reader: str, path: Path) -> str:
    """The code, or "read", or "told" if it says anything of the secret."""
    try:
        READERS[reader](path)
    except JobError as error:
        return "told" if SECRET.decode() in error.message else error.code
    return "read"


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data", "ignore:Possibly corrupt EXIF data")
@pytest.mark.parametrize("attack", FILE_ATTACKS, ids=lambda attack: attack.name)
def test_reaches_nothing(attack: FileAttack, source: Source, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    path = tmp_path / "file.mp4"
    path.write_bytes(attack.build(source))
    assert outcome("probe", path) == attack.media
    assert outcome("picture", path) == attack.picture
    # what the probe refuses no other reader would get, but for this one it is tried
    for reader in MEDIA_READERS.keys() - {"probe"} if attack.media == "read" else {"thumbnail"}:
        assert outcome(reader, path) in ("read", "unsupported_media", "source_too_large", "media_failed")
    assert not source.bait.was_taken()
    assert not any(SECRET in (words.encode()) for words in capfd.readouterr())


@pytest.mark.parametrize("name", TEXTS)
def test_no_text_is_even_stored(name: str, source: Source):
    """Its first bytes say what it is: it is left on its server."""
    [attack] = [one for one in FILE_ATTACKS if one.name == name]
    assert media_kind(sniff_media_type(attack.build(source)[:SNIFF_BYTES])) is None


def test_the_bait_would_tell(source: Source):
    assert not source.bait.was_taken()
    Path(source.path).read_bytes()
    assert source.bait.was_taken()
    assert not source.bait.was_taken()


def test_there_are_files_enough():
    assert len({attack.name for attack in FILE_ATTACKS}) == len(FILE_ATTACKS) >= 120
