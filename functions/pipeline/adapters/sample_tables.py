"""How many samples an MP4 or MOV file claims, told before FFmpeg reads it: it makes an entry for each, at once.

A kilobyte can claim billions, for samples of one size need no table. Boxes are searched for by name in all that is not
`mdat`, wherever they are, because FFmpeg takes them from wherever they are too. Source: ISO/IEC 14496-12.
"""

import mmap
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from pipeline.domain.errors import SourceTooLarge, UnsupportedMedia

MAX_SAMPLES = 2_000_000
"""Of all tracks: an hour of pictures and eleven of sound. FFmpeg takes about 40 bytes for each."""

MAX_TRACKS, MAX_BOXES = 64, 250_000
"""Of boxes at the top, an hour of fragments of one picture each, 30 a second, has nearly as many."""

PLAIN_HEADER_BYTES = 1_000_000
"""An hour of pictures and sound takes more, most clips a hundredth. FFmpeg makes at most twenty times of it."""

PLAIN_TRACKS, PLAIN_BOXES = 8, 64
TRACK = re.compile(rb"trak")

FRAGMENTS = re.compile(rb"moof|sidx|mfra|tfra|ssix")
"""They lead to boxes elsewhere, even amid media, and each takes memory for every track."""

BOXES = re.compile(rb"trak|stsz|stz2|trun|elst|cmov")
HEADER_BYTES = 8  # of a box: its size, its name
TIME_PER_SAMPLE = re.compile(rb"stts.{4}(.{4}).{4}(.{4})", re.DOTALL)
ONE = b"\0\0\0\1"


def check_sample_tables(path: Path) -> None:
    """Raises SourceTooLarge when the file claims more than MAX_SAMPLES, UnsupportedMedia when it hides its tables.

    The file is not empty. For one that is no MP4 at all, what this does is harmless.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        samples = sum(_samples(content, start, end) for start, end in _outside_media(content))
    if samples > MAX_SAMPLES:
        raise SourceTooLarge(f"The file claims {samples} pictures and pieces of sound; {MAX_SAMPLES} is the limit.")


def is_plain_movie(path: Path) -> bool:
    """Whether the file is an MP4 or MOV that cannot cost much, as nearly all are: whole boxes, few of them not media.

    The file is not empty, and its samples were counted.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        parts = list(islice(_outside_media(content), PLAIN_BOXES + 1))
        header_bytes = sum(end - start for start, end in parts)
        return (
            len(parts) <= PLAIN_BOXES
            and header_bytes <= PLAIN_HEADER_BYTES
            and any(content[start + 4 : start + 8] == b"moov" for start, _ in parts)
            and sum(len(TRACK.findall(content, start, end)) for start, end in parts) <= PLAIN_TRACKS
            and not any(FRAGMENTS.search(content, start, end) for start, end in parts)
        )


def _outside_media(content: mmap.mmap) -> Iterator[tuple[int, int]]:
    """Where the boxes at the top begin and end, but those that hold media."""
    at = boxes = 0
    while at + HEADER_BYTES <= len(content):
        boxes += 1
        if boxes > MAX_BOXES:
            raise SourceTooLarge(f"The file has more than {MAX_BOXES} parts.")
        size, name = _number(content, at), content[at + 4 : at + 8]
        if size == 1:
            size = _number(content, at + 8, 8)
        end = at + size if HEADER_BYTES <= size <= len(content) - at else len(content)
        if name != b"mdat":
            yield at, end
        at = end


def _samples(content: mmap.mmap, start: int, end: int) -> int:
    """How many index entries FFmpeg would make: of each track, as many as it has samples, for each of its edits."""
    total, samples, edits, tracks, track = 0, 0, 0, 0, (start, start)
    is_raw_sound: bool | None = None  # of the track; None: nobody has looked
    for found in BOXES.finditer(content, start, end):
        at, name = found.start() - 4, found[0]
        size = _number(content, at) if at >= start else 0
        if not HEADER_BYTES <= size <= end - at:
            continue
        if name == b"cmov":
            raise UnsupportedMedia("The file's header is compressed.")
        if name == b"trak":
            total, samples, edits, tracks, track = total + samples * max(edits, 1), 0, 0, tracks + 1, (at, at + size)
            is_raw_sound = None
            if tracks > MAX_TRACKS:
                raise SourceTooLarge(f"The file has more than {MAX_TRACKS} tracks.")
        elif name == b"elst":
            edits += _number(content, at + 12)
        elif name == b"trun":
            total += _number(content, at + 12)
        else:
            if is_raw_sound is None:
                is_raw_sound = _is_raw_sound(content, *track)
            if name == b"stz2" or not is_raw_sound:
                samples += _number(content, at + 16)
    return total + samples * max(edits, 1)


def _is_raw_sound(content: mmap.mmap, start: int, end: int) -> bool:
    """Of PCM, FFmpeg takes a chunk for a sample. The track may be as large as the file: it is not copied."""
    times = [found.groups() for found in islice(TIME_PER_SAMPLE.finditer(content, start, end), 100)]
    return (
        content.find(b"vide", start, end) < 0
        and content.find(b"soun", start, end) >= 0
        and 0 < len(times) < 100
        and all(time == (ONE, ONE) for time in times)
    )


def _number(content: mmap.mmap, at: int, size: int = 4) -> int:
    return int.from_bytes(content[at : at + size], "big")
